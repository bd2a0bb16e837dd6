"""One operation at a time, and what became of it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from launcher.backup import operations
from launcher.backup.errors import (
    OperationInProgressError,
    SourceDatabaseError,
    StoreUnavailableError,
)
from launcher.backup.journal import Journal
from launcher.backup.operations import Aside, Operations
from launcher.backup.reasons import Reason
from launcher.backup.records.operation import JournalEntry, Outcome, Progress, Stage, Verb
from tests.support.service import Watch

ROOT = Path(__file__).parents[2]


class Desk:
    """Operations over one data directory, and what they told."""

    def __init__(self, data: Path) -> None:
        self.data = data
        (data / "locks").mkdir(exist_ok=True)
        self.clock = Watch()
        self.journal = Journal(data / "journal.jsonl")
        self.cleared = 0
        self.cleared_folders: list[str] = []
        self.finished: list[JournalEntry] = []
        self.operations = self.open()

    def open(self, **how: Any) -> Operations:
        return Operations(
            self.data,
            journal=self.journal,
            clock=self.clock,
            clear=self._clear,
            clear_folder=self.cleared_folders.append,
            on_interrupted=lambda _progress, _facts: {"data": "unchanged"},
            on_finished=how.get("on_finished", self.finished.append),
        )

    def _clear(self) -> None:
        self.cleared += 1

    def entries(self) -> list[JournalEntry]:
        return list(self.journal.entries())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_finished_operation_is_one_line_of_the_journal(desk: Desk) -> None:
    with desk.operations.run(Verb.CREATE, by="ada") as operation:
        operation.about("20261122T170000Z-k3f9q2")
        operation.facts["size_bytes"] = 7
    [entry] = desk.entries()
    assert (entry.verb, entry.by, entry.outcome) == (Verb.CREATE, "ada", Outcome.SUCCEEDED)
    assert entry.operation_id == operation.id
    assert entry.backup_id == "20261122T170000Z-k3f9q2"
    assert (entry.error, entry.error_code) == ("", "")
    assert entry.facts == {"size_bytes": 7}
    assert entry.started_at < entry.ended_at
    assert desk.finished == [entry]
    assert not (desk.data / "operation.json").exists()


def test_an_operation_that_changed_nothing_is_no_line(desk: Desk) -> None:
    with desk.operations.run(Verb.PLAN, by="ada") as operation:
        operation.is_recorded = False
    assert desk.entries() == []
    assert desk.finished == []


@pytest.mark.parametrize(
    ("error", "outcome", "code", "text"),
    [
        (
            SourceDatabaseError(Reason.UNCLASSIFIED, sentence="it is gone"),
            Outcome.FAILED,
            "source_database",
            "it is gone",
        ),
        (ValueError("odd"), Outcome.FAILED, "internal", "ValueError('odd')"),
        (KeyboardInterrupt(), Outcome.INTERRUPTED, "internal", "KeyboardInterrupt()"),
        (SystemExit(1), Outcome.INTERRUPTED, "internal", "SystemExit(1)"),
    ],
)
def test_a_failure_is_said_with_its_reason_and_its_stage(
    desk: Desk, error: BaseException, outcome: Outcome, code: str, text: str
) -> None:
    def fail() -> None:
        with desk.operations.run(Verb.RESTORE, by="ada") as operation:
            operation.stage(Stage.REPLACE)
            raise error

    with pytest.raises(type(error)):
        fail()
    [entry] = desk.entries()
    assert (entry.outcome, entry.error_code, entry.error) == (outcome, code, text)
    assert entry.facts["stage"] == Stage.REPLACE
    assert desk.operations.running() is None
    with desk.operations.run(Verb.CREATE, by="ben"):
        pass
    assert len(desk.entries()) == 2


def test_busy_names_who_and_what_and_since_when(desk: Desk) -> None:
    since = desk.clock.now
    with desk.operations.run(Verb.RESTORE, by="ada"):
        with pytest.raises(OperationInProgressError) as busy, desk.open().run(Verb.CREATE, by="b"):
            pytest.fail("two at once")
        assert (busy.value.verb, busy.value.by) == ("restore", "ada")
        assert busy.value.since == since
        assert str(busy.value) == f"busy: restore by ada since {since:%H:%M:%S} UTC"
    assert [entry.verb for entry in desk.entries()] == [Verb.RESTORE]


def test_an_operation_begins_once_under_its_id(desk: Desk) -> None:
    """Sent again, it is refused while it runs and after it has ended, at every place."""
    mine = "0123456789abcdef"

    def begin_again(aside: Aside | None) -> None:
        with (
            pytest.raises(OperationInProgressError),
            desk.operations.run(Verb.VERIFY, by="ada", operation_id=mine, aside=aside),
        ):
            pytest.fail("it began again")

    with desk.operations.run(Verb.VERIFY, by="ada", operation_id=mine, aside=Aside.OURS):
        begin_again(None)
        begin_again(Aside.OURS)
    begin_again(None)
    begin_again(Aside.OURS)

    assert [entry.operation_id for entry in desk.journal.entries()] == [mine]


def test_busy_is_said_even_when_the_other_did_not_say_what_it_does(desk: Desk) -> None:
    with desk.operations.run(Verb.RESTORE, by="ada"):
        (desk.data / "operation.json").unlink()
        with pytest.raises(OperationInProgressError, match="busy: operation by another process"):
            desk.open().run(Verb.CREATE, by="ben").__enter__()


def test_threads_take_turns(desk: Desk) -> None:
    contents = 0
    most = 0
    done: list[str] = []

    def work(name: str) -> None:
        nonlocal contents, most
        operations = desk.open()
        while True:
            try:
                with operations.run(Verb.VERIFY, by=name):
                    contents += 1
                    most = max(most, contents)
                    contents -= 1
                    done.append(name)
                    return
            except OperationInProgressError:
                continue

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert sorted(entry.by for entry in desk.entries()) == sorted(done)


def test_looking_does_not_make_it_busy(desk: Desk) -> None:
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            desk.operations.running()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            with desk.operations.run(Verb.VERIFY, by="ada"):
                pass
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert len(desk.entries()) == 30


def test_progress_is_seen_by_everybody(desk: Desk) -> None:
    told: list[Progress] = []
    started_at = desk.clock.now
    with desk.operations.run(
        Verb.CREATE,
        by="ada",
        stages=(Stage.COPY, Stage.CHECK),
        on_progress=told.append,
    ) as operation:
        assert desk.open().running() == Progress(
            operation.id, Verb.CREATE, "ada", started_at, (Stage.COPY, Stage.CHECK)
        )
        operation.about("20261122T170000Z-k3f9q2")
        operation.stage(Stage.COPY, 100)
        operation.advance(100, 100)
        seen = desk.open().running()
        assert seen == operation.progress == told[-1]
        assert seen is not None
        assert (seen.stage, seen.done, seen.total) == (Stage.COPY, 100, 100)
    assert desk.operations.running() is None


def test_reporting_progress_is_cheap(desk: Desk) -> None:
    told: list[Progress] = []
    with desk.operations.run(Verb.CREATE, by="ada", on_progress=told.append) as operation:
        operation.stage(Stage.COPY, 10_000)
        for done in range(10_000):
            operation.advance(done, 10_000)
        assert len(told) < 50
        operation.advance(10_000, 10_000)
        assert told[-1].done == 10_000


def test_a_watcher_that_gives_up_ends_the_operation(desk: Desk) -> None:
    def give_up(_progress: Progress) -> None:
        raise BrokenPipeError("nobody listens")

    with (
        pytest.raises(BrokenPipeError),
        desk.operations.run(Verb.CREATE, by="ada", on_progress=give_up) as operation,
    ):
        operation.stage(Stage.COPY)
    assert desk.entries()[0].outcome is Outcome.FAILED


def test_an_audit_that_fails_changes_no_outcome(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_entry: JournalEntry) -> None:
        raise RuntimeError("no audit today")

    with desk.open(on_finished=fail).run(Verb.CREATE, by="ada"):
        pass
    assert desk.entries()[0].outcome is Outcome.SUCCEEDED
    assert "audit not written" in caplog.text


def test_a_journal_that_cannot_be_written_changes_no_outcome(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.journal.path.mkdir()
    with desk.operations.run(Verb.CREATE, by="ada"):
        pass
    assert "is not in the journal" in caplog.text
    assert len(desk.finished) == 1


def test_a_clock_that_jumps_back_gives_no_operation_a_negative_length(desk: Desk) -> None:
    with desk.operations.run(Verb.CREATE, by="ada"):
        desk.clock.now -= timedelta(days=400)
    with desk.operations.run(Verb.CREATE, by="ben"):
        pass
    newest, oldest = desk.entries()
    assert (newest.by, oldest.by) == ("ben", "ada")
    assert oldest.ended_at == oldest.started_at
    assert newest.started_at < oldest.started_at


CHILD = """
    import sys
    from pathlib import Path
    from launcher.backup.records.operation import Stage, Verb
    from tests.unit.test_operations import Desk

    with Desk(Path(sys.argv[1])).operations.run(
        Verb.RESTORE, by="ada", stages=(Stage.UNPACK, Stage.REPLACE)
    ) as operation:
        operation.about("20261122T170000Z-k3f9q2")
        operation.facts["epoch"] = "e7"
        operation.stage(Stage.REPLACE, 1000)
        operation.advance(1000, 1000)
        print(operation.id, flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def other(desk: Desk) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a restore; its first line is the operation's id."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(desk.data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        yield process
        process.kill()


def operation_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_progress_is_seen_from_another_process(desk: Desk, other: subprocess.Popen[str]) -> None:
    operation_id = operation_of(other)
    seen = desk.operations.running()
    assert seen is not None
    assert (seen.operation_id, seen.verb, seen.by) == (operation_id, Verb.RESTORE, "ada")
    assert (seen.stage, seen.done, seen.total) == (Stage.REPLACE, 1000, 1000)
    assert seen.backup_id == "20261122T170000Z-k3f9q2"
    assert not desk.operations.recover()
    assert desk.entries() == []


def test_a_killed_operation_is_journaled_once_with_its_facts(
    desk: Desk, other: subprocess.Popen[str]
) -> None:
    operation_id = operation_of(other)
    kill(other)
    assert desk.operations.running() is None
    assert desk.operations.recover()
    assert desk.operations.recover()
    with desk.operations.run(Verb.CREATE, by="ben"):
        pass
    newest, buried = desk.entries()
    assert newest.verb is Verb.CREATE
    assert (buried.operation_id, buried.by) == (operation_id, "ada")
    assert (buried.verb, buried.outcome) == (Verb.RESTORE, Outcome.INTERRUPTED)
    assert buried.facts == {"epoch": "e7", "data": "unchanged", "stage": "replace"}
    assert buried.backup_id == "20261122T170000Z-k3f9q2"
    assert desk.finished == [buried, newest]


def test_one_killed_after_its_journal_line_is_not_reported_twice(desk: Desk) -> None:
    with desk.operations.run(Verb.CREATE, by="ada"):
        state = (desk.data / "operation.json").read_bytes()
    (desk.data / "operation.json").write_bytes(state)
    desk.operations.recover()
    assert [entry.outcome for entry in desk.entries()] == [Outcome.SUCCEEDED]
    assert not (desk.data / "operation.json").exists()


@pytest.mark.parametrize(
    "state",
    [b"", b"{", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"operation_id": 1}'],
)
def test_a_torn_state_file_stops_nothing(desk: Desk, state: bytes) -> None:
    (desk.data / "operation.json").write_bytes(state)
    assert desk.operations.running() is None
    with desk.operations.run(Verb.CREATE, by="ada"):
        (desk.data / "operation.json").write_bytes(state)
        assert desk.operations.running() is None
    assert [entry.by for entry in desk.entries()] == ["ada"]


@pytest.mark.parametrize(
    "change",
    [
        {"started_at": "0001-01-01T00:00:00+23:59"},
        {"facts": 7},
        {"done": float("inf")},
        {"stage": "dance"},
        {"verb": None},
    ],
)
def test_a_state_file_that_lies_stops_nothing(desk: Desk, change: dict[str, object]) -> None:
    with desk.operations.run(Verb.CREATE, by="ada"):
        state = json.loads((desk.data / "operation.json").read_bytes())
    (desk.data / "operation.json").write_text(json.dumps({**state, **change}))
    assert desk.operations.recover()


def test_the_debris_is_cleared_before_and_after_each_operation(desk: Desk) -> None:
    with desk.operations.run(Verb.CREATE, by="ada"):
        assert desk.cleared == 1
    assert desk.cleared == 2
    with pytest.raises(LookupError), desk.operations.run(Verb.CREATE, by="ada"):
        raise LookupError
    assert desk.cleared == 4


def test_without_a_data_directory_it_says_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    (tmp_path / "locks").rmdir()
    with pytest.raises(StoreUnavailableError, match="could not use the data directory"):
        desk.operations.run(Verb.CREATE, by="ada").__enter__()
    assert desk.operations.running() is None


def test_a_full_disk_stops_only_the_reporting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_how: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("launcher.backup.operations.write_atomic", full)
    with desk.operations.run(Verb.DELETE, by="ada") as operation:
        operation.stage(Stage.PRUNE)
    assert desk.entries()[0].outcome is Outcome.SUCCEEDED


def test_moments_are_in_utc(desk: Desk) -> None:
    with desk.operations.run(Verb.CREATE, by="ada"):
        running = desk.operations.running()
    assert running is not None
    assert running.started_at.tzinfo is UTC
    assert desk.entries()[0].started_at == datetime(2026, 11, 22, 17, 0, tzinfo=UTC)


# --- beside the lock -----------------------------------------------------------------------


def test_one_that_looks_runs_beside_one_that_holds_the_lock(desk: Desk) -> None:
    with (
        desk.operations.run(Verb.CREATE, by="ada"),
        desk.open().run(Verb.PLAN, by="ben", aside=Aside.OURS) as plan,
    ):
        running = desk.operations.running()
        assert running is not None
        assert running.verb is Verb.CREATE
        assert [each.operation_id for each in desk.operations.aside()] == [plan.id]
        assert desk.operations.find(plan.id) == plan.progress
    assert [entry.by for entry in desk.entries()] == ["ada", "ben"]
    assert desk.operations.aside() == []


def test_it_waits_for_the_lock_and_says_so(desk: Desk) -> None:
    seen: list[tuple[Stage | None, tuple[Stage, ...]]] = []

    def look(progress: Progress) -> None:
        seen.append((progress.stage, progress.stages))
        if progress.stage is Stage.WAIT:
            holder.close()

    holder = contextlib.ExitStack()
    holder.enter_context(desk.operations.run(Verb.CREATE, by="ada"))
    with desk.open().run(
        Verb.UPLOAD,
        by="ben",
        stages=(Stage.UNPACK, Stage.PUBLISH),
        aside=Aside.OUTSIDE,
        on_progress=look,
    ) as upload:
        upload.stage(Stage.UNPACK)
        assert upload.become_exclusive()
        assert not upload.become_exclusive()
        upload.stage(Stage.PUBLISH)
        running = desk.operations.running()
        assert running is not None
        assert running.operation_id == upload.id
        assert desk.operations.aside() == []

    with_wait = (Stage.UNPACK, Stage.WAIT, Stage.PUBLISH)
    assert seen == [
        (Stage.UNPACK, (Stage.UNPACK, Stage.PUBLISH)),
        (Stage.WAIT, with_wait),
        (Stage.PUBLISH, with_wait),
    ]
    assert desk.operations.running() is None


def test_it_is_refused_when_the_lock_stays_held(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.backup.operations._LOCK_WAIT_S", 0.0)
    with desk.operations.run(Verb.CREATE, by="ada"):
        with (
            pytest.raises(OperationInProgressError, match="create by ada"),
            desk.open().run(Verb.UPLOAD, by="ben", aside=Aside.OUTSIDE) as upload,
        ):
            upload.become_exclusive()
        assert desk.operations.running() is not None
    assert [(entry.by, entry.outcome) for entry in desk.entries()] == [
        ("ada", Outcome.SUCCEEDED),
        ("ben", Outcome.FAILED),
    ]


def test_strangers_never_take_the_places_of_ours(desk: Desk) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(desk.open().run(Verb.UPLOAD, by="ben", aside=Aside.OUTSIDE))
        with (
            pytest.raises(OperationInProgressError, match="upload by ben"),
            desk.operations.run(Verb.UPLOAD, by="ada", aside=Aside.OUTSIDE),
        ):
            pass
        for _ in range(2):
            stack.enter_context(desk.open().run(Verb.PLAN, by="ada", aside=Aside.OURS))


def test_one_that_was_killed_while_it_took_the_lock_is_recorded_once(desk: Desk) -> None:
    with desk.operations.run(Verb.UPLOAD, by="ben", aside=Aside.OUTSIDE) as upload:
        upload.is_recorded = False
        state = (desk.data / "operation-aside-1.json").read_bytes()
    (desk.data / "operation-aside-1.json").write_bytes(state)
    (desk.data / "operation.json").write_bytes(state)

    assert desk.operations.has_interrupted_operation()
    found = desk.operations.find(upload.id)

    assert isinstance(found, JournalEntry)
    assert found.outcome is Outcome.INTERRUPTED
    assert len(desk.entries()) == 1
    assert not list(desk.data.glob("operation*.json"))


def test_one_that_was_killed_is_recorded_while_another_holds_the_lock(desk: Desk) -> None:
    with desk.operations.run(Verb.UPLOAD, by="ben", aside=Aside.OUTSIDE) as upload:
        upload.is_recorded = False
        state = (desk.data / "operation-aside-1.json").read_bytes()
    (desk.data / "operation-aside-1.json").write_bytes(state)

    with (
        desk.operations.run(Verb.CREATE, by="ada"),
        desk.open().run(Verb.PLAN, by="eve", aside=Aside.OURS),
    ):
        desk.cleared_folders.clear()
        found = desk.operations.find(upload.id)

        assert isinstance(found, JournalEntry)
        assert "aside-4" not in desk.cleared_folders, "it belongs to one that runs"


def test_of_several_that_were_killed_the_one_that_held_the_lock_is_the_newest(desk: Desk) -> None:
    states = {}
    with desk.operations.run(Verb.UPLOAD, by="ben", aside=Aside.OUTSIDE) as upload:
        upload.is_recorded = False
        states["operation-aside-1.json"] = (desk.data / "operation-aside-1.json").read_bytes()
    with desk.operations.run(Verb.CREATE, by="ada") as create:
        create.is_recorded = False
        states["operation.json"] = (desk.data / "operation.json").read_bytes()
    for name, state in states.items():
        (desk.data / name).write_bytes(state)

    desk.operations.record_interrupted()

    recorded = [(each.verb, each.started_at, each.outcome) for each in desk.entries()]
    assert recorded == [
        (each.progress.verb, each.progress.started_at, Outcome.INTERRUPTED)
        for each in (create, upload)
    ]


def test_a_data_directory_that_cannot_be_written_is_still_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk.data / "operation.json").write_text("{}")
    refused = OSError(errno.EROFS, "Read-only file system")

    def refuse(*_: object, **__: object) -> None:
        raise refused

    monkeypatch.setattr(operations, "lock_within", refuse)
    desk.operations.record_interrupted()
    assert desk.entries() == []
