"""Putting a backup back: all of it or nothing, whatever the live database looks like."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import launcher.backup.replacement
import launcher.backup.restore
import launcher.backup.safety
import launcher.backup.sqlite.connection
import launcher.backup.sqlite.live
import launcher.backup.sqlite.replace
from launcher.backup.errors import (
    BackupError,
    BackupNotFoundError,
    IncompatibleBackupError,
    InsufficientSpaceError,
    RestoreError,
    RevertFailedError,
    SourceDatabaseError,
)
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Kind
from launcher.backup.records.operation import Outcome, Progress, Stage, Verb
from launcher.backup.replacement import InPlace
from launcher.backup.restore import STAGES_RESTORE
from launcher.cli.hints import hint_for
from tests.support.damage import disagreeing_index
from tests.support.folders import refuse_modes_and_links
from tests.support.notebook import APPLICATION_ID, Notebook, add_notes, digest, make_notebook
from tests.support.service import House, make_copy, run


def change(home: House) -> None:
    """Do what an admin will want to take back."""
    home.run("DELETE FROM note WHERE id > 5")
    home.run("UPDATE note SET body = 'changed', colour = 'red'")
    home.run("INSERT INTO person (name, password, is_admin) VALUES ('eve', 'x', 1)")
    home.run("UPDATE setting SET site_name = 'Another', cron = '1 1 * * *'")
    add_notes(home.live, 50, text="new ")


def restore(home: House, source: str | Path = "latest", **how: object):  # type: ignore[no-untyped-def]
    return home.service.restore(source, by="ada", **how)  # type: ignore[arg-type]


def integrity(home: House) -> None:
    """What holds after every restore."""
    assert home.run("PRAGMA integrity_check") == [("ok",)]
    assert home.run("PRAGMA foreign_key_check") == []
    assert home.run("PRAGMA journal_mode") == [("wal",)]
    assert home.run("PRAGMA application_id") == [(APPLICATION_ID,)]
    assert home.service.live_problem() is None
    assert home.staged() == []
    assert not list(home.data.glob(".*"))


@pytest.mark.parametrize("compress", [True, False])
def test_everything_comes_back(tmp_path: Path, *, compress: bool) -> None:
    home = House(tmp_path, compress=compress).fill()
    before = digest(home.live)
    backup = home.create()
    change(home)
    assert digest(home.live) != before
    outcome = restore(home, backup.id, keep_schedule=False)
    assert digest(home.live) == before
    integrity(home)
    assert not outcome.replaced_file
    assert outcome.raw_copy_path is None
    assert outcome.warnings == ()
    assert 0 < outcome.held_s <= outcome.duration_s


def test_the_safety_backup_holds_what_was_there(home: House) -> None:
    backup = home.create()
    change(home)
    before = digest(home.live)
    outcome = restore(home, backup.id)
    safety = home.service.get(outcome.safety_id)
    assert (safety.kind, safety.created_by) == (Kind.SAFETY, "ada")
    assert (safety.note, safety.before) == (f"Before restoring {backup.id}", backup.id)
    copy = home.service.export(safety.id, home.root / "safety.db", by="ada")
    assert digest(copy) == before


@pytest.mark.parametrize(
    ("at", "safety_backups"), [(None, 0), (Stage.PREPARE, 0), (Stage.SAFETY, 1)]
)
def test_data_that_changed_since_the_plan_is_not_replaced(
    home: House, at: Stage | None, safety_backups: int
) -> None:
    backup = home.create()
    expected = home.service.live_version()

    def rename(progress: Progress | None = None) -> None:
        if progress is None or progress.stage is at:
            home.run("UPDATE setting SET site_name = 'Another'")

    if at is None:
        rename()
    with pytest.raises(RestoreError) as refused:
        restore(home, backup.id, expected_live=expected, on_progress=rename)
    assert refused.value.reason is Reason.LIVE_CHANGED
    assert home.run("SELECT site_name FROM setting") == [("Another",)]
    made = [each.kind for each in home.service.list()]
    assert made.count(Kind.SAFETY) == safety_backups
    integrity(home)
    restore(home, backup.id, expected_live=home.service.live_version())
    assert home.run("SELECT site_name FROM setting") == [("Notebook",)]


def test_sessions_of_before_end(home: House) -> None:
    backup = home.create()
    assert home.run("SELECT epoch FROM setting") == [("first",)]
    restore(home, backup.id)
    [(first,)] = home.run("SELECT epoch FROM setting")
    restore(home, backup.id)
    [(second,)] = home.run("SELECT epoch FROM setting")
    assert len({"first", first, second}) == 3
    assert len(str(first)) == 32


@pytest.mark.parametrize(("keep", "cron"), [(True, "1 1 * * *"), (False, "0 3 * * *")])
def test_the_schedule_set_here_is_kept_unless_the_backups_is_wanted(
    home: House, *, keep: bool, cron: str
) -> None:
    backup = home.create()
    change(home)
    outcome = restore(home, backup.id, keep_schedule=keep)
    assert home.run("SELECT cron, site_name FROM setting") == [(cron, "Notebook")]
    assert outcome.plan.keep_schedule is keep
    assert outcome.plan.schedule_now is not None
    assert outcome.plan.schedule_now["cron"] == "1 1 * * *"
    assert outcome.plan.schedule_then is not None
    assert outcome.plan.schedule_then["cron"] == cron


def test_the_journal_has_an_entry_of_it(home: House) -> None:
    backup = home.create()
    outcome = restore(home, backup.id)
    entry = home.service.journal()[0]
    assert (entry.verb, entry.outcome) == (Verb.RESTORE, Outcome.SUCCEEDED)
    assert entry.operation_id == outcome.operation_id
    assert entry.backup_id == backup.id
    assert entry.facts["safety_id"] == outcome.safety_id
    assert entry.facts["rows"] == {"note": 20, "person": 2, "revision": 1, "setting": 1}
    assert home.run("SELECT epoch FROM setting") == [(entry.facts["epoch"],)]
    # The safety backup is part of the restore, not an operation of its own.
    assert [found.verb for found in home.service.journal()] == [Verb.RESTORE, Verb.CREATE]


def test_progress_names_every_stage(home: House) -> None:
    backup = home.create()
    told: list[Progress] = []
    restore(home, backup.id, on_progress=told.append)
    stages = list(dict.fromkeys(progress.stage for progress in told))
    expected = [Stage.UNPACK, Stage.PREPARE, Stage.SAFETY, Stage.REPLACE, Stage.CONFIRM]
    assert stages == expected
    assert told[0].stages == tuple(expected)
    assert {progress.backup_id for progress in told} == {backup.id}


# --- what is restored ----------------------------------------------------------------------


@pytest.mark.parametrize("live_size", [512, 4096, 65536])
@pytest.mark.parametrize("other_size", [512, 4096, 65536])
def test_a_page_size_may_differ(tmp_path: Path, live_size: int, other_size: int) -> None:
    home = House(tmp_path).fill(page_size=live_size)
    other = make_notebook(tmp_path / "o.db", notes=90, page_size=other_size, wal=False)
    expected = digest(other)
    restore(home, make_copy(other, tmp_path / "other.db"), keep_schedule=False)
    assert digest(home.live) == expected
    assert home.run("PRAGMA page_size") == [(live_size,)]
    integrity(home)


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_an_older_schema_is_migrated_on_the_way(home: House, revision: str) -> None:
    old = make_notebook(home.root / "old.db", notes=33, revision=revision, wal=False)
    backup = home.service.import_(old, by="ada")
    assert backup.schema_revision == revision
    outcome = restore(home, backup.id)
    assert [step.revision for step in outcome.plan.migrations] == ["0002", "0003"][
        0 if revision == "0001" else 1 :
    ]
    assert home.run("SELECT revision FROM revision") == [("0003",)]
    assert home.run("SELECT count(*), min(colour) FROM note") == [(33, "grey")]
    integrity(home)


def test_a_migration_that_fails_touches_nothing(home: House) -> None:
    old = make_notebook(home.root / "old.db", revision="0001", wal=False)
    backup = home.service.import_(old, by="ada")
    before = home.facts()
    service = home.open(Notebook(failing_migration=True))
    with pytest.raises(RestoreError, match="this migration fails") as refused:
        service.restore(backup.id, by="ada")
    assert "nothing was changed" in str(refused.value)
    assert home.facts() == before
    assert home.staged() == []
    assert home.service.journal()[0].outcome is Outcome.FAILED


def test_a_newer_backup_is_refused_naming_both_schemas(home: House) -> None:
    home.run("UPDATE revision SET revision = '0009'")
    newer = Notebook()
    newer.app_version, newer.head = "2.0.0", "0009"
    backup = home.open(newer).create(by="ada")
    home.run("UPDATE revision SET revision = '0003'")
    before = home.facts()
    with pytest.raises(IncompatibleBackupError) as refused:
        restore(home, backup.id)
    assert str(refused.value) == (
        "the backup was created by Launcher 2.0.0 with schema 0009, "
        "and this server runs Launcher 1.4.0 with schema 0003"
    )
    assert hint_for(refused.value) == "Update this server to Launcher 2.0.0, then restore again."
    assert home.facts() == before
    with pytest.raises(IncompatibleBackupError):
        home.service.verify(backup.id, by="ada")
    assert home.service.get(backup.id).is_good


def test_another_applications_database_is_refused(home: House) -> None:
    other = home.root / "other.db"
    run(other, "CREATE TABLE song (title TEXT)")
    before = home.facts()
    with pytest.raises(IncompatibleBackupError, match="another application"):
        restore(home, other)
    assert home.facts() == before


def test_a_backup_without_an_admin_is_refused_unless_one_is_carried(home: House) -> None:
    other = make_notebook(home.root / "other.db", admins=(), notes=3, wal=False)
    backup = home.service.import_(other, by="ada")
    before = home.facts()
    with pytest.raises(IncompatibleBackupError, match="no active admin") as refused:
        restore(home, backup.id)
    assert "--carry-account" in hint_for(refused.value)
    assert home.facts() == before
    for nobody in ("ben", "zoe"):
        with pytest.raises(IncompatibleBackupError, match="cannot be carried over"):
            restore(home, backup.id, carry_account=nobody)
    assert home.facts() == before
    outcome = restore(home, backup.id, carry_account="ada")
    assert outcome.plan.carried_account == "ada"
    assert outcome.plan.admins == ("ada",)
    assert home.run("SELECT name, password FROM person WHERE is_admin") == [
        ("ada", "secret of ada")
    ]


def test_an_account_of_the_same_name_is_replaced_by_the_carried_one(home: House) -> None:
    backup = home.create()
    home.run("UPDATE person SET password = 'new secret' WHERE name = 'ada'")
    outcome = restore(home, backup.id, carry_account="ada")
    assert home.run("SELECT password FROM person WHERE name = 'ada'") == [("new secret",)]
    assert outcome.plan.password_changes == ()


# --- while others use it -------------------------------------------------------------------


def test_a_long_reader_keeps_its_moment_and_does_not_stop_it(home: House) -> None:
    backup = home.create()
    expected = digest(home.live)
    change(home)
    reader = sqlite3.connect(home.live, isolation_level=None)
    reader.execute("BEGIN")
    [count] = reader.execute("SELECT count(*) FROM note").fetchone()
    outcome = restore(home, backup.id, keep_schedule=False)
    assert outcome.warnings == (Fault(Reason.LOG_NOT_FOLDED),)
    assert reader.execute("SELECT count(*) FROM note").fetchone() == (count,)
    reader.execute("COMMIT")
    assert reader.execute("SELECT count(*) FROM note").fetchone() == (20,)
    reader.close()
    assert digest(home.live) == expected
    integrity(home)


def test_a_transaction_from_before_cannot_write_into_the_new_data(home: House) -> None:
    backup = home.create()
    other = sqlite3.connect(home.live, isolation_level=None, timeout=0.1)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM note").fetchone()
    restore(home, backup.id)
    with pytest.raises(sqlite3.OperationalError) as refused:
        other.execute("DELETE FROM note")
    assert refused.value.sqlite_errorcode == sqlite3.SQLITE_BUSY_SNAPSHOT
    other.execute("ROLLBACK")
    assert other.execute("SELECT count(*) FROM note").fetchone() == (20,)
    other.close()


def test_a_writer_that_never_ends_is_said_and_nothing_changes(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher.backup.replacement, "_REPLACE_DEADLINE_S", 0.2)
    monkeypatch.setattr(launcher.backup.sqlite.connection, "BUSY_TIMEOUT_S", 0.05)
    backup = home.create()
    change(home)
    before = digest(home.live)
    writer = sqlite3.connect(home.live, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(RestoreError, match=r"stayed busy.*nothing was changed"):
        restore(home, backup.id)
    assert digest(home.live) == before
    writer.execute("ROLLBACK")
    writer.close()
    restore(home, backup.id)
    integrity(home)


def test_a_request_that_never_ends_is_said_and_nothing_changes(home: House) -> None:
    backup = home.create()
    change(home)
    before = digest(home.live)
    with (
        home.gate.enter(),
        pytest.raises(RestoreError, match=r"requests were still running.*nothing was changed"),
    ):
        restore(home, backup.id)
    assert digest(home.live) == before
    restore(home, backup.id)


def test_readers_continue_while_the_data_is_replaced_and_writers_wait(home: House) -> None:
    add_notes(home.live, 20_000)  # several steps
    backup = home.create()
    readers: list[Stage | None] = []
    writers: list[Stage | None] = []

    def try_to_enter(progress: Progress) -> None:
        for let_in, writes in ((readers, False), (writers, True)):
            try:
                home.gate.enter(writes=writes, timeout_s=0.0).leave()
            except TimeoutError:
                continue
            let_in.append(progress.stage)

    restore(home, backup.id, on_progress=try_to_enter)
    assert {*readers} == {*STAGES_RESTORE}
    assert {*writers} == {*STAGES_RESTORE} - {Stage.REPLACE, Stage.CONFIRM}
    home.gate.enter(writes=True, timeout_s=0.0).leave()


def test_no_one_is_inside_at_the_commit(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = home.create()
    change(home)
    pin = launcher.backup.replacement.pin
    committed: list[object] = []

    def at_the_commit(connection: sqlite3.Connection) -> None:
        committed.extend(home.run("SELECT count(*) FROM note"))
        with pytest.raises(TimeoutError):
            home.gate.enter(timeout_s=0.0)
        pin(connection)

    monkeypatch.setattr(launcher.backup.replacement, "pin", at_the_commit)
    restore(home, backup.id)
    assert committed == [(20,)]


def test_without_a_log_no_one_is_inside_while_the_data_is_replaced(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads a database in another mode would stop the writer, and the other way round."""
    backup = home.create()
    home.run("PRAGMA journal_mode=DELETE")
    keep_all = InPlace._keep_all
    looks: list[InPlace] = []

    def before_the_first_page(replacement: InPlace) -> None:
        with pytest.raises(TimeoutError):
            home.gate.enter(timeout_s=0.0)
        looks.append(replacement)
        keep_all(replacement)

    monkeypatch.setattr(InPlace, "_keep_all", before_the_first_page)
    seen: list[Progress] = []
    restore(home, backup.id, on_progress=seen.append)
    assert len(looks) == 1
    assert {each.holds_readers for each in seen if each.stage is Stage.REPLACE} == {True}
    assert home.run("PRAGMA journal_mode") == [("wal",)]


