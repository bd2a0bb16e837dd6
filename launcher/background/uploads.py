"""Files that somebody is sending us, in a folder of their own beside the data.

A file here has a name of ours and is locked by whoever still needs it: the request that receives
it, then the process that takes it in. Kernel locks end with their holder, so a file that nobody
has locked is debris, and whoever comes next sweeps it away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from launcher.backup.errors import UploadRejectedError
from launcher.backup.files import disk_errors
from launcher.backup.reasons import Reason


class IncomingFile:
    """A file that is just being written, up to `limit_bytes`.

    At the end of its `with` block it is removed, unless another process has `taken_over`.
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
        """Go to a place in the file, with all that was written before it."""
        with disk_errors("store the upload"):
            return self._file.seek(offset, whence)

    def read(self, size_bytes: int = -1) -> bytes:
        """Return what comes next."""
        return self._file.read(size_bytes)

    def close(self) -> None:
        """Let go of the lock; calling it again does nothing."""
        self._file.close()

    def __enter__(self) -> IncomingFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self.close()
        _remove_unheld(self.path)


@contextlib.contextmanager
def taken_over(path: Path) -> Iterator[None]:
    """Hold a received file for the length of the block, and remove it afterwards.

    It stays where another process still holds it: whoever received it may want to try again.
    One that cannot be opened is for whoever reads it to complain of.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        yield
        return
    try:
        # Shared, like the lock of the process that received it: it lets go only afterwards.
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)
        _remove_unheld(path)


def sweep(folder: Path) -> None:
    """Remove what nobody holds any more: transfers that broke off, and their like."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            _remove_unheld(folder / name)


def _create_locked(folder: Path) -> tuple[Path, BinaryIO]:
    while True:
        path = folder / f"{secrets.token_hex(8)}.part"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.fdopen(os.open(path, flags, 0o600), "w+b")
        fcntl.flock(file, fcntl.LOCK_SH)
        if path.exists():  # somebody may have swept it before it was locked
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
