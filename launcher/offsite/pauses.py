"""How long to wait after a try that failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from launcher.offsite.records import LastTrouble, Ledger
from launcher.offsite.troubles import RemoteError

_PAUSES = tuple(timedelta(minutes=each) for each in (1, 2, 5, 15, 30, 60))
_LONGEST = timedelta(hours=24)


def after_failure(ledger: Ledger, error: RemoteError, *, now: datetime) -> Ledger:
    """Return the ledger with this failure in it, and when to try again: later each time."""
    before = ledger.trouble
    count = before.count + 1 if before else 1
    pause = _PAUSES[min(count, len(_PAUSES)) - 1]
    asked = error.facts.get("retry_after_s")
    if isinstance(asked, int):
        pause = min(max(pause, timedelta(seconds=min(asked, 86_400))), _LONGEST)
    trouble = LastTrouble(
        trouble=error.trouble,
        at=now,
        since=before.since if before else now,
        count=count,
        facts=dict(error.facts),
        answer=error.answer,
        next_try_at=now + pause,
    )
    return replace(ledger, trouble=trouble)


def is_waiting(ledger: Ledger, *, now: datetime) -> bool:
    """Whether the pause after a failure is not over; a clock that was set back ends it."""
    trouble = ledger.trouble
    if trouble is None or trouble.next_try_at is None:
        return False
    return trouble.at <= now < trouble.next_try_at
