"""What copies to a destination would cost: the first copy, then each month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from launcher.backup.records.backup import Backup, Kind
from launcher.i18n.formats import number, size
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.jobs.registry import JOBS
from launcher.offsite.records import Destination
from launcher.settings.table import SiteSettings

_MONTH = timedelta(days=30)
_MEAN_OF = 10


def cost_facts(
    destination: Destination,
    owed: Sequence[Backup],
    backups: Sequence[Backup],
    settings: SiteSettings,
    *,
    now: datetime,
) -> Sequence[tuple[str, str]]:
    """Return the first copy, and what the schedule adds in a month, each with its name."""
    count, bytes_ = len(owed), sum(each.file.size_bytes for each in owed if each.file)
    first = ngettext("%(count)s backup, %(size)s", "%(count)s backups, %(size)s", count,
                     count=number(count), size=size(bytes_))  # fmt: skip
    facts = [(_("First copy"), first if count else _("Nothing to copy yet"))]
    monthly = bytes_a_month(destination, backups, settings, now=now)
    if monthly:
        facts.append((_("Then"), _("About %(size)s a month", size=size(monthly))))
    return facts


def bytes_a_month(
    destination: Destination, backups: Sequence[Backup], settings: SiteSettings, *, now: datetime
) -> int:
    """Return how much the schedule sends there in 30 days, 0 where it is not known.

    The size is the mean of the last scheduled backups, of all where there is none.
    """
    if Kind.SCHEDULED not in destination.kinds:
        return 0
    known = [each for each in backups if each.file and each.is_good]
    scheduled = [each for each in known if each.kind is Kind.SCHEDULED][:_MEAN_OF]
    sizes = [each.file.size_bytes for each in scheduled or known[:_MEAN_OF] if each.file]
    if not sizes:
        return 0
    return round(sum(sizes) / len(sizes) * _runs_in_a_month(settings, now=now))


def _runs_in_a_month(settings: SiteSettings, *, now: datetime) -> float:
    """Return how often the schedule runs in 30 days; of a rare one its share of a month."""
    runs = JOBS["backup"].next_runs(settings, after=now, count=100)
    within = [each for each in runs if each <= now + _MONTH]
    if len(within) == len(runs) > 1:  # more often than that: by the distance of those
        return _MONTH / ((runs[-1] - runs[0]) / (len(runs) - 1))
    if within:
        return len(within)
    return _MONTH / (runs[0] - now) if runs else 0
