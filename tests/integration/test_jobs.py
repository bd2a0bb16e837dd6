"""What the jobs do, and what is remembered of them."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from launcher.backup.errors import (
    BackupError,
    InsufficientSpaceError,
    OperationInProgressError,
    StoreUnavailableError,
)
from launcher.backup.locks import try_lock
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup, Encoding, Kind, State, StoredFile, Verification
from launcher.backup.records.ids import BackupId
from launcher.backup.records.operation import Outcome, Verb
from launcher.backup.verify import Checked
from launcher.config import ROOT
from launcher.current import current_offsite
from launcher.i18n import labels
from launcher.jobs import process, work
from launcher.jobs.election import Election
from launcher.jobs.history import MAX_RUNS, Book, RunOutcome, runs
from launcher.jobs.process import Answered
from launcher.jobs.registry import JOBS
from launcher.jobs.work import SCRUB_DAYS
from launcher.schedule.leader import leader
from tests.support.jobs import NOON, Desk, slots_count_since
from tests.support.offsite import folder_destination

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SCRUB_TIME = NOON + 17 * HOUR  # half an hour after it is due
_PATIENCE_S = 120.0


@pytest.fixture
def desk(app: Flask, cast: object) -> Iterator[Desk]:
    desk = Desk(app)
    yield desk
    desk.leave()


def backups(desk: Desk, count: int) -> list[Backup]:
    """Make backups, each verified an hour after the other."""
    made = []
    for _ in range(count):
        made.append(desk.service.create(by="ada"))
        desk.wait(HOUR)
    return made


def flip(desk: Desk, backup: Backup) -> None:
    assert backup.file is not None
    path = desk.store.path / backup.file.name
    path.chmod(0o600)
    stored = bytearray(path.read_bytes())
    stored[len(stored) // 2] ^= 1
    path.write_bytes(stored)


# --- scrub -------------------------------------------------------------------------------


def test_every_backup_is_verified_again_within_a_month_oldest_verdict_first(desk: Desk) -> None:
    made = backups(desk, 3)
    order = []
    for _ in range(4):
        desk.wait(DAY)
        run = desk.perform("scrub", by="ada")
        assert run is not None
        assert run.facts["verified"] == 1
        newest = max(desk.service.list(), key=lambda b: str(b.verification.at))
        order.append(newest.id)
    assert order == [made[0].id, made[1].id, made[2].id, made[0].id]


def test_a_scrub_takes_as_many_a_day_as_a_month_needs_and_makes_up_for_lost_days(
    desk: Desk,
) -> None:
    backups(desk, 2)
    desk.wait((SCRUB_DAYS + 2) * DAY)
    run = desk.perform("scrub", by="ada")
    assert run is not None
    assert (run.facts["verified"], run.facts["total"]) == (2, 2)


def test_no_verdict_grows_older_than_a_month_while_backups_come_and_days_are_missed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty backups over three months, one more each week, and every fifth day without a scrub."""
    known = {f"{n:02}": desk.now for n in range(40)}

    def listed() -> list[Backup]:
        return [
            Backup(
                id=BackupId(name),
                kind=Kind.MANUAL,
                created_at=NOON,
                file=StoredFile("x", 1, "", Encoding.ZSTD),
                verification=Verification(State.VERIFIED, at),
            )
            for name, at in known.items()
        ]

    def verify(name: str, **_how: object) -> Backup:
        known[name] = desk.now
        return next(backup for backup in listed() if backup.id == name)

    monkeypatch.setattr(desk.service, "list", listed)
    monkeypatch.setattr(desk.service, "verify", verify)
    most = 0
    for day in range(90):
        if day % 5:
            run = desk.perform("scrub", by="ada")
            assert run is not None
            most = max(most, int(str(run.facts["verified"])))
        assert max(desk.now - at for at in known.values()) <= 31 * DAY
        if day % 7 == 0:
            known[f"week {day}"] = desk.now
        desk.wait(DAY)
    assert most <= 3, "in a little every day, not all at once"


def test_a_scrub_finds_the_damaged_one_and_records_it(desk: Desk) -> None:
    (made,) = backups(desk, 1)
    flip(desk, made)
    run = desk.perform("scrub", by="ada")
    assert run is not None
    assert (run.outcome, run.facts["damaged"]) == (RunOutcome.SUCCEEDED, [made.id])
    assert desk.service.get(made.id).verification.state is State.DAMAGED


