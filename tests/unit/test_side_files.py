"""A database from outside comes in with the files beside it, or is refused by name."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

import pytest

from launcher.backup import side_files, verify
from launcher.backup.compression import unpack_unknown
from launcher.backup.errors import BackupError, IncompatibleBackupError, UploadRejectedError
from launcher.backup.ports import OnBytes
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup, Kind
from launcher.backup.side_files import _Moment
from launcher.backup.sqlite.header import Header
from tests.support.notebook import make_notebook
from tests.support.service import House, make_copy, run

WRITER = """
import random, sqlite3, sys, time
path, seed, count, mode, pause = *sys.argv[1:2], *map(int, sys.argv[2:4]), *sys.argv[4:]
chance = random.Random(seed)
connection = sqlite3.connect(path, isolation_level=None)
for pragma in (f"journal_mode={mode}", "synchronous=OFF", "cache_size=5",
               f"wal_autocheckpoint={chance.choice((0, 3, 20, 1000))}"):
    connection.execute(f"PRAGMA {pragma}")
insert = "INSERT INTO note (person_id, body, twin) VALUES (1, ?, ?)"
for number in range(count):
    connection.execute("BEGIN IMMEDIATE")
    for part in range(chance.choice((1, 1, 1, 4, 40))):
        connection.execute(insert, (f"{number}.{part} " * chance.choice((3, 300)), "part"))
    if chance.random() < 0.15:
        connection.execute("ROLLBACK")
    else:
        connection.execute(insert, (f"#{number}", ""))
        connection.execute("COMMIT")
        print(number, flush=True)
    if chance.random() < 0.1:
        kind = chance.choice(("PASSIVE", "FULL", "RESTART", "TRUNCATE"))
        connection.execute(f"PRAGMA wal_checkpoint({kind})").fetchall()
    time.sleep(float(pause))
print("end", flush=True)
sys.stdin.read()
"""


@contextmanager
def writer(
    path: Path, *, seed: int, commits: int, mode: str = "WAL", pause_s: float = 0.0
) -> Iterator[subprocess.Popen[str]]:
    """Run a program that commits to `path`, says each commit, and is killed at the end."""
    command = [sys.executable, "-c", WRITER, str(path), str(seed), str(commits), mode, str(pause_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        try:
            yield it
        finally:
            it.kill()


def read_until(process: subprocess.Popen[str], count: int) -> set[str]:
    """Return the commits that the writer has said, at least `count` of them, or all."""
    assert process.stdout is not None
    said: set[str] = set()
    for line in process.stdout:
        if line == "end\n":
            break
        said.add(f"#{line.strip()}")
        if len(said) >= count:
            break
    return said


def commits_in(home: House) -> set[str]:
    return {str(body) for (body,) in home.run("SELECT body FROM note WHERE twin = ''")}


def contents_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in folder.iterdir()}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.backup.side_files._PAUSE_S", 0.01)


@pytest.fixture
def brought(home: House) -> Path:
    """A notebook in a folder of its own, as an admin brings it."""
    folder = home.root / "usb"
    folder.mkdir()
    return make_notebook(folder / "old.db", notes=30, wal=False)


def killed_writer(path: Path, *, seed: int, mode: str = "WAL") -> set[str]:
    """Commit at random and be killed; return what was committed for certain."""
    chance = random.Random(seed)
    with writer(path, seed=seed, commits=chance.randint(1, 60), mode=mode) as process:
        said = read_until(process, chance.randint(1, 60))
        if chance.random() < 0.5:
            time.sleep(chance.random() / 200)
        process.send_signal(signal.SIGKILL)
        assert process.stdout is not None
        for line in process.stdout:
            said.add(f"#{line.strip()}")
    return said - {"#end"}


def open_and_close(path: Path) -> None:
    """Do what `sqlite3 FILE .schema` does: the log is applied up to its last whole commit."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def every_commit_comes_back(home: House, path: Path, *, seed: int, mode: str) -> bool:
    """Kill a writer and bring its files in; False when a journal was refused by name.

    SQLite writes a commit into the log first and then the checksums of its pages. A log that was
    left between the two looks like a damaged one, so the way out of the hint has to work.
    """
    said = killed_writer(path, seed=seed, mode=mode)
    before = contents_of(path.parent)
    try:
        backup = home.service.import_(path, by="ada")
    except UploadRejectedError as error:
        assert contents_of(path.parent) == before
        if error.reason is Reason.JOURNAL_BESIDE and f"{path.name}-journal" in str(error):
            return False
        if error.reason is not Reason.LOG_UNREADABLE or f"{path.name}-wal" not in str(error):
            raise
        open_and_close(path)
        before = contents_of(path.parent)
        backup = home.service.import_(path, by="ada")
    finally:
        assert home.staged() == []
    for source in (backup.id, path):
        home.run("DELETE FROM note")
        home.service.restore(source, by="ada", keep_schedule=False)
        assert said <= commits_in(home)
    assert contents_of(path.parent) == before
    return True


