"""A file that anybody may have made is checked in a process of its own, under limits."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.background import child, examination
from launcher.background.child import Answer
from launcher.background.examination import ExaminerInChild, Limits, limits_for
from launcher.backup.compression import pack
from launcher.backup.errors import (
    BackupError,
    CheckStoppedError,
    OperationInProgressError,
    UploadRejectedError,
)
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup, Encoding, Kind, State
from launcher.backup.records.operation import Outcome
from launcher.backup.verify import ExaminerHere
from tests.support.hostile import HOURS, slow_statistics
from tests.support.notebook import make_notebook
from tests.support.service import House, make_copy

ROOT = Path(__file__).parents[2]
NOTEBOOKS = "tests.support.examination"
ENOUGH = Limits(time_s=60.0, processor_s=60, memory_bytes=512 << 20, file_bytes=64 << 20)
SHORT = Limits(time_s=0.7, processor_s=60, memory_bytes=512 << 20, file_bytes=64 << 20)


@pytest.fixture
def upload(home: House) -> Path:
    """A good file from outside."""
    other = make_notebook(home.root / "other.db", notes=60, wal=False)
    return make_copy(other, home.root / "upload.db")


def under(home: House, limits: Limits) -> House:
    """Return the house with a service that checks in a process of its own."""
    home.service = home.open(examiner=ExaminerInChild(NOTEBOOKS, limits=lambda _size: limits))
    return home


def children(of: int = 0) -> set[int]:
    """Return the processes that a process has started, this one unless another is named."""
    path = Path(f"/proc/{of or os.getpid()}/task")
    return {int(pid) for each in path.glob("*/children") for pid in each.read_text("ascii").split()}


def is_alive(pid: int) -> bool:
    """Whether a process still runs; one that nobody has reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_finds_what_the_check_in_this_process_finds(home: House, upload: Path) -> None:
    with (
        ExaminerInChild(NOTEBOOKS).started() as there,
        ExaminerHere(home.content).started() as here,
    ):
        assert there(upload, is_own=False, app_version="") == here(
            upload, is_own=False, app_version=""
        )


def test_it_refuses_with_the_same_words(home: House, upload: Path) -> None:
    connection = sqlite3.connect(upload)
    connection.execute("CREATE VIEW v AS SELECT 1")
    connection.close()
    under(home, ENOUGH)

    with pytest.raises(UploadRejectedError) as refused:
        home.service.import_(upload, by="ada")

    assert refused.value.reason is Reason.OTHERS_INSIDE
    assert refused.value.facts["names"] == "v"


def test_a_file_that_runs_for_hours_is_stopped_and_nothing_goes_on(
    home: House, upload: Path
) -> None:
    slow_statistics(upload, HOURS)
    under(home, SHORT)
    before = children()

    for offer in (home.service.import_, home.service.plan, home.service.restore):
        with pytest.raises(CheckStoppedError, match="stopped at its limit of 1 seconds") as stopped:
            offer(upload, by="ada")
        assert stopped.value.reason is Reason.CHECK_TIME
        assert home.staged() == []
    assert children() <= before
    assert [entry.outcome for entry in home.service.journal()] == [Outcome.FAILED] * 2


def test_one_that_computes_for_hours_is_stopped_by_its_processor_time(
    home: House, upload: Path
) -> None:
    slow_statistics(upload, HOURS)
    under(home, Limits(60.0, 1, 512 << 20, 64 << 20))

    with pytest.raises(CheckStoppedError, match="1 seconds of processor time"):
        home.service.import_(upload, by="ada")


def test_one_that_needs_much_memory_is_stopped(home: House, upload: Path) -> None:
    slow_statistics(upload, 400_000_000)
    under(home, Limits(60.0, 60, 256 << 20, 64 << 20))

    with pytest.raises(CheckStoppedError, match="memory"):
        home.service.import_(upload, by="ada")


def test_our_own_backup_is_not_called_damaged_when_its_check_is_stopped(home: House) -> None:
    made = home.create()
    under(home, Limits(0.001, 60, 512 << 20, 64 << 20))

    with pytest.raises(CheckStoppedError):
        home.service.verify(made.id, by="ada")

    assert home.service.get(made.id).verification.state is State.VERIFIED


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer("", -signal.SIGSEGV, False), id="a crash"),
        pytest.param(Answer("Segmentation fault", 1, False), id="words"),
        pytest.param(Answer('{"checked": {"path": 7}}', 0, False), id="another record"),
        pytest.param(Answer('{"reason": "no_such_reason"}', 0, False), id="another reason"),
        pytest.param(Answer('{"reason": "cut_off", "facts": {}}', 0, False), id="no facts"),
        pytest.param(Answer("[" * 9999, 0, False), id="deep JSON"),
    ],
)
def test_whatever_the_process_answers_is_a_refusal_in_words(answer: Answer) -> None:
    with pytest.raises(CheckStoppedError, match=r"without a result: (signal|exit code)"):
        examination._read(answer, ENOUGH)


