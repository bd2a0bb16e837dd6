"""When a cron expression comes due, with cron's own meaning of every field.

Days follow the zone's calendar: a time that daylight saving skips runs at the jump, and one that
it repeats runs once, unless minute or hour begin with a star: those mean real time
(https://manpages.debian.org/bookworm/cron/cron.8.en.html). cronsim knows the calendar; local times
become moments here, because cronsim loses half hours that come twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

CRON_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@midnight": "0 0 * * *",
}

RESTORE_TEST_CRONS: Mapping[str, str | None] = {
    "off": None,
    "daily": "0 4 * * *",
    "weekly": "0 4 * * 0",
    "monthly": "0 4 1 * *",
}
"""Every value of the setting `backup_restore_test`, and when it comes due, in the site's zone."""

_MOST_SHIFT = timedelta(hours=3)  # no zone changes its offset by more at once
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def expand_cron(expression: str) -> str:
    """Return `expression` as five fields, with a macro like `@daily` written out."""
    return CRON_MACROS.get(expression, expression)


def next_runs(
    expression: str, *, after: datetime, zone: ZoneInfo, count: int = 1
) -> Sequence[datetime]:
    """Return the next moments at which `expression` comes due, in UTC, strictly after `after`.

    Empty when it never does, or is no valid expression: `launcher.db.settings` accepts none, but a
    database from elsewhere may hold one.
    """
    dues = _dues(expression, after, zone)
    return list(islice((due for due in dues if due > after), count))


def comes_due(expression: str) -> bool:
    """Whether `expression` is valid and comes due one day."""
    return bool(next_runs(expression, after=datetime.now(UTC), zone=ZoneInfo("UTC")))


def last_due(expression: str, *, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the newest moment not after `now` at which `expression` came due, in UTC.

    None when it never did within fifty years, or is no valid expression.
    """
    dues = _dues(expression, now + _SECOND, zone, is_backwards=True)
    return next((due for due in dues if due <= now), None)


def longest_gap(expression: str) -> timedelta:
    """Return the longest time between two runs; the greatest of all when there are none.

    Reads 400 days, or 2000 runs. The first day is a Thursday, so that a weekend is among them.
    """
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 2, 5, tzinfo=UTC)
    runs = [
        run
        for run in next_runs(expression, after=begin, zone=ZoneInfo("UTC"), count=2000)
        if run < end
    ]
    if not runs:
        return timedelta.max
    moments = [begin, *runs] if len(runs) == 2000 else [begin, *runs, end]
    return max(later - earlier for earlier, later in pairwise(moments))


def _dues(
    expression: str, start: datetime, zone: ZoneInfo, *, is_backwards: bool = False
) -> Iterator[datetime]:
    """Yield in UTC, in their order, all dues beyond `start`, and perhaps a few before it."""
    fields = expand_cron(expression)
    is_real_time = any(field.startswith("*") for field in fields.split()[:2])
    doubt = timedelta() if _is_calm(start, zone) else _MOST_SHIFT
    wall = (start + doubt if is_backwards else start - doubt).astimezone(zone).replace(tzinfo=None)
    pending: set[datetime] = set()
    for time in _wall_times(fields, wall, is_backwards=is_backwards):
        moments = _moments(time, zone, is_real_time=is_real_time)
        pending |= moments
        if moments and _is_calm(min(moments), zone):
            # No later local time can be an earlier moment.
            yield from sorted(pending, reverse=is_backwards)
            pending.clear()
    yield from sorted(pending, reverse=is_backwards)


def _wall_times(fields: str, wall: datetime, *, is_backwards: bool) -> Iterable[datetime]:
    """Yield the local times that `fields` match; nothing when they are no expression."""
    if len(fields.split()) != 5:  # cronsim takes seconds as a sixth
        return
    with contextlib.suppress(CronSimError, ValueError, OverflowError):
        yield from CronSim(fields, wall, reverse=is_backwards)


def _is_calm(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the zone's offset does not change near `moment`."""
    before, after = moment - _MOST_SHIFT, moment + _MOST_SHIFT
    return before.astimezone(zone).utcoffset() == after.astimezone(zone).utcoffset()


def _moments(time: datetime, zone: ZoneInfo, *, is_real_time: bool) -> set[datetime]:
    """Return the moments at which work for the local time `time` is due."""
    shown = _shown(time, zone)
    if is_real_time:
        return shown
    while not shown:  # skipped: it is due at the jump
        time += _MINUTE
        shown = _shown(time, zone)
    return {min(shown)}


def _shown(time: datetime, zone: ZoneInfo) -> set[datetime]:
    """Return the moments that have the local time `time`: one, none or two."""
    return {
        moment
        for fold in (0, 1)
        if (moment := time.replace(tzinfo=zone, fold=fold).astimezone(UTC))
        .astimezone(zone).replace(tzinfo=None) == time
    }  # fmt: skip
