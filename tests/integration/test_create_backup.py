"""Creating a backup: one moment of a database in use, whole and checked."""

from __future__ import annotations

import fcntl
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest

from launcher.backup.errors import InsufficientSpaceError, SourceDatabaseError
from launcher.backup.files import write_atomic
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Kind, State
from launcher.backup.records.operation import Outcome, Progress, Stage, Verb
from launcher.cli.hints import hint_for
from tests.support.damage import disagreeing_index
from tests.support.notebook import APPLICATION_ID, add_notes, digest
from tests.support.service import House, run


def unpack(home: House, path: Path, target: Path) -> Path:
    """Unpack a stored file with the system's own program."""
    if path.suffix == ".zst":
        subprocess.run(["zstd", "-q", "-d", path, "-o", target], check=True)
    else:
        target.write_bytes(path.read_bytes())
    return target


def test_a_backup_holds_every_row(home: House) -> None:
    before = digest(home.live)
    backup = home.create(note="before the move", protected=True)
    copy = unpack(home, home.stored(backup), home.root / "copy.db")
    assert digest(copy) == before == digest(home.live)
    assert backup.is_good
    assert backup.contents == {"note": 20, "person": 2, "revision": 1, "setting": 1}
    assert (backup.kind, backup.created_by) == (Kind.MANUAL, "ada")
    assert (backup.note, backup.protected) == ("before the move", True)
    assert (backup.schema_revision, backup.app_version) == ("0003", "1.4.0")
    assert backup.sqlite_version == sqlite3.sqlite_version
    assert backup.database is not None
    assert copy.stat().st_size == backup.database.size_bytes
    assert home.service.list() == [backup]
    assert home.staged() == []


@pytest.mark.parametrize("compress", [True, False])
def test_other_programs_open_what_we_write(tmp_path: Path, *, compress: bool) -> None:
    home = House(tmp_path, compress=compress).fill()
    backup = home.create()
    assert backup.file is not None
    assert backup.file.name.endswith(".db.zst" if compress else ".db")
    if compress:
        subprocess.run(["zstd", "-q", "-t", home.stored(backup)], check=True)
    copy = unpack(home, home.stored(backup), home.root / "copy.db")
    for command, expected in (
        ("SELECT count(*) FROM note", "20"),
        ("PRAGMA integrity_check", "ok"),
        ("PRAGMA application_id", str(APPLICATION_ID)),
    ):
        out = subprocess.run(["sqlite3", copy, command], capture_output=True, text=True, check=True)
        assert out.stdout.strip() == expected


def test_rows_that_are_only_in_the_log_are_in_the_backup(home: House) -> None:
    writer = sqlite3.connect(home.live, isolation_level=None)
    writer.execute("PRAGMA wal_autocheckpoint=0")
    size = home.live.stat().st_size
    writer.execute("INSERT INTO note (person_id, body, twin) VALUES (1, 'in the log', 'x')")
    assert home.live.stat().st_size == size
    backup = home.create()
    copy = unpack(home, home.stored(backup), home.root / "copy.db")
    assert run(copy, "SELECT count(*) FROM note WHERE body = 'in the log'") == [(1,)]
    writer.close()


