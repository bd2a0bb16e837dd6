"""A cron expression in words.

Simple ones become a sentence, others a phrase for each field. Every valid expression has words;
any other, which restored data may hold, is shown as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from babel.dates import get_day_names, get_month_names
from flask_babel import get_locale

from launcher.i18n.formats import listing
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.schedule.cron import comes_due, expand_cron

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_MOST_TIMES = 6


def cron_words(expression: str) -> str:
    """Return when a cron expression comes due: `Every day at 03:00`."""
    if not comes_due(expression):
        return expression
    fields = expand_cron(expression).lower().split()
    words = _sentence(*fields) or _joined(
        _times(*fields[:2]), _days(*fields[2:5:2]), _months(fields[3])
    )
    return words[:1].upper() + words[1:]


def every_hours(step: int) -> str:
    """Return how often a step of hours comes due: `Every 6 hours`."""
    if step == 1:
        return _("Every hour")
    return ngettext("Every %(num)s hour", "Every %(num)s hours", step)


def weekday_name(number: int) -> str:
    """Return the name of a day of the week, counted as cron does, from Sunday."""
    # Babel counts from Monday.
    names = get_day_names(context="stand-alone", locale=get_locale())
    return str(names[(number + 6) % 7])


def clock(hour: int | str, minute: int | str) -> str:
    """Return a time of day: `03:00`."""
    return f"{int(hour):02}:{int(minute):02}"


def _sentence(minute: str, hour: str, day: str, month: str, weekday: str) -> str:
    match (day, month, weekday):
        case ("*", "*", "*") if _is_number(minute, hour):
            return _("Every day at %(time)s", time=clock(hour, minute))
        case ("*", "*", _day) if _is_number(minute, hour, _day):
            name, time = weekday_name(int(weekday)), clock(hour, minute)
            return _("Every week, on %(weekday)s at %(time)s", weekday=name, time=time)
        case ("l", "*", "*") if _is_number(minute, hour):
            time = clock(hour, minute)
            return _("Every month, on the last day at %(time)s", time=time)
        case (_day, "*", "*") if _is_number(minute, hour, _day):
            time = clock(hour, minute)
            return _("Every month, on day %(day)s at %(time)s", day=int(day), time=time)
    return ""


def _times(minute: str, hour: str) -> str:
    minutes, hours = minute.split(","), hour.split(",")
    if _is_number(*minutes, *hours) and len(minutes) * len(hours) <= _MOST_TIMES:
        return _("At %(times)s", times=listing([clock(h, m) for h in hours for m in minutes]))
    often = _minutes(minute)
    if hour == "*":
        return often if minute == "*" or _step(minute) else _("Every hour, %(when)s", when=often)
    if step := _step(hour):
        return _joined(every_hours(step), "" if minute == "0" else often)
    hours_words = _items(hour, lambda each: clock(each, 0), 23)
    return _joined(often, _("hours: %(hours)s", hours=hours_words))


def _minutes(field: str) -> str:
    if field == "*":
        return _("Every minute")
    if step := _step(field):
        if step == 1:
            return _("Every minute")
        return ngettext("Every %(num)s minute", "Every %(num)s minutes", step)
    if _is_number(field):
        return _("at minute %(minute)s", minute=int(field))
    return _("minutes: %(minutes)s", minutes=_items(field, str, 59))


def _days(day: str, weekday: str) -> str:
    """Return the days; with both fields set, cron takes either."""
    days = [
        words
        for field, words in (
            (day, _days_of_month(day)),
            (weekday, _items(weekday, weekday_name, 6, names=_DAYS)),
        )
        if field != "*"
    ]
    return (
        _("%(one)s, or %(other)s", one=days[0], other=days[1]) if len(days) > 1 else "".join(days)
    )


def _days_of_month(field: str) -> str:
    if field == "l":
        return _("on the last day of the month")
    return _("days of the month: %(days)s", days=_items(field, str, 31))


def _months(field: str) -> str:
    if field == "*":
        return ""
    names = get_month_names("wide", context="stand-alone", locale=get_locale())
    return _items(field, lambda number: str(names[number]), 12, names=("", *_MONTHS))


def _items(field: str, say: Callable[[int], str], last: int, *, names: Sequence[str] = ()) -> str:
    """Return what a field lists, in words; `last` is the greatest number it can hold."""
    return listing([words for item in field.split(",") for words in _item(item, say, last, names)])


def _item(item: str, say: Callable[[int], str], last: int, names: Sequence[str]) -> Sequence[str]:
    body, _slash, step = item.partition("/")
    begin, dash, end = body.partition("-")
    first, until = _number(begin, names), _number(end, names)
    if step and (body == "*" or first is not None):
        # `*` starts at 1 for days and months, at 0 for hours and minutes.
        first = (1 if last in (12, 31) else 0) if first is None else first
        return [say(n) for n in range(first, (last if until is None else until) + 1, int(step))]
    if first is not None and until is not None:
        return [f"{say(first)}\N{EN DASH}{say(until)}"]
    if first is not None and not dash:
        return [say(first)]
    day, number, count = body.partition("#")
    if number and (of := _number(day, names)) is not None:
        return [_("%(weekday)s no. %(number)s of the month", weekday=say(of), number=count)]
    if body.endswith("l") and (of := _number(body[:-1], names)) is not None:
        return [_("%(weekday)s, the last one of the month", weekday=say(of))]
    return [item.upper()]


def _joined(*phrases: str) -> str:
    return ", ".join(filter(None, phrases))


def _number(text: str, names: Sequence[str]) -> int | None:
    if text and text in names:
        return list(names).index(text)
    return int(text) if _is_number(text) else None


def _step(field: str) -> int:
    body, _slash, step = field.partition("/")
    return int(step) if body == "*" and _is_number(step) else 0


def _is_number(*fields: str) -> bool:
    return all(field.isascii() and field.isdigit() for field in fields)
