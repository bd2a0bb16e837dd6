"""Replace what the live database holds while others read it, and confirm what it holds then.

In a database with a write-ahead log, the new pages go into the log. Others read the old data until
the commit, and go on doing so in a transaction that began before it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from launcher.backup.errors import BackupError
from launcher.backup.files import disk_errors
from launcher.backup.ports import OnBytes
from launcher.backup.sqlite.connection import connect, connect_to_look, side_files
from launcher.backup.sqlite.copy import integrity_findings
from launcher.backup.sqlite.failures import source_errors
from launcher.backup.sqlite.live import open_live
from launcher.backup.sqlite.rows import count_rows, table_of_broken_rule

_STEP_PAGES = 1000
_FLUSH_EVERY_S = 0.1
# Long enough for the requests that read: before they have ended, the log is not begun or emptied.
_FOLD_WAIT_MS = 1000


@contextlib.contextmanager
def reader_of(live: Path) -> Iterator[sqlite3.Connection]:
    """Open a connection for `pin`, before others have to wait for it.

    Raises:
        SourceDatabaseError, InsufficientSpaceError: as `live.open_live`.
    """
    with open_live(live) as connection:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield connection


def pin(connection: sqlite3.Connection) -> None:
    """Let a connection read what was committed last, whatever is committed after that.

    Raises:
        SourceDatabaseError: it cannot be read.
    """
    with source_errors():
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def replace_contents(
    staged: Path,
    live: Path,
    *,
    deadline_s: float,
    on_bytes: OnBytes,
    on_locked: Callable[[], None],
    before_commit: Callable[[], None],
    last_step: Callable[[], AbstractContextManager[object]],
    on_committed: Callable[[], None],
) -> None:
    """Make the live database hold what `staged` holds, in one transaction.

    SQLite keeps the write lock from the first page to the last, so other connections see the old
    data or the new, and a killed process leaves the old. Both must have the same page size. The
    caller keeps a connection to the live database open: else the last one to close empties the
    log, and all others wait.

    Args:
        staged: the new data; no one else uses it.
        live: the live database.
        deadline_s: for how long the database may refuse each step.
        on_bytes: called with the progress.
        on_locked: called once no one else can write any more, and what others wrote can be read
            until the commit.
        before_commit: called when few pages are left.
        last_step: a block to commit in, entered then. A database without a write-ahead log can only
            be read before the first page, so all three come before that.
        on_committed: called in that block, after the commit.

    Raises:
        TimeoutError: the database refused a step until the deadline; nothing changed.
        sqlite3.Error, InsufficientSpaceError, StoreUnavailableError: the database or the disk
            refused; nothing changed.
        and what `on_bytes`, `on_locked`, `before_commit` and entering `last_step` raise; nothing
            changed. What
        `on_committed` raises, and leaving `last_step`, comes after the commit.
    """
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(contextlib.closing(connect(staged, "mode=ro&immutable=1")))
        target = stack.enter_context(contextlib.closing(connect(live, "mode=rw")))
        page_size, pages = (
            int(source.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_size", "page_count")
        )
        # At least two steps: the first takes the write lock, the last one commits.
        step_pages = max(1, min(_STEP_PAGES, pages // 2))
        is_logged = target.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        is_locked = is_last = False
        flush = _flusher(live) if is_logged else _no_flush
        moved_at = time.monotonic()

        def step(status: int, remaining: int, total: int) -> None:
            nonlocal is_locked, is_last, moved_at
            if status == sqlite3.SQLITE_DONE:
                return  # committed: an error would say otherwise
            now = time.monotonic()
            if status != sqlite3.SQLITE_OK:
                # Connection.backup() retries a busy database for ever; only raising here ends it.
                if now - moved_at > deadline_s:
                    raise TimeoutError(f"the database stayed busy for {deadline_s:.0f} seconds")
                return
            if not is_locked:
                is_locked = True
                on_locked()
            on_bytes((total - remaining) * page_size, total * page_size)
            flush(is_last := remaining <= step_pages)
            if is_last and is_logged:
                before_commit()
                stack.enter_context(last_step())
            moved_at = time.monotonic()

        if not is_logged:
            stack.enter_context(last_step())
            is_locked = True
            on_locked()
            before_commit()
        source.backup(target, pages=step_pages, progress=step, sleep=0.005)
        on_committed()


def _flusher(live: Path) -> Callable[[bool], None]:
    """Return what flushes the log as it grows, so that the commit has little left to flush.

    The log may be opened and closed beside SQLite, which keeps its locks on other files.
    """
    log = side_files(live)[0]
    flushed_at = time.monotonic()

    def flush(is_due: bool) -> None:
        nonlocal flushed_at
        if not is_due and time.monotonic() - flushed_at < _FLUSH_EVERY_S:
            return
        with disk_errors("flush the log of the database"):
            descriptor = os.open(log, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        flushed_at = time.monotonic()

    return flush


def _no_flush(_is_due: bool) -> None:
    """Flush nothing: there is no log."""


def has_log(live: Path) -> bool:
    """Whether the live database is in WAL mode; False when it cannot be read."""
    try:
        with contextlib.closing(connect_to_look(live)) as connection:
            return bool(connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal")
    except sqlite3.Error:
        return False


def begin_log(live: Path) -> None:
    """Put the live database into WAL mode, which it keeps.

    Changes nothing when that is not possible within a second: while others use it, or where it can
    only be read.
    """
    if has_log(live):
        return
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(connect(live, "mode=rw")) as connection,
    ):
        connection.execute(f"PRAGMA busy_timeout={_FOLD_WAIT_MS}")
        connection.execute("PRAGMA journal_mode=WAL")


def fold_log(live: Path) -> bool:
    """Put the live database into WAL mode, and its log into the main file.

    Readers are not held up.

    Returns:
        Whether that was possible within a second; False while a reader still needs the old data,
        the disk has no room, or the database does not open for now. That costs disk and nothing
        else: what is committed stays committed.
    """
    try:
        with contextlib.closing(connect(live, "mode=rw")) as connection:
            connection.execute(f"PRAGMA busy_timeout={_FOLD_WAIT_MS}")
            connection.execute("PRAGMA journal_mode=WAL")
            return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.Error:
        return False


def confirm_live(live: Path, *, rows: Mapping[str, int]) -> str:
    """Check the live database after a replacement; return what is wrong, or "".

    Args:
        live: the database.
        rows: rows that every table must have at least.
    """
    try:
        with open_live(live) as connection:
            return confirm(connection, rows=rows)
    except BackupError as error:
        return str(error)


def confirm(connection: sqlite3.Connection, *, rows: Mapping[str, int]) -> str:
    """Check what a connection reads; return what is wrong, or "". See `confirm_live`.

    More rows are no fault: a copy of pages adds none, but a program without the gate may have
    since the commit. A reversal would lose what it wrote.
    """
    try:
        with source_errors():
            for finding in integrity_findings(connection, is_quick=True):
                if not table_of_broken_rule(finding):
                    return finding
            for table, expected in rows.items():
                count = count_rows(connection, table)
                if count < expected:
                    return f"{table} has {count} rows instead of {expected}"
    except BackupError as error:
        return str(error)
    return ""