def test_a_run_with_a_long_list_makes_no_job_forget(desk: Desk) -> None:
    book = Book(desk.data_dir)
    book.observe("backup", "0 3 * * *", at=NOON)
    run = book.begin("scrub", by="schedule", at=NOON)
    long_list = [f"20261122T170000Z-{number:06}" for number in range(50_000)]
    book.end("scrub", replace(run, outcome=RunOutcome.PARTLY, facts={"failed": long_list}))
    Book(desk.data_dir).begin("restore-test", by="schedule", at=NOON)
    assert Book(desk.data_dir).record("backup").schedule == "0 3 * * *"
    assert desk.runs("scrub")[0].facts["failed"] == long_list


def test_a_scrub_leaves_files_of_someone_alone(desk: Desk) -> None:
    (made,) = backups(desk, 1)
    desk.service.export(made.id, desk.store.path / "from-my-old-server.db", by="ada")
    run = desk.perform("scrub", by="ada")
    assert run is not None
    assert run.facts["total"] == 1
    assert {b.kind for b in desk.service.list() if not b.is_good} == {Kind.EXTERNAL}


def test_one_that_cannot_be_verified_does_not_keep_the_others_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = backups(desk, 2)
    verify = desk.service.verify

    def fail_for_first(reference: str, **how: object) -> Backup:
        if reference == first.id:
            raise InsufficientSpaceError(
                Reason.UNCLASSIFIED, sentence="no room for its scratch copy"
            )
        return verify(reference, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.service, "verify", fail_for_first)
    run = desk.perform("scrub", by="ada")
    assert run is not None
    assert (run.outcome, run.error_code) == (RunOutcome.PARTLY, "insufficient_space")
    assert (run.facts["verified"], run.facts["failed"]) == (1, [first.id])


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (
            InsufficientSpaceError(
                Reason.UNCLASSIFIED, sentence="no room for a copy", available_bytes=1000
            ),
            1,
        ),
        (InsufficientSpaceError(Reason.UNCLASSIFIED, sentence="a quota was reached"), 3),
        (StoreUnavailableError(Reason.UNCLASSIFIED, sentence="the folder is read-only"), 3),
    ],
)
def test_a_disk_that_takes_nothing_costs_the_journal_a_few_lines_and_not_the_undo(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: BackupError, attempts: int
) -> None:
    made = backups(desk, 8)
    safety_id = desk.service.restore(made[0].id, by="ada").safety_id
    desk.wait((SCRUB_DAYS + 2) * DAY)

    def refuse(*_arguments: object, **_how: object) -> Checked:
        raise error

    monkeypatch.setattr("launcher.backup.verify.stage_backup", refuse)
    run = desk.perform("scrub", by="ada")
    assert run is not None
    assert (run.error_code, run.facts["overdue"]) == (error.code, 9)
    failed = desk.service.journal(verbs={Verb.VERIFY})
    assert [entry.outcome for entry in failed] == [Outcome.FAILED] * attempts
    assert desk.service.undo_id() == safety_id


def test_what_fits_the_disk_is_verified_beside_what_does_not(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = backups(desk, 1)[0]
    assert small.database is not None
    with contextlib.closing(sqlite3.connect(desk.config.database_path)) as live, live:
        live.execute("UPDATE audit_events SET changes = ?", ("x" * 100_000,))
    backups(desk, 3)
    desk.wait((SCRUB_DAYS + 2) * DAY)
    monkeypatch.setattr("launcher.backup.files.free_bytes", lambda _path: small.database.size_bytes)
    run = desk.perform("scrub", by="ada")
    assert run is not None
    assert (run.outcome, run.error_code) == (RunOutcome.PARTLY, "insufficient_space")
    assert (run.facts["verified"], run.facts["overdue"]) == (1, 3)
    assert len(desk.service.journal(verbs={Verb.VERIFY})) == 2


def test_a_scrub_without_time_says_how_many_are_overdue_and_goes_on_next_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "SCRUB_BOUND_S", 0.0)
    made = backups(desk, 3)
    desk.wait((SCRUB_DAYS + 2) * DAY)

    told = []
    for _ in made:
        run = desk.perform("scrub", by="ada")
        assert run is not None
        told.append((run.outcome, run.error_code, run.facts["verified"], run.facts["overdue"]))
    assert told == [
        (RunOutcome.PARTLY, "time_used_up", 1, 2),
        (RunOutcome.PARTLY, "time_used_up", 1, 1),
        (RunOutcome.SUCCEEDED, "", 1, 0),
    ]


