"""What makes hundreds of applications in one process quick: they share what is always the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType
from weakref import WeakKeyDictionary

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite as Dialect
from sqlalchemy.util import LRUCache
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
    """Until the end of the block, compile templates, URL rules, queries and assets once for all.

    Passwords are hashed at the least cost: the real one is a setting of the same function.
    """
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(passwords, "hasher", cheap)
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": CompiledTemplates()})
        patch.setattr(assets, "read_assets", lru_cache(assets.read_assets))
        patch.setattr(Rule, "_compile_builder", _keeping_builders(Rule._compile_builder))
        patch.setattr(Rule, "compile", _keeping_parts(Rule.compile))
        _keep_queries(patch)
        yield


def _keeping_builders(compile_builder: Callable[..., object]) -> Callable[..., object]:
    """Return a method of `Rule` that compiles each builder once: two thirds of `create_app`."""
    kept: dict[tuple[str, bool], object] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> object:
        key = (rule.rule, append_unknown)
        if key not in kept:
            kept[key] = compile_builder(rule, append_unknown)
        return kept[key]

    return compile_once


def _keeping_parts(compile_rule: Callable[[Rule], None]) -> Callable[[Rule], None]:
    """Return a method of `Rule` that parses each rule once: half of the rest of `create_app`."""
    kept: dict[object, Rule] = {}

    def compile_once(rule: Rule) -> None:
        key = (rule.rule, rule.subdomain, rule.host, rule.strict_slashes, rule.merge_slashes)
        first = kept.get(key)
        if first is None:
            compile_rule(rule)
            kept[key] = rule
            return
        rule._parts, rule._trace, rule._converters = first._parts, first._trace, first._converters
        rule.arguments |= first.arguments
        rule._build = rule._compile_builder(False).__get__(rule, None)
        rule._build_unknown = rule._compile_builder(True).__get__(rule, None)

    return compile_once


def _keep_queries(patch: pytest.MonkeyPatch) -> None:
    """Let all engines have one store of compiled queries, as all of them compile the same way.

    Those of the ORM cost a tenth of a test that has an application of its own.
    """
    compiled = LRUCache(2000)
    store = property(lambda _engine: compiled, lambda _engine, _own: None)
    patch.setattr(Engine, "_compiled_cache", store, raising=False)
    patch.setattr(Dialect, "__eq__", lambda self, other: type(self) is type(other))
    patch.setattr(Dialect, "__hash__", lambda self: hash(type(self)))
    patch.setattr(Dialect, "_type_memos", WeakKeyDictionary())
