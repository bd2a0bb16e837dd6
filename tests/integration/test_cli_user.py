"""`flask user`: accounts, also when nobody can sign in."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher.accounts import sign_in, users
from launcher.accounts.errors import SignInRefusedError
from launcher.backup.locks import Gate
from launcher.extensions import db
from launcher.models import Board
from tests.conftest import BEN


def can_sign_in(app: Flask, username: str, password: str) -> bool:
    with app.app_context():
        try:
            sign_in.authenticate(username, password, address="10.0.0.1")
        except SignInRefusedError:
            return False
        return True


def test_it_makes_a_user_with_a_password_from_stdin(app: Flask, runner: FlaskCliRunner) -> None:
    done = runner.invoke(
        args=["user", "create", "dora", "--role", "admin", "--password-stdin"],
        input="a long password\nnot this line\n",
    )
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "dora is now an admin\n"
    assert can_sign_in(app, "dora", "a long password")


def test_it_asks_for_a_password_twice(app: Flask, runner: FlaskCliRunner) -> None:
    done = runner.invoke(
        args=["user", "create", "dora", "--role", "viewer"],
        input="a long password\na long password\n",
    )
    assert done.exit_code == 0
    assert can_sign_in(app, "dora", "a long password")


def test_the_first_admin_gets_a_board_and_others_none(app: Flask, runner: FlaskCliRunner) -> None:
    for name, role in (("dora", "viewer"), ("emil", "admin"), ("finn", "admin")):
        args = ["user", "create", name, "--role", role, "--password-stdin"]
        assert runner.invoke(args=args, input="a long password\n").exit_code == 0
        with app.app_context():
            boards = db.session.scalars(sa.select(Board)).all()
            assert [each.name for each in boards] == ([] if name == "dora" else ["Home"])
    with app.app_context():
        board = db.session.scalars(sa.select(Board)).one()
        assert board.owner
        assert (board.slug, board.owner.username, board.visibility) == ("home", "emil", "members")


@pytest.mark.parametrize(
    ("args", "given", "exit_code", "said"),
    [
        (["create", "ben", "--role", "viewer"], "a long password", 1, "there is a user 'ben'"),
        (["create", "dora", "--role", "viewer"], "short", 1, "at least 12 characters"),
        (["create", "do ra", "--role", "viewer"], "a long password", 1, "a user name has"),
        (["create", "dora", "--role", "viewer"], "x" * 1001, 1, "at most 1,000 characters"),
        (["create", "dora", "--role", "viewer"], "", 2, "there is no password on stdin"),
        (["create", "dora", "--role", "king"], "a long password", 2, "'king' is not one of"),
        (["create", "dora"], "a long password", 2, "Missing option '--role'"),
        (["reset-password", "nobody"], "a long password", 1, "there is no user 'nobody'"),
        (["reset-password", "ben"], "short", 1, "at least 12 characters"),
    ],
)
def test_it_says_what_is_wrong_and_changes_nothing(
    app: Flask,
    cast: object,
    runner: FlaskCliRunner,
    *,
    args: list[str],
    given: str,
    exit_code: int,
    said: str,
) -> None:
    done = runner.invoke(args=["user", *args, "--password-stdin"], input=given)
    assert (done.exit_code, done.stdout) == (exit_code, "")
    assert said in done.stderr
    assert "Traceback" not in done.output
    assert can_sign_in(app, "ben", BEN.password)
    with app.app_context():
        assert len(list(users.all_users())) == 3


def test_a_new_password_is_printed_alone(app: Flask, cast: object, runner: FlaskCliRunner) -> None:
    done = runner.invoke(args=["user", "reset-password", "BEN"])
    password = done.stdout.rstrip("\n")
    assert can_sign_in(app, "ben", password)
    assert not can_sign_in(app, "ben", BEN.password)


def test_it_lists_everybody(cast: object, runner: FlaskCliRunner) -> None:
    lines = runner.invoke(args=["user", "list"]).stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ada", "admin"],
        ["ben", "editor"],
        ["chloe", "viewer"],
    ]


def test_a_name_from_a_restored_database_gives_the_terminal_no_orders(
    cast: object, runner: FlaskCliRunner, data_dir: Path
) -> None:
    with closing(sqlite3.connect(data_dir / "launcher.db")) as live, live:
        live.execute("UPDATE users SET username = ? WHERE username = 'ben'", ("\x1b[2J\x9bm\nb",))
    plain = runner.invoke(args=["user", "list"], color=True).stdout
    assert "?[2J?m b  editor" in plain
    assert all(c.isprintable() or c == "\n" for c in plain)
    text = runner.invoke(args=["user", "list", "--json"], color=True).stdout
    assert "\x1b[2J\x9bm\nb" in [user["username"] for user in json.loads(text)]
    assert all(c.isprintable() or c == "\n" for c in text)


def test_it_lists_everybody_for_programs_without_their_hashes(
    cast: object, runner: FlaskCliRunner
) -> None:
    text = runner.invoke(args=["user", "list", "--json"]).stdout
    assert [user["username"] for user in json.loads(text)] == ["ada", "ben", "chloe"]
    assert "argon2" not in text


@pytest.mark.parametrize(
    ("has_backup", "way"),
    [
        (True, "`flask backup restore latest` takes backup {id} (manual)."),
        (False, "`flask backup restore PATH` takes a backup file from elsewhere."),
    ],
)
def test_with_a_lost_database_it_names_the_way_back(
    app: Flask, runner: FlaskCliRunner, way: str, *, has_backup: bool
) -> None:
    backup_id = runner.invoke(args=["backup", "create"]).stdout.strip() if has_backup else ""
    app.extensions["launcher.config"].database_path.unlink()
    done = runner.invoke(args=["user", "list"])
    assert (done.exit_code, done.stdout) == (18, "")
    assert done.stderr == f"Error: launcher.db is missing.\n{way.format(id=backup_id)}\n"


def test_during_a_restore_it_waits_and_then_says_so(
    app: Flask, runner: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.db.session.GATE_TIMEOUT_S", 0.05)
    gate: Gate = app.extensions["launcher.gate"]
    with gate.closed():
        done = runner.invoke(args=["user", "list"])
    assert done.exit_code == 1
    assert "a restore is replacing the data" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["user", "create"],
        ["user", "reset-password"],
        ["user", "list"],
        ["settings", "get"],
        ["settings", "set"],
        ["database", "upgrade"],
        ["demo"],
    ],
    ids=" ".join,
)
def test_every_command_explains_itself_with_examples(
    runner: FlaskCliRunner, command: list[str]
) -> None:
    done = runner.invoke(args=[*command, "--help"])
    assert done.exit_code == 0
    assert "Examples:" in done.stdout
    assert f"flask {' '.join(command)}" in done.stdout
