"""A backup schedule as a person would say it."""

from __future__ import annotations

from babel.dates import get_day_names
from flask_babel import get_locale
from markupsafe import Markup, escape

from launcher.backup.records import Schedule
from launcher.cron import expand_cron
from launcher.i18n import gettext as _
from launcher.i18n import listing, ngettext
from launcher.web.frame import site_settings


def current_schedule() -> Schedule:
    """Return the schedule that is set now."""
    site = site_settings()
    return Schedule(
        enabled=site.backup_enabled,
        cron_expression=site.backup_cron_expression,
        keep_count=site.backup_max_count,
        keep_daily=site.backup_keep_daily,
        keep_weekly=site.backup_keep_weekly,
        keep_monthly=site.backup_keep_monthly,
    )


def schedule_words(schedule: Schedule) -> Markup:
    """Return when backups are made, and how many stay: `Every day at 03:00; keeps the last 10`."""
    if not schedule.enabled:
        return escape(_("Off: no backups by themselves"))
    return Markup("{}; {}").format(cron_words(schedule.cron_expression), _kept_words(schedule))


def cron_words(expression: str) -> Markup:
    """Return a cron expression in words where it is a simple one, else as it is written."""
    return escape(_simple_words(expression) or Markup("<code>{}</code>").format(expression))


def _simple_words(expression: str) -> str:
    match expand_cron(expression).split():
        case [minute, "*", "*", "*", "*"] if _are_numbers(minute):
            return _("Every hour, at minute %(minute)s", minute=int(minute))
        case [minute, hour, "*", "*", "*"] if _are_numbers(minute, hour):
            return _("Every day at %(time)s", time=_clock(hour, minute))
        case [minute, hour, "*", "*", weekday] if _are_numbers(minute, hour, weekday):
            # Cron counts from Sunday, Babel from Monday.
            name = get_day_names(locale=get_locale())[(int(weekday) + 6) % 7]
            time = _clock(hour, minute)
            return _("Every week, on %(weekday)s at %(time)s", weekday=name, time=time)
        case [minute, hour, day, "*", "*"] if _are_numbers(minute, hour, day):
            time = _clock(hour, minute)
            return _("Every month, on day %(day)s at %(time)s", day=int(day), time=time)
    return ""


def _are_numbers(*fields: str) -> bool:
    return all(field.isascii() and field.isdigit() for field in fields)


def _clock(hour: str, minute: str) -> str:
    return f"{int(hour):02}:{int(minute):02}"


def _kept_words(schedule: Schedule) -> str:
    kinds = (
        (
            schedule.keep_daily,
            ngettext("%(num)s daily", "%(num)s daily", schedule.keep_daily),
        ),
        (
            schedule.keep_weekly,
            ngettext("%(num)s weekly", "%(num)s weekly", schedule.keep_weekly),
        ),
        (
            schedule.keep_monthly,
            ngettext("%(num)s monthly", "%(num)s monthly", schedule.keep_monthly),
        ),
    )
    last = ngettext("the last one", "the last %(num)s", schedule.keep_count)
    return _(
        "kept are %(which)s", which=listing([last, *(words for count, words in kinds if count)])
    )
