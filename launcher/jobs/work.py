"""What each job does: whether it is due, its work, and the record of how it ended.

`perform` is the one road: the leader's processes, `flask backup run-scheduled` and *run now* take
it. The second one finds the slot claimed, and that is all right.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from launcher.backup.codec import encode
from launcher.backup.errors import (
    BackupError,
    BackupNotFoundError,
    ChecksumMismatchError,
    InsufficientSpaceError,
    OperationInProgressError,
    StoreUnavailableError,
    TimeUsedUpError,
    VerificationError,
)
from launcher.backup.ports import Clock, OnProgress
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup, Kind
from launcher.backup.records.ids import LATEST
from launcher.backup.records.operation import Progress
from launcher.backup.service import BackupService
from launcher.backup.slots import claim_of, is_open
from launcher.jobs.history import Book, Record, Run, RunOutcome
from launcher.jobs.registry import JOBS, Job
from launcher.offsite.errors import OffsiteError
from launcher.offsite.restore_test import FarCopy
from launcher.offsite.service import OffsiteService
from launcher.offsite.troubles import RemoteError, Trouble
from launcher.settings.table import SiteSettings

SCHEDULE = "schedule"
"""The name of the schedule in journal and history."""

OFF = "off"
SCRUB_DAYS = 28  # a little less than a month, so that a missed day or two can be caught up
SCRUB_BOUND_S = 30 * 60.0
CHANGE_UNSEEN = timedelta(seconds=5)

_MOST_REFUSALS = 3  # one may be a bad sector under one file; three are the disk


# --- due, or not -------------------------------------------------------------------------


def watch_schedule(
    book: Book, job: Job, settings: SiteSettings, *, now: datetime, is_watched: bool = False
) -> Record:
    """Notice when a job's schedule is another one than before; return what is remembered of it.

    Args:
        is_watched: the caller looked a moment ago, so a change is no older than that, and a slot
            that came due meanwhile counts.
    """
    expression = job.cron(settings)
    text = f"{expression} {settings.zone}" if expression is not None else OFF
    record = book.record(job.id)
    at = now - CHANGE_UNSEEN if is_watched and record.schedule != text else now
    return book.observe(job.id, text, at=at)


def owed(
    service: BackupService, record: Record, job: Job, settings: SiteSettings, *, now: datetime
) -> datetime | None:
    """Return the slot of a job that is to start now, None when nothing is due.

    That is the newest one that came due, however many were missed, if it was not used.
    """
    slot = job.last_due(settings, now=now)
    if slot is None or record.since is None or slot <= record.since:
        return None
    if job.id == "backup":
        is_unused = service.is_slot_open(slot)
    else:
        is_unused = is_open(record.claim, slot, now=now)
    return slot if is_unused else None


# --- done --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a job; `error` is there when it did not simply succeed."""

    outcome: RunOutcome
    facts: Mapping[str, object]
    error: BackupError | None = None


@dataclass(slots=True)
class _Task:
    """One run of a job while it runs. It is recorded once it has really started."""

    book: Book
    service: BackupService
    job: Job
    settings: SiteSettings
    clock: Clock
    by: str
    slot: datetime | None
    on_begun: Callable[[], None]
    on_progress: OnProgress | None
    offsite: OffsiteService | None = None
    run: Run | None = None

    def begin(self) -> Run:
        """Record that it runs, and claim its slot; once."""
        if self.run is None:
            now, claim = self.clock(), None
            if self.slot is not None and self.job.id != "backup":
                claim = claim_of(self.book.record(self.job.id).claim, self.slot, now=now)
            self.run = self.book.begin(self.job.id, by=self.by, at=now, claim=claim)
            self.on_begun()
        return self.run

    def report(self, progress: Progress) -> None:
        """Pass progress on; the first word of it means that the operation lock is held."""
        self.begin()
        if self.on_progress is not None:
            self.on_progress(progress)


def perform(
    job_id: str,
    service: BackupService,
    book: Book,
    settings: SiteSettings,
    *,
    clock: Clock,
    by: str = SCHEDULE,
    is_by_hand: bool = False,
    on_begun: Callable[[], None] = lambda: None,
    on_progress: OnProgress | None = None,
    offsite: OffsiteService | None = None,
) -> Run | None:
    """Run a job if it is due, or because a person asked for it, and record how it ended.

    Args:
        on_begun: called once it is certain that it runs.
        is_by_hand: do it now, whether it is due or not; no slot is used.
        offsite: the copies in other places, for the restore test.

    Returns:
        The run, or None when nothing was due, or another process is at it.

    Raises:
        OperationInProgressError: another operation holds the lock; nothing was claimed, so it
            will be tried again.
    """
    job = JOBS[job_id]
    with book.at_work(job_id) as is_mine:
        if not is_mine:
            if is_by_hand:
                raise _busy(book, job)
            return None
        slot = None
        if not is_by_hand:
            now = clock()
            record = watch_schedule(book, job, settings, now=now)
            slot = owed(service, record, job, settings, now=now)
            if slot is None:
                return None
        task = _Task(book, service, job, settings, clock, by, slot, on_begun, on_progress, offsite)
        return _carry_out(task)


