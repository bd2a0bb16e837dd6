"""Whether the process of a destination has something to do: cheap, and asks no service."""

from __future__ import annotations

from datetime import datetime, timedelta

from launcher.offsite.pauses import is_waiting
from launcher.offsite.records import Ledger
from launcher.offsite.status import DestinationStatus

LIST_EVERY = timedelta(hours=24)


def is_due(status: DestinationStatus, *, is_wanted: bool, now: datetime) -> bool:
    """Whether something is due: a copy, a removal, or the daily look at what is there.

    After a failure only once its pause is over. `is_wanted` (someone asked) overrules the pause.
    """
    if status.destination.paused:
        return False
    if is_wanted:
        return True
    if is_waiting(status.ledger, now=now):
        return False
    return (
        bool(status.owed)
        or status.has_removable
        or status.ledger.trouble is not None
        or _is_list_due(status.ledger, now)
    )


def _is_list_due(ledger: Ledger, now: datetime) -> bool:
    listed_at = ledger.listed_at
    return listed_at is None or not timedelta() <= now - listed_at < LIST_EVERY
