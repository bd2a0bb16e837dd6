"""Which backups stay, and why: a pure decision, without a clock, a disk or output.

Scheduled backups are kept by number and period, safety and upgrade backups by number and age, and
all others until someone deletes them. Only good backups are counted. The periods are those of
restic and borg: the newest backup of each of the last days, ISO weeks and months *that have one*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from launcher.backup.records.backup import BEFORE_KINDS, Backup, Kind, good_ones, latest_of
from launcher.backup.records.ids import BackupId


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How many backups to keep, and for how long.

    Attributes:
        keep_count: newest scheduled ones, at least 1.
        keep_daily, keep_weekly, keep_monthly: scheduled ones besides; 0 turns a period off.
        keep_before_count: newest safety backups, and as many upgrade backups; at least 1.
        keep_before_days: how old these may become.
    """

    keep_count: int = 10
    keep_daily: int = 0
    keep_weekly: int = 0
    keep_monthly: int = 0
    keep_before_count: int = 10
    keep_before_days: int = 90

    @property
    def keep_before(self) -> timedelta:
        """How old safety and upgrade backups may become."""
        return timedelta(days=self.keep_before_days)


class KeepReason(StrEnum):
    """Why retention keeps a backup."""

    PROTECTED = "protected"
    NOT_SCHEDULED = "not_scheduled"
    LAST_GOOD = "last_good"
    RECENT = "recent"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    BEFORE = "before"
    NOT_REPLACED = "not_replaced"


@dataclass(frozen=True, slots=True)
class KeepDecision:
    """What retention decides about one backup: it is removed when there is no reason to keep it."""

    backup: Backup
    reasons: tuple[KeepReason, ...]

    @property
    def keep(self) -> bool:
        """Whether the backup is kept."""
        return bool(self.reasons)


_PERIODS: tuple[tuple[KeepReason, Callable[[datetime], tuple[int, ...]]], ...] = (
    (KeepReason.DAILY, lambda moment: (moment.year, moment.month, moment.day)),
    (KeepReason.WEEKLY, lambda moment: tuple(moment.isocalendar()[:2])),
    (KeepReason.MONTHLY, lambda moment: (moment.year, moment.month)),
)


def decide(
    backups: Iterable[Backup],
    policy: RetentionPolicy,
    *,
    zone: tzinfo = UTC,
    now: datetime | None = None,
) -> list[KeepDecision]:
    """Return one decision for each backup, newest first.

    What `latest` names is always kept, as is the newest good backup that is not from the future,
    and what a person created, uploaded or protected.

    Args:
        backups: the whole store, in any order.
        policy: how many to keep; a count below 1 is taken as 1.
        zone: where a day begins.
        now: the moment that ages are measured from; without it nothing is too old. A backup of a
            later time was created under a wrong clock: it is kept until then and not counted, or
            it would displace those of today.
    """
    ordered = sorted(backups, key=lambda backup: (backup.created_at, backup.id), reverse=True)
    early = {backup.id for backup in ordered if now is not None and backup.is_from_future(now)}
    at = now or datetime.max.replace(tzinfo=UTC)
    latest, newest_good = latest_of(ordered, now=at), good_ones(ordered, now=at)[:1]
    places: dict[BackupId, list[KeepReason]] = {}

    def keep(reason: KeepReason, ids: Iterable[BackupId]) -> None:
        for backup_id in ids:
            places.setdefault(backup_id, []).append(reason)

    if latest is not None:
        # Another one where `latest` has a time that no right clock has shown yet.
        is_early = latest.id in early
        keep(KeepReason.LAST_GOOD, {latest.id, *(b.id for b in newest_good if is_early)})
    horizons: dict[Kind, datetime | None] = {}
    scheduled = _good(ordered, Kind.SCHEDULED, early)
    recent, horizons[Kind.SCHEDULED] = _newest(scheduled, policy.keep_count)
    keep(KeepReason.RECENT, (backup.id for backup in recent))
    counts = (policy.keep_daily, policy.keep_weekly, policy.keep_monthly)
    for (reason, period), count in zip(_PERIODS, counts, strict=True):
        keep(reason, _newest_of_each(scheduled, period, count, zone))
    oldest = now - policy.keep_before if now is not None else None
    for kind in BEFORE_KINDS:
        fresh = [b for b in _good(ordered, kind, early) if oldest is None or b.created_at >= oldest]
        newest, horizons[kind] = _newest(fresh, policy.keep_before_count)
        keep(KeepReason.BEFORE, (backup.id for backup in newest))
    limits = dict.fromkeys(BEFORE_KINDS, oldest)
    return [
        KeepDecision(
            backup,
            (*_own_reasons(backup, horizons, limits, early), *places.get(backup.id, ())),
        )
        for backup in ordered
    ]


def _good(ordered: Iterable[Backup], kind: Kind, early: set[BackupId]) -> list[Backup]:
    return [b for b in ordered if b.kind is kind and b.is_good and b.id not in early]


def _newest(good: Sequence[Backup], count: int) -> tuple[Sequence[Backup], datetime | None]:
    """Return the newest `count`, and the time of the last when there are that many.

    A backup that is not good is removed once enough newer good ones exist.
    """
    newest = good[: max(1, count)]
    return newest, newest[-1].created_at if len(newest) >= max(1, count) else None


def _newest_of_each(
    good: Sequence[Backup],
    period: Callable[[datetime], tuple[int, ...]],
    count: int,
    zone: tzinfo,
) -> set[BackupId]:
    newest: dict[tuple[int, ...], BackupId] = {}
    for backup in good:
        if len(newest) >= count:
            break  # the rest is older, or of the last period
        newest.setdefault(period(backup.created_at.astimezone(zone)), backup.id)
    return set(newest.values())


def _own_reasons(
    backup: Backup,
    horizons: Mapping[Kind, datetime | None],
    limits: Mapping[Kind, datetime | None],
    early: set[BackupId],
) -> Iterable[KeepReason]:
    if backup.protected:
        yield KeepReason.PROTECTED
    if backup.kind not in horizons:
        yield KeepReason.NOT_SCHEDULED
    elif backup.id in early:
        yield KeepReason.NOT_REPLACED
    elif not backup.is_good:
        horizon, limit = horizons[backup.kind], limits.get(backup.kind)
        is_old = limit is not None and backup.created_at < limit
        if not is_old and (horizon is None or backup.created_at > horizon):
            yield KeepReason.NOT_REPLACED
