"""A database file that no other program has open: check it, prepare it."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from launcher.backup.errors import DatabaseCorruptError, UploadRejectedError
from launcher.backup.files import create_new, disk_errors
from launcher.backup.reasons import Reason
from launcher.backup.sqlite.connection import connect, side_files
from launcher.backup.sqlite.failures import copy_errors
from launcher.backup.sqlite.wal import is_whole

# In the index of the log (https://www.sqlite.org/walformat.html#the_wal_index_file_format).
_LAST_FRAME_AT = 16
_CHECK_CACHE = -16_000  # kB: a third faster than SQLite's default, and no more with more
_MAX_FINDINGS = 100_000


@contextlib.contextmanager
def open_checked(path: Path, *, any_schema: bool = False) -> Iterator[sqlite3.Connection]:
    """Open a file in staging that no one else has open, to check it, trusting nothing in it.

    It is only read, by a connection that could write: SQLite gives `CHECK` constraints to no
    other.

    Args:
        path: the file.
        any_schema: whether a schema that SQLite cannot parse can be read, too.

    Raises:
        DatabaseCorruptError: a statement found damage.
    """
    with copy_errors(path), contextlib.closing(connect(path, "mode=rw")) as connection:
        if any_schema:
            connection.execute("PRAGMA writable_schema=ON")
        _distrust(connection)
        yield connection


def _distrust(connection: sqlite3.Connection) -> None:
    for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA cache_size={_CHECK_CACHE}")
    connection.execute("PRAGMA query_only=ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)


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


def apply_log(path: Path, *, database: str, name: str) -> None:
    """Write what the log beside a copy in staging holds into the copy; the log is gone then.

    SQLite finds the last commit that is whole and does the work when the connection is closed. No
    statement here reads the schema, which may come from outside.

    Args:
        path: the copy, with its log beside it.
        database: how an error names the database.
        name: how an error names the log.

    Raises:
        UploadRejectedError: SQLite leaves something out that was committed: the log is damaged, or
            is that of another database.
        DatabaseCorruptError, InsufficientSpaceError, StoreUnavailableError
    """
    log, index, _journal = side_files(path)
    with copy_errors(path):
        connection = connect(path, "mode=rw")
        try:
            connection.execute("PRAGMA data_version").fetchone()
            # Closing this drops SQLite's locks on the index. No other connection has it open.
            with index.open("rb") as file:
                file.seek(_LAST_FRAME_AT)
                last_frame = int.from_bytes(file.read(4), sys.byteorder)
            if not is_whole(log, last_frame=last_frame):
                raise UploadRejectedError(Reason.LOG_UNREADABLE, name=name, database=database)
        finally:
            connection.close()
    if log.exists():
        raise DatabaseCorruptError(Reason.DATABASE_DAMAGED, detail=f"{name} cannot be applied")


def rebuild_indexes(path: Path) -> None:
    """Rebuild every index of a file in staging from its rows.

    Raises:
        DatabaseCorruptError: the rows themselves cannot be read, or break a rule of the schema.
    """
    with open_staged(path) as connection:
        connection.execute("REINDEX")


def integrity_findings(connection: sqlite3.Connection, *, is_quick: bool = False) -> Iterator[str]:
    """Run SQLite's check of a database; yield what it finds, while it goes on.

    Constraints of the kind `CHECK` are only known to a connection that could write.

    Args:
        connection: to the database.
        is_quick: whether to leave out that each index agrees with its table.
    """
    check = "quick_check" if is_quick else "integrity_check"
    for (finding,) in connection.execute(f"PRAGMA {check}({_MAX_FINDINGS})"):
        if finding != "ok":
            yield finding


def leave_out(path: Path, rowids: Collection[int]) -> None:
    """Delete rows of the schema of a file in staging, and whatever belonged to them.

    Raises:
        DatabaseCorruptError: what is left cannot be read.
        InsufficientSpaceError, StoreUnavailableError
    """
    with copy_errors(path), contextlib.closing(connect(path, "mode=rw")) as connection:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA writable_schema=ON")
        connection.executemany(
            "DELETE FROM sqlite_schema WHERE rowid = ?", [(rowid,) for rowid in rowids]
        )
    # Their pages belong to nothing now; a new file has none of them.
    written = path.with_name(f"written-{path.name}")
    with disk_errors("write the copy"):
        create_new(written).close()
        rewrite(path, written)
        written.replace(path)


def rewrite(source: Path, target: Path, *, page_size: int | None = None) -> None:
    """Write the database at `source` to `target`, an empty file, with another page size if given.

    `source` stays as it is, unless it gets another page size: a WAL database cannot.

    Raises:
        DatabaseCorruptError, InsufficientSpaceError, StoreUnavailableError
    """
    with copy_errors(source), contextlib.closing(connect(source, "mode=rw")) as connection:
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        if page_size is not None:
            connection.execute("PRAGMA journal_mode=DELETE")
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
