"""Which backups stay, and why: a pure decision, without a clock, a disk or output.

The rule acts on scheduled backups alone. A backup that is not verified fills no place: only good
ones count. The periods are those of restic and borg: the newest backup of each of the last so
many days, ISO weeks and months *that have one*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, tzinfo

from .records import Backup, BackupId, KeepDecision, KeepReason, Kind, RetentionPolicy

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

    The newest good backup of the whole store always stays, as does everything that a person
    made, brought or protected.

    Args:
        backups: the whole store, in any order.
        policy: how many to keep; a count below 1 is taken as 1.
        zone: where a day begins.
        now: backups of a later time were made by a clock that was wrong. They fill no place,
            or they would push out those of today, and stay until their time has come.
    """
    ordered = sorted(backups, key=lambda backup: (backup.created_at, backup.id), reverse=True)
    early = {backup.id for backup in ordered if now is not None and backup.created_at > now}
    good = [
        backup
        for backup in ordered
        if backup.kind is Kind.SCHEDULED and backup.is_good and backup.id not in early
    ]
    last_good = next((backup for backup in ordered if backup.is_good), None)
    recent = good[: max(1, policy.keep_count)]
    kept: dict[KeepReason, set[BackupId]] = {
        KeepReason.LAST_GOOD: {last_good.id} if last_good else set(),
        KeepReason.RECENT: {backup.id for backup in recent},
    }
    counts = (policy.keep_daily, policy.keep_weekly, policy.keep_monthly)
    for (reason, period), count in zip(_PERIODS, counts, strict=True):
        kept[reason] = _newest_of_each(good, period, count, zone)
    # What is not good is only cleared away once its place is taken by enough newer good ones.
    horizon = recent[-1].created_at if len(recent) >= max(1, policy.keep_count) else None
    places: dict[BackupId, list[KeepReason]] = {}
    for reason, ids in kept.items():
        for backup_id in ids:
            places.setdefault(backup_id, []).append(reason)
    return [
        KeepDecision(backup, (*_own_reasons(backup, horizon, early), *places.get(backup.id, ())))
        for backup in ordered
    ]


def _newest_of_each(
    good: Sequence[Backup],
    period: Callable[[datetime], tuple[int, ...]],
    count: int,
    zone: tzinfo,
) -> set[BackupId]:
    newest: dict[tuple[int, ...], BackupId] = {}
    for backup in good:
        if len(newest) >= count:
            break  # the rest is older than what is wanted, or of the last period
        newest.setdefault(period(backup.created_at.astimezone(zone)), backup.id)
    return set(newest.values())


def _own_reasons(
    backup: Backup, horizon: datetime | None, early: set[BackupId]
) -> Iterable[KeepReason]:
    if backup.protected:
        yield KeepReason.PROTECTED
    if backup.kind is not Kind.SCHEDULED:
        yield KeepReason.NOT_SCHEDULED
    elif backup.id in early or (
        not backup.is_good and (horizon is None or backup.created_at > horizon)
    ):
        yield KeepReason.NOT_REPLACED
