"""How long retention keeps each backup, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from launcher.backup.records.ids import BackupId
from launcher.backup.retention import KeepDecision, KeepReason, RetentionPolicy
from launcher.i18n.labels import KEEP_WORDS
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.web.admin.backups.words import until_day

Periods = Mapping[KeepReason, Mapping[BackupId, date]]
"""By reason and backup: the first day on which a newer one can replace it."""


def periods(decisions: Sequence[KeepDecision], policy: RetentionPolicy, zone: tzinfo) -> Periods:
    """Return until when each daily, weekly and monthly backup stays at least.

    The next run replaces the newest of the current period, so that one has no date.
    """
    counts = {
        KeepReason.DAILY: policy.keep_daily,
        KeepReason.WEEKLY: policy.keep_weekly,
        KeepReason.MONTHLY: policy.keep_monthly,
    }
    return {
        reason: dict(_until(decisions, reason, count, zone))
        for reason, count in counts.items()
        if count
    }


def retention_label(
    decision: KeepDecision, stays: Periods, policy: RetentionPolicy, *, now: datetime
) -> str:
    """Return what retention does with one backup, and when."""
    reasons = decision.reasons
    if not reasons:
        return _("Will be removed after the next scheduled backup")
    for reason in (KeepReason.PROTECTED, KeepReason.NOT_SCHEDULED, KeepReason.NOT_REPLACED):
        if reason in reasons:
            return str(KEEP_WORDS[reason])
    dated = [
        (stays[reason][decision.backup.id], reason)
        for reason in (KeepReason.DAILY, KeepReason.WEEKLY, KeepReason.MONTHLY)
        if decision.backup.id in stays.get(reason, ())
    ]
    if dated:
        on, reason = max(dated)
        return _kept_until(reason, until_day(datetime.combine(on, time(12), now.tzinfo), now=now))
    if KeepReason.RECENT in reasons:
        return recent(policy.keep_count)
    if KeepReason.BEFORE in reasons:
        return _(
            "Kept until %(day)s at the latest", day=until_day(last_day(decision, policy), now=now)
        )
    return str(KEEP_WORDS[reasons[0]])


def rule_words(policy: RetentionPolicy) -> str:
    """Return the rule as part of a sentence: `the last 10 scheduled ones, 5 weekly`."""
    last = ngettext(
        "the last scheduled backup", "the last %(num)s scheduled backups", policy.keep_count
    )
    return ", ".join([last, *period_words(policy)])


def period_words(policy: RetentionPolicy) -> list[str]:
    """Return how many daily, weekly and monthly backups stay, without those of which none do."""
    kinds = (
        (policy.keep_daily, ngettext("%(num)s daily", "%(num)s daily", policy.keep_daily)),
        (policy.keep_weekly, ngettext("%(num)s weekly", "%(num)s weekly", policy.keep_weekly)),
        (policy.keep_monthly, ngettext("%(num)s monthly", "%(num)s monthly", policy.keep_monthly)),
    )
    return [words for count, words in kinds if count]


def _kept_until(reason: KeepReason, on: str) -> str:
    match reason:
        case KeepReason.DAILY:
            return _("Kept as daily, at least until %(day)s", day=on)
        case KeepReason.WEEKLY:
            return _("Kept as weekly, at least until %(day)s", day=on)
        case _other:
            return _("Kept as monthly, at least until %(day)s", day=on)


def last_day(decision: KeepDecision, policy: RetentionPolicy) -> datetime:
    """Return when a safety or upgrade backup becomes too old to stay."""
    return decision.backup.created_at + policy.keep_before


def recent(count: int) -> str:
    """Return why one of the newest scheduled backups stays."""
    return ngettext("The last scheduled backup", "One of the last %(num)s scheduled backups", count)


def _until(
    decisions: Sequence[KeepDecision], reason: KeepReason, count: int, zone: tzinfo
) -> Iterator[tuple[BackupId, date]]:
    begin, later = _PERIODS[reason]
    kept = [each.backup for each in decisions if reason in each.reasons]  # newest first
    if not kept:
        return
    newest = begin(kept[0].created_at.astimezone(zone).date())
    for place, backup in enumerate(kept[1:], start=1):
        # The first backup of this later period is one too many.
        yield backup.id, later(newest, count - place)


def _month_later(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


_PERIODS: Mapping[
    KeepReason, tuple[Callable[[date], date], Callable[[date, int], date]]
] = {
    KeepReason.DAILY: (lambda day: day, lambda day, count: day + timedelta(days=count)),
    KeepReason.WEEKLY: (
        lambda day: day - timedelta(days=day.weekday()),
        lambda monday, count: monday + timedelta(weeks=count),
    ),
    KeepReason.MONTHLY: (lambda day: day.replace(day=1), _month_later),
}  # fmt: skip
