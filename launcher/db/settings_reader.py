"""The settings of the site, read without SQLAlchemy.

For commands and processes that run no longer than a backup takes, and for the scheduler, which
reads them every few seconds.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from launcher.backup.errors import InsufficientSpaceError, SourceDatabaseError
from launcher.backup.fingerprints import Fingerprint, fingerprint_at, is_settled
from launcher.backup.locks import Gate
from launcher.backup.reasons import Reason
from launcher.backup.sqlite.connection import side_files
from launcher.backup.sqlite.failures import has_no_room
from launcher.db.connect import GATE_TIMEOUT_S, connect
from launcher.settings.table import SETTINGS, SiteSettings


def read_settings(
    database_path: Path, gate: Gate, *, timeout_s: float = GATE_TIMEOUT_S
) -> SiteSettings:
    """Return the settings in the live database.

    Args:
        timeout_s: how long to wait while a restore keeps the gate closed.

    Raises:
        SourceDatabaseError: the database is missing, damaged, or being replaced.
        InsufficientSpaceError: its disk is too full even to read it.
    """
    try:
        with gate.enter(timeout_s=timeout_s), contextlib.closing(connect(database_path)) as live:
            live.row_factory = sqlite3.Row
            row = live.execute("SELECT * FROM system_settings WHERE id = 1").fetchone()
        if row is None:
            raise LookupError("there are none")
        if missing := set(SETTINGS) - set(row.keys()):
            detail = f"no such column: {min(missing)}"
            raise SourceDatabaseError(Reason.SETTINGS_OLDER, detail=detail)
        return SiteSettings.of({name: row[name] for name in SETTINGS})
    except (sqlite3.Error, OSError, LookupError) as error:
        if isinstance(error, sqlite3.Error) and has_no_room(error):
            raise InsufficientSpaceError(Reason.LIVE_DISK_FULL, detail=error) from error
        raise SourceDatabaseError(Reason.SETTINGS_UNREADABLE, detail=error) from error


class SettingsReader:
    """Reads the settings, and opens the database only when its files have changed."""

    def __init__(self, database_path: Path, gate: Gate) -> None:
        self._paths = [database_path, *side_files(database_path)[:2]]
        self._gate = gate
        self._read: SiteSettings | None = None
        self._seen: tuple[Fingerprint, ...] = ()

    def read(self, *, timeout_s: float = 0.0) -> SiteSettings:
        """Return the settings as they are now.

        Raises:
            SourceDatabaseError, InsufficientSpaceError: as `read_settings`.
        """
        seen = tuple(filter(None, map(fingerprint_at, self._paths)))
        if self._read is not None and seen and seen == self._seen:
            return self._read
        self._read = None
        settings = read_settings(self._paths[0], self._gate, timeout_s=timeout_s)
        # A change within the resolution of file times would not be seen.
        self._seen = seen if all(map(is_settled, seen)) else ()
        self._read = settings
        return settings
