"""Connections to the live database with the standard library alone.

Importing SQLAlchemy takes longer than `flask backup create`, which does not need it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from launcher.backup.locks import Gate
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.backup.sqlite.connection import Connection, is_nearly_full, open_connection
from launcher.backup.sqlite.failures import has_no_room, is_of_the_file, primary_code

GATE_TIMEOUT_S = 20.0
BUSY_TIMEOUT_S = 10.0
# A log that grew beyond this, with a restore or while a reader stayed, is cut to it by the first
# commit that begins it again. It would keep its size for as long as any connection is open.
LOG_BYTES = 16 << 20
_POLL_S = 0.01

_log = logging.getLogger(__name__)


def connect(path: Path, *, foreign_keys: bool = True) -> sqlite3.Connection:
    """Open the existing database at `path` in autocommit mode, see `open_connection`.

    It can be read when its disk is full, too.
    """
    connection = _open(path)
    if is_nearly_full(path.parent):
        connection.close()
        connection = _open_on_full_disk(path)
    connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"PRAGMA journal_size_limit={LOG_BYTES}")
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def _open(path: Path) -> Connection:
    return open_connection(f"file:{quote(str(path))}?mode=rw", timeout_s=BUSY_TIMEOUT_S)


def _open_on_full_disk(path: Path) -> Connection:
    """Open a database that is alone with its file, unless there is room for others.

    Alone, SQLite keeps the index of its log in memory, and needs no room to read. Two that want
    this at once would wait for each other, so they take turns, in every process.

    Raises:
        sqlite3.OperationalError: its turn did not come.
    """
    turn = _take_turn(path.parent)
    try:
        connection = _open(path)
        if _has_room(connection):
            os.close(turn)
            return connection
        connection.close()
        connection = _open(path)
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    except BaseException:
        os.close(turn)
        raise
    holding = ExitStack()
    holding.callback(os.close, turn)
    connection.on_close = holding.close  # a second call does nothing
    return connection


def _take_turn(folder: Path) -> int:
    """Lock a folder, which needs no room; return its descriptor."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                busy = sqlite3.OperationalError("database is locked")
                busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
                raise busy from None
            time.sleep(_POLL_S)
        else:
            return descriptor


def _has_room(connection: sqlite3.Connection) -> bool:
    """Whether the index of the log is there, or has room; any other fault is the reader's."""
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.Error as error:
        return not has_no_room(error)
    return True


def stored_moment(at: datetime) -> str:
    """Return a moment as the columns of `UtcDateTime` hold it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def operation_recorder(path: Path, gate: Gate) -> Callable[[JournalEntry], None]:
    """Return what the backup service calls when an operation has ended: it adds an audit row.

    When the database cannot be written, that is logged and the operation has not failed: the
    journal has it. A failed upgrade leaves the data as it was, in every byte, so that the next
    start finds the backup of it.
    """

    def record(entry: JournalEntry) -> None:
        if entry.verb is Verb.MIGRATE and entry.outcome is not Outcome.SUCCEEDED:
            return
        try:
            with gate.enter(writes=True, timeout_s=GATE_TIMEOUT_S):
                _insert(path, entry)
        except (sqlite3.Error, TimeoutError, OSError) as error:
            # A database that no row can be added to is reported for itself, with the way out.
            level = logging.DEBUG if _is_unusable(error) else logging.WARNING
            _log.log(level, "audit entry not kept: %s", error)

    return record


def _is_unusable(error: Exception) -> bool:
    """Whether the database is lost or damaged, and not busy, full or read-only."""
    if not isinstance(error, sqlite3.Error):
        return False
    code = primary_code(error)
    is_refused = is_of_the_file(error) and code != sqlite3.SQLITE_READONLY
    return is_refused or code == sqlite3.SQLITE_CANTOPEN


def _insert(path: Path, entry: JournalEntry) -> None:
    facts = {"outcome": entry.outcome, "operation": entry.operation_id}
    if entry.error:
        facts["error"] = entry.error
    with contextlib.closing(connect(path)) as connection:
        connection.execute(
            "INSERT INTO audit_events (at, actor_name, action, target_kind, target_id,"
            " target_name, changes, address) VALUES (?, ?, ?, 'backup', ?, ?, ?, '')",
            (
                stored_moment(entry.ended_at),
                entry.by,
                f"backup.{entry.verb}",
                entry.backup_id,
                entry.backup_id,
                json.dumps(facts),
            ),
        )
