"""A maintenance window in words."""

from __future__ import annotations

from collections.abc import Sequence

from babel.dates import get_day_names

from launcher.checks.pauses import Window
from launcher.i18n.formats import listing
from launcher.i18n.locale import format_locale
from launcher.i18n.locale import gettext as _

_ALL_DAYS = "0123456"
_DAY_MIN = 1440


def window_words(window: Window) -> str:
    """Return the days and the times of a window, like `Sunday, 03:00 to 04:00`."""
    return _words(window.days, window.starts_at_min, window.minutes)


def logged_window_words(text: str) -> str:
    """Return the words of a window as the audit log has it; another text as it is."""
    try:
        days, begin, minutes = text.split()
        hour, minute = begin.split(":")
        return _words(days, int(hour) * 60 + int(minute), int(minutes))
    except ValueError:
        return text


def _words(days: str, starts_at_min: int, minutes: int) -> str:
    end = (starts_at_min + minutes) % _DAY_MIN
    facts = {"days": _day_words(days), "begin": _time(starts_at_min), "end": _time(end)}
    if starts_at_min + minutes > _DAY_MIN:
        return _("%(days)s, %(begin)s to %(end)s on the next day", **facts)
    return _("%(days)s, %(begin)s to %(end)s", **facts)


def _time(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _day_words(days: Sequence[str]) -> str:
    if {*days} >= {*_ALL_DAYS}:
        return _("Every day")
    names = get_day_names("wide", "stand-alone", locale=format_locale())
    return listing([names[int(each)] for each in sorted({*days}) if each in _ALL_DAYS])
