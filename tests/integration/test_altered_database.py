"""A live database that other programs changed, as an admin meets it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskCliRunner

LITESTREAM = "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)"
LEFT_OUT = "not included, because Launcher did not create it: _litestream_seq"

pytestmark = pytest.mark.usefixtures("cast")


def change(data_dir: Path, statement: str) -> None:
    with closing(sqlite3.connect(data_dir / "launcher.db", isolation_level=None)) as connection:
        connection.execute(statement)


def test_what_a_backup_leaves_out_is_said_by_every_command(
    runner: FlaskCliRunner, data_dir: Path
) -> None:
    change(data_dir, LITESTREAM)
    made = runner.invoke(args=["backup", "create"])
    assert made.stderr.splitlines()[-1] == f"Warning: {LEFT_OUT}."
    assert f"Warning:   {LEFT_OUT}" in runner.invoke(args=["backup", "show", "latest"]).stdout
    assert "verified, with warnings" in runner.invoke(args=["backup", "list"]).stdout
    (listed,) = json.loads(runner.invoke(args=["backup", "list", "--json"]).stdout)
    assert listed["verification"]["cautions"] == [
        {"sentence": LEFT_OUT, "reason": "left_out", "details": {"names": "_litestream_seq"}}
    ]
    assert runner.invoke(args=["backup", "status"]).exit_code == 0
    assert runner.invoke(args=["backup", "restore", "latest", "--yes"]).exit_code == 0


def test_an_altered_table_is_named_and_status_fails_until_a_restore(
    runner: FlaskCliRunner, data_dir: Path
) -> None:
    runner.invoke(args=["backup", "create"])
    change(data_dir, "ALTER TABLE tags ADD COLUMN mine TEXT")
    refused = runner.invoke(args=["backup", "create"])
    assert refused.exit_code == 18
    assert "'tags' was altered and differs from ours" in refused.stderr
    assert "Undo that change" in refused.stderr
    status = runner.invoke(args=["backup", "status"])
    assert status.exit_code == 18
    assert "The database was altered: undo that" in status.output
    assert "'tags' was altered" in status.output
    assert "is damaged" not in status.output
    assert runner.invoke(args=["backup", "restore", "latest", "--yes"]).exit_code == 0
    assert runner.invoke(args=["backup", "status"]).exit_code == 0
    undone = runner.invoke(args=["backup", "undo", "--yes"])
    assert undone.exit_code == 13
    assert "could not be backed up" in undone.stderr
    assert "kept in" in undone.stderr


def test_an_admin_whose_password_will_be_removed_does_not_count(
    runner: FlaskCliRunner, data_dir: Path
) -> None:
    change(
        data_dir,
        "UPDATE users SET password_hash = replace(password_hash, 'm=', 'm=9999999')",
    )
    made = runner.invoke(args=["backup", "create"])
    assert "Warning: no one in this backup can sign in as admin." in made.stderr
    assert runner.invoke(args=["backup", "verify", "latest"]).exit_code == 0
    refused = runner.invoke(args=["backup", "restore", "latest", "--yes"])
    assert refused.exit_code == 15
    assert "no active admin" in refused.stderr
