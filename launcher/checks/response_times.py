"""How fast apps answered: the steps of a chart. All of it is only read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, scoped_session

from launcher.models import Probe, ProbeDay, ProbeHour

_DAY_S, _HOUR_S = 86_400, 3_600


class Period(StrEnum):
    """A time that a chart shows, which ends now."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    YEAR = "1y"


LENGTH_S = {
    Period.DAY: _DAY_S, Period.WEEK: 7 * _DAY_S, Period.MONTH: 30 * _DAY_S,
    Period.YEAR: 365 * _DAY_S,
}  # fmt: skip
_STEP_S = {Period.DAY: 600, Period.WEEK: _HOUR_S, Period.MONTH: 4 * _HOUR_S, Period.YEAR: _DAY_S}


_MIN_STEPS = 6
"""So many steps a series has at least, however short the history is."""


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
    session: Session | scoped_session[Any],
    app_id: int,
    period: Period,
    *,
    now: datetime,
    interval_s: int,
    begun: datetime | None = None,
) -> Series:
    """Return the response times of a period in at most 365 steps.

    A step is longer than the interval of the checks, so that a step without any is a gap.

    Args:
        begun: when the history starts; what is before that is no part of the series.
    """
    base_s = _STEP_S[period]
    step_s = base_s * max(1, -(-3 * interval_s // (2 * base_s)))
    end_s = int(now.timestamp())
    start_s = end_s - LENGTH_S[period]
    if begun is not None:
        start_s = max(start_s, min(int(begun.timestamp()), end_s - _MIN_STEPS * step_s))
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
