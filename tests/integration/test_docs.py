"""The README is true: what it lists is what there is."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from launcher.backup.errors import BackupError
from launcher.cli.exits import EXIT_CODES, MEANINGS
from launcher.config import ROOT, SETTINGS

README = (ROOT / "README.md").read_text()


def every_error(base: type[BackupError] = BackupError) -> set[type[BackupError]]:
    return {base}.union(*(every_error(each) for each in base.__subclasses__()))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.variable)
def test_it_documents_each_setting_with_its_default(setting: object) -> None:
    row = re.search(rf"^\| `{setting.variable}` \| ([^|]*) \|", README, re.MULTILINE)  # type: ignore[attr-defined]
    assert row
    default = setting.default  # type: ignore[attr-defined]
    if default and not default.startswith("/"):
        assert row[1] == f"`{default}`"


@pytest.mark.parametrize("code", sorted(MEANINGS))
def test_it_documents_each_exit_code(code: int) -> None:
    assert re.search(rf"^\| {code} \| ", README, re.MULTILINE)


@pytest.mark.parametrize("error", sorted(every_error(), key=lambda error: error.__name__))
def test_each_error_has_an_exit_code_and_the_readme_names_it(error: type[BackupError]) -> None:
    exit_code = EXIT_CODES[error.code]
    assert re.search(rf"^\| {exit_code} \| .*`{error.code}`", README, re.MULTILINE)


@pytest.mark.parametrize("name", ["app", "backup", "board", "jobs"])
def test_each_command_that_the_readme_names_exists(app: Flask, name: str) -> None:
    group = app.cli.get_command(None, name)  # type: ignore[arg-type]
    named = set(re.findall(rf"flask {name} ([a-z][a-z-]*)", README))
    assert named
    assert named <= set(group.list_commands(None))  # type: ignore[union-attr, arg-type]


def test_each_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", README)) <= targets


def test_no_host_but_our_own_examples_is_named_in_the_lock_files() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert "://" not in (ROOT / name).read_text()
