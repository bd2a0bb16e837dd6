"""Which checks are due, by two clocks in hand: nothing is caught up, nothing runs twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from launcher.checks.agenda import Agenda, Now
from launcher.checks.plan import Check
from launcher.checks.spec import CheckSpec
from launcher.checks.states import Standing
from launcher.models.health import CheckKind, Health

START_S = 1_795_960_000.0


def check(app_id: int, *, interval_s: int = 60, last_s: float | None = None) -> Check:
    spec = CheckSpec(app_id, CheckKind.TCP, f"host-{app_id}:80", interval_s=interval_s)
    at = None if last_s is None else datetime.fromtimestamp(last_s, UTC)
    standing = Standing(Health.UP, at, at) if at else None
    return Check(spec, standing=standing)


@dataclass
class Day:
    """A process that leads, with its agenda; `ran` is when each app was checked."""

    checks: dict[int, Check]
    wall_s: float = START_S
    steady_s: float = 50.0
    paused: set[int] = field(default_factory=set)
    ran: dict[int, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.agenda = Agenda()
        self.follow()

    @property
    def now(self) -> Now:
        return Now(self.wall_s, self.steady_s)

    def follow(self) -> list[int]:
        return self.agenda.follow(self.checks, self.now, is_paused=self.paused.__contains__)

    def pass_s(self, seconds: float, *, step_s: float = 0.5) -> None:
        for _ in range(round(seconds / step_s)):
            self.wall_s += step_s
            self.steady_s += step_s
            self.agenda.follow_clock(self.now)
            for due in self.agenda.take_due(self.now, is_paused=self.paused.__contains__):
                self.ran.setdefault(due.check.spec.app_id, []).append(self.steady_s)

    def counts(self) -> dict[int, int]:
        return {app_id: len(times) for app_id, times in self.ran.items()}


def gaps(times: Iterable[float]) -> list[float]:
    return [b - a for a, b in pairwise(times)]


def test_each_check_runs_once_an_interval() -> None:
    day = Day({n: check(n, last_s=START_S - 30) for n in range(1, 101)})
    day.pass_s(600)
    assert set(day.counts().values()) == {10}
    assert all(59 <= gap <= 61 for times in day.ran.values() for gap in gaps(times))


def test_500_checks_do_not_start_together() -> None:
    day = Day({n: check(n, last_s=START_S - 30) for n in range(1, 501)})
    day.pass_s(60)
    seconds = Counter(int(at) for times in day.ran.values() for at in times)
    assert max(seconds.values()) <= 11


def test_after_a_long_time_without_checks_they_are_spread_too() -> None:
    day = Day({n: check(n, last_s=START_S - 86_400) for n in range(1, 501)})
    day.pass_s(30)
    seconds = Counter(int(at) for times in day.ran.values() for at in times)
    assert sum(seconds.values()) >= 500
    assert max(seconds.values()) <= 32


def test_a_takeover_repeats_nothing_and_skips_at_most_one() -> None:
    first = Day({n: check(n, last_s=START_S - 30) for n in range(1, 51)})
    first.pass_s(95)  # … and is killed; what it wrote last is 10 seconds old
    written = {n: max(at for at in first.ran[n] if at < 50 + 85) for n in first.ran}
    second = Day(
        {n: check(n, last_s=START_S + at - 50) for n, at in written.items()},
        wall_s=first.wall_s + 2,
        steady_s=first.steady_s + 2,
    )
    second.pass_s(120)
    for app_id in range(1, 51):
        between = gaps([*first.ran[app_id], *second.ran[app_id]])
        assert all(59 <= gap <= 121 for gap in between), (app_id, between)
        assert sum(gap > 61 for gap in between) <= 1


def test_a_new_app_and_a_changed_check_run_at_once() -> None:
    day = Day({1: check(1, interval_s=3600, last_s=START_S - 30)})
    day.checks[2] = check(2, interval_s=3600)
    day.checks[1] = replace(day.checks[1], spec=replace(day.checks[1].spec, address="other:80"))
    assert day.follow() == [1]
    day.pass_s(5)
    assert day.counts() == {1: 1, 2: 1}
    day.pass_s(3600)
    assert all(gap > 1790 for times in day.ran.values() for gap in gaps(times))


def test_an_app_that_is_gone_is_not_checked() -> None:
    day = Day({1: check(1)})
    day.pass_s(5)
    del day.checks[1]
    assert day.follow() == [1]
    day.pass_s(200)
    assert day.counts() == {1: 1}


def test_a_new_interval_counts_from_the_last_check() -> None:
    day = Day({1: check(1, interval_s=86_400)})
    day.pass_s(5)
    day.checks[1] = replace(day.checks[1], spec=replace(day.checks[1].spec, interval_s=30))
    assert day.follow() == []
    day.pass_s(60)
    assert 2 <= day.counts()[1] <= 3


def test_a_paused_check_does_not_run_and_runs_at_once_when_it_is_resumed() -> None:
    day = Day({1: check(1, interval_s=600, last_s=START_S - 5)})
    day.paused.add(1)
    day.pass_s(1200)
    assert day.counts() == {}
    day.paused.clear()
    day.follow()
    day.pass_s(5)
    assert day.counts() == {1: 1}


@pytest.mark.parametrize("jump_s", [-86_400, -3600, -61, -5, 5, 61, 3600, 86_400])
def test_a_clock_that_is_set_costs_at_most_one_slot_and_catches_up_nothing(jump_s: float) -> None:
    day = Day({n: check(n, last_s=START_S - 30) for n in range(1, 51)})
    day.pass_s(100)
    day.wall_s += jump_s
    day.pass_s(200)
    for times in day.ran.values():
        assert all(29 <= gap <= 121 for gap in gaps(times)), times
        assert 4 <= len(times) <= 6


def test_check_now_runs_at_once_and_not_again_close_upon_it() -> None:
    day = Day({1: check(1, interval_s=600, last_s=START_S - 5)})
    day.agenda.ask([1, 99], day.now)
    day.pass_s(5)
    assert day.counts() == {1: 1}
    day.pass_s(290)
    assert day.counts() == {1: 1}
