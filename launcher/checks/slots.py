"""When each check is due: a pure function of the app, its interval and the clock on the wall.

A check has slots, one an interval, and each app its own place in the interval. So every process
finds the same slots: one that takes over runs those that come due from then on, repeats none, and
skips at most the one that came due in between. Nothing is caught up.
"""

from __future__ import annotations

import math

GRACE_S = 15.0
"""How much older than it should be the last result may be: results are written in batches, and
another process takes over within seconds."""
AT_ONCE_WITHIN_S = 3.0
"""Checks that run at once are spread over this time."""
RETRY_PAUSE_S = 10.0
"""The pause between two tries of a check, or a quarter of its interval if that is shorter."""

_GOLDEN = (math.sqrt(5) - 1) / 2


def spread(app_id: int) -> float:
    """Return the place of an app in its interval, in [0, 1).

    By multiples of the golden ratio: ids in a row lie as far apart as so many can, however many
    there are (Knuth, The Art of Computer Programming, volume 3, section 6.4, theorem S).
    """
    return app_id * _GOLDEN % 1.0


def next_slot_s(app_id: int, interval_s: float, *, after_s: float) -> float:
    """Return the first slot later than `after_s`. Both are seconds since 1970."""
    offset_s = spread(app_id) * interval_s
    slot_s = offset_s + (math.floor((after_s - offset_s) / interval_s) + 1) * interval_s
    # A quotient that was rounded up or down may be one interval off.
    if slot_s <= after_s:
        return slot_s + interval_s
    return slot_s - interval_s if slot_s - interval_s > after_s else slot_s


def stale_after_s(interval_s: float) -> float:
    """Return the age from which a last result is overdue: two intervals were missed, or nearly."""
    return 2 * interval_s + GRACE_S


def first_due_s(
    app_id: int,
    interval_s: float,
    *,
    now_s: float,
    last_s: float | None,
    is_changed: bool = False,
    within_s: float = AT_ONCE_WITHIN_S,
) -> float:
    """Return when a check runs first in this process, in seconds since 1970.

    At once if it never ran, if it was changed, or if its last result is overdue; else in its next
    slot.

    Args:
        last_s: when its last result came, None if there is none.
        is_changed: whether it was changed while this process leads.
        within_s: the time over which checks that run at once are spread.
    """
    is_overdue = last_s is None or now_s - last_s > stale_after_s(interval_s)
    if is_changed or is_overdue:
        return now_s + spread(app_id) * min(within_s, interval_s / 2)
    return next_slot_s(app_id, interval_s, after_s=now_s)


def slot_after_run_s(app_id: int, interval_s: float, *, ran_s: float, now_s: float) -> float:
    """Return the next slot of a check that ran at `ran_s`: not sooner than half an interval later.

    What ran at once, or before the clock was set, does not run again in the slot that follows
    close upon it.
    """
    return next_slot_s(app_id, interval_s, after_s=max(now_s, ran_s + interval_s / 2))


def retry_pause_s(interval_s: float) -> float:
    """Return the pause between two tries of a check."""
    return min(RETRY_PAUSE_S, interval_s / 4)


def tries_that_fit(tries: int, *, interval_s: float, limit_s: float) -> int:
    """Return how many tries end within the interval if each takes its time limit; 1 at least."""
    pause_s = retry_pause_s(interval_s)
    return max(1, min(tries, math.floor((interval_s + pause_s) / (limit_s + pause_s))))