def test_an_open_transaction_neither_waits_nor_is_seen(home: House) -> None:
    writer = sqlite3.connect(home.live, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM note")
    backup = home.create()
    writer.execute("COMMIT")
    writer.close()
    assert backup.contents["note"] == 20


def test_a_backup_is_one_moment_while_a_writer_goes_on(home: House) -> None:
    add_notes(home.live, 3000)
    ended = threading.Event()
    written = [0]

    def write() -> None:
        connection = sqlite3.connect(home.live, isolation_level=None, timeout=20)
        while not ended.is_set():
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE note SET body = body || '.'")
            connection.execute("UPDATE note SET twin = twin || '.'")
            connection.execute("COMMIT")
            written[0] += 1
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(3):
            backup = home.create()
            copy = unpack(home, home.stored(backup), home.root / f"{number}.db")
            assert run(copy, "SELECT count(*) FROM note WHERE body != twin") == [(0,)]
    finally:
        ended.set()
        thread.join()
    assert written[0] > 0


def test_free_pages_are_left_out(home: House) -> None:
    add_notes(home.live, 2000)
    home.run("DELETE FROM note WHERE id > 20")
    home.run("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = home.create()
    assert backup.database is not None
    assert backup.database.size_bytes < home.live.stat().st_size // 4


def test_the_live_file_is_only_read(home: House) -> None:
    home.run("PRAGMA wal_checkpoint(TRUNCATE)")
    before = home.live.read_bytes()
    home.create()
    assert home.live.read_bytes() == before
    assert home.run("PRAGMA journal_mode") == [("wal",)]


def test_progress_is_true_and_in_order(home: House) -> None:
    add_notes(home.live, 3000)
    told: list[Progress] = []
    backup = home.create(on_progress=told.append)
    stages = list(dict.fromkeys(progress.stage for progress in told))
    assert stages == [Stage.COPY, Stage.COMPRESS, Stage.CHECK, Stage.PUBLISH]
    assert set(stages) <= set(told[0].stages)
    assert all(0 <= progress.done <= progress.total or not progress.total for progress in told)
    assert {progress.backup_id for progress in told} == {backup.id}
    copied = [progress for progress in told if progress.stage is Stage.COPY]
    assert copied[-1].done == copied[-1].total


@pytest.mark.parametrize("stage", [Stage.COPY, Stage.COMPRESS, Stage.CHECK, Stage.PUBLISH])
@pytest.mark.parametrize("error", [KeyboardInterrupt, LookupError])
def test_given_up_half_way_it_leaves_nothing(
    home: House, stage: Stage, error: type[BaseException]
) -> None:
    def give_up(progress: Progress) -> None:
        if progress.stage is stage:
            raise error

    with pytest.raises(error):
        home.create(on_progress=give_up)
    assert home.service.list() == []
    assert home.staged() == []
    [entry] = home.service.journal()
    assert entry.outcome is (Outcome.INTERRUPTED if error is KeyboardInterrupt else Outcome.FAILED)
    assert home.create().is_good


def test_the_journal_has_an_entry_of_it(home: House) -> None:
    backup = home.create()
    [entry] = home.service.journal()
    assert (entry.verb, entry.outcome) == (Verb.CREATE, Outcome.SUCCEEDED)
    assert entry.backup_id == backup.id
    assert backup.file is not None
    facts = dict(entry.facts)
    assert set(facts.pop("took_s")) == {"copy", "check", "compress", "publish"}
    assert backup.database is not None
    assert facts == {
        "kind": "manual",
        "size_bytes": backup.file.size_bytes,
        "proven": {backup.id: backup.database.sha256},
    }
    assert home.finished == [entry]


def test_a_note_is_kept_short_and_readable(home: House) -> None:
    backup = home.create(note="n" * 5000)
    assert backup.note == "n" * 1000
    odd = home.create(note="caf\udce9")
    assert odd.note == "caf?"
    assert home.service.get(odd.id) == odd


def test_an_index_that_disagrees_with_its_table_is_mended_in_the_copy(home: House) -> None:
    disagreeing_index(home.live)
    before = digest(home.live)
    backup = home.create()
    copy = unpack(home, home.stored(backup), home.root / "copy.db")
    assert digest(copy) == before
    assert run(copy, "PRAGMA integrity_check") == [("ok",)]
    assert run(copy, "SELECT id FROM note WHERE body = 'another text'") == [(7,)]
    assert home.service.verify(backup.id, by="ada").is_good
    home.service.restore(backup.id, by="ada")
    assert home.run("PRAGMA integrity_check") == [("ok",)]


def test_rows_that_point_nowhere_are_copied_and_reported(home: House) -> None:
    home.run("UPDATE note SET person_id = 99 WHERE id = 3")
    before = digest(home.live)
    backup = home.create()
    assert home.service.verify(backup.id, by="ada").is_good
    plan = home.service.plan(backup.id, by="ada")
    assert plan.warnings == (Fault(Reason.DANGLING_ROWS, {"tables": "note (1)"}),)
    home.run("DELETE FROM note")
    home.service.restore(backup.id, by="ada")
    assert digest(home.live) == before


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def garbage_in_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096 * 6)
        file.write(b"\xa5" * 4096 * 3)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(Path.unlink, "is missing", id="missing"),
        pytest.param(lambda path: path.write_bytes(b""), "is empty", id="empty"),
        pytest.param(cut, "malformed", id="truncated"),
        pytest.param(lambda path: path.write_bytes(b"x" * 9999), "not a database", id="garbage"),
        pytest.param(garbage_in_the_middle, "", id="garbage in the middle"),
        pytest.param(
            lambda path: run(path, "PRAGMA application_id=7"),
            "not a database of Launcher",
            id="other",
        ),
    ],
)
def test_a_damaged_database_is_not_backed_up(home: House, spoil: object, message: str) -> None:
    home.run("PRAGMA journal_mode=DELETE")
    good = home.create()
    spoil(home.live)  # type: ignore[operator]
    with pytest.raises(SourceDatabaseError) as refused:
        home.create()
    assert message in str(refused.value)
    assert refused.value.is_damaged
    assert "restore PATH" in hint_for(refused.value)
    assert home.service.list() == [good]
    assert home.staged() == []


def test_without_room_it_is_refused_before_anything_is_written(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.backup.files.free_bytes", lambda _path: 1000)
    with pytest.raises(InsufficientSpaceError) as refused:
        home.create()
    assert refused.value.facts["available_bytes"] == 1000
    assert int(refused.value.facts["required_bytes"]) > 1000
    assert home.service.list() == []


def test_a_clock_that_jumps_back_makes_a_good_backup(home: House) -> None:
    first = home.create()
    home.clock.now = home.clock.now.replace(year=2020)
    second = home.create()
    assert [backup.id for backup in home.service.list()] == [first.id, second.id]
    assert second.verification.state is State.VERIFIED


def test_only_unfinished_files_that_no_process_writes_are_removed(home: House) -> None:
    """Other processes write their small files beside the database at the same time."""
    left = home.live.with_name(".jobs.json.2c3d.tmp")
    left.write_bytes(b"half")
    with home.live.with_name(".jobs.json.0a1b.tmp").open("wb") as being_written:
        fcntl.flock(being_written, fcntl.LOCK_EX)
        home.create()
        assert Path(being_written.name).exists()
    assert not left.exists()


def test_files_are_written_while_backups_begin(home: House) -> None:
    """Each begins by removing what is unfinished."""
    stop = threading.Event()
    failures: list[OSError] = []

    def write() -> None:
        while not stop.is_set():
            try:
                write_atomic(home.live.with_name("jobs.json"), b"{}", durable=False)
            except OSError as error:
                failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            home.create()
    finally:
        stop.set()
        writer.join()
    assert failures == []