def test_a_scrub_without_time_is_all_right_while_nothing_is_overdue(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "SCRUB_BOUND_S", 0.0)
    backups(desk, SCRUB_DAYS + 1)  # so that two are wanted
    run = desk.perform("scrub", by="ada")
    assert run is not None
    assert (run.outcome, run.facts["verified"]) == (RunOutcome.SUCCEEDED, 1)
    assert run.facts["overdue"] == 0


def test_one_that_is_overdue_and_cannot_be_verified_is_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = backups(desk, 2)
    desk.wait((SCRUB_DAYS + 2) * DAY)
    verify = desk.service.verify

    def fail_for_first(reference: str, **how: object) -> Backup:
        if reference == first.id:
            raise InsufficientSpaceError(
                Reason.UNCLASSIFIED, sentence="no room for its scratch copy"
            )
        return verify(reference, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.service, "verify", fail_for_first)
    run = desk.perform("scrub", by="ada")
    assert run is not None
    assert (run.outcome, run.error_code) == (RunOutcome.PARTLY, "insufficient_space")
    assert (run.facts["failed"], run.facts["overdue"]) == ([first.id], 1)


def test_scrub_and_restore_test_come_by_themselves_and_are_made_up_for_once(desk: Desk) -> None:
    desk.elect()
    backups(desk, 1)
    desk.leave()
    desk.wait(8 * DAY)
    desk.elect()
    desk.pass_time(HOUR, step=MINUTE * 15)
    assert [job_id for job_id, _ in desk.started] == ["backup", "scrub", "restore-test"]
    assert [run.outcome for run in desk.runs("scrub")] == [RunOutcome.SUCCEEDED]
    assert [run.outcome for run in desk.runs("restore-test")] == [RunOutcome.SUCCEEDED]
    assert desk.perform("scrub") is None


@pytest.mark.parametrize(
    ("often", "runs"),
    [
        ("off", []),
        ("daily", ["23", "24", "25", "26", "27", "28", "29", "30", "01"]),
        ("weekly", ["29"]),
        ("monthly", ["01"]),
    ],
)
def test_a_restore_is_tested_as_often_as_it_is_set(desk: Desk, often: str, runs: list[str]) -> None:
    desk.set(restore_test=often, enabled=False)
    desk.set_zone("Europe/Berlin")
    desk.service.create(by="ada")
    desk.elect()
    desk.pass_time(9 * DAY, step=HOUR)
    begun = [
        run.started_at.astimezone(ZoneInfo("Europe/Berlin")) for run in desk.runs("restore-test")
    ]
    assert [f"{at:%d}" for at in reversed(begun)] == runs
    assert {at.hour for at in begun} <= {4}


def test_a_change_of_the_restore_test_makes_up_for_nothing(desk: Desk) -> None:
    desk.set(restore_test="off")
    desk.service.create(by="ada")
    desk.elect()
    desk.pass_time(3 * DAY, step=6 * HOUR)
    desk.set(restore_test="daily")
    desk.pass_time(2 * HOUR)
    assert desk.runs("restore-test") == ()


# --- rehearsal ---------------------------------------------------------------------------


def test_a_restore_test_says_what_the_newest_backup_would_return(desk: Desk) -> None:
    made = backups(desk, 2)
    run = desk.perform("restore-test", by="ada")
    assert run is not None
    assert (run.outcome, run.facts["backup_id"]) == (RunOutcome.SUCCEEDED, made[1].id)
    assert run.facts["rows"]["users"] == 3  # type: ignore[index]
    (remembered,) = desk.runs("restore-test")
    assert remembered == run


