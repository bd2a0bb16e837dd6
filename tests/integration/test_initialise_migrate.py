"""The first start, and the start after an upgrade."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

import launcher.backup.sqlite.replace
from launcher.backup.errors import (
    BackupError,
    IncompatibleBackupError,
    SourceDatabaseError,
)
from launcher.backup.records.backup import Kind
from launcher.backup.records.operation import Outcome, Verb
from launcher.cli.hints import hint_for
from tests.support.notebook import APPLICATION_ID, Notebook, digest, make_notebook
from tests.support.service import House


def test_where_nothing_was_a_new_database_is_made(house: House) -> None:
    assert str(house.service.live_problem()) == "there is no database yet"
    assert house.service.initialise(by="start")
    assert house.service.live_problem() is None
    assert house.run("PRAGMA application_id") == [(APPLICATION_ID,)]
    assert house.run("PRAGMA journal_mode") == [("wal",)]
    assert house.run("SELECT revision FROM revision") == [("0003",)]
    assert house.run("PRAGMA integrity_check") == [("ok",)]
    [(epoch,)] = house.run("SELECT epoch FROM setting")
    assert len(str(epoch)) == 32
    assert [entry.verb for entry in house.service.journal()] == [Verb.INITIALISE]
    assert not list(house.data.glob(".*"))


def test_a_backup_can_be_put_into_the_folder_of_a_new_launcher(house: House) -> None:
    house.service.initialise(by="start")
    assert house.service.store_path.is_dir()
    assert house.service.store_path.stat().st_mode & 0o777 == 0o700


def test_only_its_owner_may_read_the_new_database(house: House) -> None:
    house.service.initialise(by="start")
    assert house.live.stat().st_mode & 0o777 == 0o600


def test_a_database_that_is_there_is_left_alone(home: House) -> None:
    before = digest(home.live)
    assert not home.service.initialise(by="start")
    assert not home.service.initialise(by="start")
    assert digest(home.live) == before
    assert home.service.journal() == []


def lose(home: House, *kept: str) -> None:
    for path in home.data.iterdir():
        if path.is_file() and path.name not in kept:
            path.unlink()


@pytest.mark.parametrize("kept", [(), ("journal.jsonl",)])
def test_where_a_backup_is_the_database_is_lost_and_not_new(
    home: House, kept: tuple[str, ...]
) -> None:
    home.create()
    lose(home, *kept)
    with pytest.raises(SourceDatabaseError, match="had data before") as refused:
        home.open().initialise(by="start")
    assert "restore PATH" in hint_for(refused.value)
    assert not home.live.exists()


def test_where_a_journal_is_the_database_is_lost_and_not_new(home: House) -> None:
    backup = home.create()
    home.service.delete([backup.id], by="ada")
    lose(home, "journal.jsonl")
    with pytest.raises(SourceDatabaseError):
        home.open().initialise(by="start")
    assert not home.live.exists()


def test_where_only_a_log_is_the_database_is_lost_and_not_new(home: House) -> None:
    """A new database under an old log would be damaged at its first start."""
    writer = sqlite3.connect(home.live, isolation_level=None)
    writer.execute("UPDATE note SET body = 'in the log'")
    log = home.live.with_name("launcher.db-wal")
    data = log.read_bytes()
    writer.close()
    lose(home)
    log.write_bytes(data)
    with pytest.raises(SourceDatabaseError, match="had data before"):
        home.open().initialise(by="start")
    assert log.read_bytes() == data
    assert not home.live.exists()


def test_commands_that_found_no_data_do_not_stand_in_the_way_of_a_first_start(
    house: House, tmp_path: Path
) -> None:
    no_backup = tmp_path / "hostname"
    no_backup.write_text("no backup")
    for attempt in (
        lambda: house.service.create(by="ada"),
        lambda: house.service.import_(no_backup, by="ada"),
        lambda: house.service.verify("latest", by="ada"),
        lambda: house.service.restore("latest", by="ada"),
        lambda: house.service.restore(no_backup, by="ada"),
    ):
        with pytest.raises(BackupError):
            attempt()
    assert house.open().initialise(by="start")


def test_a_first_start_that_fails_can_be_repeated(house: House) -> None:
    with pytest.raises(RuntimeError, match="this migration fails"):
        house.open(Notebook(failing_migration=True)).initialise(by="start")
    assert not house.live.exists()
    assert house.service.initialise(by="start")
    assert not list(house.data.glob(".incoming*"))


@pytest.fixture
def old(house: House) -> House:
    """A house whose live data is two schemas behind."""
    make_notebook(house.live, revision="0001", notes=9)
    return house


def test_an_upgrade_is_preceded_by_a_backup(old: House) -> None:
    before = digest(old.live)
    backup = old.service.migrate(by="start")
    assert backup is not None
    assert (backup.kind, backup.schema_revision) == (Kind.UPGRADE, "0001")
    assert (backup.note, backup.before) == ("Before the upgrade to schema 0003", "0003")
    assert old.run("SELECT revision FROM revision") == [("0003",)]
    assert old.run("SELECT count(*), min(colour) FROM note") == [(9, "grey")]
    entry = old.service.journal()[0]
    assert (entry.verb, entry.facts["from"], entry.facts["to"]) == (Verb.MIGRATE, "0001", "0003")
    path = old.service.export(backup.id, old.root / "before.db", by="ada")
    assert digest(path) == before
    assert old.service.migrate(by="start") is None
    assert len(old.service.list()) == 1


def test_a_migration_that_fails_keeps_the_backup_and_the_old_data(old: House) -> None:
    before = digest(old.live)
    failing = old.open(Notebook(failing_migration=True))
    assert "needs schema 0003" in str(failing.live_problem())
    with pytest.raises(SourceDatabaseError, match="this migration fails"):
        failing.migrate(by="start")
    assert digest(old.live) == before
    [backup] = old.service.list()
    assert backup.kind is Kind.UPGRADE
    assert old.service.journal()[0].outcome is Outcome.FAILED
    assert "could not be upgraded" in str(failing.live_problem())
    old.gate.enter(timeout_s=0.0).leave()


def test_the_start_of_a_failing_upgrade_may_be_repeated_for_ever(old: House) -> None:
    for _ in range(4):
        with pytest.raises(SourceDatabaseError, match="this migration fails"):
            old.open(Notebook(failing_migration=True)).migrate(by="start")
    [backup] = old.service.list()
    old.run("UPDATE note SET body = 'changed by the Launcher of before' WHERE id = 1")
    with pytest.raises(SourceDatabaseError):
        old.open(Notebook(failing_migration=True)).migrate(by="start")
    newer, older = old.service.list()
    assert older == backup
    assert old.service.migrate(by="start") == newer
    assert old.service.live_problem() is None


def test_no_one_is_inside_during_a_migration(old: House) -> None:
    with old.gate.enter(), pytest.raises(SourceDatabaseError, match="nothing was changed"):
        old.service.migrate(by="start")
    assert old.run("SELECT revision FROM revision") == [("0001",)]


def test_data_of_a_newer_launcher_is_left_alone(home: House) -> None:
    home.run("UPDATE revision SET revision = '0009'")
    before = digest(home.live)
    with pytest.raises(IncompatibleBackupError, match=r"schema 0009.*schema 0003"):
        home.service.migrate(by="start")
    assert digest(home.live) == before
    assert home.service.list() == []


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"x" * 9999)])
def test_a_broken_database_is_not_migrated(home: House, spoil: object) -> None:
    home.run("PRAGMA journal_mode=DELETE")
    spoil(home.live)  # type: ignore[operator]
    with pytest.raises(SourceDatabaseError) as refused:
        home.service.migrate(by="start")
    assert refused.value.is_damaged
    assert home.service.journal() == []


def test_a_start_puts_a_database_that_was_put_in_place_into_wal_mode(home: House) -> None:
    """Without, all who read would wait for a restore."""
    home.run("PRAGMA journal_mode=DELETE")
    before = digest(home.live)
    assert home.service.migrate(by="start") is None
    assert home.live.read_bytes()[18:20] == b"\x02\x02"
    assert digest(home.live) == before
    assert home.service.journal() == []


def test_a_start_leaves_the_mode_of_a_database_that_is_in_use(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher.backup.sqlite.replace, "_FOLD_WAIT_MS", 1)
    home.run("PRAGMA journal_mode=DELETE")
    with contextlib.closing(sqlite3.connect(home.live, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM note").fetchone()
        assert home.service.migrate(by="start") is None
    assert home.live.read_bytes()[18:20] == b"\x01\x01"
