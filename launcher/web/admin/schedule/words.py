"""A backup schedule in words, and its next run."""

from __future__ import annotations

from datetime import datetime

from markupsafe import Markup, escape

from launcher.db.settings import site_settings
from launcher.i18n.formats import listing
from launcher.i18n.labels import RESTORE_TEST_WORDS
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.models.types import utc_now
from launcher.schedule.cron import next_runs
from launcher.settings.table import SiteSettings
from launcher.web.admin.backups.retention_labels import period_words
from launcher.web.admin.schedule.cron_words import cron_words


def next_run() -> datetime | None:
    """Return when the next scheduled backup is due, None for never."""
    settings = site_settings()
    if not settings.backup_enabled:
        return None
    return next(
        iter(next_runs(settings.backup_cron_expression, after=utc_now(), zone=settings.zone)), None
    )


def schedule_words(schedule: SiteSettings) -> Markup:
    """Return when backups are created, how many are kept, and how often a restore is tested:
    `Every day at 03:00 · retention: the last 10 · restore test every week`.
    """
    restore_test = RESTORE_TEST_WORDS.get(
        schedule.backup_restore_test, schedule.backup_restore_test
    )
    if not schedule.backup_enabled:
        off = _("Automatic backups are off")
        return escape(f"{off} · {restore_test}")
    runs = cron_words(schedule.backup_cron_expression)
    return escape(f"{runs} · {_kept_words(schedule)} · {restore_test}")


def _kept_words(schedule: SiteSettings) -> str:
    last = ngettext("the last %(num)s", "the last %(num)s", schedule.backup_max_count)
    if schedule.backup_max_count == 1:
        last = _("the last one")
    return _("retention: %(which)s", which=listing([last, *period_words(schedule.policy)]))
