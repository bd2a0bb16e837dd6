"""Writes what checks found: results, history, states and outages, in one short transaction.

A result belongs to the spec that it was measured for. The specs are read again in the transaction.
A result of an app that is gone, of another spec, or of a check that is paused by now is dropped.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from launcher.checks.plan import STATE_COLUMNS, Plan, Reader, Row
from launcher.checks.states import Change, Result, Standing, after, moved, probed_of, released
from launcher.db.connect import stored_moment
from launcher.models.health import Health

_HOUR_S, _DAY_S = 3600, 86_400

_PROBE = (
    "INSERT OR IGNORE INTO probes (app_id, at, is_up, is_slow, ms, code, error)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_TIER = """\
INSERT INTO {table} (app_id, at, probes, up, slow, ms_min, ms_max, ms_sum)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (app_id, at) DO UPDATE SET
    probes = probes + excluded.probes, up = up + excluded.up, slow = slow + excluded.slow,
    ms_min = min(coalesce(ms_min, excluded.ms_min), coalesce(excluded.ms_min, ms_min)),
    ms_max = max(coalesce(ms_max, excluded.ms_max), coalesce(excluded.ms_max, ms_max)),
    ms_sum = ms_sum + excluded.ms_sum"""
_COLUMNS = STATE_COLUMNS[1:]
_STATE = (
    f"INSERT INTO check_states ({', '.join(STATE_COLUMNS)})"  # noqa: S608 (constants)
    f" VALUES (?{', ?' * len(_COLUMNS)}) ON CONFLICT (app_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
)
_OUTAGE = """\
INSERT INTO outages (app_id, started_at, ended_at, error, facts) VALUES (?, ?, NULL, ?, ?)
ON CONFLICT (app_id, started_at) DO UPDATE SET ended_at = NULL"""
_OUTAGE_END = """\
UPDATE outages SET ended_at = max(started_at, ?) WHERE app_id = ? AND ended_at IS NULL"""
_RUN = """\
INSERT INTO checks_run (id, paused_until, paused_by, offline_since, written_at, cost)
VALUES (1, NULL, '', :offline_since, :written_at, :cost)
ON CONFLICT (id) DO UPDATE SET offline_since = excluded.offline_since,
    written_at = excluded.written_at, cost = excluded.cost"""


@dataclass(slots=True)
class _Tier:
    """The sum of the results of one app in one hour or one day."""

    probes: int = 0
    up: int = 0
    slow: int = 0
    ms_min: int | None = None
    ms_max: int | None = None
    ms_sum: int = 0

    def add(self, *, is_up: bool, is_slow: bool, ms: int | None) -> None:
        self.probes += 1
        self.up += is_up
        self.slow += is_slow
        if is_up and ms is not None:
            self.ms_min = ms if self.ms_min is None else min(ms, self.ms_min)
            self.ms_max = ms if self.ms_max is None else max(ms, self.ms_max)
            self.ms_sum += ms


def write(
    connection: sqlite3.Connection,
    reader: Reader,
    results: Sequence[Result],
    *,
    now: datetime,
    offline_since: datetime | None = None,
    cost: Mapping[str, Any] | None = None,
    and_then: Callable[[], object] | None = None,
) -> Plan:
    """Write results in one transaction; return what is to be checked from now on.

    Args:
        results: in the order in which they ended.
        and_then: what else belongs into the transaction.

    Raises:
        sqlite3.Error, OtherVersionError: nothing was written.
    """
    if reader.last is not None:
        # Work out the maintenance windows before the lock: afterwards they are known.
        _paused(reader.last, now)
    connection.execute("BEGIN IMMEDIATE")
    try:
        plan = reader.read(connection)
        states = _write_results(connection, plan, results, now)
        facts = {
            "offline_since": stored_moment(offline_since) if offline_since else None,
            "written_at": stored_moment(now),
            "cost": json.dumps(dict(cost or {})),
        }
        connection.execute(_RUN, facts)
        if and_then is not None:
            and_then()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return reader.wrote(states, offline_since=facts["offline_since"])


def _write_results(
    connection: sqlite3.Connection, plan: Plan, results: Iterable[Result], now: datetime
) -> list[Row]:
    """Return the rows of the states that have changed."""
    known = {app_id: check.standing for app_id, check in plan.checks.items() if check.standing}
    changed: dict[int, Standing] = {}

    def apply(app_id: int, change: Change) -> None:
        if change.ended_at is not None:
            connection.execute(_OUTAGE_END, (_seconds(change.ended_at), app_id))
        if change.is_outage:
            new = change.standing
            begin = (
                app_id,
                _seconds(new.since),
                new.error,
                json.dumps(dict(new.facts), default=str),
            )
            connection.execute(_OUTAGE, begin)
        known[app_id] = changed[app_id] = change.standing

    def release(app_id: int, old: Standing) -> None:
        if (change := released(old, at=now)).standing is not old:
            apply(app_id, change)

    paused = _paused(plan, now)
    for app_id, check in plan.checks.items():
        if (old := known.get(app_id)) is None:
            continue
        probed = probed_of(check.spec)
        if old.probed not in {None, "", probed}:
            apply(app_id, moved(old, at=now, probed=probed))
        elif app_id in paused:
            release(app_id, old)
    for app_id, old in plan.unchecked.items():
        release(app_id, old)
    kept = [
        result
        for result in results
        if result.app_id in plan.checks
        and result.app_id not in paused
        and plan.checks[result.app_id].spec == result.spec
    ]
    for result in kept:
        apply(result.app_id, after(known.get(result.app_id), result))
    write_history(connection, kept)
    states = [_stored(app_id, each) for app_id, each in changed.items()]
    connection.executemany(_STATE, states)
    return states


def _paused(plan: Plan, now: datetime) -> set[int]:
    return {app_id for app_id in plan.checks if plan.pause(app_id, now)}


def write_history(connection: sqlite3.Connection, results: Sequence[Result]) -> None:
    """Add results to the history, each to its three steps, within the caller's transaction."""
    tiers: dict[str, dict[tuple[int, int], _Tier]] = {"probe_hours": {}, "probe_days": {}}
    for result in results:
        outcome, at_s = result.outcome, _seconds(result.began_at)
        is_slow = outcome.state is Health.SLOW
        row = (outcome.is_up, is_slow, outcome.ms, outcome.code, outcome.reason)
        if not connection.execute(_PROBE, (result.app_id, at_s, *row)).rowcount:
            continue  # the second of one second, which the tiers do not count either
        for table, length_s in (("probe_hours", _HOUR_S), ("probe_days", _DAY_S)):
            tier = tiers[table].setdefault((result.app_id, at_s - at_s % length_s), _Tier())
            tier.add(is_up=outcome.is_up, is_slow=is_slow, ms=outcome.ms)
    for table, sums in tiers.items():
        rows = [
            (*key, tier.probes, tier.up, tier.slow, tier.ms_min, tier.ms_max, tier.ms_sum)
            for key, tier in sums.items()
        ]
        connection.executemany(_TIER.format(table=table), rows)


def _stored(app_id: int, standing: Standing) -> Row:
    values = []
    for name in _COLUMNS:
        value = getattr(standing, name)
        if isinstance(value, datetime):
            value = stored_moment(value)
        elif isinstance(value, Mapping):
            value = json.dumps(dict(value), default=str)
        values.append(str(value) if name in {"state", "error"} else value)
    return (app_id, *values)


def _seconds(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp())