def test_every_reader_sees_the_old_data_or_the_new(home: House) -> None:
    add_notes(home.live, 2000)
    backup = home.create()
    home.run("UPDATE note SET body = 'now', twin = 'now'")
    ended = threading.Event()
    seen: set[tuple[int, int]] = set()

    def read() -> None:
        connection = sqlite3.connect(home.live, isolation_level=None, timeout=20)
        while not ended.is_set():
            with home.gate.enter():
                seen.add(
                    connection.execute(
                        "SELECT count(*) FILTER (WHERE body = 'now'), count(*) FROM note"
                    ).fetchone()
                )
        connection.close()

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        restore(home, backup.id)
        home.run("SELECT 1")
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert seen <= {(2020, 2020), (0, 2020)}
    assert home.run("SELECT count(*) FROM note WHERE body = 'now'") == [(0,)]


def test_two_at_once_take_turns(home: House) -> None:
    backup = home.create()
    refused: list[BackupError] = []

    def meddle(progress: Progress) -> None:
        try:
            home.open().restore(backup.id, by="ben")
        except BackupError as error:
            refused.append(error)

    restore(home, backup.id, on_progress=meddle)
    assert {str(error)[:24] for error in refused} == {"busy: restore by ada sin"}


# --- when the live database is broken ------------------------------------------------------