@pytest.mark.parametrize("seed", range(8))
def test_what_a_killed_program_committed_is_included(home: House, brought: Path, seed: int) -> None:
    assert every_commit_comes_back(home, brought, seed=seed, mode="WAL")


@pytest.mark.slow
def test_what_any_killed_program_committed_is_included_or_refused_by_name(
    home: House, brought: Path
) -> None:
    whole = brought.read_bytes()
    for seed in range(100, 300):
        shutil.rmtree(brought.parent)
        brought.parent.mkdir()
        brought.write_bytes(whole)
        mode = "WAL" if seed % 2 else "DELETE"
        assert every_commit_comes_back(home, brought, seed=seed, mode=mode) or mode == "DELETE"


def import_from(process: subprocess.Popen[str], home: House, path: Path) -> Backup:
    """Take in a file while it is written; where that is too fast for this machine, half way."""
    try:
        return home.service.import_(path, by="ada")
    except UploadRejectedError as error:
        if error.reason is not Reason.KEEPS_CHANGING:
            raise
    process.send_signal(signal.SIGSTOP)
    try:
        return home.service.import_(path, by="ada")
    finally:
        process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("seed", range(4))
def test_a_program_that_writes_meanwhile_loses_nothing(
    home: House, brought: Path, seed: int
) -> None:
    with writer(brought, seed=seed, commits=100_000, pause_s=0.005) as process:
        said = set()
        for _time in range(4):
            said |= read_until(process, 10)
            backup = import_from(process, home, brought)
            assert process.poll() is None
            home.service.restore(backup.id, by="ada", keep_schedule=False)
            assert said <= commits_in(home)


def once_before(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, write: Callable[[], object]
) -> Callable[[], bool]:
    """Let another program write the first time that a function is called; say whether it has."""
    function = getattr(module, name)
    writes = [write]

    def call(*args: object, **named: object) -> object:
        if writes:
            writes.pop()()
        return function(*args, **named)

    monkeypatch.setattr(module, name, call)
    return lambda: not writes


def test_what_is_committed_and_moved_while_the_database_is_copied_is_in_the_copy(
    home: House, brought: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(brought, isolation_level=None)) as program:
        program.execute("PRAGMA journal_mode=WAL")
        program.execute("UPDATE note SET body = 'older', twin = ''")

        def commit_and_move() -> None:
            program.execute("DELETE FROM note WHERE id % 2")
            program.execute("UPDATE note SET body = id || hex(zeroblob(2000))")
            assert program.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[0] == 0

        has_written = once_before(monkeypatch, side_files, "_copy", commit_and_move)
        backup = home.service.import_(brought, by="ada")
        assert has_written()
        home.service.restore(backup.id, by="ada")
        expected = {str(body) for (body,) in program.execute("SELECT body FROM note")}
    assert commits_in(home) == expected


