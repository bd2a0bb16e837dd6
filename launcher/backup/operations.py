"""One operation at a time across all processes, with its progress and its outcome.

`operation.json` holds the progress of the running operation; the holder of the lock writes it. A
process that takes the lock and still finds the file knows that its writer was killed, and records
that in the journal.

The check of a file takes as long as the maker of the file wants, and changes nothing. So an
operation may start beside the others, at one of a few places that each have a lock, a state file
and a folder for work in progress. It takes the lock of all only for what it changes.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, Protocol

from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.errors import BackupError, OperationInProgressError, StoreUnavailableError
from launcher.backup.files import ASIDE, disk_errors, write_atomic
from launcher.backup.journal import Journal
from launcher.backup.locks import lock_within, locked, try_lock
from launcher.backup.ports import Clock, OnFinished, OnProgress
from launcher.backup.records.ids import new_operation_id, parse_operation_id
from launcher.backup.records.operation import JournalEntry, Outcome, Progress, Stage, Verb

log = logging.getLogger(__name__)

_PLACES = 4
_PLACES_FOR_OUTSIDE = 2
_LOCK_TRY_S = 0.05
_LOCK_WAIT_S = 300.0
_JOURNAL_WAIT_S = 10.0
_REPORT_EVERY_S = 0.2
_RECENT_ENTRIES = 50


class Aside(Enum):
    """Where the file comes from that an operation checks beside the lock.

    At most two files from outside are checked at once, so that our own never wait for them.
    """

    OURS = "ours"
    OUTSIDE = "outside"


class ProgressReporter(Protocol):
    """Receives the progress of `create_backup`."""

    def about(self, backup_id: str) -> None:
        """Set the backup that the operation is about."""

    def stage(self, stage: Stage, total: int = 0) -> None:
        """Start `stage`; `total` is its bytes, 0 when unknown."""

    def advance(self, done: int, total: int) -> None:
        """Report how far the stage is, in bytes."""


class NestedProgress:
    """Report a nested operation as one stage of its parent."""

    def __init__(self, outer: ProgressReporter, stage: Stage) -> None:
        self._outer = outer
        outer.stage(stage)

    def about(self, backup_id: str) -> None:
        """Do nothing: the parent is about another backup."""

    def stage(self, stage: Stage, total: int = 0) -> None:
        """Do nothing: the stage of the parent continues."""

    def advance(self, done: int, total: int) -> None:
        """Report it as progress of the parent."""
        self._outer.advance(done, total)


class Unreported:
    """Report nothing of what is done beside the stages of an operation."""

    def about(self, backup_id: str) -> None:
        """Do nothing."""

    def stage(self, stage: Stage, total: int = 0) -> None:
        """Do nothing."""

    def advance(self, done: int, total: int) -> None:
        """Do nothing."""


class Operation:
    """A running operation: reports its stages and collects the facts of its journal line.

    Attributes:
        id: sixteen hexadecimal digits, see `records.ids`.
        facts: what its journal line will hold in addition; must be JSON.
        is_recorded: set to False by an operation that changed nothing.
        folder: the name of its own folder in staging, "" while it holds the lock and has all of
            staging to itself.
    """

    def __init__(
        self,
        *,
        id_: str,
        verb: Verb,
        by: str,
        stages: Sequence[Stage],
        started_at: datetime,
        folder: str,
        report: Callable[[Progress, dict[str, object]], None],
        lock: Callable[[], bool],
    ) -> None:
        self.id = id_
        self.folder = folder
        self.facts: dict[str, object] = {}
        self.is_recorded = True
        self._report = report
        self._lock = lock
        self._reported_at = 0.0
        self._stage_at = time.monotonic()
        self.progress = Progress(
            operation_id=self.id, verb=verb, by=by, started_at=started_at, stages=tuple(stages)
        )

    def about(self, backup_id: str) -> None:
        """Set the backup that this operation is about."""
        self._change(backup_id=backup_id)

    def stage(self, stage: Stage, total: int = 0) -> None:
        """Start `stage`; `total` is its bytes, 0 when unknown."""
        self._change(took_s=self.took_s(), stage=stage, done=0, total=total)
        self._stage_at = time.monotonic()
        self._send()

    def hold_readers(self) -> None:
        """Report, with the next stage, that all requests wait from there on."""
        self._change(holds_readers=True)

    def wait(self) -> None:
        """Report waiting for the lock, as a stage after the current one."""
        stages = self.progress.stages
        if Stage.WAIT not in stages:
            at = stages.index(self.progress.stage) + 1 if self.progress.stage in stages else 0
            self._change(stages=(*stages[:at], Stage.WAIT, *stages[at:]))
            self.stage(Stage.WAIT)

    def become_exclusive(self) -> bool:
        """Hold the lock of all operations from here to the end; return whether it was not held.

        Raises:
            OperationInProgressError: another operation kept it for five minutes.
        """
        return self._lock()

    def took_s(self) -> dict[str, float]:
        """Return the seconds of each stage so far, the current one included."""
        took = dict(self.progress.took_s)
        if (stage := self.progress.stage) is not None:
            took[stage] = round(took.get(stage, 0.0) + time.monotonic() - self._stage_at, 3)
        return took

    def advance(self, done: int, total: int) -> None:
        """Report how far the stage is, in bytes, at most five times a second."""
        self._change(done=done, total=total)
        if time.monotonic() - self._reported_at >= _REPORT_EVERY_S or done == total:
            self._send()

    def _change(self, **changes: Any) -> None:
        self.progress = replace(self.progress, **changes)

    def _send(self) -> None:
        self._reported_at = time.monotonic()
        # A copy, taken in one step: what is created beside this stage may add to them.
        self._report(self.progress, dict(self.facts))


class _Place:
    """Where one operation at a time can run: a lock, and a file that says how far it is."""

    def __init__(self, lock_path: Path, state_path: Path, folder: str = "") -> None:
        self.lock_path = lock_path
        self.state_path = state_path
        self.folder = folder

    def take(self) -> int | None:
        """Take the lock and return its descriptor, None when an operation holds it."""
        # `progress` holds it shared for some microseconds, which is not an operation.
        deadline = time.monotonic() + _LOCK_TRY_S
        return lock_within(self.lock_path, exclusive=True, deadline=deadline)

    def progress(self) -> Progress | None:
        """Return how far the operation at this place is, None when there is none."""
        try:
            descriptor = try_lock(self.lock_path, exclusive=False)
        except OSError:
            return None  # where no lock can be taken, nothing can run
        if descriptor is not None:
            os.close(descriptor)
            return None
        state = self.read()
        return state[0] if state else None

    def write(self, progress: Progress, facts: dict[str, object]) -> None:
        """Write how far the operation is; only for the holder of the lock."""
        state = encode(progress) | {"pid": os.getpid(), "facts": encode(facts)}
        # Progress is optional: a full disk must not stop the work that may free it.
        with contextlib.suppress(OSError):
            write_atomic(self.state_path, json.dumps(state).encode(), durable=False)

    def read(self) -> tuple[Progress, dict[str, object]] | None:
        """Return what was written last, None when nothing is there."""
        try:
            state = decode(dict[str, object], parse(self.state_path.read_bytes()))
            return decode(Progress, state), decode(dict[str, object], state.get("facts"))
        except (OSError, DecodeError):
            return None

    def forget(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            self.state_path.unlink(missing_ok=True)


class Operations:
    """Run operations one after another, for all processes that share the data directory."""

    def __init__(
        self,
        data_dir: Path,
        *,
        journal: Journal,
        clock: Clock,
        clear: Callable[[], None],
        clear_folder: Callable[[str], None],
        on_interrupted: Callable[[Progress, dict[str, object]], dict[str, object]],
        on_finished: OnFinished | None,
    ) -> None:
        """
        Args:
            clear: removes unfinished work outside the folders of `ASIDE`; called with the lock
                held, before and after each operation. Raises nothing.
            clear_folder: removes one of these folders; called with the lock of its place held.
                Raises nothing.
            on_interrupted: called for a killed operation; returns more facts for its journal line.
        """
        locks = data_dir / "locks"
        self._main = _Place(locks / "operation", data_dir / "operation.json")
        self._aside = [
            _Place(locks / name, data_dir / f"operation-{name}.json", name)
            for name in (f"{ASIDE}{number}" for number in range(1, _PLACES + 1))
        ]
        self._journal_lock_path = locks / "journal"
        self._journal = journal
        self._clock = clock
        self._clear = clear
        self._clear_folder = clear_folder
        self._on_interrupted = on_interrupted
        self._on_finished = on_finished

    @contextlib.contextmanager
    def run(
        self,
        verb: Verb,
        *,
        by: str,
        stages: Sequence[Stage] = (),
        on_progress: OnProgress | None = None,
        operation_id: str = "",
        aside: Aside | None = None,
    ) -> Iterator[Operation]:
        """Hold the lock for the block and journal how it ended.

        Args:
            operation_id: an id that the caller already knows, "" to create one. It begins once:
                who asks again is refused while it runs, and after it has ended.
            aside: runs it beside the lock instead; it changes nothing outside its folder before
                `Operation.become_exclusive`.

        Raises:
            OperationInProgressError: another operation holds the lock, no place is free, or this
                one has begun before.
            StoreUnavailableError: the data directory cannot be written.
        """
        with contextlib.ExitStack() as stack:
            place = stack.enter_context(self._beside(aside) if aside else self._locked())
            if operation_id and self._has_begun(operation_id):
                raise OperationInProgressError(verb=verb, by=by, since=None)

            def report(progress: Progress, facts: dict[str, object]) -> None:
                place.write(progress, facts)
                if on_progress is not None:
                    on_progress(progress)

            def lock() -> bool:
                nonlocal place
                if place is self._main:
                    return False
                before, place = place, stack.enter_context(self._locked_in_time(operation))
                # For a moment it is at both places; if it is killed then, it is recorded once.
                place.write(operation.progress, operation.facts)
                before.forget()
                return True

            operation = Operation(
                id_=parse_operation_id(operation_id or new_operation_id()),
                verb=verb,
                by=by,
                stages=stages,
                started_at=self._clock(),
                folder=place.folder,
                report=report,
                lock=lock,
            )
            place.write(operation.progress, operation.facts)
            try:
                yield operation
            except BaseException as error:
                self._finish(operation, error)
                place.forget()
                raise
            self._finish(operation, None)
            place.forget()

    def recover(self) -> bool:
        """Clear what killed operations left; return False when one is running instead.

        Called at every start.
        """
        with contextlib.suppress(OperationInProgressError), self._locked():
            return True
        return False

    def running(self) -> Progress | None:
        """Return the progress of the operation that holds the lock, None when none does."""
        return self._main.progress()

    def aside(self) -> Sequence[Progress]:
        """Return the progress of the operations that run beside the lock."""
        return [found for place in self._aside if (found := place.progress())]

    def has_interrupted_operation(self) -> bool:
        """Whether an operation was killed and is not in the journal yet."""
        return any(
            place.state_path.exists() and place.progress() is None
            for place in (self._main, *self._aside)
        )

    def record_interrupted(self) -> None:
        """Record every operation that was killed, at every place that no process holds.

        Cheap when there is none. Where the data directory cannot be written, nothing is recorded.
        """
        with contextlib.suppress(StoreUnavailableError):
            if self.has_interrupted_operation() and not self.recover():
                # Another operation holds the lock; the places beside it may need it all the same.
                self._clear_aside()

    def find(self, operation_id: str) -> Progress | JournalEntry | None:
        """Return how far an operation is, or how it ended; None when it never began.

        One whose process was killed is recorded as interrupted first.
        """
        # The places beside the lock first: an operation only moves from there to the lock.
        for place in (*self._aside, self._main):
            progress = place.progress()
            if progress and progress.operation_id == operation_id:
                return progress
        self.record_interrupted()
        return next((e for e in self._journal.entries() if e.operation_id == operation_id), None)

    def ended_since(self, operation_id: str, *, limit: int) -> Sequence[JournalEntry]:
        """Return at most `limit` operations that ended after this one, newest first.

        One whose process was killed is among them, as in `find`. Cheap enough for every second.
        """
        self.record_interrupted()
        newest = islice(self._journal.entries(), limit)
        return list(takewhile(lambda entry: entry.operation_id != operation_id, newest))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[_Place]:
        with disk_errors("use the data directory"):
            descriptor = self._main.take()
        if descriptor is None:
            raise self._busy([self._main])
        try:
            self._clear_aside()
            # What held the lock is recorded last, so that it is the one that is named.
            self._record_interruption(self._main)
            self._clear()
            try:
                yield self._main
            finally:
                self._clear()
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _locked_in_time(self, operation: Operation) -> Iterator[_Place]:
        """Wait for the lock, and hold it."""
        deadline = time.monotonic() + _LOCK_WAIT_S
        while True:
            with contextlib.ExitStack() as stack:
                try:
                    place = stack.enter_context(self._locked())
                except OperationInProgressError:
                    if time.monotonic() >= deadline:
                        raise
                else:
                    yield place
                    return
            operation.wait()
            time.sleep(0.1)

    @contextlib.contextmanager
    def _beside(self, aside: Aside) -> Iterator[_Place]:
        """Hold one of the places beside the lock."""
        # Our own begin at the other end, so that files from outside find their places free.
        is_outside = aside is Aside.OUTSIDE
        places = self._aside[:_PLACES_FOR_OUTSIDE] if is_outside else self._aside[::-1]
        for place in places:
            with disk_errors("use the data directory"):
                descriptor = place.take()
            if descriptor is None:
                continue
            try:
                self._leave_clean(place)
                try:
                    yield place
                finally:
                    self._clear_folder(place.folder)
            finally:
                os.close(descriptor)
            return
        raise self._busy(places)

    def _clear_aside(self) -> None:
        """Record and clear what killed operations left at the places beside the lock."""
        for place in self._aside:
            try:
                descriptor = place.take()
            except OSError:
                continue
            if descriptor is not None:
                try:
                    self._leave_clean(place)
                finally:
                    os.close(descriptor)

    def _leave_clean(self, place: _Place) -> None:
        self._record_interruption(place)
        self._clear_folder(place.folder)

    def _busy(self, places: Sequence[_Place]) -> OperationInProgressError:
        for place in places:
            if (state := place.read()) is not None:
                progress = state[0]
                return OperationInProgressError(
                    verb=progress.verb, by=progress.by, since=progress.started_at
                )
        return OperationInProgressError(verb="operation", by="another process", since=None)

    def _record_interruption(self, place: _Place) -> None:
        """Record the operation at a place whose process was killed."""
        if (state := place.read()) is not None:
            progress, facts = state
            if not self._is_recorded(progress):
                facts = {**facts, **self._examine_interruption(progress, facts)}
                self._record(progress, facts, Outcome.INTERRUPTED, None)
        place.forget()

    def _has_begun(self, operation_id: str) -> bool:
        """Whether an operation runs at another place, or ended lately."""
        running = (place.progress() for place in (*self._aside, self._main))
        is_running = any(found and found.operation_id == operation_id for found in running)
        return is_running or self._has_ended(operation_id)

    def _is_recorded(self, progress: Progress) -> bool:
        """Whether an operation was killed between its journal line and the end of its state."""
        return self._has_ended(progress.operation_id)

    def _has_ended(self, operation_id: str) -> bool:
        recent = islice(self._journal.entries(), _RECENT_ENTRIES)
        return any(entry.operation_id == operation_id for entry in recent)

    def _examine_interruption(
        self, progress: Progress, facts: dict[str, object]
    ) -> dict[str, object]:
        # A failure here must not prevent every later operation.
        try:
            return self._on_interrupted(progress, facts)
        except Exception:
            log.exception(
                "interruption not examined", extra={"operation_id": progress.operation_id}
            )
            return {}

    def _finish(self, operation: Operation, error: BaseException | None) -> None:
        if error is None:
            outcome = Outcome.SUCCEEDED
        elif isinstance(error, Exception):
            outcome = Outcome.FAILED
        else:
            outcome = Outcome.INTERRUPTED
            operation.facts.update(self._examine_interruption(operation.progress, operation.facts))
        if took_s := operation.took_s():
            operation.facts["took_s"] = took_s
        if operation.is_recorded:
            self._record(operation.progress, operation.facts, outcome, error)

    def _record(
        self,
        progress: Progress,
        facts: dict[str, object],
        outcome: Outcome,
        error: BaseException | None,
    ) -> None:
        known = error if isinstance(error, BackupError) else None
        entry = JournalEntry(
            operation_id=progress.operation_id,
            verb=progress.verb,
            by=progress.by,
            started_at=progress.started_at,
            ended_at=max(progress.started_at, self._clock()),  # the clock may be set back
            outcome=outcome,
            backup_id=progress.backup_id,
            error_code=known.code if known else "internal" if error else "",
            error=str(known) if known else repr(error) if error else "",
            reason=known.reason if known else "",
            details=known.facts if known else {},
            facts={**facts, "stage": progress.stage} if outcome is not Outcome.SUCCEEDED else facts,
        )
        # The operation has already happened: neither a full disk nor a database that cannot
        # take an audit row may turn its success into a failure, so both are logged instead.
        try:
            # Operations beside the lock end at any time, and the journal may be cut meanwhile.
            with locked(self._journal_lock_path, timeout_s=_JOURNAL_WAIT_S):
                if outcome is Outcome.INTERRUPTED and self._is_recorded(progress):
                    return
                self._journal.append(entry)
        except OSError as refused:
            log.warning("operation %s is not in the journal: %s", entry.operation_id, refused)
        if self._on_finished is not None:
            try:
                self._on_finished(entry)
            except Exception:
                log.exception("audit not written", extra={"operation_id": entry.operation_id})