def missing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def a_little_left(path: Path) -> None:
    os.truncate(path, 3000)


def garbage_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xa5" * 100)


def garbage_first_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * 3996)


def garbage_in_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096 * 5)
        file.write(b"\xa5" * 4096 * 3)


def garbage_log(path: Path) -> None:
    path.unlink()
    path.with_name(path.name + "-wal").write_bytes(b"\x37\x7f\x06\x82" + b"\xa5" * 9000)


def foreign(path: Path) -> None:
    path.unlink()
    run(path, "CREATE TABLE song (title TEXT)")


def no_settings(path: Path) -> None:
    run(path, "DELETE FROM setting")


def name_of_bytes(path: Path) -> None:
    run(path, "UPDATE person SET name = x'ff' WHERE name = 'ben'")


def files_of(home: House) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.data.glob("launcher.db*")}


def test_live_rows_that_make_no_sense_are_kept_as_a_safety_backup(home: House) -> None:
    expected = digest(home.live)
    backup = home.create()
    name_of_bytes(home.live)
    outcome = restore(home, backup.id)
    assert digest(home.live) == expected
    assert "does not hold what it should" in str(outcome.plan.live_problem)
    assert home.service.verify(outcome.safety_id, by="ada").is_good
    assert not outcome.replaced_file