def test_a_process_that_crashes_is_a_refusal_in_words(
    home: House, upload: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(self: child.Child, request: str, *, timeout_s: float) -> Answer:
        os.kill(self.pid, signal.SIGSEGV)
        return asked(self, request, timeout_s=timeout_s)

    asked = child.Child.ask
    monkeypatch.setattr(child.Child, "ask", ask)
    under(home, ENOUGH)

    with pytest.raises(CheckStoppedError, match="ended without a result: signal 11"):
        home.service.import_(upload, by="ada")


def test_no_secret_is_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNCHER_SECRET_KEY", "s3cret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    before = children()
    with ExaminerInChild(NOTEBOOKS).started():
        (pid,) = children() - before
        assert b"s3cret" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert pid not in children()


def test_it_ends_with_a_parent_that_is_killed(home: House, upload: Path) -> None:
    """In a program of its own, since a test cannot kill itself."""
    slow_statistics(upload, HOURS)
    program = f"""
        from pathlib import Path
        from launcher.background.examination import ExaminerInChild
        with ExaminerInChild({NOTEBOOKS!r}).started() as check:
            print("begun", flush=True)
            check(Path({str(upload)!r}), is_own=False, app_version="")
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    (pid,) = children(parent.pid)
    while _seconds_of(pid) < 0.3:  # it imports, then it computes
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    parent.stdout.close()

    while is_alive(pid):
        time.sleep(0.01)


def _seconds_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_limits_grow_with_the_file() -> None:
    small, large = limits_for(100_000), limits_for(1 << 30)
    assert small.processor_s < 60 < small.time_s < 120
    assert large.time_s > 1000
    assert large.memory_bytes == small.memory_bytes


# --- a backup of the folder ----------------------------------------------------------------


def forged(home: House, database: Path) -> Backup:
    """Put a database into the folder with a manifest that calls it a backup of this site."""
    made = home.create()
    raw = make_copy(home.live, home.root / "forged.db")
    database.replace(raw)
    packed = home.store.staging / f"launcher-{made.id}.db"
    facts, file = pack(raw, packed, encoding=Encoding.IDENTITY, on_bytes=lambda *_: None)
    home.store.remove(made)
    backup = replace(made, database=facts, file=file)
    home.store.publish(backup, packed)
    return backup


def test_a_forged_backup_is_stopped_as_well(home: House, upload: Path) -> None:
    slow_statistics(upload, HOURS)
    good = home.create()
    backup = forged(home, upload)
    under(home, SHORT)

    for offer in (home.service.restore, home.service.plan, home.service.test_restore):
        with pytest.raises(CheckStoppedError):
            offer(backup.id, by="ada")

    assert home.service.restore(good.id, by="ada").safety_id
    assert home.staged() == []


def test_what_was_made_or_verified_here_is_restored_without_another_process(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = home.create()
    uploaded = home.service.import_(make_copy(home.live, home.root / "good.db"), by="ada")
    found = home.backups / "found.db"
    make_copy(home.live, found)
    (external,) = [each for each in home.store.list() if each.kind is Kind.EXTERNAL]
    verified = home.service.verify(external.id, by="ada")
    monkeypatch.setattr(ExaminerInChild, "started", lambda _self: pytest.fail("it started one"))
    home.service = home.open(examiner=ExaminerInChild())

    for backup in (made, uploaded, verified):
        home.service.restore(backup.id, by="ada")
    home.service.undo(by="ada")


# --- others go on --------------------------------------------------------------------------


@contextmanager
def being_checked(home: House, path: Path) -> Iterator[None]:
    """Let a file that runs for hours be checked until the end of the block."""
    limits = Limits(120.0, 240, 512 << 20, 64 << 20)
    service = home.open(examiner=ExaminerInChild(NOTEBOOKS, limits=lambda _size: limits))
    refused: list[BackupError] = []

    def offer() -> None:
        try:
            service.import_(path, by="mallory")
        except BackupError as error:
            refused.append(error)

    thread = threading.Thread(target=offer)
    before = children()
    thread.start()
    while not (started := children() - before):
        time.sleep(0.01)
    try:
        yield
        assert thread.is_alive(), "it ended too early to say anything"
    finally:
        for pid in started:
            os.kill(pid, signal.SIGKILL)
        thread.join()
    assert refused


def test_backups_and_restores_go_on_while_a_hostile_file_is_checked(
    home: House, upload: Path
) -> None:
    slow_statistics(upload, HOURS)
    before = home.create()
    under(home, ENOUGH)
    with being_checked(home, upload):
        assert home.service.progress() is None
        assert [each.by for each in home.service.checks()] == ["mallory"]
        assert home.service.create_scheduled(home.clock(), by="schedule")
        assert home.service.plan(before.id, by="ada").backup_id == before.id
        assert home.service.restore("latest", by="ada").safety_id
        assert home.service.recover()
        assert [each.by for each in home.service.checks()] == ["mallory"]
    assert home.staged() == []
    assert home.service.checks() == []


def test_a_third_file_is_not_checked_at_once(home: House, upload: Path) -> None:
    slow_statistics(upload, HOURS)
    good = make_copy(home.live, home.root / "good.db")
    made = home.create()
    with being_checked(home, upload), being_checked(home, upload):
        with pytest.raises(OperationInProgressError, match="upload by mallory"):
            home.service.import_(good, by="ada")
        assert home.service.plan(made.id, by="ada").backup_id == made.id
    assert home.service.import_(good, by="ada").is_good
