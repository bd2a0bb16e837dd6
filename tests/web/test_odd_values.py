"""Odd values in the database: SQLite lets text and blobs past a CHECK, and a restore brings them.

No page fails for them, and no command.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from launcher.backup.locks import Gate
from launcher.current import current_backups
from launcher.db.content import LauncherContent
from launcher.db.settings import current_settings
from launcher.db.settings_reader import read_settings
from launcher.settings.kinds import Value
from launcher.settings.table import SCHEDULE, SETTINGS, SiteSettings
from tests.conftest import MakeApp
from tests.web.visitor import Visitor

TOKEN = "a token of more than 32 characters, certainly"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PAGES = ("/", "/admin/backups", "/admin/backups/schedule", "/admin/jobs", "/account")

ODD = ("", "xx", "../x", "a\0b", 2**63 - 1, -1, 1.5, b"", b"q", b"\x00\xff")
COMMANDS = (["backup", "status"], ["backup", "list"], ["jobs", "list"], ["settings", "get"])


@pytest.fixture
def app(new_data: Path, data_dir: Path, make_app: MakeApp) -> Flask:
    """One whose metrics may be read."""
    shutil.copytree(new_data, data_dir)
    return make_app(scheduler="off", metrics_token=TOKEN)


def write(data_dir: Path, sql: str, *values: object) -> None:
    """Change rows behind the application's back."""
    with closing(sqlite3.connect(data_dir / "launcher.db")) as live, live:
        live.execute("PRAGMA ignore_check_constraints = ON")
        live.execute(sql, values)


def write_each(data_dir: Path, names: Iterable[str], odd: object) -> None:
    """Let each of these settings be `odd`."""
    columns = ", ".join(f"{name} = ?1" for name in names)
    write(data_dir, f"UPDATE system_settings SET {columns}", odd)


def expected(name: str, odd: object) -> Value:
    """Return what a setting is when the database holds `odd` for it."""
    text = "" if isinstance(odd, bytes) else str(odd)  # the column makes text of a number
    is_cron = name == "backup_cron_expression" and not isinstance(odd, bytes)
    is_host = name == "home_hosts" and re.fullmatch(r"[a-z0-9.-]+", text) is not None
    if is_cron or is_host or (name == "site_name" and text and text.isprintable()):
        return text
    return SETTINGS[name].default


def test_no_door_fails_for_odd_values_of_settings(
    app: Flask, ada: Visitor, runner: FlaskCliRunner, data_dir: Path
) -> None:
    for odd in ODD:
        write_each(data_dir, SETTINGS, odd)
        with app.app_context():
            settings = current_settings()
        read = read_settings(data_dir / "launcher.db", Gate(data_dir / "locks"))
        assert replace(settings, session_epoch="") == read
        for name in SETTINGS:
            assert getattr(settings, name) == expected(name, odd), (name, odd)
        for path in PAGES:
            assert ada.open(path, Accept_Language="fr").status_code == 200, (path, odd)
        for path in ("/login", "/healthz", "/metrics"):
            assert app.test_client().get(path, headers=BEARER).status_code == 200, (path, odd)
        for command in COMMANDS:
            done = runner.invoke(args=command)
            assert done.exit_code in {0, 1}, (command, odd)
            assert done.exception is None or isinstance(done.exception, SystemExit), (command, odd)


def test_a_restore_plan_reads_no_odd_schedule(app: Flask, data_dir: Path) -> None:
    for odd in ODD:
        write_each(data_dir, SCHEDULE, odd)
        with closing(sqlite3.connect(data_dir / "launcher.db")) as staged:
            survey = LauncherContent().survey(staged)
        assert survey.schedule == {name: expected(name, odd) for name in SCHEDULE}, odd


def test_an_odd_value_is_replaced_by_its_own_default(
    app: Flask, runner: FlaskCliRunner, data_dir: Path
) -> None:
    write(data_dir, "UPDATE system_settings SET backup_max_count = 'abc'")
    assert runner.invoke(args=["settings", "set", "backup_max_count", "10"]).exit_code == 0
    with closing(sqlite3.connect(data_dir / "launcher.db")) as live:
        assert live.execute("SELECT backup_max_count FROM system_settings").fetchone() == (10,)


@pytest.mark.parametrize("text", ["0000000000010000000", "9" * 5000])
def test_a_long_number_is_refused_whole(text: str, runner: FlaskCliRunner) -> None:
    done = runner.invoke(args=["settings", "set", "backup_max_count", text])
    assert done.exit_code != 0
    assert "must be from 1 to 1000" in done.stderr
    shown = json.loads(runner.invoke(args=["settings", "get", "--json"]).stdout)
    assert shown["backup_max_count"] == SiteSettings().backup_max_count


def test_an_address_that_is_none_leads_to_the_start_page(
    app: Flask, ada: Visitor, client: FlaskClient
) -> None:
    bad = "https://[::1"
    htmx = {"HX-Request": "true", "HX-Current-URL": bad}
    with app.app_context():
        path = f"/admin/backups/{current_backups().create(by='ada').id}/protect"
    assert client.get("/login", query_string={"next": bad}).status_code == 200
    assert ada.open("/login?next=https://%5B::1").location == "/"
    assert ada.send(path, next=bad).location == "/"
    assert ada.send_with({"Referer": bad}, path).location == "/admin/backups"
    assert ada.send_with(htmx, path).status_code == 303
    assert client.get("/admin/backups", headers=htmx).status_code == 401


@pytest.mark.parametrize("odd", ["garbage", "9999-99-99", "", 7, b"\xff", "9999-12-31 23:59:59"])
def test_a_moment_that_is_none_breaks_no_page(odd: object, ada: Visitor, data_dir: Path) -> None:
    write(data_dir, "UPDATE users SET created_at = ?", odd)
    write(data_dir, "UPDATE users SET last_seen_at = ?", odd)
    for path in ("/", "/account", "/admin/backups", "/admin/audit"):
        assert ada.open(path).status_code == 200, path


@pytest.mark.parametrize(
    ("table", "column"),
    [("system_settings", "site_name"), ("system_settings", "session_epoch"), ("users", "email")],
)
def test_text_that_is_not_utf8_breaks_no_page(
    table: str, column: str, guest: Visitor, ada: Visitor, data_dir: Path
) -> None:
    write(data_dir, f"UPDATE {table} SET {column} = CAST(x'41ff' AS TEXT)")
    for visitor in (guest, ada):
        for path in PAGES:
            assert visitor.open(path).status_code < 400, path
