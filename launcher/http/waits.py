"""How long requests wait for a restore, as every door says it before and after one."""

from __future__ import annotations

from enum import StrEnum

from launcher.backup.records.plan import RestorePlan
from launcher.db.connect import GATE_TIMEOUT_S

_REPLACED_BYTES_A_SECOND = 200_000_000
"""Requests that write wait for about a second for each of these, `make bench` says."""

_CLOSING_S = 3.0
"""So long may requests wait before a gate is closed: `Gate.closed` lets them pass then."""


class Wait(StrEnum):
    """What to expect of the requests that wait for a restore."""

    MOMENT = "moment"
    """Less than a second."""
    SECONDS = "seconds"
    """About `replacing_s`."""
    TOO_LONG = "too_long"
    """Some may wait for longer than `GATE_TIMEOUT_S`, and fail."""


def wait_of(size_bytes: int) -> Wait:
    """Return how long requests will wait while a database of this size is replaced."""
    # On a busy disk it may take twice as long.
    if not ends_in_time(2 * replacing_s(size_bytes)):
        return Wait.TOO_LONG
    return Wait.MOMENT if 2 * size_bytes < _REPLACED_BYTES_A_SECOND else Wait.SECONDS


def replacing_s(size_bytes: int) -> int:
    """Return about how many seconds it takes to replace a database of this size, at least 1."""
    return max(1, round(size_bytes / _REPLACED_BYTES_A_SECOND))


def ends_in_time(held_s: float) -> bool:
    """Whether no request waits too long for a restore that holds them for `held_s` seconds.

    One may fail nevertheless: a worker keeps a limited number waiting.
    """
    return held_s + _CLOSING_S <= GATE_TIMEOUT_S


def shows_pages(plan: RestorePlan) -> bool:
    """Whether requests that read go on: the current data is sound, and has a write-ahead log."""
    return plan.live_readable and plan.live_problem is None and plan.live_has_log
