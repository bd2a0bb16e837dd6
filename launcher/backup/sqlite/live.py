"""The live database: read it, and copy it."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from launcher.backup.ports import Content, OnBytes
from launcher.backup.reasons import Fact, Fault, Reason
from launcher.backup.sqlite.connection import connect, connect_to_look
from launcher.backup.sqlite.copy import integrity_findings
from launcher.backup.sqlite.failures import (
    BUSY,
    has_no_room,
    primary_code,
    raise_disk_error,
    source_errors,
)

_COPY_STEP_OPCODES = 50_000


@contextlib.contextmanager
def open_live(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the live database for reading, outside any transaction; never creates it.

    Raises:
        SourceDatabaseError: it is missing, damaged, or stays busy; see `is_damaged`.
        InsufficientSpaceError: its disk is too full for the little that a reader needs.
    """
    with source_errors(), contextlib.closing(connect(path, "mode=ro")) as connection:
        connection.execute("PRAGMA trusted_schema=OFF")
        yield connection


@contextlib.contextmanager
def watch_writes(live: Path) -> Iterator[Callable[[], bool]]:
    """Yield a function: whether another connection has committed to the live database since.

    The open connection also keeps the index of the log in existence, so that others need no disk
    space for it. It holds no transaction and blocks no one.

    Raises:
        SourceDatabaseError, InsufficientSpaceError
    """
    with source_errors():
        connection = connect(live, "mode=ro")

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


def live_problem(path: Path, *, content: Content) -> Fault | None:
    """Return what is wrong with the live database, None when it opens and is ours.

    Reads a few pages: it detects a file that is missing, empty, cut off, foreign, garbage, with a
    schema that cannot be read, or without what every page needs, and not one that is damaged
    deeper inside. A busy database and a full disk are no problem of the database: a restore would
    not help.
    """
    facts: dict[str, Fact] = {"name": path.name}
    try:
        if path.stat().st_size == 0:
            return Fault(Reason.LIVE_EMPTY, facts)
        connection = connect_to_look(path)
        try:
            found = connection.execute("PRAGMA application_id").fetchone()[0]
            if found != content.application_id:
                return Fault(Reason.LIVE_FOREIGN, facts)
            encoding = connection.execute("PRAGMA encoding").fetchone()[0]
            problem = (
                content.problem(connection)
                if encoding == "UTF-8"
                else f"it says that its text is {encoding}"
            )
        finally:
            connection.close()
    except FileNotFoundError:
        return Fault(Reason.LIVE_MISSING, facts)
    except OSError as error:
        return Fault(Reason.LIVE_UNUSABLE, facts | {"detail": str(error.strerror)})
    except sqlite3.Error as error:
        is_passing = primary_code(error) in BUSY or has_no_room(error)
        return None if is_passing else Fault(Reason.LIVE_UNUSABLE, facts | {"detail": str(error)})
    return Fault(Reason.LIVE_UNUSABLE, facts | {"detail": problem}) if problem else None


def damage_of(path: Path, *, deadline_s: float) -> Fault | None:
    """Return what SQLite's quick check of the whole database finds first, None for nothing.

    None, too, when it takes longer than the deadline, or the database is busy.
    """
    deadline = time.monotonic() + deadline_s
    try:
        with contextlib.closing(connect_to_look(path)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _COPY_STEP_OPCODES)
            detail = next(iter(integrity_findings(connection, is_quick=True)), "")
    except sqlite3.Error as error:
        detail = str(error) if primary_code(error) == sqlite3.SQLITE_CORRUPT else ""
    return Fault(Reason.LIVE_UNUSABLE, {"name": path.name, "detail": detail}) if detail else None


def copy_live(live: Path, target: Path, *, on_bytes: OnBytes) -> None:
    """Write one consistent moment of the live database to `target`, an empty file.

    `VACUUM INTO` reads one transaction: writers continue, and cannot make it start again. The
    copy has no free pages and no side files. The caller removes `target` on failure.

    Raises:
        SourceDatabaseError: the live database cannot be read.
        InsufficientSpaceError, StoreUnavailableError: `target` cannot be written.
    """
    # A connection that could write, and does not: SQLite hides `CHECK` constraints from any other,
    # then takes the two tables for different ones, and inserts row by row. That takes three times
    # as long, and fails at a row that breaks a rule.
    with source_errors(), contextlib.closing(connect(live, "mode=rw")) as connection:
        connection.execute("PRAGMA trusted_schema=OFF")
        # No flush: the packed file is flushed, and `sweep` removes this one after a crash.
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
                raise_disk_error(error, target)
                raise
    on_bytes(total, total)


def copy_pages(live: Path, target: Path) -> None:
    """Write one consistent moment of the live database to `target`, an empty file, page by page.

    Nothing of its schema is run, which `VACUUM INTO` cannot do without: objects of other programs
    may need functions and modules that are not here.

    Raises:
        SourceDatabaseError: the live database cannot be read.
        InsufficientSpaceError, StoreUnavailableError: `target` cannot be written.
    """
    with open_live(live) as source, contextlib.closing(connect(target, "mode=rw")) as copy:
        copy.execute("PRAGMA synchronous=OFF")
        copy.execute("PRAGMA journal_mode=OFF")
        try:
            source.backup(copy)  # all pages in one step, which is one transaction
        except sqlite3.Error as error:
            raise_disk_error(error, target)
            raise


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    # A damaged header may count more free pages than there are.
    return int((pages - free if 0 <= free < pages else pages) * size)


def used_bytes(live: Path) -> int:
    """Return how large a copy of the live database will be, in bytes, give or take a tenth.

    Raises:
        SourceDatabaseError: the live database cannot be read.
    """
    with open_live(live) as connection:
        return _used_bytes(connection)


@contextlib.contextmanager
def _watched(
    connection: sqlite3.Connection, opcodes: int, check: Callable[[], None]
) -> Iterator[None]:
    """Call `check` while statements run; what it raises ends them and leaves this block.

    `sqlite3` swallows exceptions of its callbacks, so the first one is kept and raised here.
    """
    raised: list[BaseException] = []

    def step() -> bool:
        try:
            check()
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


def page_size_of(live: Path) -> int:
    """Return the page size of the live database, in bytes."""
    with open_live(live) as connection:
        return int(connection.execute("PRAGMA page_size").fetchone()[0])
