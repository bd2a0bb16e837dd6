"""The history of the jobs, and which slots were used: `jobs.json` in the data directory.

It lies outside the database, so that a restore neither repeats nor skips a job. Written by the
process that does a job, whole or not at all; a torn or lost file costs memories and no job. While
it cannot be replaced, a folder of that name say, `jobs-fallback.json` counts in its place.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from launcher.backup.codec import DecodeError, decode, decode_each, encode, parse, try_decode
from launcher.backup.files import write_atomic
from launcher.backup.fingerprints import Fingerprint, fingerprint_of, is_settled
from launcher.backup.locks import locked, try_lock
from launcher.backup.slots import Claim
from launcher.jobs.registry import JOBS

MAX_RUNS = 20
_PATIENCE_S = 5.0
_log = logging.getLogger(__name__)


class RunOutcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    PARTLY = "partly"  # its work was done, and something beside it failed
    FAILED = "failed"
    POSTPONED = "postponed"  # it could not be done this time, and nothing is wrong with that
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a job.

    Attributes:
        by: "schedule", or who asked for it.
        ended_at: None while it runs, and when it was interrupted.
        outcome: None while it runs.
        error: what went wrong, in one English sentence; "" when nothing did.
        error_code: its stable name, the key of `i18n.labels.ERROR_WORDS`.
        facts: what the job reports. `backup`: `backup_id`, `slot`, `removed`, `not_removed`;
            `scrub`: `verified` (how many), `damaged` (ids), `failed` (ids), `total`,
            `overdue` (how many still wait for longer than they should);
            `restore-test`: `backup_id`, `rows` by table; `destination`, the name of the place whose
            copy was tested; `not_reached` and `trouble` of one whose copy could not be.
    """

    id: str
    by: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: RunOutcome | None = None
    error: str = ""
    error_code: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.outcome is None

    @property
    def is_success(self) -> bool:
        """Whether its work was done, even if something beside it failed."""
        return self.outcome in {RunOutcome.SUCCEEDED, RunOutcome.PARTLY}

    @property
    def slot(self) -> datetime | None:
        """The slot that it was for; None by hand, and where none was written down."""
        return try_decode(datetime, self.facts.get("slot"))


@dataclass(frozen=True, slots=True)
class Record:
    """What is remembered of one job.

    Attributes:
        schedule: the schedule that was seen last, "" before any.
        since: slots before this moment are nothing to make up for: the schedule was another one.
        claim: the newest slot that was claimed (the backup's is kept by the service instead).
        runs: newest first, at most `MAX_RUNS`; the last success is among them, however many
            failed since.
    """

    schedule: str = ""
    since: datetime | None = None
    claim: Claim | None = None
    runs: tuple[Run, ...] = ()

    @property
    def last_ended(self) -> Run | None:
        """The newest run that is over."""
        return next((run for run in self.runs if not run.is_running), None)


def runs(data_dir: Path) -> Mapping[str, tuple[Run, ...]]:
    """Return the last runs of each job by its id, newest first. Every job of the registry is there.

    One that was killed is shown as interrupted.
    """
    book = Book(data_dir)
    return {job_id: _seen(book, job_id) for job_id in JOBS}


def _seen(book: Book, job_id: str) -> tuple[Run, ...]:
    found = book.record(job_id).runs
    if not any(run.is_running for run in found) or book.is_at_work(job_id):
        return found
    # It may have ended between the two reads.
    return tuple(map(_as_interrupted, book.record(job_id).runs))


def _as_interrupted(run: Run) -> Run:
    return replace(run, outcome=RunOutcome.INTERRUPTED) if run.is_running else run


def _newest(found: tuple[Run, ...]) -> tuple[Run, ...]:
    """Return the newest runs and the last success, however many failed since."""
    kept, older = found[:MAX_RUNS], found[MAX_RUNS:]
    success = next((run for run in older if run.is_success), None)
    if success is None or any(run.is_success for run in kept):
        return kept
    return (*kept[:-1], success)