def test_a_restore_test_without_a_good_backup_is_postponed(desk: Desk) -> None:
    run = desk.perform("restore-test", by="ada")
    assert run is not None
    assert (run.outcome, run.error_code) == (RunOutcome.POSTPONED, "backup_not_found")


def test_a_backup_that_fails_its_restore_test_is_no_longer_counted_on(desk: Desk) -> None:
    older, newer = backups(desk, 2)
    flip(desk, newer)
    run = desk.perform("restore-test", by="ada")
    assert run is not None
    assert (run.outcome, run.error_code) == (RunOutcome.FAILED, "verification_failed")
    assert desk.service.get("latest").id == older.id


# --- by hand, and at once ----------------------------------------------------------------


def test_a_job_by_hand_says_who_is_busy(desk: Desk) -> None:
    lock = try_lock(desk.config.lock_dir / "operation", exclusive=True)
    assert lock is not None
    with pytest.raises(OperationInProgressError):
        desk.perform("backup", by="ada")
    os.close(lock)
    with Book(desk.data_dir).at_work("backup"), pytest.raises(OperationInProgressError):
        desk.perform("backup", by="ada")
    assert desk.runs() == ()


def test_two_that_ask_at_once_do_it_once(desk: Desk) -> None:
    desk.elect()
    desk.wait(DAY)
    begun = threading.Barrier(4, timeout=60)
    outcomes: list[object] = []

    def ask() -> None:
        begun.wait()
        try:
            outcomes.append(desk.perform("backup"))
        except OperationInProgressError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.scheduled()) == 1
    assert len(desk.runs()) == 1
    assert len(outcomes) == 4


