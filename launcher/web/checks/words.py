"""The health of an app in sentences, for the pages that have room for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from babel.dates import get_day_names

from launcher.catalogue.check_pauses import MAX_MINUTES
from launcher.checks.history import DAYS, DayState, Past
from launcher.checks.pauses import Pause, Window
from launcher.checks.shown import Conditions, Shown, Why
from launcher.checks.slots import first_due_s, tries_that_fit
from launcher.i18n.formats import (
    day_words,
    duration,
    isolated,
    listing,
    number,
    span,
)
from launcher.i18n.health import public_facts, reason_words
from launcher.i18n.locale import format_locale, ngettext
from launcher.i18n.locale import gettext as _
from launcher.models import Health
from launcher.web.checks.tile_words import end_words, near

NOTICED_WITHIN_S = 5
"""A new check is noticed within this time."""

_MOST_DAYS = 5


@dataclass(frozen=True, slots=True)
class LastResult:
    """What the last check of an app found, with the facts that its reader may know."""

    last_at: datetime | None = None
    last_ms: int | None = None
    error: str = ""
    facts: Mapping[str, Any] | None = None
    slow_ms: int = 1000

    def reason(self, *, may_edit: bool) -> tuple[str, str]:
        """Return why it failed and the way out, "" and "" where it did not."""
        if not self.error:
            return "", ""
        facts = self.facts or {}
        what, way = reason_words(self.error, facts if may_edit else public_facts(facts))
        return what, way if may_edit else ""


def second_line(
    shown: Shown,
    result: LastResult,
    now: datetime,
    *,
    outages: int = 0,
    may_edit: bool = False,
    first_check: str = "",
) -> str:
    """Return what stands below the state: since when, why, or until when.

    Args:
        outages: how often it was down in the last day, where that is often.
        may_edit: whether the reader may know where it is checked.
        first_check: when the first check comes, as `first_check_words` has it.
    """
    if shown.pause:
        return pause_words(shown.pause, now)
    if shown.why is Why.NEVER or shown.since is None:
        return first_check
    if shown.why is not Why.RESULT:
        return _("Not checked since %(when)s", when=near(shown.since, now))
    return flapping_words(outages) if outages else _result(shown, result, now, may_edit=may_edit)


def _result(shown: Shown, result: LastResult, now: datetime, *, may_edit: bool) -> str:
    begun = shown.since or now
    since = near(begun, now)
    if shown.state is Health.DOWN:
        what, _way = result.reason(may_edit=may_edit)
        words = _("Since %(when)s, %(length)s", when=since, length=span(now - begun))
        return f"{words}. {what}" if what else words
    if shown.state is Health.SLOW:
        limit = duration(result.slow_ms / 1000)
        return _("Since %(when)s. Slower than %(limit)s", when=since, limit=limit)
    return _("Since %(when)s", when=since)


def flapping_words(outages: int) -> str:
    """Return that an app was down several times in the last day."""
    return _("Was down %(count)s times since yesterday (flapping)", count=number(outages))


def sick_words(state: Health, names: Sequence[str]) -> str:
    """Return which apps are down, or slow: the first of `names`, and how many more."""
    name, more = isolated(names[0]), len(names) - 1
    if state is Health.DOWN:
        if not more:
            return _("%(name)s is down", name=name)
        return ngettext(
            "%(name)s and %(num)s more are down", "%(name)s and %(num)s more are down", more,
            name=name,
        )  # fmt: skip
    if not more:
        return _("%(name)s is slow", name=name)
    return ngettext(
        "%(name)s and %(num)s more are slow", "%(name)s and %(num)s more are slow", more, name=name
    )


def pause_words(pause: Pause, now: datetime) -> str:
    """Return by what, and until when, an app is paused."""
    until = end_words(pause.until, now)
    if pause.window is not None:
        return _window_words(pause.window)
    if not pause.by:
        return _("Until %(when)s", when=until)
    return _("By %(name)s until %(when)s", name=isolated(pause.by), when=until)


def _window_words(window: Window) -> str:
    times = {
        "from": _time_words(window.starts_at_min),
        "to": _time_words(window.starts_at_min + window.minutes),
    }
    is_each_day = set(window.days) >= set("0123456")
    if is_each_day and window.minutes >= MAX_MINUTES:
        return _("Maintenance all week")
    if is_each_day:
        return _("Maintenance, every day %(from)s to %(to)s", **times)
    names = get_day_names(context="stand-alone", locale=format_locale())
    days = listing([names[number] for number in range(7) if str(number) in window.days])
    return _("Maintenance, every %(days)s %(from)s to %(to)s", days=days, **times)


def _time_words(minutes: int) -> str:
    hour, minute = divmod(minutes, 60)
    return f"{hour % 24:02}:{minute:02}"


def first_check_words(app_id: int, interval_s: float, conditions: Conditions) -> str:
    """Return when an app that was never checked is, "" while no process checks."""
    if not conditions.is_running:
        return ""
    now_s = conditions.now.timestamp()
    due_s = first_due_s(app_id, interval_s, now_s=now_s, last_s=None)
    wait_s = math.ceil(due_s - now_s + NOTICED_WITHIN_S)
    return _("First check in %(duration)s", duration=duration(wait_s))


def days_words(past: Past) -> str:
    """Return what a strip shows, in sentences."""
    down, slow, none, up = (past.dates(each) for each in (
        DayState.DOWN, DayState.SLOW, DayState.NONE, DayState.UP,
    ))  # fmt: skip
    if len(up) == DAYS:
        return _("Up on all of the last 30 days.")
    if len(none) == DAYS:
        return _("No data in the last 30 days.")
    parts = []
    if down:
        parts.append(_("Down on %(days)s.", days=_days(down)))
    if slow:
        parts.append(_("Slow on %(days)s.", days=_days(slow)))
    if none:
        parts.append(ngettext("No data on %(num)s day.", "No data on %(num)s days.", len(none)))
    if up:
        parts.append(ngettext("Up on %(num)s day.", "Up on %(num)s days.", len(up)))
    return " ".join(parts)


def _days(days: list[date]) -> str:
    locale = format_locale()
    return listing([day_words(each, locale) for each in reversed(days)], most=_MOST_DAYS)


def uptime_words(uptime: float | None) -> str:
    """Return an uptime as `99.9 %`. It is 100 % only where no check found the app down."""
    if uptime is None:
        return _("No data")
    if uptime == 1:
        return _("%(number)s %%", number="100")
    digits = 2 if uptime >= 0.999 else 1
    # Rounded down: what was down once was not up all the time.
    shown = int(uptime * 100 * 10**digits) / 10**digits
    return _("%(number)s %%", number=number(shown, digits=digits))


def down_words(seconds: float) -> str:
    """Return how long an app was down, "" for never."""
    return _("%(length)s down", length=span(timedelta(seconds=seconds))) if seconds else ""


def tries_words(tries: int, *, interval_s: float, limit_s: float) -> str:
    """Return how many tries fit into the interval, "" where all do."""
    fitting = tries_that_fit(tries, interval_s=interval_s, limit_s=limit_s)
    if fitting == tries:
        return ""
    return ngettext(
        "Without an answer, only %(num)s try fits into the interval.",
        "Without an answer, only %(num)s tries fit into the interval.",
        fitting,
    )