def _busy(book: Book, job: Job) -> OperationInProgressError:
    """Return the error that names who runs this job, as far as that is known."""
    run = next((each for each in book.record(job.id).runs if each.is_running), None)
    by, since = (run.by, run.started_at) if run else (SCHEDULE, None)
    return OperationInProgressError(verb=job.verb, by=by, since=since)


def _carry_out(task: _Task) -> Run | None:
    try:
        done = _WORK[task.job.id](task)
    except OperationInProgressError as error:
        if task.run is None:
            raise
        done = Done(RunOutcome.POSTPONED, {}, error)
    except BackupError as error:
        done = Done(RunOutcome.FAILED, {}, error)
    except Exception as error:
        _end(task, Done(RunOutcome.FAILED, {}), message=repr(error), code="internal")
        raise
    if done is None:
        return None
    if done.error is None:
        return _end(task, done)
    return _end(task, done, message=str(done.error), code=done.error.code)


def _end(task: _Task, done: Done, *, message: str = "", code: str = "") -> Run:
    run = task.begin()
    facts = dict(done.facts)
    if task.slot is not None:
        facts["slot"] = encode(task.slot)
    run = replace(
        run,
        ended_at=max(run.started_at, task.clock()),  # the clock may be set back
        outcome=done.outcome,
        error=message,
        error_code=code,
        facts=facts,
    )
    task.book.end(task.job.id, run)
    return run


# --- the jobs ----------------------------------------------------------------------------


def _back_up(task: _Task) -> Done | None:
    """Create a backup, then remove what retention does not keep; None if the slot is used by now.

    A backup that a person asked for is a scheduled one as well: it is what the schedule creates,
    and a backup to keep is created with `create`.
    """
    made: Backup | None
    if task.slot is None:
        made = task.service.create(by=task.by, kind=Kind.SCHEDULED, on_progress=task.report)
    else:
        made = task.service.create_scheduled(task.slot, by=task.by, on_progress=task.report)
    if made is None:
        return None
    facts: dict[str, object] = {"backup_id": made.id}
    try:
        pruned = task.service.prune(task.settings.policy, by=task.by, zone=task.settings.zone)
    except BackupError as error:
        # The backup is there, which is what counts; the next run removes more.
        return Done(RunOutcome.PARTLY, facts, error)
    facts["removed"] = list(pruned.done)
    if pruned.failed:
        facts["not_removed"] = [failure.backup_id for failure in pruned.failed]
        fault = pruned.failed[0].fault
        return Done(RunOutcome.PARTLY, facts, BackupError(fault.reason, **fault.facts))
    return Done(RunOutcome.SUCCEEDED, facts)


def _scrub(task: _Task) -> Done:
    """Verify the longest unverified backups, so many that all of them are verified within a month.

    A damaged one is a finding, and its verdict is recorded; what cannot be looked at now does not
    keep the others from being looked at. But each attempt is a line of the journal: what is larger
    than the room there is waits without one, and a disk that refuses again and again ends the run.
    """
    known = [backup for backup in task.service.list() if backup.is_scrubbed]
    queue = sorted(known, key=lambda backup: backup.verification.at or _NEVER)
    late = task.clock() - timedelta(days=SCRUB_DAYS)
    overdue = {backup.id for backup in queue if (backup.verification.at or _NEVER) < late}
    wanted = max(len(overdue), math.ceil(len(queue) / SCRUB_DAYS))
    deadline = time.monotonic() + SCRUB_BOUND_S
    verified: list[Backup] = []
    failed: list[str] = []
    error: BackupError | None = None
    room_bytes, refusals = math.inf, 0
    for backup in queue:
        if len(verified) >= wanted or refusals == _MOST_REFUSALS:
            break
        if _size_bytes(backup) > room_bytes:
            continue
        if (verified or failed) and time.monotonic() >= deadline:
            error = error or _cut_short(len(overdue))
            break
        try:
            verified.append(task.service.verify(backup.id, by=task.by, on_progress=task.report))
            overdue.discard(backup.id)
        except BackupNotFoundError:
            overdue.discard(backup.id)  # deleted meanwhile
        except OperationInProgressError as busy:
            if not (verified or failed):
                raise
            error = busy
            break
        except BackupError as found:
            failed.append(backup.id)
            error = found
            if isinstance(found, InsufficientSpaceError | StoreUnavailableError):
                refusals += 1
            if isinstance(found, InsufficientSpaceError):
                room_bytes = int(found.facts.get("available_bytes", _size_bytes(backup)))
    facts: dict[str, object] = {
        "verified": len(verified),
        "total": len(known),
        "damaged": [backup.id for backup in verified if not backup.is_good],
        "failed": failed,
        "overdue": len(overdue),
    }
    if error is None:
        return Done(RunOutcome.SUCCEEDED, facts)
    if verified:
        return Done(RunOutcome.PARTLY, facts, error)
    is_no_room = isinstance(error, InsufficientSpaceError)
    return Done(RunOutcome.POSTPONED if is_no_room else RunOutcome.FAILED, facts, error)