@pytest.mark.parametrize(
    "spoil",
    [
        missing, empty, truncated, a_little_left, garbage_header, garbage_first_page,
        garbage_in_the_middle, garbage_log, foreign, no_settings,
    ],
)  # fmt: skip
@pytest.mark.parametrize("door", ["listed", "file"])
def test_a_broken_database_is_restored_over_and_kept_as_it_was(
    home: House, spoil: Callable[[Path], None], door: str
) -> None:
    add_notes(home.live, 200)
    expected = digest(home.live)
    backup = home.create()
    plain = home.service.export(backup.id, home.root / "plain.db", by="ada")
    home.run("PRAGMA journal_mode=DELETE")
    spoil(home.live)
    broken = files_of(home)
    outcome = restore(home, backup.id if door == "listed" else plain)
    assert digest(home.live) == expected
    integrity(home)
    assert outcome.safety_id == ""
    assert outcome.replaced_file
    assert not outcome.plan.live_readable or spoil is garbage_in_the_middle
    assert outcome.plan.live_problem
    if not broken:
        assert outcome.raw_copy_path is None
        return
    assert outcome.raw_copy_path is not None
    kept = {path.name: path.read_bytes() for path in outcome.raw_copy_path.iterdir()}
    assert kept == broken
    with pytest.raises(BackupNotFoundError, match="cannot be undone"):
        home.service.undo(by="ada")


