"""Translate what SQLite raises into the errors of the core."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from launcher.backup.errors import (
    DatabaseCorruptError,
    InsufficientSpaceError,
    SourceDatabaseError,
    StoreUnavailableError,
)
from launcher.backup.reasons import Reason

BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
"""What SQLite reports of a lock that another connection holds."""

# About a lock, a right or the process: the database itself may be whole.
_PASSING = BUSY | {
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_ABORT,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}
_FULL = sqlite3.SQLITE_FULL
_IO_WRITES = {
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
}
# Even a reader needs room: for the index of the log, when no other program is connected.
_NO_ROOM = {_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}
_OF_THE_DISK = {_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


@contextlib.contextmanager
def source_errors() -> Iterator[None]:
    """Translate what SQLite raises about the live database into a `SourceDatabaseError`.

    Whatever does not pass with time is damage: a database that SQLite refuses to copy cannot be
    backed up, so a restore keeps its files and replaces them.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = primary_code(error)
        if has_no_room(error):
            raise InsufficientSpaceError(Reason.LIVE_DISK_FULL, detail=error) from error
        if code in _PASSING:
            reason = Reason.LIVE_BUSY
        elif code == sqlite3.SQLITE_CANTOPEN:
            reason = Reason.LIVE_NOT_OPENED
        else:
            reason = Reason.LIVE_UNREADABLE
        raise SourceDatabaseError(reason, detail=error) from error


@contextlib.contextmanager
def copy_errors(path: Path) -> Iterator[None]:
    """Translate what SQLite raises about the copy at `path` into an error of the core."""
    try:
        yield
    except sqlite3.Error as error:
        raise_disk_error(error, path)
        raise DatabaseCorruptError(Reason.DATABASE_DAMAGED, detail=error) from error


def primary_code(error: sqlite3.Error) -> int:
    """Return the primary result code of an error, 0 when it has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def has_no_room(error: sqlite3.Error) -> bool:
    """Whether the disk is full, which can stop even a reader."""
    return getattr(error, "sqlite_errorcode", 0) in _NO_ROOM


def is_of_the_file(error: sqlite3.Error) -> bool:
    """Whether the database file refuses, and neither a lock nor the disk."""
    code = primary_code(error)
    return code == sqlite3.SQLITE_READONLY or code not in _PASSING | _OF_THE_DISK


def raise_disk_error(error: sqlite3.Error, path: Path) -> None:
    """Raise the matching disk error when `error` is about writing, else return."""
    code = getattr(error, "sqlite_errorcode", 0)
    doing, detail = f"write {path}", str(error)
    if code & 0xFF == _FULL:
        raise InsufficientSpaceError(Reason.DISK_FULL, doing=doing, detail=detail) from error
    if code in _IO_WRITES or code & 0xFF in _READ_ONLY:
        raise StoreUnavailableError(Reason.DISK_REFUSED, doing=doing, detail=detail) from error
