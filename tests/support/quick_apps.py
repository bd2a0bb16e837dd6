"""What makes hundreds of applications in one process quick: they share what is always the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from launcher.accounts import passwords
from launcher.web import assets


class CompiledTemplates(BytecodeCache):
    """Keeps the code of each template for the applications to come."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


@contextmanager
def quick_apps() -> Iterator[None]:
    """Until the end of the block, compile templates, URL rules and assets once for all.

    Passwords are hashed at the least cost: the real one is a setting of the same function.
    """
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "hasher", cheap)
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": CompiledTemplates()})
        patch.setattr(assets, "read_assets", lru_cache(assets.read_assets))
        patch.setattr(Rule, "_compile_builder", _keeping(Rule._compile_builder))
        yield


def _keeping(compile_builder: object) -> object:
    """Return a method of `Rule` that compiles each rule once: two thirds of `create_app`."""
    kept: dict[tuple[str, bool], object] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> object:
        key = (rule.rule, append_unknown)
        if key not in kept:
            kept[key] = compile_builder(rule, append_unknown)  # type: ignore[operator]
        return kept[key]

    return compile_once
