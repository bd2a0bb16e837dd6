"""What a page shows of an app's health: never a result that is too old, nor during a pause."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from launcher.checks.pauses import Pause, PauseKind
from launcher.checks.shown import Conditions, Shown, Why, state_shown
from launcher.models import Health

NOW = datetime(2026, 11, 22, 13, 7, tzinfo=UTC)  # a Sunday
SINCE = NOW - timedelta(minutes=26)
SOON = NOW + timedelta(hours=1)
LATER = NOW + timedelta(days=1)
PLAIN = Conditions(NOW, interval_s=60)


def shown(conditions: Conditions = PLAIN, **facts: object) -> Shown:
    known: dict[str, object] = {
        "known": Health.DOWN,
        "since": SINCE,
        "last_at": NOW - timedelta(seconds=30),
        "interval_s": None,
        "paused_until": None,
        "paused_by": "",
    }
    return state_shown(conditions, 7, **(known | facts))  # type: ignore[arg-type]


def test_the_last_result_is_shown_with_when_it_began() -> None:
    assert shown() == Shown(Health.DOWN, Why.RESULT, since=SINCE)


def test_before_the_first_check_nothing_is_known() -> None:
    assert shown(known=None, last_at=None) == Shown(Health.UNKNOWN, Why.NEVER)


@pytest.mark.parametrize(
    ("minutes", "interval_s", "is_overdue"),
    [(9, None, False), (11, None, True), (11, 300, False), (26, 300, True)],
)
def test_a_result_is_too_old_after_five_checks_and_ten_minutes(
    minutes: int, interval_s: int | None, is_overdue: bool
) -> None:
    last_at = NOW - timedelta(minutes=minutes)

    found = shown(last_at=last_at, interval_s=interval_s)

    expected = Shown(Health.UNKNOWN, Why.OVERDUE, since=last_at)
    assert (found == expected) is is_overdue


def paused(until: datetime, by: str = "", kind: PauseKind = PauseKind.MAINTENANCE) -> Shown:
    return Shown(Health.PAUSED, Why.PAUSED, pause=Pause(kind, until, by))


def test_a_pause_is_shown_with_its_end_and_who_paused() -> None:
    for_all = Pause(PauseKind.ALL, SOON, "Ada")
    everything = replace(PLAIN, pause=for_all, offline_since=SINCE)

    assert shown(everything) == paused(SOON, "Ada", PauseKind.ALL)
    own = shown(everything, paused_until=LATER, paused_by="Ben")
    assert own == paused(LATER, "Ben", PauseKind.CHECK)


def test_a_pause_that_has_ended_is_none() -> None:
    assert shown(paused_until=NOW).state is Health.DOWN


def test_maintenance_of_another_app_is_not_shown() -> None:
    mine, other = ({app: Pause(PauseKind.MAINTENANCE, SOON)} for app in (7, 8))

    assert shown(replace(PLAIN, pauses=mine)) == paused(SOON)
    assert shown(replace(PLAIN, pauses=other)).state is Health.DOWN


def test_without_a_network_no_app_is_shown_as_down() -> None:
    offline = replace(PLAIN, offline_since=SINCE)

    assert shown(offline) == Shown(Health.OFFLINE, Why.OFFLINE, since=SINCE)
