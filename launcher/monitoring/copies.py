"""What is wrong with the copies in other places, destination by destination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from launcher.offsite.records import CopyState, StoredCopy
from launcher.offsite.status import DestinationStatus, OffsiteStatus, Standing
from launcher.offsite.troubles import PASSING, Trouble

PASSES_WITHIN = timedelta(hours=12)
"""For how long a service may be away, as one that is switched off at night."""

_NEVER = datetime.min.replace(tzinfo=UTC)

READ_LATE = timedelta(days=3)
"""How late the reading of a copy may be before that is a problem."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The copies at one destination that were not read in time, the longest unread first."""

    status: DestinationStatus
    copies: Sequence[StoredCopy]
    since: datetime


def stale(offsite: OffsiteStatus) -> Sequence[DestinationStatus]:
    """Return the destinations without a good copy that is new enough, the longest without first."""
    found = [each for each in offsite.destinations if each.standing is Standing.STALE]
    return sorted(found, key=lambda each: covered_until(each) or _NEVER)


def covered(offsite: OffsiteStatus, *, now: datetime) -> DestinationStatus | None:
    """Return the destination with the newest good copy that is new enough, None without one."""
    found = [
        each
        for each in offsite.destinations
        if each.newest_good and (each.stale_at is None or now < each.stale_at)
    ]
    return max(found, key=lambda each: covered_until(each) or _NEVER, default=None)


def covered_until(status: DestinationStatus) -> datetime | None:
    """Return up to when the data is at a destination, None where no good copy is."""
    return status.newest_good.backup.created_at if status.newest_good else None


def failing(offsite: OffsiteStatus, *, now: datetime) -> Sequence[DestinationStatus]:
    """Return the destinations where the last tries failed, the longest failing first.

    Not those that are stale by now, nor those that are paused. What may be over at the next try
    is no problem for half a day.
    """
    found = [
        each
        for each in offsite.destinations
        if each.standing not in {Standing.STALE, Standing.PAUSED}
        and (trouble := each.trouble)
        and (trouble.trouble not in PASSING or now - trouble.since >= PASSES_WITHIN)
    ]
    return sorted(found, key=lambda each: each.trouble.since if each.trouble else now)


def spoiled(offsite: OffsiteStatus) -> Sequence[tuple[DestinationStatus, Sequence[StoredCopy]]]:
    """Return the destinations with damaged copies, or else those where copies are gone.

    Each with these copies, newest first; destinations without a good copy first.
    """
    for state in (CopyState.DAMAGED, CopyState.MISSING):
        found = [
            (status, copies)
            for status in offsite.destinations
            if (copies := [each for each in status.damaged if each.state is state])
        ]
        if found:
            return sorted(found, key=lambda each: each[0].newest_good is not None)
    return ()


def unopened(offsite: OffsiteStatus) -> Sequence[tuple[DestinationStatus, Sequence[StoredCopy]]]:
    """Return the destinations with copies that no key here opens, and these copies."""
    return [
        (status, copies)
        for status in offsite.destinations
        if (copies := [each for each in status.ledger.copies if each.trouble is Trouble.NO_KEY])
    ]


def unread(offsite: OffsiteStatus, *, now: datetime) -> Sequence[Unread]:
    """Return what was not read in full in time, the longest unread first.

    Copies that no key here opens are left out: that is another problem.
    """
    days = timedelta(days=offsite.settings.read_within_days)
    late = now - days - READ_LATE
    found: list[Unread] = []
    for status in offsite.destinations:
        if status.standing is Standing.PAUSED:
            continue
        copies = [
            each
            for each in status.ledger.copies
            if each.state is CopyState.GOOD
            and each.trouble is not Trouble.NO_KEY
            and (each.read_at or each.copied_at) < late
        ]
        if copies:
            copies.sort(key=lambda each: each.read_at or each.copied_at)
            found.append(Unread(status, copies, (copies[0].read_at or copies[0].copied_at) + days))
    return sorted(found, key=lambda each: each.since)


def paused(offsite: OffsiteStatus, *, now: datetime) -> Sequence[DestinationStatus]:
    """Return the paused destinations whose copies have become too old."""
    return [
        each
        for each in offsite.destinations
        if each.standing is Standing.PAUSED and each.stale_at and now >= each.stale_at
    ]
