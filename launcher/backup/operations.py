"""One operation at a time across all processes, with its progress and its outcome.

`operation.json` holds the progress of the running operation; the holder of the lock writes it. A
process that takes the lock and still finds the file knows that its writer was killed, and records
that in the journal.
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
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, Protocol

from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.errors import BackupError, OperationInProgressError
from launcher.backup.files import disk_errors, write_atomic
from launcher.backup.journal import Journal
from launcher.backup.locks import try_lock
from launcher.backup.ports import Clock, OnFinished, OnProgress
from launcher.backup.records.ids import new_operation_id, parse_operation_id
from launcher.backup.records.operation import JournalEntry, Outcome, Progress, Stage, Verb

log = logging.getLogger(__name__)

_REPORT_EVERY_S = 0.2


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


class Operation:
    """A running operation: reports its stages and collects the facts of its journal line.

    Attributes:
        id: sixteen hexadecimal digits, see `records.ids`.
        facts: what its journal line will hold in addition; must be JSON.
        is_recorded: set to False by an operation that changed nothing.
    """

    def __init__(
        self,
        *,
        id_: str,
        verb: Verb,
        by: str,
        stages: Sequence[Stage],
        started_at: datetime,
        report: Callable[[Progress, dict[str, object]], None],
    ) -> None:
        self.id = id_
        self.facts: dict[str, object] = {}
        self.is_recorded = True
        self._report = report
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
        self._report(self.progress, self.facts)


class Operations:
    """Run operations one after another, for all processes that share the data directory."""

    def __init__(
        self,
        data_dir: Path,
        *,
        journal: Journal,
        clock: Clock,
        clear: Callable[[], None],
        on_interrupted: Callable[[Progress, dict[str, object]], dict[str, object]],
        on_finished: OnFinished | None,
    ) -> None:
        """
        Args:
            clear: removes unfinished work; called with the lock held, before and after each
                operation. Raises nothing.
            on_interrupted: called for a killed operation; returns more facts for its journal line.
        """
        self._state_path = data_dir / "operation.json"
        self._lock_path = data_dir / "locks" / "operation"
        self._journal = journal
        self._clock = clock
        self._clear = clear
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
    ) -> Iterator[Operation]:
        """Hold the lock for the block and journal how it ended.

        Args:
            operation_id: a new id that the caller already knows, "" to create one.

        Raises:
            OperationInProgressError: another operation holds the lock.
            StoreUnavailableError: the data directory cannot be written.
        """
        with self._locked():
            operation = Operation(
                id_=parse_operation_id(operation_id or new_operation_id()),
                verb=verb,
                by=by,
                stages=stages,
                started_at=self._clock(),
                report=lambda progress, facts: self._report(progress, facts, on_progress),
            )
            self._write_state(operation.progress, operation.facts)
            try:
                yield operation
            except BaseException as error:
                self._finish(operation, error)
                raise
            self._finish(operation, None)

    def recover(self) -> bool:
        """Clear what a killed operation left, unless one is running; return whether none is.

        Called at every start.
        """
        with contextlib.suppress(OperationInProgressError), self._locked():
            return True
        return False

    def running(self) -> Progress | None:
        """Return the progress of the running operation of any process, None when idle."""
        try:
            descriptor = try_lock(self._lock_path, exclusive=False)
        except OSError:
            return None  # where no lock can be taken, nothing can run
        if descriptor is not None:
            os.close(descriptor)
            return None
        state = self._read_state()
        return state[0] if state else None

    def has_interrupted_operation(self) -> bool:
        """Whether the last operation was killed and is not in the journal yet."""
        return self._state_path.exists() and self.running() is None

    def find(self, operation_id: str) -> Progress | JournalEntry | None:
        """Return how far an operation is, or how it ended; None when it never began.

        One whose process was killed is recorded as interrupted first.
        """
        progress = self.running()
        if progress and progress.operation_id == operation_id:
            return progress
        self._recover_if_interrupted()
        return next((e for e in self._journal.entries() if e.operation_id == operation_id), None)

    def ended_since(self, operation_id: str, *, limit: int) -> Sequence[JournalEntry]:
        """Return at most `limit` operations that ended after this one, newest first.

        One whose process was killed is among them, as in `find`. Cheap enough for every second.
        """
        self._recover_if_interrupted()
        newest = islice(self._journal.entries(), limit)
        return list(takewhile(lambda entry: entry.operation_id != operation_id, newest))

    def _recover_if_interrupted(self) -> None:
        if self.has_interrupted_operation():
            self.recover()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with disk_errors("use the data directory"):
            descriptor = self._take_lock()
        if descriptor is None:
            raise self._busy()
        try:
            self._record_interruption()
            self._clear()
            try:
                yield
            finally:
                self._clear()
        finally:
            os.close(descriptor)

    def _take_lock(self) -> int | None:
        # `running()` holds the lock shared for some microseconds, which is not an operation: try
        # again before reporting one.
        for _ in range(10):
            descriptor = try_lock(self._lock_path, exclusive=True)
            if descriptor is not None:
                return descriptor
            time.sleep(0.005)
        return None

    def _busy(self) -> OperationInProgressError:
        state = self._read_state()
        if state is None:
            return OperationInProgressError(verb="operation", by="another process", since=None)
        progress = state[0]
        return OperationInProgressError(
            verb=progress.verb, by=progress.by, since=progress.started_at
        )

    def _record_interruption(self) -> None:
        """Record an operation whose process was killed."""
        if (state := self._read_state()) is not None:
            progress, facts = state
            last = next(self._journal.entries(), None)
            # Killed between its journal line and the removal of the file: already recorded.
            if last is None or last.operation_id != progress.operation_id:
                facts = {**facts, **self._examine_interruption(progress, facts)}
                self._record(progress, facts, Outcome.INTERRUPTED, None)
        with contextlib.suppress(OSError):
            self._state_path.unlink(missing_ok=True)

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
        with contextlib.suppress(OSError):
            self._state_path.unlink(missing_ok=True)

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
            self._journal.append(entry)
        except OSError:
            log.exception("journal not written", extra={"operation_id": entry.operation_id})
        if self._on_finished is not None:
            try:
                self._on_finished(entry)
            except Exception:
                log.exception("audit not written", extra={"operation_id": entry.operation_id})

    def _report(
        self, progress: Progress, facts: dict[str, object], on_progress: OnProgress | None
    ) -> None:
        self._write_state(progress, facts)
        if on_progress is not None:
            on_progress(progress)

    def _write_state(self, progress: Progress, facts: dict[str, object]) -> None:
        state = encode(progress) | {"pid": os.getpid(), "facts": encode(facts)}
        # Progress is optional: a full disk must not stop the work that may free it.
        with contextlib.suppress(OSError):
            write_atomic(self._state_path, json.dumps(state).encode(), durable=False)

    def _read_state(self) -> tuple[Progress, dict[str, object]] | None:
        try:
            state = decode(dict[str, object], parse(self._state_path.read_bytes()))
            return decode(Progress, state), decode(dict[str, object], state.get("facts"))
        except (OSError, DecodeError):
            return None