def test_of_many_processes_that_ask_at_once_one_uses_the_slot(desk: Desk) -> None:
    """Whether they are on one host or on several: all they share is the directory's lock."""
    assert desk.perform("backup") is None  # its schedule has been seen, and since long ago
    slots_count_since(desk.data_dir, NOON - 3000 * DAY)
    environment = os.environ | {"LAUNCHER_DATA_DIR": str(desk.data_dir)}
    asking = [
        subprocess.Popen(
            [sys.executable, "-m", "flask", "backup", "run-scheduled"],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(6)
    ]  # fmt: skip
    told = [process.communicate(timeout=_PATIENCE_S * 2) for process in asking]
    busy = 11
    assert {process.returncode for process in asking} <= {0, busy}, told
    (made,) = desk.scheduled()
    assert [said for said, _ in told if said] == [f"{made.id}\n"]
    assert [run.outcome for run in desk.runs()] == [RunOutcome.SUCCEEDED]


# --- retention ---------------------------------------------------------------------------


def test_one_that_cannot_be_removed_is_said_and_keeps_no_other_from_going(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [desk.service.create(by="schedule", kind=Kind.SCHEDULED) for _ in range(4)]
    desk.set(max_count=1)
    remove = desk.store.remove

    def stuck(backup: Backup) -> None:
        if backup.id == made[1].id:
            raise StoreUnavailableError(Reason.UNCLASSIFIED, sentence="it is stuck")
        remove(backup)

    monkeypatch.setattr(desk.store, "remove", stuck)
    desk.wait(HOUR)
    run = desk.perform("backup", by="ada")
    assert run is not None
    assert (run.outcome, run.error) == (RunOutcome.PARTLY, "it is stuck")
    assert run.facts["not_removed"] == [made[1].id]
    left = {backup.id for backup in desk.store.list()}
    assert left == {made[1].id, run.facts["backup_id"]}
    assert desk.service.journal(verbs=[Verb.PRUNE])[0].facts["failed"] == [made[1].id]


def test_a_backup_that_fails_removes_nothing(desk: Desk) -> None:
    made = [desk.service.create(by="schedule", kind=Kind.SCHEDULED) for _ in range(4)]
    desk.set(max_count=1)
    desk.wait(HOUR)
    with desk.failing(InsufficientSpaceError(Reason.UNCLASSIFIED, sentence="the disk is full")):
        run = desk.perform("backup", by="ada")
    assert run is not None
    assert run.outcome is RunOutcome.FAILED
    assert {backup.id for backup in desk.store.list()} == {backup.id for backup in made}


# --- what is remembered ------------------------------------------------------------------


def test_the_last_twenty_runs_of_each_job_are_remembered(desk: Desk) -> None:
    for _ in range(MAX_RUNS + 3):
        desk.perform("restore-test", by="ada")
        desk.wait(MINUTE)
    assert len(desk.runs("restore-test")) == MAX_RUNS
    assert desk.runs("restore-test")[0].started_at == desk.now - MINUTE
    assert set(runs(desk.data_dir)) == set(JOBS)


def test_a_run_is_seen_while_it_runs_and_as_interrupted_when_it_was_killed(desk: Desk) -> None:
    book = Book(desk.data_dir)
    with book.at_work("backup"):
        begun = book.begin("backup", by="schedule", at=desk.now)
        assert desk.runs() == (begun,)
        assert desk.runs()[0].is_running
    (run,) = desk.runs()
    assert (run.outcome, run.ended_at) == (RunOutcome.INTERRUPTED, None)


def test_a_full_disk_forgets_a_run_and_stops_no_job(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("launcher.jobs.history.write_atomic", refuse)
    run = desk.perform("backup", by="ada")
    assert run is not None
    assert run.outcome is RunOutcome.SUCCEEDED


def test_a_history_that_cannot_be_read_for_a_moment_is_not_overwritten(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.perform("backup", by="ada")
    before = (desk.data_dir / "jobs.json").read_bytes()
    opened = Path.open

    def fail(self: Path, *how: object, **more: object) -> object:
        if self.name == "jobs.json":
            raise OSError(errno.EIO, "Input/output error", str(self))
        return opened(self, *how, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", fail)
    run = desk.perform("scrub", by="ada")
    assert run is not None
    monkeypatch.undo()
    assert (desk.data_dir / "jobs.json").read_bytes() == before
    assert [path.name for path in desk.data_dir.glob("jobs*")] == ["jobs.json"]


def test_a_history_that_cannot_be_read_or_replaced_stops_no_job(desk: Desk) -> None:
    path = desk.data_dir / "jobs.json"
    path.unlink(missing_ok=True)
    path.mkdir()
    desk.elect()
    desk.pass_time(2 * DAY, step=MINUTE * 15)
    started = [job_id for job_id, _ in desk.started]
    assert [started.count(job_id) for job_id in ("backup", "scrub")] == [2, 2]
    path.rmdir()
    desk.elect()
    desk.pass_time(DAY, step=MINUTE * 15)
    assert [len(desk.runs(job_id)) for job_id in ("backup", "scrub")] == [3, 3]
    assert [each.name for each in desk.data_dir.glob("jobs*")] == ["jobs.json"]


def test_each_job_and_outcome_has_words() -> None:
    assert set(labels.JOB_WORDS) == set(labels.JOB_PURPOSES) == set(JOBS)
    assert set(labels.RUN_WORDS) == {*RunOutcome, "running"}


# --- processes ---------------------------------------------------------------------------


def ended(desk: Desk, job_id: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not desk.runs(job_id) or desk.runs(job_id)[0].is_running:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_job_runs_in_a_process_of_its_own_if_it_is_due(desk: Desk) -> None:
    assert process.start_due(desk.config, "backup") is Answered.NOTHING
    slots_count_since(desk.data_dir, NOON - 3000 * DAY)
    assert process.start_due(desk.config, "backup") is Answered.BEGUN
    ended(desk, "backup")
    assert process.start_due(desk.config, "backup") is Answered.NOTHING
    assert len(desk.scheduled()) == 1


def test_run_now_has_begun_when_it_returns(desk: Desk) -> None:
    process.run_now(desk.config, "backup", by="ada")
    (run,) = desk.runs()
    assert run.by == "ada"
    ended(desk, "backup")
    assert len(desk.scheduled()) == 1
    with pytest.raises(KeyError):
        process.run_now(desk.config, "../../etc", by="ada")


def test_busy_is_said_by_the_other_process(desk: Desk) -> None:
    slots_count_since(desk.data_dir, NOON - 3000 * DAY)
    process.start_due(desk.config, "scrub")  # so that its schedule has been seen
    lock = try_lock(desk.config.lock_dir / "operation", exclusive=True)
    assert lock is not None
    with pytest.raises(OperationInProgressError):
        process.run_now(desk.config, "backup", by="ada")
    os.close(lock)


@pytest.mark.parametrize("module", ["launcher.jobs.process", "launcher.background.process"])
@pytest.mark.parametrize("said", ["", '{"place": {"data'])
def test_a_process_whose_starter_was_killed_in_mid_sentence_does_nothing(
    module: str, said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=ROOT, input=said, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- the leader --------------------------------------------------------------------------


class LeaderTasks:
    def __init__(self) -> None:
        self.ticked = threading.Event()
        self.is_closed = False

    def tick(self) -> None:
        self.ticked.set()

    def close(self) -> None:
        self.is_closed = True


def candidate(lock_dir: Path, tasks: LeaderTasks) -> Election:
    return Election(lock_dir, on_elected=lambda: tasks, try_every_s=0.01, tick_every_s=0.01)


def test_one_leads_and_the_next_takes_over(desk: Desk) -> None:
    lock_dir = desk.config.lock_dir
    assert leader(lock_dir) is None
    first, second = LeaderTasks(), LeaderTasks()
    one, other = candidate(lock_dir, first), candidate(lock_dir, second)
    one.start()
    assert first.ticked.wait(_PATIENCE_S)
    other.start()
    found = leader(lock_dir)
    assert found is not None
    assert found.pid == os.getpid()
    assert found.host
    assert not second.ticked.is_set()
    one.stop()
    assert first.is_closed
    assert second.ticked.wait(_PATIENCE_S)
    other.stop()
    assert leader(lock_dir) is None, "what the file says counts while the lock is held"


def test_a_leader_whose_lock_was_removed_steps_down(desk: Desk) -> None:
    lock_dir = desk.config.lock_dir
    offices: list[LeaderTasks] = []

    def on_elected() -> LeaderTasks:
        offices.append(LeaderTasks())
        return offices[-1]

    election = Election(lock_dir, on_elected=on_elected, try_every_s=0.01, tick_every_s=0.01)
    election.start()
    deadline = time.monotonic() + _PATIENCE_S
    while not offices and time.monotonic() < deadline:
        time.sleep(0.01)
    (lock_dir / "scheduler").unlink()
    while len(offices) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    election.stop()
    assert len(offices) == 2
    assert all(tasks.is_closed for tasks in offices)


@pytest.mark.parametrize("text", ["", "{", "7", json.dumps({"pid": "x"})])
def test_who_holds_a_lock_without_a_readable_name_leads_all_the_same(desk: Desk, text: str) -> None:
    path = desk.config.lock_dir / "scheduler"
    path.write_text(text)
    lock = try_lock(path, exclusive=True)
    assert lock is not None
    found = leader(desk.config.lock_dir)
    assert found is not None
    assert (found.pid, found.host) == (0, "")
    os.close(lock)
    assert leader(desk.config.lock_dir) is None


# --- looking around ----------------------------------------------------------------------


def test_the_watch_looks_once_a_minute_and_as_soon_as_an_operation_has_ended(desk: Desk) -> None:
    desk.elect()
    assert looks(desk) == 1
    desk.pass_time(MINUTE * 0.9, step=MINUTE / 10)
    assert looks(desk) == 1
    desk.pass_time(MINUTE * 0.1)
    assert looks(desk) == 2
    desk.service.create(by="ada")
    desk.pass_time(timedelta(seconds=2))
    assert looks(desk) == 3


def test_a_clock_that_is_set_back_does_not_make_the_watch_sleep(desk: Desk) -> None:
    desk.elect()
    looks(desk)
    desk.set_clock(NOON - 365 * DAY)
    desk.pass_time(MINUTE)
    assert looks(desk) == 2


def looks(desk: Desk) -> int:
    """Return how often the watch looked, once its thread is done."""
    assert desk.scheduler is not None
    assert desk.scheduler._notifying is not None
    desk.scheduler._notifying.join(_PATIENCE_S)
    return len(desk.looked)


def test_the_leader_starts_the_copies_that_are_owed(desk: Desk, tmp_path: Path) -> None:
    desk.elect()
    assert desk.copied == []
    current_offsite(desk.app).add(folder_destination(tmp_path), by="ada")
    desk.pass_time(timedelta(seconds=2))
    assert desk.copied == ["nas"]
