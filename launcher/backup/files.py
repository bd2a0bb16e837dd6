"""Durable file work: the module of the core that calls `os` to change what is on disk.

Promised: after `write_atomic`, `move`, `put_new` and `sync_directory` return, the bytes and the
name survive a crash of this machine. Not promised: that on network file systems, or on a disk that
acknowledges writes it has not made.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from launcher.backup.errors import InsufficientSpaceError, StoreUnavailableError
from launcher.backup.reasons import Reason

CHUNK_BYTES = 1 << 20
ASIDE = "aside-"
"""How the names of folders begin that belong to operations beside the lock."""

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}  # FAT, some mounts
_NO_MODES = {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
# What PostgreSQL's `fsync_fname` takes as "a directory cannot be flushed here".
_NO_DIRECTORY_SYNC = {errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP, errno.ENOSYS}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextlib.contextmanager
def disk_errors(doing: str) -> Iterator[None]:
    """Translate an `OSError` inside the block into an error of the core.

    Raises:
        InsufficientSpaceError: the disk, a quota or a file-size limit is exhausted.
        StoreUnavailableError: anything else: missing, read-only, not permitted, failing.
    """
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        detail = f"{error.strerror or error}{where}"
        if error.errno in _FULL:
            raise InsufficientSpaceError(Reason.DISK_FULL, doing=doing, detail=detail) from error
        raise StoreUnavailableError(Reason.DISK_REFUSED, doing=doing, detail=detail) from error


def sync_directory(path: Path) -> None:
    """Make the names in the directory `path` durable, where its file system supports that."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(descriptor)


def set_mode(path: Path, mode: int) -> bool:
    """Set the mode of a file; return False where the file system refuses every mode.

    A Windows share or a USB stick may refuse, and is a place for backups nevertheless.
    """
    try:
        path.chmod(mode)
    except OSError as error:
        if error.errno not in _NO_MODES:
            raise
        return False
    return True


def sync_file(path: Path) -> None:
    """Make the bytes of a file durable, which another program may have written.

    Never call this with the live database: closing the descriptor would drop SQLite's locks.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_readable_by_all(path: Path) -> bool:
    """Whether the modes of a file and of all folders above let every user read it."""
    try:
        may_read = path.stat().st_mode & stat.S_IROTH
        return bool(may_read) and all(
            folder.stat().st_mode & stat.S_IXOTH for folder in path.absolute().parents
        )
    except OSError:
        return False


def write_atomic(path: Path, data: bytes, *, mode: int = 0o600, durable: bool = True) -> None:
    """Put `data` at `path`, whole or not at all: a reader sees the old bytes or the new.

    A temporary file beside `path` takes the bytes first; it is removed on failure.
    """
    temporary, file = _create_temporary(path, mode)
    try:
        with file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
            temporary.replace(path)  # while it is locked
    except BaseException:
        discard(temporary)
        raise
    if durable:
        sync_directory(path.parent)


def _create_temporary(path: Path, mode: int) -> tuple[Path, BinaryIO]:
    """Create a file beside `path` that `remove_left_temporaries` leaves alone while it is open."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        file = create_new(temporary, mode=mode)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()  # just being removed
            continue
        except OSError:  # a file system without locks, where nothing is removed either
            return temporary, file
        if temporary.exists():
            return temporary, file
        file.close()


def remove_left_temporaries(folder: Path) -> None:
    """Remove what `write_atomic` left in `folder` when its process was killed.

    Other processes may be writing there at the same time. Theirs are locked, and stay.

    Raises:
        OSError
    """
    for temporary in folder.glob(".*.tmp"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), temporary.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            temporary.unlink()


def discard(*paths: Path) -> None:
    """Remove files if they exist and the disk allows it.

    For cleaning up after an error, which must not be hidden by another: a read-only disk refuses
    even to remove what does not exist. `sweep` removes the rest later.
    """
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def create_new(path: Path, *, mode: int = 0o600) -> BinaryIO:
    """Open a new file for writing; refuse one that exists, and never follow a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, mode), "wb")


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder; False where that cannot be read."""
    try:
        return path.is_dir()
    except OSError:
        return False


def open_regular(path: Path) -> BinaryIO:
    """Open an existing file for reading, refusing links, pipes and devices.

    Raises:
        OSError: it is missing, a symbolic link, or no regular file.
    """
    # O_NONBLOCK: opening a named pipe would wait for its writer for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def move(source: Path, target: Path, *, is_swept: bool = False) -> None:
    """Rename within one file system and make both directories' names durable.

    Args:
        source: the old name.
        target: the new name.
        is_swept: whether the old name may come back after a crash, for a folder that is swept
            then. That saves a flush, which takes a small disk a tenth of a second.
    """
    source.rename(target)
    sync_directory(target.parent)
    if source.parent != target.parent and not is_swept:
        sync_directory(source.parent)


def put_new(source: Path, target: Path) -> None:
    """Give a finished file another name beside it, durably, unless that name is taken.

    Raises:
        FileExistsError: the name is taken; `source` is still there.
    """
    # A hard link, unlike a rename, never replaces what is already there.
    if not link(source, target):
        create_new(target).close()
        try:
            source.replace(target)
        except BaseException:
            discard(target)
            raise
    sync_directory(target.parent)


def link(source: Path, target: Path) -> bool:
    """Give a file a second name; return False where the file system has no hard links.

    Raises:
        FileExistsError: the name is taken.
        OSError: the disk refused.
    """
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


def free_bytes(path: Path) -> int:
    """Return how much an unprivileged process can still write on the disk that holds `path`."""
    facts = os.statvfs(path)
    return facts.f_bavail * facts.f_frsize


def require_space(path: Path, required_bytes: int, *, what: str) -> None:
    """Refuse, before anything is written, when the disk holding `path` is too full for `what`.

    Raises:
        InsufficientSpaceError: with both figures.
    """
    available = free_bytes(path)
    if available < required_bytes:
        raise InsufficientSpaceError(
            Reason.NO_SPACE,
            what=what,
            path=path,
            required_bytes=required_bytes,
            available_bytes=available,
        )


def require_writable(folder: Path, size_bytes: int) -> None:
    """Refuse when a file of this size cannot be written in `folder`, durably, at this moment.

    Raises:
        OSError: the disk refused it, or a quota or a limit did, which `free_bytes` does not know.
    """
    probe = folder / f".{secrets.token_hex(4)}.tmp"
    try:
        with create_new(probe) as file:
            file.write(bytes(size_bytes))
            file.flush()
            os.fsync(file.fileno())
    finally:
        discard(probe)


def empty_directory(path: Path, *, but: str = "") -> None:
    """Remove everything inside `path`, and never anything that a link in it points to.

    Args:
        path: the directory.
        but: how the names begin that stay, "" for none.
    """
    with os.scandir(path) as entries:
        for entry in list(entries):
            if but and entry.name.startswith(but):
                continue
            # One file that cannot be removed, of another user say, does not stop the rest.
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                discard(Path(entry.path))
