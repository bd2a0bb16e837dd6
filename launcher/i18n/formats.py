"""How numbers, sizes, lengths of time, moments and lists look in the reader's language."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from babel import Locale
from babel.dates import (
    format_date,
    format_datetime,
    format_skeleton,
    format_timedelta,
    get_day_names,
)
from babel.lists import format_list
from babel.numbers import format_decimal
from markupsafe import Markup

from launcher.i18n.locale import format_locale, format_zone, gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.models.types import utc_now

_SIZE_UNITS = (
    _("%(number)s B"), _("%(number)s kB"), _("%(number)s MB"), _("%(number)s GB"),
    _("%(number)s TB"),
)  # fmt: skip


def isolated(name: str) -> str:
    """Return a name so that its direction does not change that of a sentence around it.

    One with letters that are written from right to left is put between U+2068 and U+2069 (Unicode
    Standard Annex 9, isolates); others stay as they are.
    """
    if name.isascii() or not any(unicodedata.bidirectional(each) in {"R", "AL"} for each in name):
        return name
    return f"\u2068{name}\u2069"


def number(value: float, *, digits: int = 0) -> str:
    """Return `value` with at most `digits` decimals, in the reader's figures."""
    return _number_words(value, digits, format_locale())


def size(size_bytes: int) -> str:
    """Return a number of bytes as `11.8 MB`, in steps of a thousand."""
    value, step = float(size_bytes), 0
    while value >= 999.5 and step < len(_SIZE_UNITS) - 1:
        value, step = value / 1000, step + 1
    digits = 1 if step and value < 99.95 else 0
    return str(_SIZE_UNITS[step]) % {"number": number(value, digits=digits)}


def long(length: timedelta) -> str:
    """Return a length of time in whole days or hours: `4 days`, `31 hours`."""
    hours = int(length.total_seconds() // 3600)
    if hours < 48:
        return ngettext("%(num)s hour", "%(num)s hours", hours)
    return ngettext("%(num)s day", "%(num)s days", hours // 24)


def duration(seconds: float) -> str:
    """Return a length of time in its largest fitting unit: `12 ms`, `2.4 s`, `45 min`, `4 days`."""
    if seconds < 0.9995:
        return gettext("%(number)s ms", number=number(seconds * 1000))
    if seconds < 59.95:
        return gettext("%(number)s s", number=number(seconds, digits=1))
    if seconds < 3600:
        return gettext("%(number)s min", number=number(max(1, seconds // 60)))
    if seconds < 2 * 86400:
        return gettext("%(number)s h", number=number(seconds // 3600))
    return ngettext("%(num)s day", "%(num)s days", int(seconds // 86400))


def day(at: datetime) -> str:
    """Return the day of a moment without its year: `3 November`."""
    return day_words(at.astimezone(format_zone()).date(), format_locale())


def weekday(at: datetime) -> str:
    """Return the day of the week of a moment, to stand alone: `Wednesday`."""
    return format_datetime(at, "cccc", tzinfo=format_zone(), locale=format_locale())


def clock_time(at: datetime, *, has_seconds: bool = False) -> str:
    """Return the time of day of a moment: `14:07`, or `14:07:31`."""
    skeleton = "Hms" if has_seconds else "Hm"
    return format_skeleton(skeleton, at, tzinfo=format_zone(), locale=format_locale())


def day_and_time(at: datetime, *, now: datetime | None = None, has_seconds: bool = False) -> str:
    """Return a moment as one speaks of it: `today, 12:03`, or `3 November, 12:03`."""
    zone, time = format_zone(), clock_time(at, has_seconds=has_seconds)
    days = ((now or utc_now()).astimezone(zone).date() - at.astimezone(zone).date()).days
    if days == 0:
        return gettext("today, %(time)s", time=time)
    if days == 1:
        return gettext("yesterday, %(time)s", time=time)
    if days == -1:
        return gettext("tomorrow, %(time)s", time=time)
    return gettext("%(day)s, %(time)s", day=day(at), time=time)


def weekday_and_time(
    at: datetime, *, now: datetime | None = None, has_seconds: bool = False
) -> str:
    """Return a moment as one looks it up in a calendar: `Wednesday, 18 November, 03:00`.

    Today and yesterday have their names, and another year is written out.
    """
    zone = format_zone()
    today, on = (now or utc_now()).astimezone(zone).date(), at.astimezone(zone).date()
    if 0 <= (today - on).days <= 1:
        return day_and_time(at, now=now, has_seconds=has_seconds)
    locale = format_locale()
    weekday = get_day_names(locale=locale)[on.weekday()]
    words = day(at) if on.year == today.year else format_date(on, "long", locale=locale)
    time = clock_time(at, has_seconds=has_seconds)
    return gettext("%(weekday)s, %(day)s, %(time)s", weekday=weekday, day=words, time=time)


def span(length: timedelta) -> str:
    """Return a length of time in its two largest units: `4 days and 11 hours`."""
    minutes = max(1, round(length.total_seconds() / 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    units = (
        (days, ngettext("%(num)s day", "%(num)s days", days)),
        (hours, ngettext("%(num)s hour", "%(num)s hours", hours)),
        (minutes, ngettext("%(num)s minute", "%(num)s minutes", minutes)),
    )
    first = next(at for at, (count, _) in enumerate(units) if count)
    return listing([words for count, words in units[first : first + 2] if count])


def listing(names: Sequence[str], *, most: int = 0) -> str:
    """Return names as a sentence lists them, and how many more when `most` leaves some out."""
    if most and len(names) > most:
        left = len(names) - most
        names = [*names[:most], ngettext("%(num)s more", "%(num)s more", left)]
    return format_list(names, locale=format_locale())


def exact(at: datetime) -> str:
    """Return a moment in full, with its year, seconds and zone: the site's."""
    local = at.astimezone(format_zone())
    on = _long_day_words(local.date(), format_locale())
    return f"{on}, {local:%H:%M:%S} {local.tzname()}"


def moment(at: datetime, *, now: datetime | None = None, has_seconds: bool = False) -> Markup:
    """Return `<time>` with the day and time to read and the exact moment on hover."""
    return _time_element(at, day_and_time(at, now=now, has_seconds=has_seconds))


def ago(at: datetime, *, now: datetime | None = None) -> Markup:
    """Return `<time>` that says how long ago, or in how long, with the exact moment on hover.

    A script goes on counting from `data-ago`, in seconds: the clock of the reader may be wrong.
    """
    delta: timedelta = at - (now or utc_now())
    # Babel would say "1 day" from the twentieth hour on, beside a moment of today.
    words = format_timedelta(delta, threshold=1, add_direction=True, locale=format_locale())
    return _time_element(at, words, ago_s=round(delta.total_seconds()))


# A start page says a few dozen numbers and days, each time the same ones.
@lru_cache(maxsize=2048)
def _number_words(value: float, digits: int, locale: Locale) -> str:
    pattern = "#,##0." + "#" * digits if digits else "#,##0"
    return format_decimal(value, format=pattern, locale=locale)


@lru_cache(maxsize=512)
def day_words(on: date, locale: Locale) -> str:
    """Return a date without its year: `3 November`."""
    return format_skeleton("MMMMd", on, locale=locale)


@lru_cache(maxsize=512)
def _long_day_words(on: date, locale: Locale) -> str:
    return format_date(on, "long", locale=locale)


def _time_element(at: datetime, words: str, *, ago_s: int | None = None) -> Markup:
    counted = Markup("") if ago_s is None else Markup(' data-ago="{}"').format(ago_s)
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        at.isoformat(timespec="seconds"), exact(at), counted, words
    )
