"""Connections to the live database with the standard library alone.

Importing SQLAlchemy takes longer than `flask backup create`, which does not need it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from launcher.backup.locks import Gate
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.backup.sqlite.connection import open_connection
from launcher.backup.sqlite.failures import is_of_the_file, primary_code

GATE_TIMEOUT_S = 8.0
BUSY_TIMEOUT_S = 10.0

_log = logging.getLogger(__name__)


def connect(path: Path, *, foreign_keys: bool = True) -> sqlite3.Connection:
    """Open the existing database at `path` in autocommit mode, see `open_connection`."""
    connection = open_connection(f"file:{quote(str(path))}?mode=rw", timeout_s=BUSY_TIMEOUT_S)
    connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def stored_moment(at: datetime) -> str:
    """Return a moment as the columns of `UtcDateTime` hold it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


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
            with gate.enter(timeout_s=GATE_TIMEOUT_S):
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
