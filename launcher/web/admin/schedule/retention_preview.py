"""What retention would remove after the next good backup, and why the others stay, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from babel.dates import format_interval, format_skeleton
from flask_babel import get_locale

from launcher.backup.records.backup import BEFORE_KINDS, Backup, Kind
from launcher.backup.retention import KeepDecision, KeepReason, RetentionPolicy
from launcher.i18n.formats import listing
from launcher.i18n.labels import KEEP_WORDS
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.web.admin.backups.retention_labels import recent

_MOST_RANGES = 12
_MOST_ROWS = 6
_FIRST_OF = (
    KeepReason.NOT_SCHEDULED,
    KeepReason.RECENT,
    KeepReason.DAILY,
    KeepReason.WEEKLY,
    KeepReason.MONTHLY,
    KeepReason.BEFORE,
    KeepReason.PROTECTED,
    KeepReason.NOT_REPLACED,
    KeepReason.LAST_GOOD,
)
"""The reasons in the order of the table; the first of a backup counts."""


@dataclass(frozen=True, slots=True)
class Stay:
    """One line of the table of backups that stay."""

    which: str
    because: str


def preview_removals(
    decisions: Sequence[KeepDecision], policy: RetentionPolicy, *, zone: tzinfo, now: datetime
) -> dict[str, object]:
    """Return the decisions in words; they are newest first and include the next backup."""
    going = [decision.backup for decision in decisions if not decision.keep]
    words = _DayWords(zone, now.astimezone(zone).year)
    return {
        "going": going,
        "days": listing(
            [words.span(*each) for each in _ranges(decisions, zone)], most=_MOST_RANGES
        ),
        "freed_bytes": sum(backup.file.size_bytes for backup in going if backup.file),
        "stays": list(_stays(decisions, policy, words)),
    }


def _ranges(decisions: Sequence[KeepDecision], zone: tzinfo) -> list[tuple[date, date]]:
    """Return the first and last day of each run of backups that go, oldest first."""
    found: list[tuple[date, date]] = []
    for kinds in ((Kind.SCHEDULED,), BEFORE_KINDS):
        begin = end = None
        for decision in reversed(decisions):
            if decision.backup.kind not in kinds:
                continue
            on = decision.backup.created_at.astimezone(zone).date()
            if not decision.keep:
                begin, end = begin or on, on
            elif begin and end:
                found.append((begin, end))
                begin = end = None
        if begin and end:
            found.append((begin, end))
    return sorted(set(found))


def _stays(
    decisions: Sequence[KeepDecision], policy: RetentionPolicy, words: _DayWords
) -> Iterator[Stay]:
    groups: dict[KeepReason, list[Backup]] = {reason: [] for reason in _FIRST_OF}
    for decision in decisions:
        if decision.keep:
            groups[next(r for r in _FIRST_OF if r in decision.reasons)].append(decision.backup)
    yield from words.recent(groups.pop(KeepReason.RECENT), policy)
    others = groups.pop(KeepReason.NOT_SCHEDULED)
    for reason, backups in groups.items():
        if reason in {KeepReason.DAILY, KeepReason.WEEKLY, KeepReason.MONTHLY}:
            yield from words.periods(reason, backups)
        elif backups:
            because = _before(policy) if reason is KeepReason.BEFORE else str(KEEP_WORDS[reason])
            yield Stay(words.some(backups), because)
    if others:
        yield Stay(
            ngettext("%(num)s other", "%(num)s others", len(others)),
            _("Manual, uploaded or found in the folder: retention does not apply"),
        )


def _before(policy: RetentionPolicy) -> str:
    days = ngettext("%(num)s day", "%(num)s days", policy.keep_before_days)
    return _(
        "Created before a restore or an upgrade: the newest %(count)s of each, for %(days)s",
        count=policy.keep_before_count,
        days=days,
    )


@dataclass(frozen=True, slots=True)
class _DayWords:
    """Days in words, in a time zone, with the year unless it is the current one."""

    zone: tzinfo
    year: int

    def day_of(self, backup: Backup) -> date:
        return backup.created_at.astimezone(self.zone).date()

    def span(self, first: date, last: date) -> str:
        """Return some days in a row: `9 to 14 Nov`; the year where it is another one."""
        skeleton = "MMMd" if first.year == last.year == self.year else "yMMMd"
        if first == last:
            return str(format_skeleton(skeleton, first, locale=get_locale()))
        return str(format_interval(first, last, skeleton, locale=get_locale()))

    def some(self, backups: Iterable[Backup]) -> str:
        days = [self.day_of(backup) for backup in backups]
        if len(days) == 1:
            return self.span(days[0], days[0])
        return ngettext(
            "%(num)s from %(days)s",
            "%(num)s from %(days)s",
            len(days),
            days=self.span(min(days), max(days)),
        )

    def recent(self, backups: Sequence[Backup], policy: RetentionPolicy) -> Iterator[Stay]:
        made = [self.day_of(backup) for backup in backups if backup.id]
        if len(made) < len(backups):
            yield Stay(_("The next one"), recent(policy.keep_count))
        if made:
            yield Stay(self.span(min(made), max(made)), recent(policy.keep_count))

    def periods(self, reason: KeepReason, backups: Sequence[Backup]) -> Iterator[Stay]:
        if len(backups) > _MOST_ROWS:
            yield Stay(self.some(backups), str(KEEP_WORDS[reason]))
            return
        for backup in backups:
            on = self.day_of(backup)
            yield Stay(self.span(on, on), self._period(reason, on))

    def _period(self, reason: KeepReason, on: date) -> str:
        match reason:
            case KeepReason.WEEKLY:
                monday = on - timedelta(days=on.weekday())
                week = self.span(monday, monday + timedelta(days=6))
                return _("The weekly one of %(week)s", week=week)
            case KeepReason.MONTHLY:
                month = str(format_skeleton("yMMMM", on, locale=get_locale()))
                return _("The monthly one of %(month)s", month=month)
            case _other:
                return _("The daily one")
