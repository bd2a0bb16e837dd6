"""What the site's settings say about backups, for those who look after them without a request.

Read past SQLAlchemy: in a millisecond, while the pages wait for a restore, and not at all rather
than late.
"""

from __future__ import annotations

import sqlite3
import zoneinfo
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from datetime import timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from launcher.backup.records import RetentionPolicy
from launcher.connection import connect

if TYPE_CHECKING:
    from pathlib import Path

    from launcher.backup.locks import Gate

_COLUMNS = {
    "is_scheduled": "backup_enabled",
    "cron_expression": "backup_cron_expression",
    "stale_after_h": "backup_stale_after_h",
    "keep_count": "backup_max_count",
    "keep_daily": "backup_keep_daily",
    "keep_weekly": "backup_keep_weekly",
    "keep_monthly": "backup_keep_monthly",
    "zone_name": "time_zone",
    "language": "default_locale",
    "site_name": "site_name",
}
"""Every field of `Rules`, and the setting that it is."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that say when backups are due, how many stay, and how the site speaks."""

    is_scheduled: bool
    cron_expression: str
    stale_after_h: int
    keep_count: int
    keep_daily: int
    keep_weekly: int
    keep_monthly: int
    zone_name: str
    language: str
    site_name: str

    @property
    def stale_after(self) -> timedelta:
        """How old the last good backup may be."""
        return timedelta(hours=self.stale_after_h)

    @property
    def zone(self) -> tzinfo:
        """The zone of the schedule."""
        return ZoneInfo(self.zone_name)

    @property
    def policy(self) -> RetentionPolicy:
        """How many scheduled backups to keep."""
        return RetentionPolicy(
            keep_count=self.keep_count,
            keep_daily=self.keep_daily,
            keep_weekly=self.keep_weekly,
            keep_monthly=self.keep_monthly,
        )


def rules_of(site: Any) -> Rules:
    """Return what a row of settings says, free of the database it came from."""
    return Rules(**{name: getattr(site, column) for name, column in _COLUMNS.items()})


def read_rules(database_path: Path, gate: Gate, *, timeout_s: float = 0.0) -> Rules | None:
    """Return what the live database says, None when it cannot be asked.

    Never waits longer than `timeout_s` for a restore; a damaged or missing database is no error.
    """
    columns = ", ".join(_COLUMNS.values())
    try:
        with gate.enter(timeout_s=timeout_s), closing(connect(database_path)) as connection:
            row = connection.execute(
                f"SELECT {columns} FROM system_settings WHERE id = 1"  # noqa: S608 (our own names)
            ).fetchone()
    except (sqlite3.Error, TimeoutError, OSError):
        return None
    return _checked(dict(zip(_COLUMNS, row, strict=True))) if row else None


def write_facts(rules: Rules) -> Mapping[str, object]:
    """Return `rules` as JSON can hold them."""
    return asdict(rules)


def read_facts(facts: object) -> Rules | None:
    """Return what `write_facts` made, None when it is anything else."""
    if not isinstance(facts, dict) or set(facts) != set(_COLUMNS):
        return None
    return _checked(facts)


def _checked(values: Mapping[str, object]) -> Rules | None:
    """Return rules of the right types: what cannot be believed must not raise an alarm."""
    found: dict[str, Any] = {}
    kinds = {"bool": bool, "int": int, "str": str}
    for field in fields(Rules):
        value = values[field.name]
        if field.type == "bool" and value in (0, 1):  # SQLite has no other
            value = bool(value)
        if not isinstance(value, kinds[str(field.type)]):
            return None
        found[field.name] = value
    try:
        ZoneInfo(str(found["zone_name"]))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return Rules(**found)
