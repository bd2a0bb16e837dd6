"""When checks are due: evenly spread, the same in every process, never caught up."""

from __future__ import annotations

from itertools import pairwise

import pytest

from launcher.checks.slots import (
    AT_ONCE_WITHIN_S,
    GRACE_S,
    first_due_s,
    next_slot_s,
    slot_after_run_s,
    spread,
    tries_that_fit,
)

NOW_S = 1_795_960_000.0


@pytest.mark.parametrize("interval_s", [1, 10, 60, 300, 86_400])
def test_slots_are_one_interval_apart(interval_s: int) -> None:
    for app_id in (1, 7, 1000, 2**40):
        at = NOW_S
        slots = [at := next_slot_s(app_id, interval_s, after_s=at) for _ in range(50)]
        assert NOW_S < slots[0] <= NOW_S + interval_s
        assert all(b - a == pytest.approx(interval_s, abs=0.001) for a, b in pairwise(slots))


def test_a_slot_is_the_same_for_every_process() -> None:
    slot = next_slot_s(5, 60, after_s=NOW_S)
    assert next_slot_s(5, 60, after_s=slot - 0.01) == pytest.approx(slot, abs=0.001)
    assert next_slot_s(5, 60, after_s=slot) == pytest.approx(slot + 60, abs=0.001)


@pytest.mark.parametrize("first_id", [1, 4000])
def test_500_checks_are_spread_evenly(first_id: int) -> None:
    seconds = [int(spread(app_id) * 60) for app_id in range(first_id, first_id + 500)]
    counts = [seconds.count(second) for second in range(60)]
    assert min(counts) >= 7
    assert max(counts) <= 10


def test_a_check_that_never_ran_or_was_changed_runs_at_once() -> None:
    for app_id in range(1, 100):
        never = first_due_s(app_id, 3600, now_s=NOW_S, last_s=None)
        changed = first_due_s(app_id, 3600, now_s=NOW_S, last_s=NOW_S - 1, is_changed=True)
        assert NOW_S <= never == changed < NOW_S + AT_ONCE_WITHIN_S


def test_a_takeover_waits_for_the_next_slot() -> None:
    """One slot may have passed while no process led; it is not caught up."""
    for age_s in (0, 59, 60, 120, 120 + GRACE_S):
        due_s = first_due_s(3, 60, now_s=NOW_S, last_s=NOW_S - age_s)
        assert due_s == next_slot_s(3, 60, after_s=NOW_S)


def test_an_overdue_check_runs_at_once() -> None:
    due_s = first_due_s(3, 60, now_s=NOW_S, last_s=NOW_S - 121 - GRACE_S)
    assert due_s < NOW_S + AT_ONCE_WITHIN_S


def test_after_a_check_at_once_no_second_one_follows_close_upon_it() -> None:
    slot = next_slot_s(3, 60, after_s=NOW_S)
    close = slot_after_run_s(3, 60, ran_s=slot - 5, now_s=slot - 5)
    assert close == pytest.approx(slot + 60, abs=0.001)
    far = slot_after_run_s(3, 60, ran_s=slot - 35, now_s=slot - 35)
    assert far == pytest.approx(slot, abs=0.001)


@pytest.mark.parametrize(
    ("tries", "interval_s", "limit_s", "fitting"),
    [(3, 60, 10, 3), (10, 60, 10, 3), (10, 10, 2, 2), (10, 10, 9, 1), (2, 10, 60, 1)],
)
def test_so_many_tries_end_within_the_interval(
    tries: int, interval_s: int, limit_s: int, fitting: int
) -> None:
    assert tries_that_fit(tries, interval_s=interval_s, limit_s=limit_s) == fitting