def test_a_change_that_the_time_of_the_file_does_not_show_is_not_half_in_the_copy(
    home: House, brought: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought.unlink()
    make_notebook(brought, notes=3000, wal=False)
    run(brought, "UPDATE note SET twin = 'older'")
    tick = brought.stat().st_mtime_ns

    def change() -> None:
        run(brought, "UPDATE note SET twin = 'newer'")
        os.utime(brought, ns=(tick, tick))

    has_changed = False

    def unpack(source: BinaryIO, target: Path, *, on_bytes: OnBytes) -> Header:
        def half_way(done: int, total: int) -> None:
            nonlocal has_changed
            if not has_changed and done > total // 2:
                has_changed = True
                change()

        return unpack_unknown(source, target, on_bytes=half_way)

    monkeypatch.setattr("launcher.backup.compression.CHUNK_BYTES", 4096)
    monkeypatch.setattr("launcher.backup.side_files.unpack_unknown", unpack)
    backup = home.service.import_(brought, by="ada")
    assert has_changed
    home.service.restore(backup.id, by="ada")
    assert home.run("SELECT DISTINCT twin FROM note") == [("newer",)]


HALF_WAY = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in ("PRAGMA journal_mode=MEMORY", "PRAGMA cache_size=3", "BEGIN",
                  "UPDATE note SET twin = 'newer'"):
    connection.execute(statement)
print("half way", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
print("done", flush=True)
sys.stdin.readline()
"""


def test_half_a_transaction_without_a_journal_is_not_in_the_copy(
    home: House, brought: Path
) -> None:
    brought.unlink()
    make_notebook(brought, notes=3000, wal=False)
    run(brought, "UPDATE note SET twin = 'older'")
    before = brought.read_bytes()
    # Locks of this process are not in its own way, so the program is another one.
    command = [sys.executable, "-c", HALF_WAY, str(brought)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stdout.readline() == "half way\n"
        assert brought.read_bytes() != before
        with pytest.raises(UploadRejectedError) as caught:
            home.service.import_(brought, by="ada")
        assert caught.value.reason is Reason.KEEPS_CHANGING
        program.stdin.write("\n")
        assert program.stdout.readline() == "done\n"
        backup = home.service.import_(brought, by="ada")
        program.stdin.write("\n")
    home.service.restore(backup.id, by="ada")
    assert home.run("SELECT DISTINCT twin FROM note") == [("newer",)]


def test_what_was_read_to_know_the_kind_of_file_is_read_again(
    home: House, brought: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(brought, isolation_level=None)) as program:
        program.execute("PRAGMA journal_mode=WAL")
        program.execute(
            "INSERT INTO note (person_id, body, twin) VALUES (1, hex(zeroblob(99999)), '')"
        )
        program.execute("PRAGMA wal_checkpoint(RESTART)")

        def begin_another_log() -> None:
            program.execute("DELETE FROM note WHERE twin = ''")  # the first page counts free pages
            program.execute("PRAGMA wal_checkpoint(RESTART)")
            program.execute("UPDATE note SET body = 'newest', twin = '' WHERE id = 1")

        has_written = once_before(monkeypatch, verify, "is_database", begin_another_log)
        backup = home.service.import_(brought, by="ada")
        assert has_written()
    home.service.restore(backup.id, by="ada")
    assert commits_in(home) == {"newest"}


def test_a_log_that_is_written_while_it_is_read_is_not_called_damaged(
    home: House, brought: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = side_files._copy
    with closing(sqlite3.connect(brought, isolation_level=None)) as program:
        program.execute("PRAGMA journal_mode=WAL")
        program.execute("UPDATE note SET body = 'older', twin = ''")

        def tear(source: BinaryIO, target: Path, *, size_bytes: int, on_bytes: OnBytes) -> None:
            copy(source, target, size_bytes=size_bytes, on_bytes=on_bytes)
            if target.name.endswith("-wal"):
                with target.open("r+b") as torn:
                    torn.seek(5000)
                    torn.write(b"torn")
                program.execute("UPDATE note SET body = 'newer'")

        monkeypatch.setattr(side_files, "_copy", tear)
        with pytest.raises(UploadRejectedError) as caught:
            home.service.import_(brought, by="ada")
        assert caught.value.reason is Reason.KEEPS_CHANGING
        monkeypatch.undo()
        assert home.service.import_(brought, by="ada").is_good


def test_a_program_that_never_stops_writing_is_named(
    home: House, brought: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = count()
    monkeypatch.setattr(
        "launcher.backup.side_files._moment", lambda *_: _Moment(b"", (next(moments),))
    )
    error = refused(home, brought)
    assert (error.reason, error.facts) == (Reason.KEEPS_CHANGING, {"name": "old.db"})


def test_a_program_that_reads_keeps_the_log_and_loses_nothing(home: House, brought: Path) -> None:
    connection = sqlite3.connect(brought, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    reader = sqlite3.connect(brought, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM note").fetchone()
    connection.execute("UPDATE note SET body = 'newest', twin = ''")
    backup = home.service.import_(brought, by="ada")
    home.service.restore(backup.id, by="ada")
    assert commits_in(home) == {"newest"}
    # The program still works, and nobody else's locks were dropped.
    connection.execute("UPDATE note SET body = 'after'")
    assert reader.execute("SELECT body FROM note").fetchone() != ("after",)
    assert backup.verification.warnings == ()
    reader.close()
    connection.close()


def with_log(path: Path, text: str = "newest") -> Path:
    """Leave a log with one commit beside a database, as a killed program does; return it."""
    made = path.with_name("made.db")
    shutil.copy(path, made)
    connection = sqlite3.connect(made, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("UPDATE note SET body = ?, twin = ''", (text,))
    log = path.with_name(path.name + "-wal")
    shutil.copy(made, path)
    shutil.copy(f"{made}-wal", log)
    connection.close()
    made.unlink()
    return log


def refused(home: House, path: Path) -> BackupError:
    """Offer a file at each door; return the error, the same one at each."""
    said = []
    for offer in (home.service.import_, home.service.restore, home.service.plan):
        with pytest.raises(BackupError) as caught:
            offer(path, by="ada")
        said.append(caught.value)
        assert home.staged() == []
    assert len({(type(each), each.reason) for each in said}) == 1
    return said[0]


@pytest.mark.parametrize(
    ("place", "what"),
    [
        (0, "its mark"),
        (18, "its header"),
        (40, "a frame's mark"),
        (5000, "a page"),
        (-3000, "the end"),
    ],
)
def test_a_damaged_log_is_refused_by_name(
    home: House, brought: Path, place: int, what: str
) -> None:
    log = with_log(brought)
    data = bytearray(log.read_bytes())
    data[place] ^= 4
    log.write_bytes(data)
    error = refused(home, brought)
    assert (error.reason, "old.db-wal" in str(error)) == (Reason.LOG_UNREADABLE, True), what


def test_a_log_that_was_left_in_its_last_commit_comes_in_once_sqlite_has_opened_it(
    home: House, brought: Path
) -> None:
    brought.unlink()
    make_notebook(brought, notes=300, wal=False)
    program = sqlite3.connect(brought, isolation_level=None)
    for pragma in ("journal_mode=WAL", "cache_size=5", "wal_autocheckpoint=0"):
        program.execute(f"PRAGMA {pragma}")
    program.execute("UPDATE note SET body = 'done', twin = ''")
    log, whole = brought.with_name("old.db-wal"), brought.read_bytes()
    kept = log.stat().st_size
    # With so small a cache, pages go to the log more than once before the commit, and SQLite
    # renews their checksums after it. These are the ones from before that.
    program.execute("BEGIN IMMEDIATE")
    for body in ("first", "second"):
        program.execute("UPDATE note SET body = ?", (body,))
    spilled = log.read_bytes()
    program.execute("COMMIT")
    committed = log.read_bytes()
    program.close()
    torn = bytearray(committed)
    for start in range(kept, len(spilled), 24 + 4096):
        torn[start + 16 : start + 24] = spilled[start + 16 : start + 24]
    assert torn != committed
    brought.write_bytes(whole)
    log.write_bytes(torn)

    assert refused(home, brought).reason is Reason.LOG_UNREADABLE
    open_and_close(brought)
    home.service.restore(home.service.import_(brought, by="ada").id, by="ada")
    assert commits_in(home) == {"done"}


def test_a_log_of_garbage_is_refused_by_name(home: House, brought: Path) -> None:
    brought.with_name("old.db-wal").write_bytes(os.urandom(9000))
    assert refused(home, brought).reason is Reason.LOG_UNREADABLE


@pytest.mark.parametrize("page_size", [0, 1, 1000, 2**31])
def test_a_log_with_an_impossible_page_size_is_refused_at_once(
    home: House, brought: Path, page_size: int
) -> None:
    words = (0x377F0682, 3007000, page_size, 0, 1, 2)
    first = second = 0
    for word, following in zip(words[::2], words[1::2], strict=True):
        # The magic number says that words are summed in the order of a little-endian machine.
        a, b = (int.from_bytes(each.to_bytes(4, "big"), "little") for each in (word, following))
        first = (first + a + second) % 2**32
        second = (second + b + first) % 2**32
    header = b"".join(each.to_bytes(4, "big") for each in (*words, first, second))
    brought.with_name("old.db-wal").write_bytes(header + b"x" * 9000)
    assert refused(home, brought).reason is Reason.LOG_UNREADABLE


def test_the_log_of_another_database_does_not_pass_for_a_whole_one(
    home: House, brought: Path
) -> None:
    other = make_notebook(brought.with_name("other.db"), notes=300, wal=False)
    with_log(other).rename(brought.with_name("old.db-wal"))
    refused(home, brought)


def test_a_log_without_a_whole_commit_loses_nothing(home: House, brought: Path) -> None:
    log = with_log(brought)
    os.truncate(log, log.stat().st_size - 4096)
    home.service.restore(home.service.import_(brought, by="ada").id, by="ada")
    assert commits_in(home) == set()


@pytest.mark.parametrize("data", [b"", b"x" * 32])
def test_a_log_that_holds_nothing_is_no_log(home: House, brought: Path, data: bytes) -> None:
    brought.with_name("old.db-wal").write_bytes(data)
    assert home.service.import_(brought, by="ada").is_good


def test_a_log_that_is_a_link_is_refused_by_name(home: House, brought: Path) -> None:
    log = with_log(brought)
    log.rename(log.with_name("elsewhere"))
    log.symlink_to("elsewhere")
    error = refused(home, brought)
    assert (error.reason, error.facts["name"]) == (Reason.PATH_UNREADABLE, "old.db-wal")


def test_a_journal_that_has_ended_is_none(home: House, brought: Path) -> None:
    run(brought, "PRAGMA user_version=1")
    brought.with_name("old.db-journal").write_bytes(b"\0" * 4096)
    assert home.service.import_(brought, by="ada").is_good


def test_a_database_alone_that_had_a_log_comes_in_with_a_warning(
    home: House, brought: Path
) -> None:
    log = with_log(brought)
    log.unlink()
    backup = home.service.import_(brought, by="ada")
    [warning] = backup.verification.warnings
    assert warning.reason is Reason.LOG_APART
    for source in (brought, backup.id):
        assert [each.reason for each in home.service.plan(source, by="ada").warnings] == [
            Reason.LOG_APART
        ]


def test_what_came_in_with_its_log_and_our_own_backups_have_no_warning(
    home: House, brought: Path
) -> None:
    with_log(brought)
    backup = home.service.import_(brought, by="ada")
    assert backup.verification.warnings == ()
    for source in (brought, backup.id, home.create().id):
        assert home.service.plan(source, by="ada").warnings == ()


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_in_the_folder_a_file_with_another_beside_it_is_refused_by_name(
    home: House, brought: Path, suffix: str
) -> None:
    home.create()
    make_copy(brought, home.backups / "old.db")
    shutil.copy(with_log(brought), home.backups / f"old.db{suffix}")
    [found] = [each for each in home.service.list() if each.kind is Kind.EXTERNAL]
    for offer in (home.service.verify, home.service.restore, home.service.test_restore):
        with pytest.raises(IncompatibleBackupError, match=f"old.db{suffix} is beside"):
            offer(found.id, by="ada")
    [again] = [each for each in home.service.list() if each.kind is Kind.EXTERNAL]
    assert again == found
