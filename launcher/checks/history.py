"""What was measured of apps: uptime, days and outages. All of it is only read.

A time in which nothing was measured is a gap: not up, not down, and not counted. Uptime is the
share of the checks that found an app up, slow ones among them. The figures of up to 30 days come
from hours, so that a day is that of the reader, and those of a year from days in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, scoped_session

from launcher.checks.shown import FLAPPING_OUTAGES, FLAPPING_TIME
from launcher.models import Outage, Probe, ProbeDay, ProbeHour

Reader = Session | scoped_session[Any]

DAYS = 30
"""How many days a strip has, today is the last."""
SLOW_SHARE = 0.01
"""A day is shown as slow when so many of its checks were, which are 15 minutes."""

_DAY_S, _HOUR_S = 86_400, 3_600
_EPOCH = date(1970, 1, 1)


class DayState(StrEnum):
    """What is shown of one day; `NONE` where nothing was measured."""

    UP = "up"
    SLOW = "slow"
    DOWN = "down"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Measured:
    """How many checks there were, and how many of them found the app up, or slow."""

    probes: int = 0
    up: int = 0
    slow: int = 0

    @property
    def uptime(self) -> float | None:
        """The share of checks that found the app up; None where nothing was measured."""
        return self.up / self.probes if self.probes else None

    @property
    def state(self) -> DayState:
        """What is shown of a day with these checks."""
        if not self.probes:
            return DayState.NONE
        if self.up < self.probes:
            return DayState.DOWN
        return DayState.SLOW if self.slow >= SLOW_SHARE * self.probes else DayState.UP


NOTHING = Measured()


@dataclass(frozen=True, slots=True)
class Uptimes:
    """What was measured in the last 24 hours and 30 days; both end now."""

    day: Measured = NOTHING
    month: Measured = NOTHING


@dataclass(frozen=True, slots=True)
class Past(Uptimes):
    """The last 30 days of one app, the oldest first; `day`, `week` and `month` end now."""

    first: date = _EPOCH
    days: tuple[Measured, ...] = ()
    week: Measured = NOTHING

    def dates(self, state: DayState) -> list[date]:
        """Return the days of this state."""
        return [
            self.first + timedelta(days=index)
            for index, each in enumerate(self.days)
            if each.state is state
        ]


def uptimes_of(
    session: Reader, app_ids: Collection[int], *, now: datetime, zone: tzinfo
) -> dict[int, Uptimes]:
    """Return the uptimes of some apps, as `past_of` has them, for less."""
    _, (start_s, *_) = _first_days(now, zone)
    days = _sums(session, app_ids, _span_start_s(now, days=1), now)
    months = _sums(session, app_ids, start_s, now)
    return {
        app_id: Uptimes(days.get(app_id, NOTHING), months.get(app_id, NOTHING))
        for app_id in app_ids
    }


def past_of(
    session: Reader, app_ids: Collection[int], *, now: datetime, zone: tzinfo
) -> dict[int, Past]:
    """Return the last 30 days of some apps, each with one of nothing where nothing was measured.

    Three queries, of 721 hours an app at most. A day begins at midnight in `zone`, also where the
    clocks have changed since.
    """
    first, starts = _first_days(now, zone)
    strips = _days(session, app_ids, starts, now)
    day, week = (_sums(session, app_ids, _span_start_s(now, days=days), now) for days in (1, 7))
    return {
        app_id: Past(
            day=day.get(app_id, NOTHING),
            week=week.get(app_id, NOTHING),
            month=_sum(strip),
            first=first,
            days=tuple(strip),
        )
        for app_id, strip in strips.items()
    }


def _sum(days: Sequence[Measured]) -> Measured:
    return Measured(
        sum(each.probes for each in days),
        sum(each.up for each in days),
        sum(each.slow for each in days),
    )


def _first_days(now: datetime, zone: tzinfo) -> tuple[date, Sequence[int]]:
    """Return the first of the 30 days, and the seconds in which they and tomorrow begin."""
    first = now.astimezone(zone).date() - timedelta(days=DAYS - 1)
    days = (first + timedelta(days=index) for index in range(DAYS + 1))
    return first, [int(datetime.combine(each, time(), zone).timestamp()) for each in days]


def _span_start_s(now: datetime, *, days: int) -> int:
    at_s = int(now.timestamp()) - days * _DAY_S
    return at_s - at_s % _HOUR_S


_at = sa.type_coerce(ProbeHour.at, sa.Integer)
_counts = [sa.func.sum(count) for count in (ProbeHour.probes, ProbeHour.up, ProbeHour.slow)]


def _sums(
    session: Reader, app_ids: Collection[int], start_s: int, now: datetime
) -> dict[int, Measured]:
    """Return what was measured from an hour on; an app without checks is not there."""
    query = (
        sa.select(ProbeHour.app_id, *_counts)
        .where(ProbeHour.app_id.in_(app_ids), _at >= start_s, _at <= int(now.timestamp()))
        .group_by(ProbeHour.app_id)
    )
    return {app_id: Measured(*counts) for app_id, *counts in session.execute(query)}


def _days(
    session: Reader, app_ids: Collection[int], starts: Sequence[int], now: datetime
) -> dict[int, list[Measured]]:
    """Return what was measured on each of the 30 days.

    A subquery for each app and day, and a row for each app: sums by group would sort all the hours
    first, which takes three times as long.
    """
    wanted = sa.func.json_each(json.dumps(list(app_ids))).table_valued("value", name="wanted")
    spans = [*pairwise(starts)]
    days = sa.func.json_each(json.dumps(spans)).table_valued("key", "value", name="days")
    begin, end = (sa.func.json_extract(days.c.value, f"$[{side}]") for side in (0, 1))
    one_day = (
        sa.select(sa.func.json_array(days.c.key, *_counts))
        .where(
            ProbeHour.app_id == wanted.c.value,
            _at >= begin,
            _at < end,
            _at <= int(now.timestamp()),
        )
        .correlate(wanted, days)
        .scalar_subquery()
    )
    all_days = (
        sa.select(sa.func.json_group_array(sa.func.json(one_day)))
        .select_from(days)
        .correlate(wanted)
        .scalar_subquery()
    )
    found: dict[int, list[Measured]] = {app_id: [NOTHING] * DAYS for app_id in app_ids}
    for app_id, text in session.execute(sa.select(wanted.c.value, all_days)):
        for day, probes, up, slow in json.loads(text):
            if probes is not None:
                found[app_id][day] = Measured(probes, up, slow)
    return found


def year_of(session: Reader, app_id: int, *, now: datetime) -> Measured:
    """Return what was measured in the last year."""
    query = sa.select(
        sa.func.coalesce(sa.func.sum(ProbeDay.probes), 0),
        sa.func.coalesce(sa.func.sum(ProbeDay.up), 0),
    ).where(ProbeDay.app_id == app_id, ProbeDay.at >= now - timedelta(days=365))
    return Measured(*session.execute(query).one())


def measured_since(session: Reader, app_id: int) -> datetime | None:
    """Return the day of the first check of an app that is kept, None for none."""
    return session.scalar(
        sa.select(ProbeDay.at).where(ProbeDay.app_id == app_id).order_by(ProbeDay.at).limit(1)
    )


def history_start(session: Reader, app_id: int) -> datetime | None:
    """Return when the first check of an app was that is kept, None for none.

    As exact as it is still kept: to the second for a day, to the hour for a month, then to the day.
    """
    start, unit = None, timedelta()
    tiers = ((ProbeDay, timedelta(days=1)), (ProbeHour, timedelta(hours=1)), (Probe, timedelta()))
    for model, length in tiers:
        query = sa.select(model.at).where(model.app_id == app_id).order_by(model.at).limit(1)
        first = session.scalar(query)
        if first is None or (start is not None and first >= start + unit):
            break  # what it had of that time is removed
        start, unit = first, length
    return start


def outages_of(session: Reader, app_id: int, *, now: datetime) -> Sequence[Outage]:
    """Return the outages of the last year, the newest first."""
    ended = sa.or_(Outage.ended_at.is_(None), Outage.ended_at >= now - timedelta(days=365))
    query = sa.select(Outage).where(Outage.app_id == app_id, ended)
    return session.scalars(query.order_by(Outage.started_at.desc())).all()


def down_s(outages: Sequence[Outage], *, start: datetime, now: datetime) -> float:
    """Return how many seconds of the time from `start` until now are within outages."""
    spans = ((max(each.started_at, start), each.ended_at or now) for each in outages)
    return sum(max(0.0, (end - begin).total_seconds()) for begin, end in spans)


def flapping(session: Reader, *, now: datetime) -> Mapping[int, int]:
    """Return how many outages each app had that was down several times in the last day."""
    count = sa.func.count()
    query = (
        sa.select(Outage.app_id, count.label("outages"))
        .where(Outage.started_at >= now - FLAPPING_TIME)
        .group_by(Outage.app_id)
        .having(count >= FLAPPING_OUTAGES)
    )
    return {row.app_id: row.outages for row in session.execute(query)}
