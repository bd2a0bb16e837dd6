"""The settings of the site, for those who need them without a request.

Read past SQLAlchemy: it is asked every few seconds, and by processes that live no longer than a
backup takes.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from launcher.backup.errors import SourceDatabaseError
from launcher.backup.fingerprints import Fingerprint, fingerprint_of, is_settled
from launcher.backup.reasons import Reason
from launcher.backup.sqlite.connection import side_files
from launcher.db.connect import GATE_TIMEOUT_S, connect
from launcher.settings.table import FALLBACK, SETTINGS, SiteSettings

if TYPE_CHECKING:
    from pathlib import Path

    from launcher.backup.locks import Gate


def read_settings(
    database_path: Path, gate: Gate, *, timeout_s: float = GATE_TIMEOUT_S
) -> SiteSettings:
    """Return what the live database says.

    Args:
        timeout_s: how long to wait while a restore keeps the gate closed.

    Raises:
        SourceDatabaseError: it cannot be asked: it is lost, damaged, or being replaced.
    """
    try:
        with (
            gate.enter(timeout_s=timeout_s),
            contextlib.closing(connect(database_path)) as live,
        ):
            live.row_factory = sqlite3.Row
            row = live.execute("SELECT * FROM system_settings WHERE id = 1").fetchone()
        if row is None:
            raise LookupError("there are none")
        if missing := set(SETTINGS) - set(row.keys()):
            detail = f"no such column: {min(missing)}"
            raise SourceDatabaseError(Reason.SETTINGS_OLDER, detail=detail)
        return _checked({name: row[name] for name in SETTINGS})
    except (sqlite3.Error, OSError, LookupError, ValueError) as error:
        raise SourceDatabaseError(Reason.SETTINGS_UNREADABLE, detail=error) from error


def schedule_text(expression: str, zone: tzinfo) -> str:
    """Return what tells one schedule from another."""
    return f"{expression} {zone}"


class SettingsReader:
    """Reads the rules as often as one likes: the database is opened only when it was changed.

    SQLite's files are looked at from outside, and never opened by anything but SQLite.
    """

    def __init__(self, database_path: Path, gate: Gate) -> None:
        self._paths = [database_path, *side_files(database_path)[:2]]
        self._gate = gate
        self._read: SiteSettings | None = None
        self._seen: tuple[Fingerprint, ...] = ()

    def read(self, *, timeout_s: float = 0.0) -> SiteSettings:
        """Return the rules as they are now.

        Raises:
            SourceDatabaseError: as `read_settings`.
        """
        seen = self._look()
        if self._read is not None and seen and seen == self._seen:
            return self._read
        self._read = None
        site = read_settings(self._paths[0], self._gate, timeout_s=timeout_s)
        # What is changed a moment later must look different from what was seen before.
        self._seen = seen if all(map(is_settled, seen)) else ()
        self._read = site
        return site

    def _look(self) -> tuple[Fingerprint, ...]:
        fingerprints: list[Fingerprint] = []
        for path in self._paths:
            with contextlib.suppress(OSError):
                fingerprints.append(fingerprint_of(path.stat()))
        return tuple(fingerprints)


# --- as they are remembered --------------------------------------------------------------


def write_facts(site: SiteSettings) -> Mapping[str, object]:
    """Return `site` as JSON can hold them."""
    return {name: getattr(site, name) for name in SETTINGS}


def read_facts(facts: object) -> SiteSettings | None:
    """Return what `write_facts` made, None when it is anything else."""
    if not isinstance(facts, dict) or not facts:
        return None
    try:
        return _checked({name: facts[name] for name in SETTINGS if name in facts})
    except ValueError:
        return None


def _checked(values: Mapping[str, object]) -> SiteSettings:
    """Return settings of the right types: what cannot be believed must not raise an alarm.

    Raises:
        ValueError: a value is of another type.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        wanted = type(getattr(FALLBACK, name))
        if wanted is bool and value in (0, 1):  # SQLite has no other
            value = bool(value)  # noqa: PLW2901
        if not isinstance(value, wanted):
            raise ValueError(f"{name} is {value!r}")  # noqa: TRY004 (data, not a program)
        found[name] = value
    return replace(FALLBACK, **found)
