"""Destinations and copies as they may stand, made up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from launcher.backup.records.backup import Backup
from launcher.offsite.records import (
    CopyState,
    Destination,
    Destinations,
    LastTrouble,
    Ledger,
    Service,
    StoredCopy,
)
from launcher.offsite.status import DestinationStatus, KitState, OffsiteStatus, Standing
from launcher.offsite.troubles import Trouble


def copy_of(backup: Backup, **changes: Any) -> StoredCopy:
    """Return a good copy of a backup that was read when it was written."""
    facts = {"copied_at": backup.created_at, "read_at": backup.created_at} | changes
    return StoredCopy(backup, f"launcher-{backup.id}.db.zst.age", 1000, "", **facts)


def destination(
    name: str, *copies: StoredCopy, standing: Standing = Standing.UP_TO_DATE, **changes: Any
) -> DestinationStatus:
    """Return a destination that has these copies, newest first."""
    good = [each for each in copies if each.state is CopyState.GOOD]
    newest = good[0] if good else None
    ledger = {"copies": copies} | changes.pop("ledger", {})
    status = {
        "newest_good": newest,
        "stale_at": newest.copied_at + timedelta(hours=54) if newest else None,
        "damaged": [each for each in copies if each.state is not CopyState.GOOD],
    } | changes
    return DestinationStatus(
        Destination(name.lower(), name, Service.S3), Ledger(**ledger), standing, **status
    )


def offsite(
    *destinations: DestinationStatus, kit: KitState = KitState.CONFIRMED, **settings: Any
) -> OffsiteStatus:
    """Return how all of them stand."""
    return OffsiteStatus(Destinations("abcdefgh", **settings), destinations, kit)


def trouble(
    at: datetime, kind: Trouble = Trouble.WRONG_SECRET, count: int = 3, **changes: Any
) -> LastTrouble:
    """Return why the last tries failed."""
    since = changes.pop("since", at)
    return LastTrouble(kind, at, since, count, next_try_at=at + timedelta(hours=1), **changes)
