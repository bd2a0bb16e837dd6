"""Files that browsers are sending, in a folder of their own beside the data.

A file is locked by the process that needs it: first the request that receives it, then the
operation that imports it. Kernel locks end with their holder, so a file without a lock is left
over, and the next upload removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from launcher.backup.errors import UploadRejectedError
from launcher.backup.files import disk_errors
from launcher.backup.reasons import Reason

KEEP_PREVIEW_S = 3600
"""So long what was read of a file waits for its import."""


class IncomingFile:
    """A file being received, up to `limit_bytes`.

    It is removed at the end of its `with` block, unless another process has `taken_over`.
    """

    def __init__(self, folder: Path, *, limit_bytes: int) -> None:
        self.size_bytes = 0
        self._limit_bytes = limit_bytes
        with disk_errors("store the upload"):
            folder.mkdir(mode=0o700, exist_ok=True)
            self.path, self._file = _create_locked(folder)

    def write(self, data: bytes) -> int:
        """Add `data` at the end.

        Raises:
            UploadRejectedError: the file has grown beyond its limit.
            InsufficientSpaceError, StoreUnavailableError
        """
        self.size_bytes += len(data)
        if self.size_bytes > self._limit_bytes:
            raise UploadRejectedError(Reason.TOO_LARGE, limit_bytes=self._limit_bytes)
        with disk_errors("store the upload"):
            return self._file.write(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a place in the file."""
        with disk_errors("store the upload"):
            return self._file.seek(offset, whence)

    def read(self, size_bytes: int = -1) -> bytes:
        """Return the next bytes."""
        return self._file.read(size_bytes)

    def close(self) -> None:
        """Release the lock; calling it again does nothing."""
        self._file.close()

    def __enter__(self) -> IncomingFile:
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self.close()
        _remove_unheld(self.path)


@contextlib.contextmanager
def taken_over(path: Path) -> Iterator[None]:
    """Lock a received file within the block, and remove it afterwards.

    It stays while the request that received it has it locked, so that it can try again. A file
    that cannot be opened fails when it is read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        yield
        return
    try:
        # Shared, like the lock of the request, which is released only later.
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)
        _remove_unheld(path)


def sweep(folder: Path) -> None:
    """Remove the files without a lock: uploads that were interrupted."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            _remove_unheld(folder / name)


def remove_older(folder: Path, *, age_s: float) -> None:
    """Remove the files that were written longer ago than this."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                if time.time() - (folder / name).stat().st_mtime > age_s:
                    (folder / name).unlink()


def _create_locked(folder: Path) -> tuple[Path, BinaryIO]:
    while True:
        path = folder / f"{secrets.token_hex(8)}.part"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.fdopen(os.open(path, flags, 0o600), "w+b")
        fcntl.flock(file, fcntl.LOCK_SH)
        if path.exists():  # another process may have removed it before it was locked
            return path, file
        file.close()


def _remove_unheld(path: Path) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)
