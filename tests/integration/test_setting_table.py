"""Every door knows every setting, because the one table does."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher.audit import COMMAND_LINE
from launcher.backup.codec import decode, encode
from launcher.backup.locks import Gate
from launcher.config import ROOT
from launcher.db import settings_reader
from launcher.db.content import LauncherContent
from launcher.db.settings import change_settings, current_settings
from launcher.settings.kinds import Choice, Number, Switch
from launcher.settings.table import FALLBACK, SCHEDULE, SETTINGS, Setting, SiteSettings, Value


def another_value(setting: Setting) -> Value:
    """Return an allowed value that is not the default."""
    match setting.kind:
        case Switch():
            return not setting.default
        case Number(maximum=maximum):
            return maximum
        case Choice(values=values):
            return next(value for value in values if value != setting.default)
    return {"site_name": "Home", "time_zone": "Europe/Berlin"}.get(setting.name, "@weekly")


OTHERS = {name: another_value(setting) for name, setting in SETTINGS.items()}


@pytest.fixture
def changed(app: Flask) -> SiteSettings:
    """A site where every setting is another than at first."""
    with app.app_context():
        change_settings(OTHERS, actor=COMMAND_LINE)
        return current_settings()


def test_each_door_reads_what_was_set(
    runner: FlaskCliRunner, changed: SiteSettings, data_dir: Path
) -> None:
    path = data_dir / "launcher.db"
    with closing(sqlite3.connect(path)) as connection:
        survey = LauncherContent().survey(connection)

    assert changed == SiteSettings.of(OTHERS | {"session_epoch": changed.session_epoch})
    assert json.loads(runner.invoke(args=["settings", "get", "--json"]).stdout) == OTHERS
    read = settings_reader.read_settings(path, Gate(data_dir / "locks"))
    assert read == replace(changed, session_epoch="")
    assert survey.schedule == {name: OTHERS[name] for name in SCHEDULE}


def test_a_restore_that_keeps_the_schedule_writes_each_setting_of_it(
    changed: SiteSettings, data_dir: Path
) -> None:
    defaults = {name: SETTINGS[name].default for name in SCHEDULE}
    with closing(sqlite3.connect(data_dir / "launcher.db", isolation_level=None)) as connection:
        LauncherContent().prepare(connection, epoch="new", schedule=defaults, account=None)
        kept = settings_reader.read_settings(data_dir / "launcher.db", Gate(data_dir / "locks"))

    assert kept == replace(changed, **defaults, session_epoch="")


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_the_readme_lists_it(setting: Setting) -> None:
    default = {"True": "on", "False": "off"}.get(str(setting.default), setting.default)
    row = f"| `{setting.name}` | `{default}` | {setting.kind.allowed} | {setting.help} |"
    assert row in (ROOT / "README.md").read_text().splitlines()


def test_what_is_remembered_comes_back() -> None:
    remembered = json.loads(json.dumps(encode(SiteSettings.of(OTHERS))))
    assert decode(SiteSettings, remembered) == SiteSettings.of(OTHERS)


def test_a_site_that_nobody_can_read_makes_no_backups_and_raises_no_alarm_for_that() -> None:
    assert not FALLBACK.backup_enabled
    assert FALLBACK.backup_restore_test == "off"
    assert replace(FALLBACK, backup_enabled=True, backup_restore_test="weekly") == SiteSettings()
