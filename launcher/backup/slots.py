"""Which scheduled runs were claimed, kept outside the database.

A slot is the moment of a scheduled run. It is claimed before its work starts, so that it is used
once. Work that fails or is killed is tried once more after ten minutes; then the next slot counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.files import disk_errors, write_atomic
from launcher.backup.records.backup import CLOCK_TOLERANCE

RETRY_AFTER = timedelta(minutes=10)
MAX_ATTEMPTS = 2

# With nothing known of before, a clock that is set back by less than this repeats no slot.
_CLOCK_DOUBT = timedelta(days=1)
_REMEMBERED = 24


@dataclass(frozen=True, slots=True)
class Claim:
    """The newest slot that was claimed.

    Attributes:
        slot: when it came due.
        at: when its work last started.
        attempts: how often it started.
        is_done: whether it succeeded.
        earlier: the slots that were claimed before this one, newest first, a day's worth of hourly
            ones. They count when this one was claimed under a clock that was ahead.
    """

    slot: datetime = field(metadata={"key": "last_slot"})
    at: datetime
    attempts: int = 1
    is_done: bool = False
    earlier: tuple[datetime, ...] = ()

    def allows(self, slot: datetime, *, now: datetime) -> bool:
        """Whether the work of `slot` may start: the slot is new, or failed once some time ago."""
        if slot == self.slot:
            # A clock that was set back does not say how long ago that was; the count remains.
            has_waited = now < self.at or now - self.at >= RETRY_AFTER
            return not self.is_done and self.attempts < MAX_ATTEMPTS and has_waited
        if self.slot - now <= CLOCK_TOLERANCE:
            return slot > self.slot
        # Claimed under a clock that was ahead, which must not block today's slots.
        past = [each for each in self.earlier if each - now <= CLOCK_TOLERANCE]
        return slot > max(past) if past else self.slot - now > _CLOCK_DOUBT

    def done(self) -> Claim:
        """Return this claim once its work has succeeded."""
        return replace(self, is_done=True)


def is_open(claim: Claim | None, slot: datetime, *, now: datetime) -> bool:
    """Whether the work of `slot` may start, given the last claim."""
    return claim is None or claim.allows(slot, now=now)


def claim_of(last: Claim | None, slot: datetime, *, now: datetime) -> Claim:
    """Return the claim with which the work of `slot` starts now."""
    if last is None:
        return Claim(slot, now)
    if slot == last.slot:
        return replace(last, at=now, attempts=last.attempts + 1)
    return Claim(slot, now, earlier=(last.slot, *last.earlier)[:_REMEMBERED])


class Slots:
    """The claim of the backup schedule, in a file of its own.

    Written by the holder of the operation lock alone. While a folder has the file's name (Docker
    makes one for a file to mount that does not exist), another file counts in its place.
    """

    def __init__(self, path: Path) -> None:
        self._own_path = path
        self._fallback_path = path.with_stem(f"{path.stem}-fallback")

    @property
    def _path(self) -> Path:
        return self._fallback_path if self._own_path.is_dir() else self._own_path

    def last(self) -> Claim | None:
        """Return the newest claim, None when there is none that can be read."""
        try:
            return decode(Claim, parse(self._path.read_bytes()))
        except (OSError, DecodeError):
            return None

    def keep(self, claim: Claim) -> None:
        """Store `claim`, durably.

        Raises:
            InsufficientSpaceError, StoreUnavailableError: it was not stored, so no work may start.
        """
        with disk_errors("claim the scheduled run"):
            write_atomic(self._path, json.dumps(encode(claim)).encode())
