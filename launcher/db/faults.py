"""What is wrong with the live database, as SQLite's errors say it."""

from __future__ import annotations

import sqlite3
from enum import StrEnum

from sqlalchemy.exc import DBAPIError, NoResultFound

from launcher.backup.sqlite.failures import BUSY, has_no_room, primary_code


class DatabaseFault(StrEnum):
    """Why SQLite failed, as far as the answer depends on it."""

    DAMAGED = "damaged"
    BUSY = "busy"
    FULL = "full"
    READ_ONLY = "read_only"
    OTHER = "other"


_FAULTS = {
    sqlite3.SQLITE_CORRUPT: DatabaseFault.DAMAGED,
    sqlite3.SQLITE_NOTADB: DatabaseFault.DAMAGED,
    sqlite3.SQLITE_CANTOPEN: DatabaseFault.DAMAGED,
    sqlite3.SQLITE_IOERR: DatabaseFault.DAMAGED,
    **dict.fromkeys(BUSY, DatabaseFault.BUSY),
    sqlite3.SQLITE_FULL: DatabaseFault.FULL,
    sqlite3.SQLITE_READONLY: DatabaseFault.READ_ONLY,
}


def fault_of(error: DBAPIError | NoResultFound) -> DatabaseFault:
    """Return the kind of a fault. A missing table or a missing row of settings is damage."""
    if isinstance(error, NoResultFound):
        return DatabaseFault.DAMAGED
    if not isinstance(cause := error.orig, sqlite3.Error):
        return DatabaseFault.OTHER
    if has_no_room(cause):
        return DatabaseFault.FULL
    if str(cause).startswith("no such table"):
        return DatabaseFault.DAMAGED
    return _FAULTS.get(primary_code(cause), DatabaseFault.OTHER)