class Book:
    """Reads and writes the file. Reading is cheap while nothing changes."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "jobs.json"
        self._fallback_path = data_dir / "jobs-fallback.json"
        self._lock_dir = data_dir / "locks"
        self._fingerprint: Fingerprint | None = None
        self._records: Mapping[str, Record] = MappingProxyType({})
        self._is_readable = True

    def record(self, job_id: str) -> Record:
        """Return what is remembered of one job."""
        return self._read().get(job_id, Record())

    def observe(self, job_id: str, schedule: str, *, at: datetime) -> Record:
        """Remember that this schedule held at the moment `at`, and return what is remembered.

        Where it is another one than before, slots count from `at` on: neither a changed schedule,
        nor one switched on again, nor a new installation has anything to make up for.
        """
        seen = self.record(job_id)
        if seen.schedule == schedule and seen.since is not None and seen.since <= at:
            return seen
        # A `since` from the future was written by a clock that was wrong.
        return self.change(job_id, lambda last: replace(last, schedule=schedule, since=at))

    def begin(self, job_id: str, *, by: str, at: datetime, claim: Claim | None = None) -> Run:
        """Record that a run started; older runs that never ended become interrupted."""
        run = Run(secrets.token_hex(8), by, at)

        def add(last: Record) -> Record:
            kept = _newest((run, *map(_as_interrupted, last.runs)))
            return replace(last, runs=kept, claim=claim or last.claim)

        self.change(job_id, add)
        return run

    def end(self, job_id: str, run: Run) -> None:
        """Record how a run ended; its slot is used if it succeeded."""

        def close(last: Record) -> Record:
            kept = tuple(run if each.id == run.id else each for each in last.runs)
            is_over = run.outcome is not RunOutcome.FAILED
            claim = last.claim.done() if last.claim and is_over else last.claim
            return replace(last, runs=kept, claim=claim)

        self.change(job_id, close)

    def change(self, job_id: str, how: Callable[[Record], Record]) -> Record:
        """Write what `how` makes of what is remembered of one job, and return that.

        A disk that takes nothing keeps what was there before: remembering is no reason to fail.
        Nor is what cannot be read at this moment overwritten.
        """
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                stack.enter_context(locked(self._lock_dir / "jobs", timeout_s=_PATIENCE_S))
            records = dict(self._read())
            changed = records[job_id] = how(records.get(job_id, Record()))
            if self._is_readable:
                self._write(json.dumps(encode(records), indent=1).encode())
            self._fingerprint = None
        return changed

    def _write(self, data: bytes) -> None:
        try:
            write_atomic(self._path, data)
            self._fallback_path.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("%s cannot be replaced: %s", self._path, error.strerror)
            with contextlib.suppress(OSError):
                write_atomic(self._fallback_path, data)

    def at_work(self, job_id: str) -> AbstractContextManager[bool]:
        """Be the one process that runs this job, for the block; yields False if another is."""
        # `is_at_work` of others holds the lock for some microseconds.
        return locked(self._work_path(job_id), timeout_s=0.05)

    def is_at_work(self, job_id: str) -> bool:
        """Whether some process runs this job at this moment."""
        try:
            descriptor = try_lock(self._work_path(job_id), exclusive=False)
        except OSError:
            return False
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is None

    def _work_path(self, job_id: str) -> Path:
        return self._lock_dir / f"job-{JOBS[job_id].id}"

    def _read(self) -> Mapping[str, Record]:
        self._is_readable = True
        try:
            path = self._fallback_path if self._fallback_path.exists() else self._path
            if self._fingerprint and self._fingerprint == fingerprint_of(path.stat()):
                return self._records
            with path.open("rb") as file:
                fingerprint = fingerprint_of(os.fstat(file.fileno()))
                facts = decode(dict, parse(file.read()))
            self._records = {name: _record(each) for name, each in facts.items()}
            self._fingerprint = fingerprint if is_settled(fingerprint) else None
        except (FileNotFoundError, IsADirectoryError, DecodeError):
            self._fingerprint, self._records = None, {}
        except OSError as error:
            _log.warning("%s cannot be read: %s", self._path, error.strerror)
            self._fingerprint, self._records, self._is_readable = None, {}, False
        return self._records


def _record(facts: object) -> Record:
    """Return what is remembered of a job, without what cannot be read of it."""
    if not isinstance(facts, dict):
        return Record()
    return Record(
        schedule=try_decode(str, facts.get("schedule")) or "",
        since=try_decode(datetime, facts.get("since")),
        claim=try_decode(Claim, facts.get("claim")),
        runs=decode_each(Run, facts.get("runs")),
    )