def test_live_data_of_an_older_schema_is_kept_as_a_safety_backup(home: House) -> None:
    expected = digest(home.live)
    backup = home.create()
    for path in home.data.glob("launcher.db*"):
        path.unlink()
    make_notebook(home.live, revision="0001", notes=3)
    outcome = restore(home, backup.id)
    assert digest(home.live) == expected
    assert home.service.get(outcome.safety_id).contents["note"] == 3
    home.service.undo(by="ada")
    assert home.run("SELECT count(*) FROM note") == [(3,)]
    integrity(home)


def test_an_index_that_disagrees_in_the_live_data_does_not_stop_it(home: House) -> None:
    backup = home.create()
    disagreeing_index(home.live)
    restore(home, backup.id)
    integrity(home)


KILLED = """
    import sqlite3, sys
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("UPDATE note SET body = 'in the log', twin = 'in the log'")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM note")
    print("ready", flush=True)
    sys.stdin.readline()
"""


def kill_a_writer(home: House) -> None:
    """Leave the log of a killed process beside the live database."""
    import textwrap  # noqa: PLC0415

    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), home.live],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    assert home.live.with_name("launcher.db-wal").stat().st_size > 0


def test_the_log_of_a_killed_process_is_part_of_the_live_data(home: House) -> None:
    backup = home.create()
    expected = digest(home.live)
    kill_a_writer(home)
    outcome = restore(home, backup.id)
    assert outcome.safety_id
    assert digest(home.live) == expected
    integrity(home)
    home.service.undo(by="ada")
    assert home.run("SELECT DISTINCT body FROM note") == [("in the log",)]


