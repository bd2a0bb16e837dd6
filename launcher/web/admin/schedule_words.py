"""A backup schedule as a person would say it."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup, escape

from launcher.backup.records import Schedule
from launcher.cron import next_runs
from launcher.i18n import REHEARSAL_WORDS, listing, ngettext
from launcher.i18n import gettext as _
from launcher.models.types import utc_now
from launcher.rules import known_zone
from launcher.web.admin.cron_words import cron_words
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
        rehearsal=site.backup_rehearsal,
    )


def next_run() -> datetime | None:
    """Return when the next scheduled backup is due, None when the schedule is off or never is."""
    site = site_settings()
    if not site.backup_enabled:
        return None
    zone = known_zone(site.time_zone)
    return next(iter(next_runs(site.backup_cron_expression, after=utc_now(), zone=zone)), None)


def schedule_words(schedule: Schedule) -> Markup:
    """Return when backups are made, how many stay, and how often a restore is rehearsed:
    `Every day at 03:00; kept are the last 10; a rehearsal every week`.
    """
    rehearsal = REHEARSAL_WORDS.get(schedule.rehearsal, schedule.rehearsal)
    if not schedule.enabled:
        off = _("Off: no backups by themselves")
        return escape(f"{off}; {rehearsal}")
    return escape(f"{cron_words(schedule.cron_expression)}; {_kept_words(schedule)}; {rehearsal}")


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
    last = ngettext("the last %(num)s", "the last %(num)s", schedule.keep_count)
    if schedule.keep_count == 1:
        last = _("the last one")
    return _(
        "kept are %(which)s", which=listing([last, *(words for count, words in kinds if count)])
    )
