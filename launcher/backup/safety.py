"""The safety backup of a restore: what the live data held until no one else could write."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from launcher.backup.compression import unpack_to
from launcher.backup.operations import Operation, ProgressReporter, Unreported
from launcher.backup.ports import Store
from launcher.backup.records.backup import Backup
from launcher.backup.records.operation import Stage


class Safety:
    """The safety backup, created in a thread beside the other steps of a restore.

    At the end of the `with` block no thread is at work. What was begun and not finished, because
    the block raised, is removed.

    Attributes:
        backup: the newest one that is finished, None before.
    """

    def __init__(
        self, operation: Operation, make: Callable[[ProgressReporter], Backup], *, store: Store
    ) -> None:
        self._operation = operation
        self._make = make
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="safety")
        self._begun: Future[Backup] | None = None
        self.backup: Backup | None = None

    def __enter__(self) -> Safety:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown()
        if self._begun and not self._begun.exception():
            self._store.remove(self._begun.result())

    def begin(self) -> None:
        """Begin to create it from the live data as they are now, for the first time or again."""
        self._begun = self._thread.submit(self._make, Unreported())

    def finish(self) -> None:
        """Wait for what was begun, if anything was; the one before it is removed.

        Raises:
            SourceDatabaseError: the live data cannot be backed up, or stay busy.
            InsufficientSpaceError, StoreUnavailableError
        """
        if self._begun is None:
            return
        stage = self._operation.progress.stage
        self._operation.stage(Stage.SAFETY)
        older, self.backup, self._begun = self.backup, self._begun.result(), None
        self._operation.facts["safety_id"] = self.backup.id
        if older:
            if stage:
                self._operation.stage(stage)  # the journal of a killed process has the newer one
            self._store.remove(older)

    def unpack_to(self, raw: Path) -> None:
        """Write the data that it holds to a new file."""
        assert self.backup is not None  # noqa: S101 (`finish` has returned)
        file, database = self.backup.file, self.backup.database
        assert file is not None  # noqa: S101 (just created)
        assert database is not None  # noqa: S101 (just created)
        with self._store.open(self.backup) as source:
            unpack_to(raw, source, file=file, database=database, on_bytes=_unreported)


def _unreported(_done: int, _total: int) -> None:
    """Drop progress: a failing `on_progress` must not stop a reversal."""