def test_a_stale_log_beside_a_broken_database_is_not_replayed(home: House) -> None:
    backup = home.create()
    expected = digest(home.live)
    kill_a_writer(home)
    garbage_header(home.live)
    os.truncate(home.live, 1000)
    log = home.live.with_name("launcher.db-wal").read_bytes()
    outcome = restore(home, backup.id)
    assert digest(home.live) == expected
    integrity(home)
    if outcome.raw_copy_path:
        assert (outcome.raw_copy_path / "launcher.db-wal").read_bytes() == log


def test_with_everything_but_the_backups_lost_it_comes_back(home: House) -> None:
    before = digest(home.live)
    home.create()
    for path in home.data.iterdir():
        if path != home.backups:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert "is missing" in str(home.open().live_problem())
    home.open().restore("latest", by="ada")
    assert digest(home.live) == before


# --- refused, failed, given up -------------------------------------------------------------


@pytest.mark.parametrize(
    "reference", ["20261122T170000Z-zzzzzz", "../x", "", "\0", "latest", "safety"]
)
def test_an_unknown_backup_is_refused(home: House, reference: str) -> None:
    before = home.facts()
    with pytest.raises(BackupNotFoundError):
        restore(home, reference)
    assert home.facts() == before


@pytest.mark.parametrize("stage", [Stage.UNPACK, Stage.PREPARE, Stage.SAFETY])
@pytest.mark.parametrize("error", [KeyboardInterrupt, LookupError])
def test_given_up_before_the_replacement_it_changes_nothing(
    home: House, stage: Stage, error: type[BaseException]
) -> None:
    backup = home.create()
    change(home)
    before = digest(home.live)

    def give_up(progress: Progress) -> None:
        if progress.stage is stage:
            raise error

    with pytest.raises(error):
        restore(home, backup.id, on_progress=give_up)
    assert digest(home.live) == before
    integrity(home)
    home.gate.enter(timeout_s=0.0).leave()


@pytest.mark.parametrize(
    ("stage", "at", "broken"),
    [
        (Stage.REPLACE, "begin", False),
        (Stage.CONFIRM, "begin", False),
        (Stage.REPLACE, "begin", True),
        (Stage.REPLACE, "end", True),
        (Stage.CONFIRM, "begin", True),
    ],
)
@pytest.mark.parametrize("error", [KeyboardInterrupt, LookupError, TimeoutError])
def test_given_up_during_the_replacement_the_old_data_is_there(
    home: House, stage: Stage, at: str, error: type[BaseException], *, broken: bool
) -> None:
    add_notes(home.live, 200)
    backup = home.create()
    change(home)
    if broken:
        home.run("PRAGMA journal_mode=DELETE")
        truncated(home.live)
    before = files_of(home) if broken else digest(home.live)

    def give_up(progress: Progress) -> None:
        ends = bool(progress.total) and progress.done == progress.total
        if progress.stage is stage and ends == (at == "end"):
            raise error

    with pytest.raises((error, BackupError)):
        restore(home, backup.id, on_progress=give_up)
    assert not list(home.data.glob("damaged/*"))
    assert (files_of(home) if broken else digest(home.live)) == before
    assert home.service.journal()[0].outcome is not Outcome.SUCCEEDED
    home.gate.enter(timeout_s=0.0).leave()
    restore(home, backup.id, keep_schedule=False)
    integrity(home)


