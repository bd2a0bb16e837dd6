"""How to connect to the live database with nothing but the standard library.

Commands that need no tables of ours, `flask backup create` first of all, should not have to wait
for SQLAlchemy to be imported: it takes longer than the backup.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from launcher.backup.locks import Gate
    from launcher.backup.records.operation import JournalEntry

GATE_TIMEOUT_S = 8.0
BUSY_TIMEOUT_S = 10.0

_log = logging.getLogger(__name__)


def connect(path: Path, *, foreign_keys: bool = True) -> sqlite3.Connection:
    """Open the database at `path`, which must exist, in autocommit mode."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S
    )
    connection.execute(f"PRAGMA foreign_keys={'ON' if foreign_keys else 'OFF'}")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def operation_recorder(path: Path, gate: Gate) -> Callable[[JournalEntry], None]:
    """Return what the backup service calls when an operation has ended.

    It keeps an audit row of it, like those of `launcher.audit`. A database that cannot take the
    row is no reason to call the operation failed, since the journal has it: that is logged, and
    no more.
    """

    def record(entry: JournalEntry) -> None:
        try:
            with gate.enter(timeout_s=GATE_TIMEOUT_S):
                _insert(path, entry)
        except (sqlite3.Error, TimeoutError, OSError) as error:
            _log.warning("audit entry not kept: %s", error)

    return record


def _insert(path: Path, entry: JournalEntry) -> None:
    facts = {"outcome": entry.outcome, "operation": entry.operation_id}
    if entry.error:
        facts["error"] = entry.error
    connection = connect(path)
    try:
        connection.execute(
            "INSERT INTO audit_events (at, actor_name, action, target_kind, target_id,"
            " target_name, changes, address) VALUES (?, ?, ?, 'backup', ?, ?, ?, '')",
            (
                f"{entry.ended_at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}",
                entry.by,
                f"backup.{entry.verb}",
                entry.backup_id,
                entry.backup_id,
                json.dumps(facts),
            ),
        )
    finally:
        connection.close()