_NEVER = datetime.min.replace(tzinfo=UTC)


def _size_bytes(backup: Backup) -> int:
    return backup.database.size_bytes if backup.database else 0


def _cut_short(overdue: int) -> TimeUsedUpError | None:
    """Return the error of a run that its bound ended; None while it leaves nothing overdue."""
    if not overdue:
        return None
    return TimeUsedUpError(
        Reason.TIME_USED_UP, minutes=f"{SCRUB_BOUND_S / 60:g}", overdue=overdue, days=SCRUB_DAYS
    )


def _test_restore(task: _Task) -> Done:
    """Restore the newest good backup to a temporary copy: every other time that of another place.

    Where that cannot be reached, the one here is tested, and the record says so.
    """
    far = _far_copy(task)
    if far is None:
        return _test_here(task)
    facts = {"backup_id": far.copy.id, "destination": far.destination.name}
    try:
        task.begin()
        plan = _offsite(task).restore_test(far, by=task.by, on_progress=task.report)
    except VerificationError as error:
        return Done(RunOutcome.FAILED, facts, error)
    except (RemoteError, OffsiteError, InsufficientSpaceError) as error:
        trouble = _trouble_of(error)
        if trouble is not Trouble.DIFFERENT:
            return _test_here(task, instead_of=far, trouble=trouble)
        damaged = ChecksumMismatchError(Reason.CHECKSUM, name=far.copy.name)
        return Done(RunOutcome.FAILED, facts, damaged)
    rows = {change.table: change.then for change in plan.rows}
    return Done(RunOutcome.SUCCEEDED, facts | {"rows": rows})


def _far_copy(task: _Task) -> FarCopy | None:
    """Return the copy to test, None where it is the turn of the backups here.

    The last test that came to an end decides, so that one that was postponed counts for neither.
    """
    last = next(
        (run for run in task.book.record(task.job.id).runs if "backup_id" in run.facts), None
    )
    if task.offsite is None or (last and "destination" in last.facts):
        return None
    if progress := task.service.progress():
        # Not after a long download.
        raise OperationInProgressError(
            verb=progress.verb, by=progress.by, since=progress.started_at
        )
    with suppress(BackupError):  # the test of a backup here names it
        return task.offsite.next_tested(task.settings)
    return None


def _trouble_of(error: Exception) -> Trouble:
    """Return why a copy could not be used."""
    if isinstance(error, RemoteError):
        return error.trouble
    return Trouble.NO_ROOM if isinstance(error, InsufficientSpaceError) else Trouble.NO_KEY


def _offsite(task: _Task) -> OffsiteService:
    assert task.offsite is not None  # noqa: S101 (it gave the copy)
    return task.offsite


def _test_here(
    task: _Task, *, instead_of: FarCopy | None = None, trouble: Trouble | None = None
) -> Done:
    """Restore the newest good backup here to a temporary copy."""
    facts: dict[str, object] = {}
    if instead_of is not None:
        facts = {"not_reached": instead_of.destination.name, "trouble": trouble}
    try:
        backup = task.service.get(LATEST)
        plan = task.service.test_restore(backup.id, by=task.by, on_progress=task.report)
    except (BackupNotFoundError, InsufficientSpaceError) as error:
        return Done(RunOutcome.POSTPONED, facts, error)
    except VerificationError as error:
        return Done(RunOutcome.FAILED, facts | {"backup_id": backup.id}, error)
    rows = {change.table: change.then for change in plan.rows}
    outcome = RunOutcome.PARTLY if instead_of else RunOutcome.SUCCEEDED
    return Done(outcome, facts | {"backup_id": backup.id, "rows": rows})


_WORK: Mapping[str, Callable[[_Task], Done | None]] = {
    "backup": _back_up,
    "scrub": _scrub,
    "restore-test": _test_restore,
}
