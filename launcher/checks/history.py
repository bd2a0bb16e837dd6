"""What was measured of apps: uptime, days, response times and outages. All of it is only read.

A time in which nothing was measured is a gap: not up, not down, and not counted. Uptime is the
share of the checks that found an app up, slow ones among them. The figures of up to 30 days come
from hours, so that a day is that of the reader, and those of a year from days in UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
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
class Past:
    """The last 30 days of one app, the oldest first; `day`, `week` and `month` end now."""

    first: date
    days: tuple[Measured, ...]
    day: Measured = NOTHING
    week: Measured = NOTHING
    month: Measured = NOTHING

    def dates(self, state: DayState) -> list[date]:
        """Return the days of this state."""
        return [
            self.first + timedelta(days=index)
            for index, each in enumerate(self.days)
            if each.state is state
        ]


def past_of(
    session: Reader, app_ids: Collection[int], *, now: datetime, zone: tzinfo
) -> dict[int, Past]:
    """Return the last 30 days of some apps, each with one of nothing where nothing was measured.

    One query of 720 rows an app at most. A day begins at midnight in `zone`, by its offset of now.
    """
    local = now.astimezone(zone)
    offset_s = int((local.utcoffset() or timedelta()).total_seconds())
    first = local.date() - timedelta(days=DAYS - 1)
    start_s = (first - _EPOCH).days * _DAY_S - offset_s
    now_s = int(now.timestamp())
    at = sa.type_coerce(ProbeHour.at, sa.Integer)
    day = (at + offset_s) // _DAY_S
    spans = [_hour(now_s - days * _DAY_S) for days in (1, 7)]
    parts = [
        sa.func.sum(sa.case((at >= span_s, count), else_=0))
        for span_s in spans
        for count in (ProbeHour.probes, ProbeHour.up)
    ]
    query = (
        sa.select(
            ProbeHour.app_id, day,
            sa.func.sum(ProbeHour.probes), sa.func.sum(ProbeHour.up), sa.func.sum(ProbeHour.slow),
            *parts,
        )
        .where(ProbeHour.app_id.in_(app_ids), at >= start_s, at <= now_s)
        .group_by(ProbeHour.app_id, day)
    )  # fmt: skip
    found: dict[int, list[Measured]] = {app_id: [NOTHING] * DAYS for app_id in app_ids}
    spans_of: dict[int, list[int]] = {app_id: [0, 0, 0, 0] for app_id in app_ids}
    first_index = (first - _EPOCH).days
    for app_id, index, probes, up, slow, *counts in session.execute(query):
        place = index - first_index
        if 0 <= place < DAYS:
            found[app_id][place] = Measured(probes, up, slow)
        spans_of[app_id] = [a + b for a, b in zip(spans_of[app_id], counts, strict=True)]
    return {
        app_id: Past(
            first,
            tuple(days),
            day=Measured(*spans_of[app_id][:2]),
            week=Measured(*spans_of[app_id][2:]),
            month=Measured(sum(each.probes for each in days), sum(each.up for each in days)),
        )
        for app_id, days in found.items()
    }


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


# Response times


class Period(StrEnum):
    """A time that a chart shows, which ends now."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    YEAR = "1y"


_LENGTH_S = {
    Period.DAY: _DAY_S, Period.WEEK: 7 * _DAY_S, Period.MONTH: 30 * _DAY_S,
    Period.YEAR: 365 * _DAY_S,
}  # fmt: skip
_STEP_S = {Period.DAY: 600, Period.WEEK: _HOUR_S, Period.MONTH: 4 * _HOUR_S, Period.YEAR: _DAY_S}


@dataclass(frozen=True, slots=True)
class Point:
    """The checks of one step. `ms` is their mean and None where no check was answered."""

    at_s: int
    probes: int
    up: int
    ms: float | None
    ms_max: int | None


@dataclass(frozen=True, slots=True)
class Series:
    """Response times by steps of `step_s`, the oldest first; a step without checks is not there."""

    start_s: int
    end_s: int
    step_s: int
    points: tuple[Point, ...]

    def within(self, start_s: float, end_s: float) -> list[Point]:
        """Return the points that begin in a part of the time."""
        return [each for each in self.points if start_s <= each.at_s < end_s]


def response_times(
    session: Reader, app_id: int, period: Period, *, now: datetime, interval_s: int
) -> Series:
    """Return the response times of a period in at most 365 steps.

    A step is longer than the interval of the checks, so that a step without any is a gap.
    """
    base_s = _STEP_S[period]
    step_s = base_s * max(1, -(-3 * interval_s // (2 * base_s)))
    end_s = int(now.timestamp())
    start_s = end_s - _LENGTH_S[period]
    total, most = sa.func.sum, sa.func.max
    model: type[Probe | ProbeHour | ProbeDay]
    match period:
        case Period.DAY:
            model = Probe
        case Period.YEAR:
            model = ProbeDay
        case _:
            model = ProbeHour
    row = model.__table__.c
    what: tuple[Any, ...]
    if model is Probe:
        answers, is_up = sa.func.count(row.ms), sa.type_coerce(row.is_up, sa.Integer)
        what = (sa.func.count(), total(is_up), total(row.ms), answers, most(row.ms))
    else:
        what = (
            total(row.probes),
            total(row.up),
            total(row.ms_sum),
            total(row.up),
            most(row.ms_max),
        )
    at = sa.type_coerce(row.at, sa.Integer)
    step = at // step_s
    query = (
        sa.select(step, *what)
        .where(row.app_id == app_id, at >= start_s - start_s % step_s, at <= end_s)
        .group_by(step)
        .order_by(step)
    )
    points = tuple(
        Point(index * step_s, probes, int(up), ms / answers if answers and ms else None, ms_max)
        for index, probes, up, ms, answers, ms_max in session.execute(query)
    )
    return Series(start_s, end_s, step_s, points)


def moment_of(at_s: float) -> datetime:
    """Return a second of a series as a moment."""
    return datetime.fromtimestamp(at_s, UTC)


def _hour(at_s: int) -> int:
    return at_s - at_s % _HOUR_S
