"""Whether a change of a setting leaves the data less protected: one function is set for each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from launcher.schedule.cron import RESTORE_TEST_CRONS, longest_gap

Weakens = Callable[[Any, Any], bool]
"""Takes the value before and the value after; returns whether that weakens."""


def never(_before: object, _after: object) -> bool:
    """Return False: the setting protects nothing."""
    return False


def lower(before: int, after: int) -> bool:
    """Whether fewer are kept."""
    return after < before


def higher(before: int, after: int) -> bool:
    """Whether there is more time until an alert."""
    return after > before


def switched_off(before: bool, after: bool) -> bool:
    """Whether something that protects is switched off."""
    return before and not after


def switched_on(before: bool, after: bool) -> bool:
    """Whether something that gives access is switched on."""
    return after and not before


def less_often(before: str, after: str) -> bool:
    """Whether the longest time between two runs grows."""
    return longest_gap(after) > longest_gap(before)


def tested_less_often(before: str, after: str) -> bool:
    """Whether a restore is tested less often, or no more."""
    crons = RESTORE_TEST_CRONS[before], RESTORE_TEST_CRONS[after]
    gaps = [longest_gap(cron) if cron else timedelta.max for cron in crons]
    return gaps[1] > gaps[0]
