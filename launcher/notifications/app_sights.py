"""What the checks know of the apps that people are notified of, read from the live database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Flask

from launcher.backup.errors import BackupError
from launcher.checks.plan import Check, OtherVersionError, Plan, Reader
from launcher.checks.shown import FLAPPING_OUTAGES, FLAPPING_TIME, Conditions, state_shown
from launcher.current import current_config, current_gate
from launcher.db.connect import connect
from launcher.models.health import CheckKind, Health
from launcher.notifications.app_records import AppSight, AppState, Sights

_STATES = {
    Health.UP: AppState.UP,
    Health.SLOW: AppState.UP,
    Health.DOWN: AppState.DOWN,
    Health.PAUSED: AppState.PAUSED,
}
_APPS = """\
SELECT apps.id, apps.created_at, apps.name, coalesce(c.notify_after_min, 5)
FROM apps LEFT JOIN health_checks AS c ON c.app_id = apps.id
WHERE apps.archived_at IS NULL AND coalesce(c.is_notifying, 1)"""
_OUTAGES = """\
SELECT app_id, started_at, ended_at FROM outages
WHERE started_at >= ?1 OR ended_at IS NULL OR ended_at >= ?1 ORDER BY app_id, started_at"""


@dataclass(slots=True)
class _Outages:
    """The outages of one app within a day, and the last of them."""

    count: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None


def read_sights(app: Flask, *, now: datetime, timeout_s: float = 0.0) -> Sights | None:
    """Return what the checks know; None while the database cannot be read.

    Sample checks, which are of `flask demo`, and archived apps are left out.

    Args:
        timeout_s: how long to wait while a restore keeps the gate closed.
    """
    try:
        with (
            current_gate(app).enter(timeout_s=timeout_s),
            closing(connect(current_config(app).database_path)) as live,
        ):
            live.execute("BEGIN")
            plan = Reader().read(live)
            apps = live.execute(_APPS).fetchall()
            since_s = int((now - FLAPPING_TIME).timestamp())
            outages = _last_outages(live.execute(_OUTAGES, (since_s,)), since_s)
    except (BackupError, sqlite3.Error, OSError, LookupError, OtherVersionError):
        return None
    return Sights(
        tuple(
            _sight(plan, plan.checks[row[0]], row, outages.get(row[0], _Outages()), now)
            for row in apps
            if row[0] in plan.checks and plan.checks[row[0]].spec.kind is not CheckKind.SAMPLE
        ),
        plan.offline_since if plan.checks else None,
        max(
            (
                each.standing.last_at
                for each in plan.checks.values()
                if each.standing
                and each.standing.last_at
                and _STATES.get(each.standing.state) is AppState.UP
            ),
            default=None,
        ),
    )


def _last_outages(rows: Iterable[tuple[int, int, int | None]], since_s: int) -> dict[int, _Outages]:
    found: dict[int, _Outages] = {}
    for app_id, started_s, ended_s in rows:
        each = found.setdefault(app_id, _Outages())
        each.count += started_s >= since_s
        each.started_at = datetime.fromtimestamp(started_s, UTC)
        each.ended_at = None if ended_s is None else datetime.fromtimestamp(ended_s, UTC)
    return found


def _sight(
    plan: Plan, check: Check, row: tuple[int, str, str, int], last: _Outages, now: datetime
) -> AppSight:
    app_id, created, name, notify_after_min = row
    standing, pause = check.standing, plan.pause(app_id, now)
    shown = state_shown(
        Conditions(
            now,
            check.spec.interval_s,
            pauses={app_id: pause} if pause else {},
            offline_since=plan.offline_since,
        ),
        app_id,
        known=standing.state if standing else None,
        since=standing.since if standing else None,
        last_at=standing.last_at if standing else None,
        interval_s=check.spec.interval_s,
        paused_until=None,
        paused_by="",
    )
    state = _STATES.get(shown.state, AppState.UNKNOWN)
    started_at, ended_at = last.started_at, last.ended_at
    if standing is not None and state is AppState.DOWN:
        started_at, ended_at = standing.since.replace(microsecond=0), None
    elif standing is not None and ended_at is None:
        ended_at = standing.since
    return AppSight(
        app_id=app_id,
        created=str(created),
        name=str(name),
        state=state,
        last_at=standing.last_at if standing else None,
        started_at=started_at,
        ended_at=ended_at,
        outages=last.count,
        is_flapping=last.count >= FLAPPING_OUTAGES,
        error=standing.error if standing else "",
        facts=standing.facts if standing else {},
        certificate_until=standing.certificate_until if standing else None,
        notify_after=timedelta(minutes=notify_after_min),
    )
