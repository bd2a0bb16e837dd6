"""What the admin has set about backups, read without SQLAlchemy: it is asked every few seconds,
and by processes that live no longer than a backup takes.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from launcher.backup.errors import SourceDatabaseError
from launcher.backup.records import RetentionPolicy
from launcher.backup.sqlite import side_files
from launcher.backup.stamps import Stamp, is_settled, stamp_of
from launcher.connection import GATE_TIMEOUT_S, connect

if TYPE_CHECKING:
    from launcher.backup.locks import Gate


@dataclass(frozen=True, slots=True)
class Rules:
    """What the admin has set about backups."""

    is_enabled: bool
    cron_expression: str
    zone: ZoneInfo
    policy: RetentionPolicy
    stale_after_h: int


def read_rules(database_path: Path, gate: Gate, *, timeout_s: float = GATE_TIMEOUT_S) -> Rules:
    """Return the rules as they are now.

    Args:
        timeout_s: how long to wait while a restore keeps the gate closed.

    Raises:
        SourceDatabaseError: they cannot be read: a lost or damaged database, or one that is
            being replaced.
    """
    try:
        with gate.enter(timeout_s=timeout_s), contextlib.closing(connect(database_path)) as live:
            row = live.execute(
                "SELECT backup_enabled, backup_cron_expression, time_zone, backup_max_count,"
                " backup_keep_daily, backup_keep_weekly, backup_keep_monthly,"
                " backup_stale_after_h FROM system_settings WHERE id = 1"
            ).fetchone()
        if row is None:
            raise LookupError("there are none")
        return Rules(
            is_enabled=bool(row[0]),
            cron_expression=str(row[1]),
            zone=_zone(str(row[2])),
            policy=RetentionPolicy(*map(int, row[3:7])),
            stale_after_h=int(row[7]),
        )
    except (sqlite3.Error, OSError, LookupError, ValueError, TypeError) as error:
        raise SourceDatabaseError(
            f"the settings cannot be read: {error}",
            hint="`flask backup restore latest` brings the newest good backup back.",
        ) from error


def _zone(name: str) -> ZoneInfo:
    """Return a zone; a restored one may be unknown here, and that must stop no backup."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return ZoneInfo("UTC")


class RulesReader:
    """Reads the rules as often as one likes: the database is opened only when it was changed.

    SQLite's files are looked at from outside, and never opened by anything but SQLite.
    """

    def __init__(self, database_path: Path, gate: Gate) -> None:
        self._paths = [database_path, *side_files(database_path)[:2]]
        self._gate = gate
        self._read: Rules | None = None
        self._seen: tuple[Stamp, ...] = ()

    def read(self, *, timeout_s: float = 0.0) -> Rules:
        """Return the rules as they are now.

        Raises:
            SourceDatabaseError: as `read_rules`.
        """
        seen = self._look()
        if self._read is not None and seen and seen == self._seen:
            return self._read
        self._read = None
        rules = read_rules(self._paths[0], self._gate, timeout_s=timeout_s)
        # What is changed a moment later must look different from what was seen before.
        self._seen = seen if all(map(is_settled, seen)) else ()
        self._read = rules
        return rules

    def _look(self) -> tuple[Stamp, ...]:
        stamps: list[Stamp] = []
        for path in self._paths:
            with contextlib.suppress(OSError):
                stamps.append(stamp_of(path.stat()))
        return tuple(stamps)


def utc_now() -> datetime:
    """Return the present moment, aware and in UTC."""
    return datetime.now(UTC)


def schedule_text(expression: str, zone: tzinfo) -> str:
    """Return what tells one schedule from another."""
    return f"{expression} {zone}"
