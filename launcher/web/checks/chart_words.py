"""A chart of response times in words: its periods, its axis, its text and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from launcher.checks.response_times import LENGTH_S, Period, Point, Series, moment_of
from launcher.i18n.formats import clock_time, day, duration
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

PERIOD_WORDS: Mapping[Period, LazyString] = {
    Period.DAY: _("24 h"),
    Period.WEEK: _("7 days"),
    Period.MONTH: _("30 days"),
    Period.YEAR: _("A year"),
}
_PARTS = {Period.DAY: 4, Period.WEEK: 7, Period.MONTH: 6, Period.YEAR: 12}
_TICKS = 4
_DAY_S = 86_400


class Part(NamedTuple):
    """A row of the table: a part of the period, in words."""

    name: str
    mean: str
    slowest: str


def chart_words(series: Series, period: Period) -> str:
    """Return what the chart shows, in sentences."""
    mean, slowest = _mean_ms(series.points), _slowest_ms(series.points)
    if mean is None or slowest is None:
        return gettext("No response in this time.")
    words = gettext(
        "Response time, %(period)s: %(mean)s on average, %(slowest)s at most.",
        period=str(PERIOD_WORDS[period]),
        mean=duration(mean / 1000),
        slowest=duration(slowest / 1000),
    )
    if any(not each.up for each in series.points):
        words = " ".join((words, gettext("At times there was no response.")))
    return words


def history_words(series: Series, period: Period, begun: datetime | None) -> str:
    """Return when the history starts, "" where that is before the period."""
    if begun is None or begun <= moment_of(series.end_s - LENGTH_S[period]):
        return ""
    return gettext("History starts on %(day)s at %(time)s.", day=day(begun), time=clock_time(begun))


def ticks_of(series: Series) -> list[tuple[float, str]]:
    """Return the words below the chart, each with its place in per cent; the last is now."""
    part_s = (series.end_s - series.start_s) / _TICKS
    ticks = [
        (100 * part / _TICKS, _moment(series.start_s + part_s * part, series, part_s))
        for part in range(_TICKS)
    ]
    return [*ticks, (100.0, gettext("Now"))]


def parts_of(series: Series, period: Period) -> list[Part]:
    """Return the rows of the table, the newest last; a part without data says so."""
    count = _PARTS[period]
    length_s = (series.end_s - series.start_s) / count
    parts = []
    for index in range(count):
        start_s = series.start_s + index * length_s
        is_last = index == count - 1
        end_s = series.end_s + 1 if is_last else start_s + length_s
        within = series.within(start_s - series.step_s if index == 0 else start_s, end_s)
        begin, end = (_moment(at_s, series, length_s) for at_s in (start_s, start_s + length_s))
        name = (
            gettext("%(from)s to now", **{"from": begin})
            if is_last
            else gettext("%(from)s to %(to)s", **{"from": begin, "to": end})
        )
        mean, slowest = _mean_ms(within), _slowest_ms(within)
        none = gettext("No data") if not within else gettext("no response")
        parts.append(
            Part(
                name,
                none if mean is None else duration(mean / 1000),
                none if slowest is None else duration(slowest / 1000),
            )
        )
    return parts


def _moment(at_s: float, series: Series, part_s: float) -> str:
    at = moment_of(at_s)
    if series.end_s - series.start_s <= _DAY_S:
        return clock_time(at)
    if part_s >= _DAY_S:
        return day(at)
    return gettext("%(day)s, %(time)s", day=day(at), time=clock_time(at))


def _mean_ms(points: Sequence[Point]) -> float | None:
    answered = [(each.ms, each.up or 1) for each in points if each.ms is not None]
    total = sum(count for _ms, count in answered)
    return sum(ms * count for ms, count in answered) / total if total else None


def _slowest_ms(points: Sequence[Point]) -> int | None:
    return max((each.ms_max for each in points if each.ms_max is not None), default=None)
