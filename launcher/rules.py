"""What the site's settings say about backups, for those who look after them without a request.

Read past SQLAlchemy: it is asked every few seconds, and by processes that live no longer than a
backup takes.
"""

from __future__ import annotations

import contextlib
import sqlite3
import zoneinfo
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from launcher.backup.errors import SourceDatabaseError
from launcher.backup.records import RetentionPolicy
from launcher.backup.sqlite import side_files
from launcher.backup.stamps import Stamp, is_settled, stamp_of
from launcher.connection import GATE_TIMEOUT_S, connect

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
    "rehearsal": "backup_rehearsal",
    "zone_name": "time_zone",
    "language": "default_locale",
    "site_name": "site_name",
}
"""Every field of `Rules`, and the setting that it is."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that say when backups are due, how many stay, how often a restore is
    rehearsed, and how the site speaks.

    `zone_name` is one that this machine knows, see `rules_of` and `read_rules`.
    """

    is_scheduled: bool
    cron_expression: str
    stale_after_h: int
    keep_count: int
    keep_daily: int
    keep_weekly: int
    keep_monthly: int
    rehearsal: str
    zone_name: str
    language: str
    site_name: str

    @property
    def stale_after(self) -> timedelta:
        """How old the last good backup may be."""
        return timedelta(hours=self.stale_after_h)

    @property
    def zone(self) -> ZoneInfo:
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


UNKNOWN = Rules(
    is_scheduled=False,
    cron_expression="0 3 * * *",
    stale_after_h=30,
    keep_count=10,
    keep_daily=0,
    keep_weekly=0,
    keep_monthly=0,
    rehearsal="off",
    zone_name="UTC",
    language="en",
    site_name="Launcher",
)
"""How a site is treated whose settings nobody can read and nobody remembers."""


def rules_of(site: Any) -> Rules:
    """Return what a row of settings says, free of the database it came from."""
    values = {name: getattr(site, column) for name, column in _COLUMNS.items()}
    return Rules(**values | {"zone_name": known_zone(values["zone_name"]).key})


def read_rules(database_path: Path, gate: Gate, *, timeout_s: float = GATE_TIMEOUT_S) -> Rules:
    """Return what the live database says.

    Args:
        timeout_s: how long to wait while a restore keeps the gate closed.

    Raises:
        SourceDatabaseError: it cannot be asked: it is lost, damaged, or being replaced.
    """
    columns = ", ".join(_COLUMNS.values())
    try:
        with (
            gate.enter(timeout_s=timeout_s),
            contextlib.closing(connect(database_path)) as live,
        ):
            row = live.execute(
                f"SELECT {columns} FROM system_settings WHERE id = 1"  # noqa: S608 (our own names)
            ).fetchone()
        if row is None:
            raise LookupError("there are none")
        return _checked(dict(zip(_COLUMNS, row, strict=True)))
    except (sqlite3.Error, OSError, LookupError, ValueError) as error:
        is_older = str(error).startswith("no such column")
        raise SourceDatabaseError(
            f"the settings cannot be read: {error}",
            hint="`flask database upgrade` brings the database to the schema of this version."
            if is_older
            else "`flask backup restore latest` brings the newest good backup back.",
        ) from error


def schedule_text(expression: str, zone: tzinfo) -> str:
    """Return what tells one schedule from another."""
    return f"{expression} {zone}"


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


# --- as they are remembered --------------------------------------------------------------


def write_facts(rules: Rules) -> Mapping[str, object]:
    """Return `rules` as JSON can hold them."""
    return asdict(rules)


def read_facts(facts: object) -> Rules | None:
    """Return what `write_facts` made, None when it is anything else."""
    if not isinstance(facts, dict) or set(facts) != set(_COLUMNS):
        return None
    try:
        return _checked(facts)
    except ValueError:
        return None


def _checked(values: Mapping[str, object]) -> Rules:
    """Return rules of the right types: what cannot be believed must not raise an alarm.

    Raises:
        ValueError: a value is of another kind.
    """
    found: dict[str, Any] = {}
    kinds = {"bool": bool, "int": int, "str": str}
    for field in fields(Rules):
        value = values[field.name]
        if field.type == "bool" and value in (0, 1):  # SQLite has no other
            value = bool(value)
        if not isinstance(value, kinds[str(field.type)]):
            raise ValueError(f"{field.name} is {value!r}")  # noqa: TRY004 (data, not a program)
        found[field.name] = value
    return Rules(**found | {"zone_name": known_zone(found["zone_name"]).key})


def known_zone(name: str) -> ZoneInfo:
    """Return a zone by name, UTC where this machine does not know it.

    A restored site may have one that is unknown here, and that must stop no backup and no page.
    """
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
