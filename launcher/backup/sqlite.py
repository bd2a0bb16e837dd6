"""The only room that speaks `sqlite3`: copy a live database, check a copy, replace the data.

Every rule here was measured; `docs/restore.md` gives the reasons. The live file is never opened
by anything but SQLite: closing a descriptor of one's own would drop SQLite's POSIX locks
(https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from launcher.backup.errors import (
    BackupError,
    DatabaseCorruptError,
    IncompatibleBackupError,
    InsufficientSpaceError,
    SourceDatabaseError,
    StoreUnavailableError,
    UploadRejectedError,
)
from launcher.backup.reasons import Fact, Fault, Reason

if TYPE_CHECKING:
    from launcher.backup.ports import Content

OnBytes = Callable[[int, int], None]
"""Called with (done, total) in bytes; what it raises ends the work."""

SIDE_FILES = ("-wal", "-shm", "-journal")
HEADER_BYTES = 100

_MAGIC = b"SQLite format 3\x00"
_UTF8 = 1
_BUSY_TIMEOUT_S = 15.0
_COPY_STEP_OPCODES = 50_000
_CHECK_STEP_OPCODES = 200_000
_RESTORE_STEP_PAGES = 1000
_CHECK_CACHE = -16_000  # kB: a third faster than SQLite's default, and no more with more
_STATISTICS_TABLES = {"sqlite_stat1", "sqlite_stat4"}  # ANALYZE makes them; they hold no content

_UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_WAITING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_FULL = sqlite3.SQLITE_FULL
_IO_WRITES = {
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
}
# Even a reader needs room: for the index of the log, when nobody else is connected.
_NO_ROOM = {_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}


def side_files(path: Path) -> list[Path]:
    """Return where SQLite would keep the log, the log's index and the journal of a database."""
    return [path.with_name(path.name + suffix) for suffix in SIDE_FILES]


@dataclass(frozen=True, slots=True)
class Header:
    """What the first hundred bytes of a database file announce
    (https://www.sqlite.org/fileformat.html#the_database_header)."""

    page_size: int
    page_count: int
    application_id: int
    is_utf8: bool
    is_settled: bool

    @property
    def size_bytes(self) -> int:
        """The size that the whole file must have."""
        return self.page_size * self.page_count


def parse_header(data: bytes) -> Header:
    """Read a database header from the first bytes of a file.

    Raises:
        UploadRejectedError: there is no SQLite database here.
    """
    if not data:
        raise UploadRejectedError(Reason.EMPTY)
    if len(data) < HEADER_BYTES or not data.startswith(_MAGIC):
        raise UploadRejectedError(Reason.NOT_SQLITE)
    raw_page_size = int.from_bytes(data[16:18])
    return Header(
        page_size=65536 if raw_page_size == 1 else raw_page_size,
        page_count=int.from_bytes(data[28:32]),
        application_id=int.from_bytes(data[68:72]),
        is_utf8=int.from_bytes(data[56:60]) == _UTF8,
        # The page count is only to be believed when both counters agree.
        is_settled=data[24:28] == data[92:96],
    )


def check_size(header: Header, *, size_bytes: int) -> None:
    """Refuse a file whose header does not describe it.

    Raises:
        UploadRejectedError: cut off, padded, or with an impossible header.
    """
    if header.page_size < 512 or header.page_size & (header.page_size - 1):
        raise UploadRejectedError(Reason.PAGE_SIZE)
    if not header.is_settled:
        raise UploadRejectedError(Reason.COUNTERS)
    if header.size_bytes != size_bytes:
        raise UploadRejectedError(
            Reason.CUT_OFF if header.size_bytes > size_bytes else Reason.PADDED,
            size_bytes=size_bytes,
            announced_bytes=header.size_bytes,
        )


def check_header(header: Header, *, size_bytes: int, application_id: int) -> None:
    """Refuse a file whose header does not describe it, or which is not ours.

    Raises:
        UploadRejectedError: as `check_size`.
        IncompatibleBackupError: another application's, or in UTF-16.
    """
    check_size(header, size_bytes=size_bytes)
    if header.application_id != application_id:
        raise IncompatibleBackupError(Reason.OTHER_APPLICATION)
    if not header.is_utf8:
        raise IncompatibleBackupError(Reason.UTF16)


