"""The state of an app in the few words that a tile has room for."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from functools import lru_cache

from babel import Locale

from launcher.checks.conditions import read_conditions
from launcher.checks.shown import Conditions, Shown, Why
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.i18n.formats import clock_time, day, day_and_time, day_words, duration
from launcher.i18n.labels import HEALTH_WORDS
from launcher.i18n.locale import format_zone
from launcher.i18n.locale import gettext as _
from launcher.models import Health
from launcher.models.types import utc_now
from launcher.settings.kinds import known_zone

_DAY_S = 86_400.0


def current_conditions() -> Conditions:
    """Return what holds for all checks now."""
    settings = site_settings()
    return read_conditions(
        db.session,
        now=utc_now(),
        interval_s=settings.check_interval_s,
        zone=known_zone(settings.time_zone),
    )


def tile_words(
    shown: Shown, last_ms: int | None, now: datetime, locale: Locale, zone: tzinfo
) -> tuple[str, str]:
    """Return what is said before the words of a state, for screen readers alone, and the words.

    Args:
        last_ms: how long the last response took; None where there was none.
        locale: that of the request, and `zone` its time zone.
    """
    if shown.state is Health.UP and shown.since:
        return _up_words(shown.since.astimezone(zone).date(), last_ms, locale)
    if shown.state in {Health.SLOW, Health.DOWN} and shown.since:
        return _("Since %(when)s:", when=near(shown.since, now)), _result(shown, last_ms, now)
    if shown.pause:
        return "", _("Paused until %(when)s", when=end_words(shown.pause.until, now))
    if shown.why in {Why.OVERDUE, Why.OFFLINE} and shown.since:
        return "", _("Not checked since %(when)s", when=near(shown.since, now))
    return "", str(HEALTH_WORDS[shown.state])


def end_words(at: datetime, now: datetime) -> str:
    """Return when a pause ends: `15:07` today, `tomorrow, 08:00`, `3 December, 08:00`."""
    zone = format_zone()
    is_today = at.astimezone(zone).date() == now.astimezone(zone).date()
    return clock_time(at) if is_today else day_and_time(at, now=now)


def near(at: datetime, now: datetime) -> str:
    """Return the time of a moment within a day of `now`, and the day of another."""
    return (clock_time if abs((now - at).total_seconds()) < _DAY_S else day)(at)


# Nearly all apps are up, and until the next check each page says the same of them.
@lru_cache(maxsize=4096)
def _up_words(since: date, ms: int | None, locale: Locale) -> tuple[str, str]:
    word = duration(ms / 1000) if ms is not None else str(HEALTH_WORDS[Health.UP])
    return _("Up since %(day)s,", day=day_words(since, locale)), word


def _result(shown: Shown, last_ms: int | None, now: datetime) -> str:
    if shown.state is Health.SLOW and last_ms is not None:
        return _("Slow, %(duration)s", duration=duration(last_ms / 1000))
    if shown.state is Health.DOWN and shown.since:
        length_s = max(60.0, (now - shown.since).total_seconds())
        return _("Down for %(duration)s", duration=duration(length_s))
    return str(HEALTH_WORDS[shown.state])
