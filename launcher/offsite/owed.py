"""Which copies a destination should have and has not, and which of its copies may go.

Pure decisions, without a clock, a disk or a network. One follows from the other: what is copied is
what retention there would keep, so nothing is copied to be removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from launcher.backup.records.backup import OWN_KINDS, Backup, State, Verification
from launcher.backup.records.ids import BackupId
from launcher.backup.retention import RetentionPolicy, decide
from launcher.offsite.records import CopyState, Destination, KeepRule, StoredCopy

_UNKNOWN = Verification(State.UNVERIFIED)


@dataclass(frozen=True, slots=True)
class Rules:
    """What retention needs to decide.

    Attributes:
        policy: the retention of the schedule.
        zone: where a day begins.
        now: the moment that ages are measured from.
    """

    policy: RetentionPolicy
    zone: tzinfo = UTC
    now: datetime | None = None


def owed(
    backups: Sequence[Backup],
    copies: Iterable[StoredCopy],
    destination: Destination,
    rules: Rules,
) -> tuple[Backup, ...]:
    """Return the backups that a destination should have and has not, newest first.

    They are the good ones here of its kinds that retention there would keep, and that have no good
    copy there, whoever wrote it.
    """
    wanted = {
        each.id: each
        for each in backups
        if each.is_good and each.file is not None and each.kind in destination.kinds
    }
    good = {each.id: each for each in copies if each.state is CopyState.GOOD}
    missing = wanted.keys() - good.keys()
    if not missing:
        return ()
    if (policy := _policy(destination, rules)) is not None:
        there = {each.id: _as_backup(each) for each in good.values() if each.is_ours}
        kept = _kept({**there, **wanted}.values(), policy, rules)
        missing &= kept
    return tuple(sorted((wanted[each] for each in missing), key=_by_time, reverse=True))


def removable(
    backups: Sequence[Backup],
    copies: Sequence[StoredCopy],
    destination: Destination,
    rules: Rules,
) -> tuple[StoredCopy, ...]:
    """Return the copies that retention there removes, oldest first.

    Only those that this data directory wrote. Never the newest proved one, nor any while no proved
    one that is newer is there: one of which the size alone is known to be right displaces none.
    """
    ours = [each for each in copies if each.is_ours]
    proved = [each for each in ours if each.state is CopyState.GOOD and each.is_checked]
    newest = newest_good(proved, now=rules.now) or max(proved, key=_by_time_of_copy, default=None)
    if newest is None or destination.keep is KeepRule.ALL:
        return ()
    policy = _policy(destination, rules)
    if policy is not None:
        kept = _kept(_with_flags(ours, backups), policy, rules)
    else:
        kept = {each.id for each in backups}
        # An empty folder here is no wish to empty the other one: it may be what a copy is for.
        if not any(each.is_good for each in backups):
            return ()
    going = [
        each
        for each in ours
        if each.id not in kept
        and each.id != newest.id
        and _by_time_of_copy(each) < _by_time_of_copy(newest)
    ]
    return tuple(sorted(going, key=_by_time_of_copy))


def newest_good(copies: Iterable[StoredCopy], *, now: datetime | None) -> StoredCopy | None:
    """Return the newest good copy of a backup that this site made, None where there is none.

    One whose time no right clock has shown yet counts only where there is no other.
    """
    found = [
        each for each in copies if each.state is CopyState.GOOD and each.backup.kind in OWN_KINDS
    ]
    timely = [each for each in found if now is None or not each.backup.is_from_future(now)]
    return max(timely or found, key=_by_time_of_copy, default=None)


def _policy(destination: Destination, rules: Rules) -> RetentionPolicy | None:
    """Return the numbers that decide, None where none do."""
    match destination.keep:
        case KeepRule.SAME_RULES:
            return rules.policy
        case KeepRule.OWN:
            return destination.policy or rules.policy
    return None


def _kept(backups: Iterable[Backup], policy: RetentionPolicy, rules: Rules) -> set[BackupId]:
    decisions = decide(backups, policy, zone=rules.zone, now=rules.now)
    return {each.backup.id for each in decisions if each.keep}


def _with_flags(copies: Iterable[StoredCopy], backups: Sequence[Backup]) -> Iterable[Backup]:
    """Yield what each copy is of, protected where that backup is by now."""
    here: Mapping[str, Backup] = {each.id: each for each in backups}
    for copy in copies:
        backup = _as_backup(copy)
        known = here.get(copy.id)
        yield replace(backup, protected=known.protected) if known else backup


def _as_backup(copy: StoredCopy) -> Backup:
    """Return the backup as retention sees its copy: good when the copy is."""
    if copy.state is CopyState.GOOD:
        return copy.backup
    return replace(copy.backup, verification=_UNKNOWN)


def _by_time(backup: Backup) -> tuple[datetime, str]:
    return backup.created_at, backup.id


def _by_time_of_copy(copy: StoredCopy) -> tuple[datetime, str]:
    return _by_time(copy.backup)