@contextlib.contextmanager
def open_live(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the live database for reading, outside any transaction; never creates it.

    Raises:
        SourceDatabaseError: it is missing, damaged, or stays busy; `is_damaged` tells which.
        InsufficientSpaceError: its disk is too full for the little that a reader needs.
    """
    with source_errors():
        connection = _connect(path, "mode=ro")
        try:
            connection.execute("PRAGMA trusted_schema=OFF")
            yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def watch_writes(live: Path) -> Iterator[Callable[[], bool]]:
    """Yield what tells whether anybody has committed to the live database since it was yielded.

    The connection that stays open meanwhile also keeps the index of the log in being, so that
    whoever connects needs no disk for it. It holds no transaction and stops nobody.

    Raises:
        SourceDatabaseError, InsufficientSpaceError
    """
    with source_errors():
        connection = _connect(live, "mode=ro")

    def version() -> int:
        with source_errors():
            return int(connection.execute("PRAGMA data_version").fetchone()[0])

    try:
        with source_errors():
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        first = version()
        yield lambda: version() != first
    finally:
        connection.close()


@contextlib.contextmanager
def open_copy(path: Path, *, deadline_s: float | None = None) -> Iterator[sqlite3.Connection]:
    """Open a file that nobody writes to, trusting nothing in it.

    Statements that are still running after `deadline_s` seconds are interrupted.

    Raises:
        DatabaseCorruptError: a statement met damage, or took longer than the deadline.
    """
    with copy_errors(path):
        connection = _connect(path, "mode=ro&immutable=1")
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

    Nothing is flushed: what lies in staging after a crash is debris.

    Raises:
        DatabaseCorruptError: a statement met damage.
        InsufficientSpaceError: the disk filled up.
    """
    with copy_errors(path):
        connection = _connect(path, "mode=rw")
        try:
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA foreign_keys=ON")
            yield connection
        finally:
            connection.close()


def _connect(path: Path, query: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_TIMEOUT_S,
    )


@contextlib.contextmanager
def source_errors() -> Iterator[None]:
    """Turn what SQLite says about the live database into a `SourceDatabaseError`."""
    try:
        yield
    except sqlite3.Error as error:
        code = _primary_code(error)
        if has_no_room(error):
            raise InsufficientSpaceError(Reason.LIVE_DISK_FULL, detail=error) from error
        if code in _UNREADABLE:
            reason = Reason.LIVE_UNREADABLE
        elif code == sqlite3.SQLITE_CANTOPEN:
            reason = Reason.LIVE_NOT_OPENED
        else:
            reason = Reason.LIVE_BUSY
        raise SourceDatabaseError(reason, detail=error) from error


@contextlib.contextmanager
def copy_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says about the copy at `path` into the error that an admin can act on."""
    try:
        yield
    except sqlite3.Error as error:
        _raise_disk_error(error, path)
        if _primary_code(error) == sqlite3.SQLITE_INTERRUPT:
            raise DatabaseCorruptError(Reason.CHECK_TOO_LONG) from error
        raise DatabaseCorruptError(Reason.DATABASE_DAMAGED, detail=error) from error


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def has_no_room(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the disk is full, which may be so even of a reading."""
    return getattr(error, "sqlite_errorcode", 0) in _NO_ROOM


def _raise_disk_error(error: sqlite3.Error, path: Path) -> None:
    """Raise the matching disk error when `error` is about writing, else return."""
    code = getattr(error, "sqlite_errorcode", 0)
    doing, detail = f"write {path}", str(error)
    if code & 0xFF == _FULL:
        raise InsufficientSpaceError(Reason.DISK_FULL, doing=doing, detail=detail) from error
    if code in _IO_WRITES or code & 0xFF in _READ_ONLY:
        raise StoreUnavailableError(Reason.DISK_REFUSED, doing=doing, detail=detail) from error


def live_problem(path: Path, *, content: Content) -> Fault | None:
    """Return what is wrong with the live database, None when it opens and is ours.

    Reads a few pages: it notices a file that is missing, empty, cut off, foreign, garbage or
    without what every page needs, and not one that is damaged deeper inside. A database that is
    merely busy is no problem of its own, and neither is a full disk: a restore would not help.
    """
    facts: dict[str, Fact] = {"name": path.name}
    try:
        if path.stat().st_size == 0:
            return Fault(Reason.LIVE_EMPTY, facts)
        connection = _connect(path, "mode=ro")
        try:
            found = connection.execute("PRAGMA application_id").fetchone()[0]
            if found != content.application_id:
                return Fault(Reason.LIVE_FOREIGN, facts)
            problem = content.problem(connection)
        finally:
            connection.close()
    except FileNotFoundError:
        return Fault(Reason.LIVE_MISSING, facts)
    except OSError as error:
        return Fault(Reason.LIVE_UNUSABLE, facts | {"detail": str(error.strerror)})
    except sqlite3.Error as error:
        is_passing = _primary_code(error) in _WAITING or has_no_room(error)
        return None if is_passing else Fault(Reason.LIVE_UNUSABLE, facts | {"detail": str(error)})
    return Fault(Reason.LIVE_UNUSABLE, facts | {"detail": problem}) if problem else None


def copy_live(live: Path, target: Path, *, on_bytes: OnBytes) -> None:
    """Write one consistent moment of the live database to `target`, an empty file.

    `VACUUM INTO` reads a single snapshot: writers go on, and cannot make it start again. The
    copy has no free pages and no side files. The caller removes `target` on failure.

    Raises:
        SourceDatabaseError: the live database cannot be read.
        InsufficientSpaceError, StoreUnavailableError: `target` cannot be written.
    """
    with open_live(live) as connection:
        # Raw material: what is made of it is flushed, and a crash leaves only debris.
        connection.execute("PRAGMA synchronous=OFF")
        total = _used_bytes(connection)
        with _watched(
            connection,
            _COPY_STEP_OPCODES,
            # The copy grows in step with the work, and ends a little below the estimate.
            lambda: on_bytes(min(target.stat().st_size, total * 95 // 100), total),
        ):
            try:
                connection.execute("VACUUM INTO ?", (str(target),))
            except sqlite3.Error as error:
                _raise_disk_error(error, target)
                raise
    on_bytes(total, total)


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def used_bytes(live: Path) -> int:
    """Return how large a copy of the live database will be, in bytes, give or take a tenth.

    Raises:
        SourceDatabaseError: it cannot be read.
    """
    with open_live(live) as connection:
        return _used_bytes(connection)


@contextlib.contextmanager
def _watched(
    connection: sqlite3.Connection, opcodes: int, look: Callable[[], None]
) -> Iterator[None]:
    """Call `look` while statements run; what it raises ends them and leaves this block.

    `sqlite3` swallows exceptions of its callbacks, so the first one is kept and raised here.
    """
    raised: list[BaseException] = []

    def step() -> bool:
        try:
            look()
        except BaseException as error:  # noqa: BLE001  (raised again below)
            raised.append(error)
            return True
        return False

    connection.set_progress_handler(step, opcodes)
    try:
        yield
    except sqlite3.Error:
        if raised:
            raise raised[0] from None
        raise
    finally:
        connection.set_progress_handler(None, 0)


def rebuild_indexes(path: Path) -> None:
    """Build every index of a file in staging anew from its rows.

    Raises:
        DatabaseCorruptError: the rows themselves cannot be read, or break a rule of the schema.
    """
    with open_staged(path) as connection:
        connection.execute("REINDEX")


def integrity_problems(path: Path) -> list[str]:
    """Run SQLite's full integrity check on a file of our own; return its first findings."""
    connection = _connect(path, "mode=ro&immutable=1")
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
        DatabaseCorruptError: it found something; the message carries the first finding.
    """
    if problems := _run_integrity_check(connection):
        raise DatabaseCorruptError(Reason.DATABASE_DAMAGED, detail=problems[0])


def dangling_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """Return table → number of rows that point to a row that does not exist."""
    counts: dict[str, int] = {}
    for row in connection.execute("PRAGMA foreign_key_check"):
        counts[row[0]] = counts.get(row[0], 0) + 1
    return counts


def check_no_code(connection: sqlite3.Connection) -> None:
    """Refuse triggers, views and virtual tables, which are code from a stranger.

    Comes before any other statement: a view in the place of a table could run for ever. It asks
    for the type because a trigger may bear the name of a table.

    Raises:
        UploadRejectedError: naming the first one.
    """
    row = connection.execute(
        "SELECT CAST(name AS TEXT) FROM sqlite_schema"
        " WHERE type NOT IN ('table', 'index') OR rootpage = 0 ORDER BY rowid"
    ).fetchone()
    if row:
        raise UploadRejectedError(Reason.OBJECT_FOREIGN, name=row[0])


def check_schema(connection: sqlite3.Connection, *, expected: Mapping[str, str]) -> None:
    """Refuse any object that our own migrations would not have made.

    Runs before anything evaluates expressions of the file, and after `check_no_code`: an index
    over an expression is code from a stranger, too.

    Raises:
        UploadRejectedError: naming the first object that is missing, foreign or different.
    """
    found = schema_of(connection)
    for name in sorted(found.keys() | expected.keys()):
        if _plain(found.get(name, "")) == _plain(expected.get(name, "")):
            continue
        if name not in expected:
            raise UploadRejectedError(Reason.OBJECT_FOREIGN, name=name)
        if name not in found:
            raise UploadRejectedError(Reason.OBJECT_MISSING, name=name)
        raise UploadRejectedError(Reason.OBJECT_DIFFERENT, name=name)


def schema_of(connection: sqlite3.Connection) -> dict[str, str]:
    """Return name → SQL of every table and index that somebody made."""
    rows = connection.execute(
        "SELECT CAST(name AS TEXT), CAST(sql AS TEXT) FROM sqlite_schema WHERE sql IS NOT NULL"
    )
    return {name: sql for name, sql in rows if name not in _STATISTICS_TABLES}


def _plain(sql: str) -> str:
    """Fold what `ALTER TABLE` and different SQLite versions write differently."""
    return "".join(sql.replace('"', "").replace("`", "").split()).casefold()


def page_size_of(live: Path) -> int:
    """Return the page size of the live database, in bytes."""
    with open_live(live) as connection:
        return int(connection.execute("PRAGMA page_size").fetchone()[0])


def rewrite(source: Path, target: Path, *, page_size: int) -> None:
    """Write the database at `source` to `target`, an empty file, with another page size.

    A WAL database cannot take in pages of another size than its own.

    Raises:
        DatabaseCorruptError, InsufficientSpaceError, StoreUnavailableError
    """
    with open_staged(source) as connection:
        connection.execute(f"PRAGMA page_size={page_size:d}")
        connection.execute("VACUUM INTO ?", (str(target),))


def replace_contents(staged: Path, live: Path, *, deadline_s: float, on_bytes: OnBytes) -> None:
    """Make the live database hold what `staged` holds, in one transaction of its own.

    SQLite keeps the write lock from the first page to the last, so other connections see the old
    data or the new, and a killed process leaves the old. The page size must be the live one.

    Raises:
        TimeoutError: the write lock was not to be had within `deadline_s`; nothing changed.
        sqlite3.Error: the database or the disk refused; nothing changed.
        and what `on_bytes` raises; nothing changed.
    """
    deadline = time.monotonic() + deadline_s

    def step(status: int, remaining: int, total: int) -> None:
        if status == sqlite3.SQLITE_DONE:
            return  # it is committed, and an error would say that it is not
        # Connection.backup() retries a busy database for ever; only raising here ends it.
        if time.monotonic() > deadline:
            raise TimeoutError(f"the live database stayed busy for {deadline_s:.0f} seconds")
        on_bytes((total - remaining) * page_size, total * page_size)

    source = _connect(staged, "mode=ro&immutable=1")
    target = _connect(live, "mode=rw")
    try:
        page_size = source.execute("PRAGMA page_size").fetchone()[0]
        source.backup(target, pages=_RESTORE_STEP_PAGES, progress=step, sleep=0.005)
    finally:
        source.close()
        target.close()


def fold_log(live: Path) -> bool:
    """Put the live database into WAL mode if it was not, and its log into the main file.

    Returns:
        Whether that was possible at once; False while a reader still needs the old data, the
        disk has no room, or the database does not open for now. That costs disk and nothing
        else: what is committed stays committed.
    """
    try:
        with contextlib.closing(_connect(live, "mode=rw")) as connection:
            connection.execute("PRAGMA busy_timeout=250")
            connection.execute("PRAGMA journal_mode=WAL")
            return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.Error:
        return False


def begin_wal(path: Path) -> None:
    """Put a database that nobody else has open into WAL mode, which it keeps for good."""
    with copy_errors(path):
        connection = _connect(path, "mode=rw")
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()


def mark(path: Path, *, application_id: int) -> None:
    """Write our application id into a database that nobody else has open."""
    connection = _connect(path, "mode=rwc")
    try:
        connection.execute(f"PRAGMA application_id={application_id:d}")
    finally:
        connection.close()


def confirm_live(live: Path, *, rows: Mapping[str, int]) -> str:
    """Look at the live database after a replacement; return what is wrong, or "".

    Args:
        live: the database.
        rows: rows that every table must have.
    """
    try:
        with open_live(live) as connection:
            found = [row[0] for row in connection.execute("PRAGMA quick_check(1)")]
            if found != ["ok"]:
                return str(found[0])
            for table, expected in rows.items():
                count = count_rows(connection, table)
                if count != expected:
                    return f"{table} has {count} rows instead of {expected}"
    except BackupError as error:
        return str(error)
    return ""


def count_rows(connection: sqlite3.Connection, table: str) -> int:
    """Return the number of rows of one table, whose name comes from the schema itself."""
    quoted = table.replace('"', '""')
    return int(connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0])  # noqa: S608


SQLITE_VERSION: Final = sqlite3.sqlite_version
