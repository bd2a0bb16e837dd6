"""A second cron, written from the manual page alone: slow, plain, and only to compare with.

It looks at every minute there is. A time of day that the clock skips comes at the jump; one that
it repeats comes once, unless minute or hour begin with a star, which means real time
(https://manpages.debian.org/bookworm/cron/crontab.5.en.html).
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_MINUTE = timedelta(minutes=1)


def dues(expression: str, *, start: datetime, end: datetime, zone: tzinfo) -> list[datetime]:
    """Return every moment, in UTC, after `start` and not after `end`."""
    fields = expression.lower().split()
    is_real_time = fields[0].startswith("*") or fields[1].startswith("*")
    found = _by_the_minute if is_real_time else _by_the_clock
    return sorted({due for due in found(fields, start, end, zone) if start < due <= end})


def _by_the_minute(
    fields: list[str], start: datetime, end: datetime, zone: tzinfo
) -> Iterator[datetime]:
    moment = start.astimezone(UTC).replace(second=0, microsecond=0)
    while moment <= end:
        local = moment.astimezone(zone)
        if _is_day(fields, local.date()) and _is_time(fields, local.hour, local.minute):
            yield moment
        moment += _MINUTE


def _by_the_clock(
    fields: list[str], start: datetime, end: datetime, zone: tzinfo
) -> Iterator[datetime]:
    times = [(h, m) for h in range(24) for m in range(60) if _is_time(fields, h, m)]
    day = start.astimezone(zone).date() - timedelta(days=1)
    while day <= end.astimezone(zone).date():
        for hour, minute in times if _is_day(fields, day) else ():
            yield _at(datetime(day.year, day.month, day.day, hour, minute), zone)  # noqa: DTZ001
        day += timedelta(days=1)


def _at(wall: datetime, zone: tzinfo) -> datetime:
    while True:
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == wall:
            return moment
        wall += _MINUTE


def _is_time(fields: list[str], hour: int, minute: int) -> bool:
    return _has(fields[0], minute, 0, 59) and _has(fields[1], hour, 0, 23)


def _is_day(fields: list[str], day: date) -> bool:
    if not _has(fields[3], day.month, 1, 12, _MONTHS):
        return False
    by_number = any(_is_day_of_month(term, day) for term in fields[2].split(","))
    by_name = any(_is_weekday(term, day) for term in fields[4].split(","))
    if fields[2].startswith("*") or fields[4].startswith("*"):
        return by_number and by_name
    return by_number or by_name


def _is_day_of_month(term: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    if term == "l":
        return day.day == last
    return _has(term, day.day, 1, 31)


def _is_weekday(term: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    number = day.isoweekday() % 7
    if "#" in term:
        name, _, nth = term.partition("#")
        return _number(name, _DAYS) % 7 == number and (day.day - 1) // 7 + 1 == int(nth)
    if term.endswith("l"):
        return int(term[:-1]) % 7 == number and day.day + 7 > last
    # Sunday is 0 and 7, so it is asked for as both.
    return _has(term, number, 0, 7, _DAYS) or (number == 0 and _has(term, 7, 0, 7, _DAYS))


def _has(field: str, value: int, low: int, high: int, names: list[str] | None = None) -> bool:
    first = 1 if names is _MONTHS else 0
    for term in field.split(","):
        span, _, step = term.partition("/")
        if span == "*":
            begin, end = low, high
        elif "-" in span:
            begin, end = (_number(part, names, first) for part in span.split("-"))
        else:
            begin = _number(span, names, first)
            end = high if step else begin
        if value in range(begin, end + 1, int(step or 1)):
            return True
    return False


def _number(text: str, names: list[str] | None, first: int = 0) -> int:
    return names.index(text) + first if names and text in names else int(text)