@pytest.mark.parametrize("error", [KeyboardInterrupt, LookupError])
def test_stopped_right_after_the_commit_the_old_data_is_put_back(
    home: House, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    backup = home.create()
    change(home)
    before = digest(home.live)
    replace = launcher.backup.replacement.replace_contents
    notes: list[object] = []

    def stop(*arguments: object, **how: object) -> None:
        replace(*arguments, **how)  # type: ignore[arg-type]
        notes.extend(home.run("SELECT count(*) FROM note"))
        if len(notes) == 1:
            raise error

    monkeypatch.setattr(launcher.backup.replacement, "replace_contents", stop)
    with pytest.raises(error):
        restore(home, backup.id)
    assert notes == [(20,), (55,)]
    assert digest(home.live) == before
    integrity(home)
    assert home.service.journal()[0].facts.get("data") != "restored"


@pytest.mark.parametrize("broken", [False, True])
def test_what_does_not_pass_its_check_is_taken_back(
    home: House, monkeypatch: pytest.MonkeyPatch, *, broken: bool
) -> None:
    add_notes(home.live, 200)
    backup = home.create()
    change(home)
    if broken:
        home.run("PRAGMA journal_mode=DELETE")
        truncated(home.live)
    before = files_of(home) if broken else digest(home.live)
    with monkeypatch.context() as patch:
        for name in ("confirm", "confirm_live"):
            patch.setattr(launcher.backup.replacement, name, lambda *_a, **_k: "it is odd")
        with pytest.raises(RestoreError, match=r"it is odd.*is as it was before") as failed:
            restore(home, backup.id)
    [entry] = home.service.journal(limit=1)
    assert entry.fault == failed.value.fault
    if broken:
        assert failed.value.reason is Reason.NOT_CONFIRMED
        assert "visible_s" not in entry.facts
    else:
        assert failed.value.reason is Reason.NOT_CONFIRMED_SEEN
        assert 0 < entry.facts["visible_s"] <= failed.value.facts["visible_ms"] / 1000
        assert re.search(r"was visible for \d+\.\d\d s$", entry.error)
    assert (files_of(home) if broken else digest(home.live)) == before
    with pytest.raises(BackupNotFoundError, match="nothing was restored yet"):
        home.service.undo(by="ada")
    restore(home, backup.id)
    integrity(home)


def test_a_log_that_cannot_be_folded_is_no_failure(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The live database lost its WAL mode, and a reader comes right after the commit."""
    backup = home.create()
    expected = digest(home.live)
    change(home)
    home.run("PRAGMA journal_mode=DELETE")
    reader = sqlite3.connect(home.live, isolation_level=None)
    fold = launcher.backup.replacement.fold_log

    def fold_beside_a_reader(live: Path) -> bool:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM note").fetchone()
        return fold(live)

    monkeypatch.setattr(launcher.backup.replacement, "fold_log", fold_beside_a_reader)
    outcome = restore(home, backup.id, keep_schedule=False)
    reader.close()
    assert outcome.warnings == (Fault(Reason.LOG_NOT_FOLDED),)
    assert digest(home.live) == expected


def test_what_fails_after_a_restore_does_not_take_its_success_or_its_undo_away(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is out of file descriptors when it comes to the log."""
    backup = home.create()
    change(home)
    fold = launcher.backup.replacement.fold_log

    def refuse(*_arguments: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open database file")

    def fold_without_a_connection(live: Path) -> bool:
        with monkeypatch.context() as patch:
            patch.setattr(launcher.backup.sqlite.replace, "connect", refuse)
            return fold(live)

    monkeypatch.setattr(launcher.backup.replacement, "fold_log", fold_without_a_connection)
    outcome = restore(home, backup.id)
    assert outcome.warnings == (Fault(Reason.LOG_NOT_FOLDED),)
    assert home.service.journal(limit=1)[0].outcome is Outcome.SUCCEEDED
    assert home.service.undo_id() == outcome.safety_id


@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("no"), MemoryError("no"), OSError("no")]
)
def test_whatever_keeps_the_old_data_from_coming_back_the_safety_backup_is_named(
    home: House, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    backup = home.create()

    def fail(*_arguments: object, **_how: object) -> None:
        raise error

    monkeypatch.setattr(launcher.backup.replacement, "confirm", lambda *_a, **_k: "it is odd")
    monkeypatch.setattr(launcher.backup.safety, "unpack_to", fail)
    with pytest.raises(RevertFailedError) as failed:
        restore(home, backup.id)
    safety = home.service.list()[0]
    assert safety.kind is Kind.SAFETY
    assert safety.id in str(failed.value)


def test_a_swap_that_cannot_be_taken_back_says_that_the_disk_failed(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = home.create()
    home.run("PRAGMA journal_mode=DELETE")
    truncated(home.live)

    def fail(_path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(launcher.backup.replacement, "sync_directory", fail)
    with pytest.raises(RevertFailedError, match=r"was not replaced.*Input/output error") as failed:
        restore(home, backup.id)
    assert "check" not in str(failed.value)
    assert str(home.data / "damaged") in str(failed.value)


@pytest.mark.parametrize("broken", [False, True])
def test_a_restore_that_was_stopped_and_not_taken_back_says_so(
    home: House, monkeypatch: pytest.MonkeyPatch, *, broken: bool
) -> None:
    backup = home.create()
    if broken:
        home.run("PRAGMA journal_mode=DELETE")
        truncated(home.live)

    def stop(progress: Progress) -> None:
        if progress.stage is Stage.CONFIRM:
            raise LookupError("nobody listens")

    def fail(*_arguments: object, **_how: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    module = launcher.backup.replacement if broken else launcher.backup.safety
    monkeypatch.setattr(module, "_put_back" if broken else "unpack_to", fail)
    with pytest.raises(RevertFailedError, match=r"the restore was stopped.*nobody lis") as failed:
        restore(home, backup.id, on_progress=stop)
    assert "check" not in str(failed.value)


def test_without_room_nothing_is_touched(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = home.create()
    before = home.facts()
    monkeypatch.setattr("launcher.backup.files.free_bytes", lambda _path: 1000)
    with pytest.raises(InsufficientSpaceError):
        restore(home, backup.id)
    assert home.facts() == before
    assert home.staged() == []


def test_a_busy_live_database_is_no_broken_one(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher.backup.sqlite.connection, "BUSY_TIMEOUT_S", 0.05)
    backup = home.create()
    home.run("PRAGMA journal_mode=DELETE")
    other = sqlite3.connect(home.live, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    before = home.live.read_bytes()
    with pytest.raises(SourceDatabaseError) as refused:
        restore(home, backup.id)
    assert not refused.value.is_damaged
    assert home.live.read_bytes() == before
    assert not (home.data / "damaged").exists()
    other.execute("ROLLBACK")
    other.close()
    restore(home, backup.id)
    integrity(home)


@pytest.mark.parametrize("damage", ["none", "missing", "garbage"])
def test_disks_without_modes_and_links_keep_and_restore_backups(
    home: House, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    refuse_modes_and_links(monkeypatch)
    before = digest(home.live)
    backup = home.create()
    assert home.service.verify(backup.id, by="ada").is_good
    change(home)
    if damage == "missing":
        home.live.unlink()
    elif damage == "garbage":
        home.live.write_bytes(b"garbage" * 1000)
    outcome = restore(home, keep_schedule=False)
    assert digest(home.live) == before
    if damage == "garbage":
        assert outcome.raw_copy_path
        assert (outcome.raw_copy_path / "launcher.db").read_bytes() == b"garbage" * 1000
    assert home.staged() == []
