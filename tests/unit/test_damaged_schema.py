"""A damaged live database is damage to every part of the core, whatever SQLite says of it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from launcher.backup.errors import BackupError, SourceDatabaseError
from launcher.backup.records.operation import Progress, Stage
from launcher.backup.sqlite.connection import connect
from tests.support.notebook import digest
from tests.support.service import House


@pytest.fixture
def home(tmp_path: Path) -> House:
    return House(tmp_path).fill(notes=60)


def flip_in_schema(home: House, text: bytes) -> None:
    """Flip the highest bit of the first byte of a text in the schema."""
    home.run("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(home.live.read_bytes())
    data[data.index(text)] ^= 0x80
    home.live.write_bytes(data)


def spoil_unique(home: House) -> None:
    """Let two rows break a unique index, which lost an entry, so that nothing can copy them."""
    home.run("PRAGMA wal_checkpoint(TRUNCATE)")
    connection = sqlite3.connect(home.live, isolation_level=None)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, ' UNIQUE', '') WHERE sql LIKE '%UNIQUE%'"
    )
    index = connection.execute("SELECT rowid, * FROM sqlite_schema WHERE sql IS NULL").fetchone()
    connection.execute("DELETE FROM sqlite_schema WHERE sql IS NULL")
    connection.close()
    home.run("INSERT INTO person (name, password, is_admin) VALUES ('ada', 'another', 0)")
    connection = sqlite3.connect(home.live, isolation_level=None)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, 'name TEXT NOT NULL', 'name TEXT NOT NULL"
        " UNIQUE') WHERE name = 'person'"
    )
    connection.execute(
        "INSERT INTO sqlite_schema (rowid, type, name, tbl_name, rootpage, sql)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        index,
    )
    connection.close()


@pytest.mark.parametrize("text", [b"TABLE note", b"note_body", b"REFERENCES"])
def test_one_bit_in_the_schema_is_said_and_a_restore_brings_all_back(
    home: House, text: bytes
) -> None:
    backup, before = home.create(), digest(home.live)
    flip_in_schema(home, text)
    assert home.service.live_problem()
    with pytest.raises(SourceDatabaseError):
        home.create()
    home.service.restore(backup.id, by="ada")
    assert digest(home.live) == before
    assert home.service.live_problem() is None


def test_what_sqlite_says_of_a_damaged_name_is_an_error_of_sqlite(home: House) -> None:
    flip_in_schema(home, b"TABLE note")
    connection = connect(home.live, "mode=ro")
    try:
        with pytest.raises(sqlite3.DatabaseError, match="malformed database schema") as raised:
            connection.execute("SELECT * FROM setting").fetchone()
        assert raised.value.sqlite_errorcode == sqlite3.SQLITE_CORRUPT
    finally:
        connection.close()


def test_a_text_that_is_not_utf8_can_be_read(tmp_path: Path) -> None:
    connection = connect(tmp_path / "new.db", "mode=rwc")
    try:
        assert connection.execute("SELECT CAST(x'41ff' AS TEXT)").fetchall() == [("A\ufffd",)]
    finally:
        connection.close()


def test_a_free_list_longer_than_the_file_does_not_ask_for_space(home: House) -> None:
    backup, before = home.create(), digest(home.live)
    home.run("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(home.live.read_bytes())
    data[36] = 255
    home.live.write_bytes(data)
    home.service.restore(backup.id, by="ada")
    assert digest(home.live) == before


def test_rows_that_nothing_can_copy_are_replaced_all_the_same(home: House) -> None:
    backup, before = home.create(), digest(home.live)
    spoil_unique(home)
    with pytest.raises(BackupError):
        home.create()
    outcome = home.service.restore(backup.id, by="ada")
    assert digest(home.live) == before
    assert outcome.raw_copy_path is not None
    assert (outcome.raw_copy_path / home.live.name).exists()


@pytest.mark.parametrize("value", [3, 255])
def test_a_header_that_only_lets_the_database_be_read_is_replaced(home: House, value: int) -> None:
    backup, before = home.create(), digest(home.live)
    home.run("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(home.live.read_bytes())
    data[18] = value  # the version of the format that a writer must know
    home.live.write_bytes(data)
    seen: list[Progress] = []
    outcome = home.service.restore(backup.id, by="ada", on_progress=seen.append)
    assert outcome.replaced_file
    assert [each.holds_readers for each in seen if each.stage is Stage.CONFIRM] == [True]
    assert digest(home.live) == before
    home.run("UPDATE note SET body = 'written again' WHERE id = 1")
    assert home.service.undo(by="ada").safety_id
    assert digest(home.live) == before
