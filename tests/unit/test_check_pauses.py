"""When the checks of an app are paused, and by what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from launcher.checks.pauses import PauseKind, pause_at

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 13, 7, tzinfo=UTC)  # a Sunday
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Weekly:
    days: str
    starts_at_min: int
    minutes: int


def test_an_app_without_a_pause_is_checked() -> None:
    assert pause_at(NOW, zone=BERLIN) is None


def test_a_pause_ends_at_its_moment() -> None:
    paused = pause_at(NOW, zone=BERLIN, check_until=NOW + HOUR, check_by="Ada")
    assert paused is not None
    assert (paused.kind, paused.until, paused.by) == (PauseKind.CHECK, NOW + HOUR, "Ada")
    assert pause_at(NOW, zone=BERLIN, check_until=NOW) is None


def test_of_several_pauses_the_one_that_ends_last_counts() -> None:
    found = pause_at(NOW, zone=BERLIN, check_until=NOW + HOUR, all_until=NOW + 2 * HOUR)
    assert found is not None
    assert found.kind is PauseKind.ALL
    found = pause_at(NOW, zone=BERLIN, check_until=NOW + HOUR, all_until=NOW + HOUR)
    assert found is not None
    assert found.kind is PauseKind.CHECK, "the one of the app, when both end together"


@pytest.mark.parametrize(
    ("local", "ends"),
    [
        ("2026-11-22 02:59", None),
        ("2026-11-22 03:00", "2026-11-22 04:00"),
        ("2026-11-22 03:59", "2026-11-22 04:00"),
        ("2026-11-22 04:00", None),
        ("2026-11-23 03:30", None),  # a Monday
    ],
)
def test_a_window_is_read_in_the_zone_of_the_site(local: str, ends: str | None) -> None:
    now = datetime.fromisoformat(local).replace(tzinfo=BERLIN)
    found = pause_at(now.astimezone(UTC), zone=BERLIN, windows=[Weekly("6", 180, 60)])
    assert (found and f"{found.until.astimezone(BERLIN):%Y-%m-%d %H:%M}") == ends
    assert found is None or found.kind is PauseKind.MAINTENANCE


def test_a_window_lasts_past_midnight() -> None:
    night = Weekly("5", 23 * 60 + 59, 1440)
    saturday = datetime(2026, 11, 21, 23, 58, tzinfo=BERLIN)
    for minutes, is_paused in ((0, False), (1, True), (1440, True), (1441, False)):
        at = saturday + timedelta(minutes=minutes)
        assert (pause_at(at, zone=BERLIN, windows=[night]) is not None) == is_paused, minutes


@pytest.mark.parametrize(
    ("day", "begins"),
    [
        ("2026-03-29", "2026-03-29T01:30:00+00:00"),  # 02:30 is skipped: 03:30 by the clock
        ("2026-10-25", "2026-10-25T00:30:00+00:00"),  # 02:30 comes twice: the first
    ],
)
def test_a_window_lasts_as_long_as_it_says_when_clocks_change(day: str, begins: str) -> None:
    begin = datetime.fromisoformat(begins)
    window = Weekly("6", 150, 90)
    for minutes, is_paused in ((-1, False), (0, True), (89, True), (90, False)):
        at = begin + timedelta(minutes=minutes)
        assert (pause_at(at, zone=BERLIN, windows=[window]) is not None) == is_paused, (
            day,
            minutes,
        )


def test_a_window_with_odd_days_pauses_nothing() -> None:
    assert pause_at(NOW, zone=BERLIN, windows=[Weekly("", 0, 1440), Weekly("x9", 0, 1440)]) is None
