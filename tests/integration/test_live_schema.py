"""The schema of the live database: not read for every page, and a change is seen at once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from launcher.backup.reasons import Reason
from launcher.backup.sqlite.live_schema import LiveSchema
from tests.support.service import House


@pytest.fixture
def schema(home: House, monkeypatch: pytest.MonkeyPatch) -> LiveSchema:
    """The schema of a database that was read, and has not changed for a while."""
    monkeypatch.setattr("launcher.backup.sqlite.live_schema.is_settled", lambda _seen: True)
    schema = LiveSchema(home.live, content=home.content)
    assert schema.problem() is None
    return schema


def problem_of(schema: LiveSchema) -> Reason | None:
    found = schema.problem()
    return found.reason if found else None


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def test_a_table_that_another_program_drops_or_alters_is_missed_at_once(
    home: House, schema: LiveSchema
) -> None:
    change(home.live, "DROP INDEX note_body")
    assert problem_of(schema) is Reason.LIVE_OBJECT_MISSING
    assert problem_of(schema) is Reason.LIVE_OBJECT_MISSING
    change(home.live, "CREATE INDEX note_body ON note (body)")
    assert problem_of(schema) is None


def test_a_change_that_is_only_in_the_log_is_seen(home: House, schema: LiveSchema) -> None:
    change(home.live, "PRAGMA journal_mode=WAL")
    with closing(sqlite3.connect(home.live, isolation_level=None)) as held:
        held.execute("SELECT 1 FROM note").fetchone()
        assert problem_of(schema) is None
        change(home.live, "DROP INDEX note_body")
        assert home.live.with_name("launcher.db-wal").stat().st_size
        assert problem_of(schema) is Reason.LIVE_OBJECT_MISSING


def test_a_page_of_a_table_that_is_overwritten_is_seen(home: House, schema: LiveSchema) -> None:
    with closing(sqlite3.connect(home.live)) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'setting'"
        (page,) = connection.execute(query).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with home.live.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    assert problem_of(schema) is Reason.LIVE_UNUSABLE


def test_a_database_in_the_place_of_another_is_read(home: House, schema: LiveSchema) -> None:
    other = home.root / "other.db"
    other.write_bytes(home.live.read_bytes())
    change(other, "DROP INDEX note_body")
    other.replace(home.live)
    assert problem_of(schema) is Reason.LIVE_OBJECT_MISSING


def test_nothing_is_read_while_nothing_changes(
    home: House, schema: LiveSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object) -> None:
        pytest.fail("the database was opened")

    monkeypatch.setattr("launcher.backup.sqlite.live_schema.connect_to_look", refuse)
    assert schema.problem() is None
    with closing(sqlite3.connect(home.live)):
        assert schema.problem() is None


def test_a_database_that_is_away_is_forgotten(home: House, schema: LiveSchema) -> None:
    away = home.live.rename(home.root / "away.db")
    assert problem_of(schema) is None
    change(away, "DROP INDEX note_body")
    away.rename(home.live)
    assert problem_of(schema) is Reason.LIVE_OBJECT_MISSING
