"""A database from outside with the files that SQLite keeps beside it, copied as one moment.

The newest commits of a database may be in its log, `-wal`, alone: while a program uses it, and
after that program was killed. The log is taken in with it. A rollback journal says that the
file itself is half written; it is refused, since undoing that trusts names in the journal.

Nothing here opens the original through SQLite, which would write beside it. Its writer is not
disturbed: reading a file takes no lock, and drops none of another process.

What makes the copy one moment:

- With a log, the database is copied first, and then all that the log holds by that time. SQLite
  moves a page into the database only after it is in the log. While the log has the same header, it
  has not begun again, so what was read too early, too late or torn is in the log, whole.
- Without one, the file is read twice. If between the two there is neither a log nor a journal nor
  the lock of a writer, it was whole then, and if both times read the same, that is the copy. Its
  time alone says less: the clock of files stands still for milliseconds, on some disks for two
  seconds.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from launcher.backup.compression import unpack_unknown
from launcher.backup.errors import DatabaseCorruptError, UploadRejectedError
from launcher.backup.files import CHUNK_BYTES, create_new, discard, open_regular, require_space
from launcher.backup.ports import OnBytes
from launcher.backup.reasons import Reason
from launcher.backup.sqlite.connection import side_files
from launcher.backup.sqlite.copy import apply_log
from launcher.backup.sqlite.header import leave_wal_mode
from launcher.backup.sqlite.locks import is_being_written

_LOG, _JOURNAL = "-wal", "-journal"
_LOG_HEADER_BYTES = 32  # https://www.sqlite.org/walformat.html#the_wal_file_format
_SPARE_BYTES = 16 << 20
_TRIES = 4
_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class _Moment:
    """What must not change while a database is copied.

    Attributes:
        log: the header of the log, b"" where it holds nothing. While it is the same, the log has
            only grown: whatever SQLite has moved from it into the database is still in it.
        file: which file it is, and without a log also its size and its time.
        log_end: size and time of the log, which may change. It says why a log looks damaged: its
            writer may have overwritten what was not committed while it was read.
        is_written: whether, without a log, a transaction may be half in the database. A program
            can keep its journal in memory, and then nothing else shows that.
    """

    log: bytes
    file: tuple[int, ...]
    log_end: tuple[int, ...] = field(default=(), compare=False)
    is_written: bool = False


def side_file_in_use(path: Path) -> Path | None:
    """Return the file beside a database without which it may not be whole, None if there is none.

    Raises:
        UploadRejectedError: such a file is there and cannot be read.
    """
    for suffix in (_JOURNAL, _LOG):
        if _start_of(path, suffix):
            return path.with_name(path.name + suffix)
    return None


def copy_whole(path: Path, source: BinaryIO, target: Path, *, on_bytes: OnBytes) -> None:
    """Copy a database, open as `source`, to the new file `target` with what its log holds.

    Every change that was committed before the call is in the copy, however busy its writer is. The
    caller removes what is left at `target` and beside it on failure.

    Raises:
        UploadRejectedError: not a whole database, or a file beside it cannot be taken in.
        DatabaseCorruptError, InsufficientSpaceError
        OSError: a disk error, for the caller to name.
    """
    for _try in range(_TRIES):
        before = _moment(path, source)
        refused = _copy_once(path, source, target, has_log=bool(before.log), on_bytes=on_bytes)
        after = _moment(path, source)
        is_still = after == before and not after.is_written
        if is_still and refused is None and (before.log or _reads_as(source, target)):
            return
        discard(target, *side_files(target))
        if is_still and refused is not None and refused.reason is not Reason.LOG_UNREADABLE:
            raise refused
        time.sleep(_PAUSE_S)
    if is_still and refused is not None and after.log_end == before.log_end:
        raise refused
    raise UploadRejectedError(Reason.KEEPS_CHANGING, name=path.name)


def _copy_once(
    path: Path, source: BinaryIO, target: Path, *, has_log: bool, on_bytes: OnBytes
) -> UploadRejectedError | DatabaseCorruptError | None:
    """Copy, and return why the copy is refused, if it is: its source may just be changing."""
    _rewind(source)
    try:
        if has_log:
            _copy_with_log(path, source, target, on_bytes=on_bytes)
        else:
            unpack_unknown(source, target, on_bytes=on_bytes)
    except (UploadRejectedError, DatabaseCorruptError) as error:
        return error
    return None


def _moment(path: Path, source: BinaryIO) -> _Moment:
    if _start_of(path, _JOURNAL):
        raise UploadRejectedError(
            Reason.JOURNAL_BESIDE, name=path.name, beside=path.name + _JOURNAL
        )
    log = _start_of(path, _LOG)
    opened, named = os.fstat(source.fileno()), path.stat()
    file: tuple[int, ...] = (opened.st_ino, named.st_ino)
    if not log:
        file = (*file, opened.st_size, opened.st_mtime_ns)
        return _Moment(log, file, is_written=is_being_written(source))
    return _Moment(log, file, _end_of_log(path))


def _end_of_log(path: Path) -> tuple[int, ...]:
    try:
        found = path.with_name(path.name + _LOG).stat()
    except OSError:  # gone since it was read
        return ()
    return found.st_size, found.st_mtime_ns


def _start_of(path: Path, suffix: str) -> bytes:
    """Return how a file beside a database begins, b"" where it holds nothing that counts.

    A log of its header alone has no commit in it; a journal that begins with a zero has ended.
    """
    beside = path.with_name(path.name + suffix)
    try:
        with open_regular(beside) as file:
            start = file.read(_LOG_HEADER_BYTES + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise UploadRejectedError(
            Reason.PATH_UNREADABLE, name=beside.name, detail=error.strerror
        ) from error
    if suffix == _JOURNAL:
        return start if start[:1].strip(b"\0") else b""
    return start[:_LOG_HEADER_BYTES] if len(start) > _LOG_HEADER_BYTES else b""


def _copy_with_log(path: Path, source: BinaryIO, target: Path, *, on_bytes: OnBytes) -> None:
    """Copy the database first and then its log: what is moved meanwhile is in the log, too."""
    name = path.name + _LOG
    try:
        log = open_regular(path.with_name(name))
    except OSError as error:
        raise UploadRejectedError(
            Reason.PATH_UNREADABLE, name=name, detail=error.strerror
        ) from error
    with log:
        size_bytes = _size_of(source)
        log_bytes = _size_of(log)
        needed = size_bytes + 2 * log_bytes + _SPARE_BYTES
        require_space(target.parent, needed, what="copying the database and its -wal")
        _copy(source, target, size_bytes=size_bytes, on_bytes=on_bytes)
        # What it has grown by since then may be in the database that was just read.
        beside = target.with_name(target.name + _LOG)
        _copy(log, beside, size_bytes=_size_of(log), on_bytes=on_bytes)
    apply_log(target, database=path.name, name=name)
    leave_wal_mode(target)


def _copy(source: BinaryIO, target: Path, *, size_bytes: int, on_bytes: OnBytes) -> None:
    """Copy the first bytes of a file that may grow meanwhile."""
    left = size_bytes
    with create_new(target) as writer:
        while left and (chunk := source.read(min(CHUNK_BYTES, left))):
            writer.write(chunk)
            left -= len(chunk)
            on_bytes(size_bytes - left, size_bytes)


def _size_of(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _rewind(file: BinaryIO) -> None:
    """Go to the start, so that the next bytes come from the disk.

    Going there directly keeps what is buffered, which may be older than the rest of the file.
    """
    file.seek(0, os.SEEK_END)
    file.seek(0)


def _reads_as(source: BinaryIO, target: Path) -> bool:
    """Whether the source still holds what was copied from it."""
    _rewind(source)
    with target.open("rb") as copy:
        while chunk := copy.read(CHUNK_BYTES):
            if source.read(len(chunk)) != chunk:
                return False
    return True
