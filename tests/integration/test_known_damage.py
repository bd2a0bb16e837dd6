"""Damage deep in the live database: what a backup found stays known until one succeeds."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher.current import current_backups

DAMAGED = 18


@pytest.fixture
def damage(app: Flask, cast: object, data_dir: Path) -> Path:
    """A live database with a good backup, and an audit log whose pages are gone."""
    with app.app_context():
        current_backups().create(by="ada")
    live = data_dir / "launcher.db"
    with closing(sqlite3.connect(live, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'audit_events'"
        page = connection.execute(query).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    data = bytearray(live.read_bytes())
    data[(page - 1) * size : page * size] = bytes(size)
    live.write_bytes(data)
    return live


@pytest.mark.usefixtures("damage")
def test_what_the_last_backup_found_is_said_until_a_restore_mends_it(
    app: Flask, runner: FlaskCliRunner
) -> None:
    healthz = app.test_client()
    assert runner.invoke(args=["backup", "status"]).exit_code == 0
    assert runner.invoke(args=["backup", "create"]).exit_code == DAMAGED

    status = runner.invoke(args=["backup", "status", "--json"])
    assert status.exit_code == DAMAGED
    said = json.loads(status.stdout)
    assert "malformed" in said["live_problem"]
    assert [each["kind"] for each in said["problems"]][:1] == ["live_damaged"]
    assert healthz.get("/healthz").status_code == 503

    assert runner.invoke(args=["backup", "restore", "latest", "--yes"]).exit_code == 0
    assert runner.invoke(args=["backup", "status"]).exit_code == 0
    assert runner.invoke(args=["backup", "create"]).exit_code == 0


def test_it_is_said_until_a_backup_succeeds(
    damage: Path, data_dir: Path, runner: FlaskCliRunner
) -> None:
    whole = damage.read_bytes()
    runner.invoke(args=["backup", "create"])
    with closing(sqlite3.connect(damage, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        # By hand: the table starts again, empty.
        page = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'audit_events'"
        ).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    data = bytearray(whole)
    header = bytes([13, 0, 0, 0, 0, size >> 8, size & 255, 0])
    data[(page - 1) * size : (page - 1) * size + len(header)] = header
    for left in data_dir.glob("launcher.db*"):
        left.unlink()
    damage.write_bytes(data)
    assert runner.invoke(args=["backup", "status"]).exit_code == DAMAGED
    assert runner.invoke(args=["backup", "create"]).exit_code == 0
    assert runner.invoke(args=["backup", "status"]).exit_code == 0
