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
from launcher.settings.table import (
    FALLBACK,
    SCHEDULE,
    SETTINGS,
    Setting,
    SiteSettings,
    Value,
    weakening,
)


def another_value(setting: Setting) -> Value:
    """Return an allowed value that is not the default."""
    match setting.kind:
        case Switch():
            return not setting.default
        case Number(maximum=maximum):
            return maximum
        case Choice(values=values):
            return next(value for value in values if value != setting.default)
    others = {
        "site_name": "Home", "time_zone": "Europe/Berlin", "home_networks": "192.168.1.0/24",
        "home_hosts": "launcher.home.arpa",
    }  # fmt: skip
    return others.get(setting.name, "@weekly")


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
def test_the_reference_lists_it(setting: Setting) -> None:
    words = {"True": "`on`", "False": "`off`", "": "none"}
    default = words.get(str(setting.default), f"`{setting.default}`")
    row = f"| `{setting.name}` | {default} | {setting.kind.allowed} | {setting.help} |"
    assert row in (ROOT / "docs" / "reference.md").read_text().splitlines()


def test_what_is_remembered_comes_back() -> None:
    remembered = json.loads(json.dumps(encode(SiteSettings.of(OTHERS))))
    assert decode(SiteSettings, remembered) == SiteSettings.of(OTHERS)


def test_a_site_that_no_one_can_read_makes_no_backups_and_alerts_no_one() -> None:
    assert not FALLBACK.backup_enabled
    assert FALLBACK.backup_restore_test == "off"
    assert replace(FALLBACK, backup_enabled=True, backup_restore_test="weekly") == SiteSettings()


WEAKENED: dict[str, tuple[Value, Value] | None] = {
    "site_name": None,
    "default_locale": None,
    "time_zone": None,
    "accent_hue": None,
    "guest_access": (False, True),
    "fetch_enabled": None,
    "fetch_private": None,
    "home_networks": None,
    "home_hosts": None,
    "checks_enabled": None,
    "check_interval_s": None,
    "backup_enabled": (True, False),
    "backup_cron_expression": ("0 3 * * *", "0 3 * * 0"),
    "backup_max_count": (10, 9),
    "backup_keep_daily": (1, 0),
    "backup_keep_weekly": (1, 0),
    "backup_keep_monthly": (1, 0),
    "backup_restore_test": ("monthly", "off"),
    "backup_stale_after_h": (30, 31),
}
"""A change of each setting that leaves the data less protected, None where there is none."""


def test_every_setting_says_which_change_weakens() -> None:
    assert set(WEAKENED) == set(SETTINGS), "a new setting decides what weakens it, here too"
    for name, change in WEAKENED.items():
        weakens = SETTINGS[name].weakens
        if change is None:
            assert not weakens(SETTINGS[name].default, OTHERS[name])
            continue
        before, after = change
        assert weakens(before, after), name
        assert not weakens(after, before), name
        settings = replace(SiteSettings(), **{name: before})
        assert weakening(settings, {name: after}) == [name]
        assert weakening(settings, {name: before}) == []


@pytest.mark.parametrize(
    ("before", "after", "is_weaker"),
    [
        ("0 3 * * *", "30 4 * * *", False),
        ("0 3 * * *", "0 */6 * * *", False),
        ("0 * * * *", "*/5 9-17 * * 1-5", True),  # nothing at the weekend
        ("0 3 1 * *", "0 3 1 1 *", True),
        ("@daily", "0 0 30 2 *", True),  # never
        ("not an expression", "@weekly", False),
    ],
)
def test_a_schedule_is_weaker_when_its_longest_pause_grows(
    before: str, after: str, *, is_weaker: bool
) -> None:
    assert SETTINGS["backup_cron_expression"].weakens(before, after) is is_weaker
