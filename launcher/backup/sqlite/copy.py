"""A database file that no other program has open: check it, prepare it."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from launcher.backup.errors import DatabaseCorruptError
from launcher.backup.reasons import Reason
from launcher.backup.sqlite.connection import connect
from launcher.backup.sqlite.failures import copy_errors

_CHECK_STEP_OPCODES = 200_000
_CHECK_CACHE = -16_000  # kB: a third faster than SQLite's default, and no more with more


@contextlib.contextmanager
def open_copy(path: Path, *, deadline_s: float | None = None) -> Iterator[sqlite3.Connection]:
    """Open a file that no one writes to, trusting nothing in it.

    Statements that are still running after `deadline_s` seconds are interrupted.

    Raises:
        DatabaseCorruptError: a statement found damage, or took longer than the deadline.
    """
    with copy_errors(path):
        connection = connect(path, "mode=ro&immutable=1")
        try:
            for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute(f"PRAGMA cache_size={_CHECK_CACHE}")
            connection.execute("PRAGMA query_only=ON")
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            if deadline_s is not None:
                deadline = time.monotonic() + deadline_s
                connection.set_progress_handler(
                    lambda: time.monotonic() > deadline, _CHECK_STEP_OPCODES
                )
            yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def open_staged(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file in staging for writing, outside any transaction, without side files to keep.

    Nothing is flushed: after a crash, `sweep` removes what is in staging.

    Raises:
        DatabaseCorruptError: a statement found damage.
        InsufficientSpaceError: the disk filled up.
    """
    with copy_errors(path):
        connection = connect(path, "mode=rw")
        try:
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA foreign_keys=ON")
            yield connection
        finally:
            connection.close()


def rebuild_indexes(path: Path) -> None:
    """Rebuild every index of a file in staging from its rows.

    Raises:
        DatabaseCorruptError: the rows themselves cannot be read, or break a rule of the schema.
    """
    with open_staged(path) as connection:
        connection.execute("REINDEX")


def integrity_problems(path: Path) -> list[str]:
    """Run SQLite's full integrity check on a file in staging; return its first findings."""
    connection = connect(path, "mode=ro&immutable=1")
    try:
        # Mapping the file would be as fast, and cost memory by its size.
        connection.execute("PRAGMA mmap_size=0")
        connection.execute(f"PRAGMA cache_size={_CHECK_CACHE}")
        return _run_integrity_check(connection)
    except sqlite3.Error as error:
        return [str(error)]
    finally:
        connection.close()


def _run_integrity_check(connection: sqlite3.Connection) -> list[str]:
    rows = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
    return [] if rows == ["ok"] else rows


def check_structure(connection: sqlite3.Connection) -> None:
    """Run SQLite's full integrity check.

    Raises:
        DatabaseCorruptError: with the first finding.
    """
    if problems := _run_integrity_check(connection):
        raise DatabaseCorruptError(Reason.DATABASE_DAMAGED, detail=problems[0])


def rewrite(source: Path, target: Path, *, page_size: int) -> None:
    """Write the database at `source` to `target`, an empty file, with another page size.

    A WAL database cannot take pages of another size than its own.

    Raises:
        DatabaseCorruptError, InsufficientSpaceError, StoreUnavailableError
    """
    with open_staged(source) as connection:
        connection.execute(f"PRAGMA page_size={page_size:d}")
        connection.execute("VACUUM INTO ?", (str(target),))


def begin_wal(path: Path) -> None:
    """Put a database that no other program has open into WAL mode, which it keeps."""
    with copy_errors(path):
        connection = connect(path, "mode=rw")
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()


def set_application_id(path: Path, *, application_id: int) -> None:
    """Write the application id into a database that no other program has open."""
    connection = connect(path, "mode=rwc")
    try:
        connection.execute(f"PRAGMA application_id={application_id:d}")
    finally:
        connection.close()
