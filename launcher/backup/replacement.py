"""The two ways to replace the live data, each with its reversal.

`replace` either succeeds or leaves the live data as it was; `confirm` says what is wrong with the
new data; `revert` returns the old data when a later step fails; `settle` cleans up after success.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from launcher.backup.errors import (
    BackupError,
    InsufficientSpaceError,
    NotTakenError,
    RestoreError,
    RevertFailedError,
)
from launcher.backup.files import (
    create_new,
    discard,
    disk_errors,
    free_bytes,
    link,
    sync_directory,
    sync_file,
)
from launcher.backup.operations import Operation
from launcher.backup.ports import Gate, OnBytes, Store
from launcher.backup.reasons import Fault, Reason
from launcher.backup.safety import Safety
from launcher.backup.sqlite.connection import SIDE_FILES
from launcher.backup.sqlite.copy import begin_wal
from launcher.backup.sqlite.failures import is_of_the_file, primary_code
from launcher.backup.sqlite.replace import (
    confirm,
    confirm_live,
    fold_log,
    has_log,
    pin,
    reader_of,
    replace_contents,
)

_REPLACE_DEADLINE_S = 30.0


class InPlace:
    """Replace the live data in one transaction of the live database.

    Those who write are held by the caller. The gate is closed for the commit alone, and what was
    committed is confirmed on a snapshot that is taken behind it.
    """

    raw_copy_path: Path | None = None

    def __init__(
        self,
        operation: Operation,
        live_path: Path,
        *,
        store: Store,
        gate: Gate,
        safety: Safety,
        has_new_writes: Callable[[], bool],
        require_unchanged: Callable[[], None],
    ) -> None:
        """
        Args:
            safety: with its first backup finished.
            has_new_writes: whether anything was written since that was begun.
            require_unchanged: called then, when no one else can write; what it raises ends the
                restore.
        """
        self._operation = operation
        self._live_path = live_path
        self._store = store
        self._gate = gate
        self._safety = safety
        self._has_new_writes = has_new_writes
        self._require_unchanged = require_unchanged
        self._snapshot = contextlib.ExitStack()
        self._reader: sqlite3.Connection | None = None
        self._problem = ""
        self._committed_at: float | None = None
        self.held_s = 0.0
        self.visible_s = 0.0
        self.warnings: tuple[Fault, ...] = ()

    def holds_readers(self) -> bool:
        """Whether `replace` closes the gate before its first page: there is no log."""
        return not has_log(self._live_path)

    def replace(self, staged: Path) -> None:
        """Replace the data.

        Raises:
            TimeoutError, InsufficientSpaceError, StoreUnavailableError, RestoreError: nothing was
                changed.
            NotTakenError: nothing was changed, and only a new file will do.
        """
        self._reader = self._snapshot.enter_context(reader_of(self._live_path))
        try:
            self._replace(
                staged,
                on_bytes=self._operation.advance,
                on_locked=self._keep_all,
                before_commit=self._safety.finish,
                last_step=self._closed,
                on_committed=self._pin,
            )
        except NotTakenError:
            self._snapshot.close()  # the files are kept as they are
            raise
        except (BackupError, TimeoutError):
            self._snapshot.close()
            fold_log(self._live_path)  # it has grown, perhaps until the disk was full
            raise

    def _keep_all(self) -> None:
        if self._has_new_writes():
            self._require_unchanged()
            self._safety.begin()

    def _pin(self) -> None:
        assert self._reader is not None  # noqa: S101 (`replace` opened it)
        self._committed_at = time.monotonic()
        try:
            pin(self._reader)
        except BackupError as error:
            self._problem = str(error)  # for `confirm`: the data was replaced

    def _replace(
        self,
        staged: Path,
        *,
        on_bytes: OnBytes,
        on_locked: Callable[[], None],
        before_commit: Callable[[], None],
        last_step: Callable[[], AbstractContextManager[None]],
        on_committed: Callable[[], None],
    ) -> None:
        try:
            replace_contents(
                staged,
                self._live_path,
                deadline_s=_REPLACE_DEADLINE_S,
                on_bytes=on_bytes,
                on_locked=on_locked,
                before_commit=before_commit,
                last_step=last_step,
                on_committed=on_committed,
            )
        except sqlite3.Error as error:
            if primary_code(error) == sqlite3.SQLITE_FULL:
                raise InsufficientSpaceError(
                    Reason.FULL_DURING_RESTORE, available_bytes=free_bytes(self._live_path.parent)
                ) from error
            kind = NotTakenError if is_of_the_file(error) else RestoreError
            raise kind(Reason.NOT_TAKEN, detail=error) from error

    @contextlib.contextmanager
    def _closed(self) -> Iterator[None]:
        with self._gate.closed() as hold:
            yield
        self.held_s = max(self.held_s, hold.longest_s)

    @contextlib.contextmanager
    def _closed_in_time(self) -> Iterator[None]:
        """Close the gate unless a request stays inside: it may then read the new data and the old.

        That is better than new data that stay though they failed their check.
        """
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(TimeoutError):
                stack.enter_context(self._closed())
            yield

    def confirm(self, *, rows: Mapping[str, int]) -> str:
        """Check what was committed, while others read it; return what is wrong, or ""."""
        assert self._reader is not None  # noqa: S101 (`replace` opened it)
        return self._problem or confirm(self._reader, rows=rows)

    def settle(self) -> None:
        """Fold the log into the database file; warn when that has to wait."""
        self._snapshot.close()
        if not fold_log(self._live_path):
            self.warnings = (Fault(Reason.LOG_NOT_FOLDED),)

    def revert(self, problem: str) -> None:
        """Restore the safety backup in the same way.

        Afterwards `visible_s` says for how long others could read the new data.

        Args:
            problem: why, as a clause: "the disk failed".

        Raises:
            RevertFailedError: naming the safety backup.
        """
        self._snapshot.close()
        assert self._safety.backup is not None  # noqa: S101 (finished before `replace`)
        fold_log(self._live_path)  # it holds the new data, and the disk may have room for one log
        raw = self._store.staging / f"revert-{self._operation.id}.db"
        try:
            self._store.ensure()  # it may have become read-only since
            self._safety.unpack_to(raw)
            self._replace(
                raw,
                on_bytes=_unreported,
                on_locked=_nothing,
                before_commit=_nothing,
                last_step=self._closed_in_time,
                on_committed=self._end_visibility,
            )
        except Exception as error:
            raise RevertFailedError(
                Reason.NOT_PUT_BACK,
                cause=problem,
                problem=error,
                safety_id=self._safety.backup.id,
            ) from error
        finally:
            discard(raw)  # the database may need its room to grow
            fold_log(self._live_path)

    def _end_visibility(self) -> None:
        if self._committed_at is not None:
            self.visible_s = time.monotonic() - self._committed_at


def _unreported(_done: int, _total: int) -> None:
    """Drop progress: a failing `on_progress` must not stop a reversal."""


def _nothing() -> None:
    """Keep nothing: the safety backup has all."""


class FileReplacement:
    """Replace the file of a live database that is missing or broken.

    Safe only because no connection is open while the gate is closed. The old files are never
    overwritten; they are kept in a folder of their own.
    """

    held_s = 0.0  # counted by the caller, who has closed the gate
    visible_s = 0.0

    def __init__(self, operation: Operation, live_path: Path) -> None:
        self._operation = operation
        self._live_path = live_path
        self._folder = live_path.parent / "damaged" / operation.id
        self._is_swapped = False
        self.raw_copy_path: Path | None = None
        self.warnings: tuple[Fault, ...] = ()

    def replace(self, staged: Path) -> None:
        """Move the old files away and put the staged one in their place.

        Raises:
            InsufficientSpaceError, StoreUnavailableError: nothing was changed.
            RevertFailedError: naming the folder that holds the old files.
        """
        incoming = self._live_path.with_name(f".incoming-{self._operation.id}.db")
        try:
            with disk_errors("put the database in place"):
                self._bring_beside(staged, incoming)
                # Before it is in place: a process that is killed right after leaves a WAL database.
                begin_wal(incoming)
                self._set_aside()
                incoming.replace(self._live_path)
                self._is_swapped = True
                sync_directory(self._live_path.parent)
        except (BackupError, OSError) as error:
            self.revert(f"the database file was not replaced ({error})")
            raise
        finally:
            discard(incoming)

    def _bring_beside(self, staged: Path, incoming: Path) -> None:
        """Move the staged file beside the live one, or copy it from another disk; durably."""
        try:
            staged.rename(incoming)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(staged, incoming)
        else:
            sync_file(incoming)
            total = incoming.stat().st_size
            self._operation.advance(total, total)

    def _copy(self, staged: Path, incoming: Path) -> None:
        total = staged.stat().st_size
        with staged.open("rb") as reader, create_new(incoming) as writer:
            while chunk := reader.read(1 << 20):
                writer.write(chunk)
                self._operation.advance(writer.tell(), total)
            writer.flush()
            os.fsync(writer.fileno())

    def _set_aside(self) -> None:
        """Keep the old files and move the side files, which SQLite would apply to the new one."""
        old = [self._side(suffix) for suffix in SIDE_FILES]
        if not any(path.exists() for path in (self._live_path, *old)):
            return
        self._folder.mkdir(mode=0o700, parents=True)
        if self._live_path.exists():
            # A second name for the same bytes: the old file is never absent from its place. Where
            # there are no second names, it is absent until the new one is renamed into its place.
            kept = self._folder / self._live_path.name
            if not link(self._live_path, kept):
                self._live_path.rename(kept)
        for path in old:
            if path.exists():
                path.rename(self._folder / path.name)
        sync_directory(self._folder)
        sync_directory(self._live_path.parent)
        self.raw_copy_path = self._folder
        self._operation.facts["raw_copy"] = str(self._folder)

    def _side(self, suffix: str) -> Path:
        return self._live_path.with_name(self._live_path.name + suffix)

    def confirm(self, *, rows: Mapping[str, int]) -> str:
        """Check the new database; return what is wrong, or ""."""
        return confirm_live(self._live_path, rows=rows)

    def revert(self, problem: str) -> None:
        """Put the old files back as they were.

        Args:
            problem: why, as a clause: "the disk failed".

        Raises:
            RevertFailedError: naming the folder that holds them.
        """
        try:
            if self._is_swapped:
                self._drop_new()
            if self._folder.exists():
                for suffix in ("", *SIDE_FILES):
                    _put_back(self._folder / self._side(suffix).name, self._side(suffix))
                self._folder.rmdir()
            sync_directory(self._live_path.parent)
        except OSError as error:
            raise RevertFailedError(
                Reason.FILES_NOT_PUT_BACK,
                cause=problem,
                problem=error,
                folder=self._folder,
            ) from error
        self.raw_copy_path = None
        self._operation.facts.pop("raw_copy", None)

    def _drop_new(self) -> None:
        """Remove the new database, but for what an old file will replace in one step."""
        for suffix in SIDE_FILES:
            self._side(suffix).unlink(missing_ok=True)
        if not (self._folder / self._live_path.name).exists():
            self._live_path.unlink(missing_ok=True)

    def settle(self) -> None:
        """Do nothing: the new file has no log yet."""


def _put_back(kept: Path, place: Path) -> None:
    if not kept.exists():
        return
    if place.exists() and kept.samefile(place):
        kept.unlink()  # the same file: a rename onto itself would do nothing
    else:
        kept.replace(place)
