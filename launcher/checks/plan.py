"""What is to be checked now, read from the live database without SQLAlchemy's session."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from launcher import migrations
from launcher.checks.pauses import MAX_WINDOWS, Pause, pause_at
from launcher.checks.spec import CheckSpec
from launcher.checks.states import Standing
from launcher.models import App, ChecksRun, CheckState, HealthCheck, MaintenanceWindow
from launcher.models.health import CheckKind
from launcher.settings.table import SETTINGS, SiteSettings

Row = tuple[Any, ...]


class OtherVersionError(Exception):
    """The live database is older or newer than this version."""


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One maintenance window, as `launcher.checks.pauses.Window`."""

    days: str
    starts_at_min: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Check:
    """One app that is checked, with what is known of it."""

    spec: CheckSpec
    paused_until: datetime | None = None
    paused_by: str = ""
    standing: Standing | None = None

    @property
    def last_s(self) -> float | None:
        """When the last result of this address came, None if there is none."""
        if self.standing is None or self.standing.last_at is None:
            return None
        return self.standing.last_at.timestamp()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be checked.

    Attributes:
        checks: by app; none while checks are switched off.
        unchecked: what is known of apps that are not checked, such as those in the archive.
    """

    checks: Mapping[int, Check] = field(default_factory=dict)
    unchecked: Mapping[int, Standing] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    paused_until: datetime | None = None
    paused_by: str = ""
    windows: Mapping[int | None, tuple[WindowRow, ...]] = field(default_factory=dict)
    offline_since: datetime | None = None

    def pause(self, app_id: int, now: datetime) -> Pause | None:
        """Return the pause of an app at `now`, None where it is checked."""
        check = self.checks[app_id]
        if check.paused_until is None and self.paused_until is None and not self.windows:
            return None  # as for nearly all of hundreds, which are asked for together
        return pause_at(
            now,
            zone=self.zone,
            check_until=check.paused_until,
            check_by=check.paused_by,
            all_until=self.paused_until,
            all_by=self.paused_by,
            windows=(*self.windows.get(None, ()), *self.windows.get(app_id, ())),
        )


class _Rows(NamedTuple):
    """All rows that a plan is made of."""

    settings: Row
    run: Row | None
    windows: list[Row]
    states: list[Row]
    checks: list[Row]


class Reader:
    """Reads plans; decodes only the rows that have changed.

    Rows are fetched at once: one call a row would cost more than all that is done with them.

    Attributes:
        last: the plan that was read last, None before the first.
    """

    def __init__(self) -> None:
        self._interval_s: int | None = None
        self._rows: _Rows | None = None
        self._checks: dict[int, tuple[Row, Check | None]] = {}
        self._states: dict[int, tuple[Row, Standing]] = {}
        self.last: Plan | None = None

    def read(self, connection: sqlite3.Connection) -> Plan:
        """Return the plan: the same object as last time where nothing in it has changed.

        Raises:
            OtherVersionError: the database is of another version.
            sqlite3.Error
        """
        _require_our_version(connection)
        settings = connection.execute(_SETTINGS).fetchone()
        if settings is None:
            raise OtherVersionError("there are no settings")
        rows = _Rows(
            settings,
            connection.execute(_RUN.query).fetchone(),
            connection.execute(_NEWEST_WINDOWS).fetchall(),
            _fetched(connection, f"{_STATES.query} ORDER BY app_id"),
            _fetched(connection, _CHECKS),
        )
        return self.last if self.last and rows == self._rows else self._take(rows)

    def wrote(self, states: Iterable[Row], *, offline_since: str | None) -> Plan:
        """Return the plan after a transaction that read it and then wrote this, and no more.

        So it need not be read again: the rows of hundreds of apps cost more than those written.

        Args:
            states: rows of `check_states`, with the columns of `STATE_COLUMNS`.
            offline_since: as it is stored.
        """
        if self._rows is None:
            raise ValueError("nothing was read yet")
        by_app = {row[0]: row for row in self._rows.states} | {row[0]: row for row in states}
        paused = (self._rows.run or (None, ""))[:2]
        in_order = [by_app[app_id] for app_id in sorted(by_app)]
        return self._take(self._rows._replace(states=in_order, run=(*paused, offline_since)))

    def _take(self, rows: _Rows) -> Plan:
        settings = SiteSettings.of(dict(zip(SETTINGS, rows.settings, strict=True)))
        facts = _RUN.read(rows.run) if rows.run else {}
        states = self._read_states(rows.states)
        checks = self._read_checks(rows.checks, settings, states)
        self.last = Plan(
            checks if settings.checks_enabled else {},
            {
                app_id: standing
                for app_id, standing in states.items()
                if not settings.checks_enabled or app_id not in checks
            },
            settings.zone,
            facts.get("paused_until"),
            facts.get("paused_by", ""),
            _windows(rows.windows),
            facts.get("offline_since"),
        )
        self._rows = rows
        return self.last

    def _read_states(self, rows: Iterable[Row]) -> dict[int, Standing]:
        states = {}
        for row in rows:
            known = self._states.get(row[0])
            if known is None or known[0] != row:
                facts = _STATES.read(row)
                known = row, Standing(**{name: facts[name] for name in _STATES.names[1:]})
            states[row[0]] = known
        self._states = states
        return {app_id: standing for app_id, (_, standing) in states.items()}

    def _read_checks(
        self,
        rows: Iterable[Row],
        settings: SiteSettings,
        states: Mapping[int, Standing],
    ) -> dict[int, Check]:
        if settings.check_interval_s != self._interval_s:
            self._interval_s = settings.check_interval_s
            self._checks = {}
        checks: dict[int, tuple[Row, Check | None]] = {}
        for row in rows:
            app_id, standing = row[0], states.get(row[0])
            known = self._checks.get(app_id)
            if known is None or known[0] != row or _is_sample(known[1]):
                known = row, _check(row, settings, standing)
            elif known[1] is not None and known[1].standing is not standing:
                known = row, replace(known[1], standing=standing)
            checks[app_id] = known
        self._checks = checks
        return {app_id: check for app_id, (_, check) in checks.items() if check is not None}


class _Columns:
    """The columns of a table, and what reads their values as the models do."""

    def __init__(self, model: Any, *names: str) -> None:
        table: sa.Table = model.__table__
        dialect = sqlite.dialect()
        self.names = names or tuple(table.c.keys())
        self.query = f"SELECT {', '.join(self.names)} FROM {table.name}"  # noqa: S608 (constants)
        self._readers = [
            cast("Any", table.c[name].type).result_processor(dialect, None) for name in self.names
        ]

    def read(self, row: Row) -> dict[str, Any]:
        """Return the values of a row by name."""
        return {
            name: reader(value) if reader else value
            for name, reader, value in zip(self.names, self._readers, row, strict=True)
        }


_CHECK = _Columns(HealthCheck)
STATE_COLUMNS = ("app_id", *(each.name for each in fields(Standing)))
_STATES = _Columns(CheckState, *STATE_COLUMNS)
_RUN = _Columns(ChecksRun, "paused_until", "paused_by", "offline_since")
_WINDOWS = _Columns(MaintenanceWindow, "app_id", "days", "starts_at_min", "minutes")
_NEWEST_WINDOWS = (
    f"SELECT {', '.join(_WINDOWS.names)} FROM (SELECT *, row_number()"  # noqa: S608 (constants)
    f" OVER (PARTITION BY app_id ORDER BY id DESC) AS place FROM maintenance_windows)"
    f" WHERE place <= {MAX_WINDOWS}"
)
_SETTINGS = f"SELECT {', '.join(SETTINGS)} FROM system_settings WHERE id = 1"  # noqa: S608 (constants)
_CHECKS = (
    f"SELECT apps.id, apps.url, apps.url_local, {', '.join(f'c.{n}' for n in _CHECK.names)}"  # noqa: S608 (constants)
    " FROM apps LEFT JOIN health_checks AS c ON c.app_id = apps.id"
    " WHERE apps.archived_at IS NULL"
)


def _fetched(connection: sqlite3.Connection, query: str) -> list[Row]:
    """Return all rows of a query. What is no UTF-8 is read as the connection reads it."""
    tolerant, connection.text_factory = connection.text_factory, str
    try:
        return connection.execute(query).fetchall()  # without a call of Python for each text
    except sqlite3.OperationalError:
        connection.text_factory = tolerant
        return connection.execute(query).fetchall()
    finally:
        connection.text_factory = tolerant


def _is_sample(check: Check | None) -> bool:
    """Whether the spec depends on the last result."""
    return check is not None and check.spec.kind is CheckKind.SAMPLE


def _check(row: Row, settings: SiteSettings, standing: Standing | None) -> Check | None:
    """Return the check of an app, None where it has none. An app without a row is checked."""
    facts = _CHECK.read(row[3:]) if row[3] is not None else None
    if facts is not None and not facts["is_enabled"]:
        return None
    app = SimpleNamespace(id=row[0], url=str(row[1]), url_local=str(row[2] or ""))
    spec = CheckSpec.of(
        cast("App", app),
        cast("HealthCheck", SimpleNamespace(**facts)) if facts else None,
        settings,
        cast("CheckState | None", standing),
    )
    if facts is None:
        return Check(spec, standing=standing)
    return Check(spec, facts["paused_until"], facts["paused_by"], standing)


def _windows(rows: Iterable[Row]) -> dict[int | None, tuple[WindowRow, ...]]:
    found: dict[int | None, tuple[WindowRow, ...]] = {}
    for row in rows:
        facts = _WINDOWS.read(row)
        app_id = facts.pop("app_id")
        found[app_id] = (*found.get(app_id, ()), WindowRow(**facts))
    return found


def _require_our_version(connection: sqlite3.Connection) -> None:
    rows = connection.execute("SELECT version_num FROM alembic_version LIMIT 2").fetchall()
    if [row[0] for row in rows] != [migrations.head()]:
        raise OtherVersionError
