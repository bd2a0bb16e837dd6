"""Uptime, days and response times of apps: what was not measured counts neither way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from launcher.checks.history import (
    DayState,
    Uptimes,
    down_s,
    flapping,
    outages_of,
    past_of,
    uptimes_of,
    year_of,
)
from launcher.checks.response_times import Period, response_times
from launcher.extensions import Base
from launcher.models import App, Outage, Probe, ProbeDay, ProbeHour

NOW = datetime(2026, 11, 22, 13, 7, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def session() -> Iterator[Session]:
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([App(id=1, name="Jellyfin", url="https://a"), App(id=2, name="B", url="b")])
        yield session


def hour(at: datetime, *, up: int = 60, slow: int = 0, app_id: int = 1) -> ProbeHour:
    return ProbeHour(app_id=app_id, at=at, probes=60, up=up, slow=slow, ms_sum=up * 20)


def test_a_day_is_that_of_the_reader_and_a_day_without_checks_is_a_gap(session: Session) -> None:
    """23:00 UTC on Friday is midnight of Saturday in Berlin."""
    friday_23 = datetime(2026, 11, 20, 23, tzinfo=UTC)
    session.add_all([
        hour(friday_23, up=59),
        hour(friday_23 - HOUR),
        hour(friday_23 - DAY - HOUR, slow=15),
        hour(NOW.replace(minute=0)),
        hour(NOW - 31 * DAY, up=0),
    ])  # fmt: skip

    past = past_of(session, [1, 2], now=NOW, zone=BERLIN)

    mine = past[1]
    assert mine.first == date(2026, 10, 24)
    assert mine.dates(DayState.DOWN) == [date(2026, 11, 21)]
    assert mine.dates(DayState.SLOW) == [date(2026, 11, 19)]
    assert mine.dates(DayState.UP) == [date(2026, 11, 20), date(2026, 11, 22)]
    assert len(mine.dates(DayState.NONE)) == 26
    assert past[2].month.uptime is None


@pytest.mark.parametrize(
    ("midnight", "now"),
    [
        # midnight of the day before the clocks change, and of a day after that
        ("2026-03-27T23:00:00+00:00", "2026-04-05T12:00:00+00:00"),
        ("2026-10-23T22:00:00+00:00", "2026-11-05T12:00:00+00:00"),
    ],
)
def test_a_day_begins_at_midnight_also_before_the_clocks_changed(
    session: Session, midnight: str, now: str
) -> None:
    begin = datetime.fromisoformat(midnight)
    session.add_all([hour(begin - HOUR, up=59), hour(begin, slow=15), hour(begin + 23 * HOUR)])

    past = past_of(session, [1], now=datetime.fromisoformat(now), zone=BERLIN)[1]

    day = begin.astimezone(BERLIN).date()
    assert past.dates(DayState.DOWN) == [day - DAY]
    assert past.dates(DayState.SLOW) == [day]
    assert past.dates(DayState.UP) == []


@pytest.mark.parametrize(
    ("begin", "hours"), [("2026-03-28T23:00:00+00:00", 23), ("2026-10-24T22:00:00+00:00", 25)]
)
def test_the_day_on_which_the_clocks_change_has_all_of_its_hours(
    session: Session, begin: str, hours: int
) -> None:
    start = datetime.fromisoformat(begin)
    session.add_all(hour(start + n * HOUR) for n in range(-1, hours + 1))

    past = past_of(session, [1], now=start + 9 * DAY, zone=BERLIN)[1]

    assert [each.probes for each in past.days if each.probes] == [60, hours * 60, 60]


def test_uptime_is_the_share_of_what_was_measured_slow_checks_are_up(session: Session) -> None:
    this_hour = NOW.replace(minute=0)
    session.add_all([
        hour(this_hour, slow=60),
        hour(this_hour - 23 * HOUR, up=54),
        hour(this_hour - 3 * DAY, up=0),
        hour(this_hour - 20 * DAY),
    ])  # fmt: skip

    past = past_of(session, [1], now=NOW, zone=UTC)[1]

    assert past.day.uptime == 114 / 120
    assert past.week.uptime == 114 / 180
    assert past.month.uptime == 174 / 240


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles"])
def test_the_uptimes_of_a_list_are_those_of_each_app_alone(session: Session, zone: str) -> None:
    """Hours of 31 days, some missing: at the edges of the day, of the 30 days, and after now."""
    for app_id in (1, 2):
        for hours_ago in range(-3, 31 * 24, app_id):
            at = NOW.replace(minute=0) - hours_ago * HOUR
            session.add(hour(at, up=60 - hours_ago % 7, app_id=app_id))

    listed = uptimes_of(session, [1, 2, 3], now=NOW, zone=ZoneInfo(zone))

    for app_id in (1, 2, 3):
        past = past_of(session, [app_id], now=NOW, zone=ZoneInfo(zone))[app_id]
        assert listed[app_id] == Uptimes(past.day, past.month)
        assert past.month.up == sum(each.up for each in past.days)
    assert listed[3] == Uptimes()


def test_a_year_is_counted_from_days(session: Session) -> None:
    midnight = NOW.replace(hour=0, minute=0)
    for days_ago, up in ((0, 90), (300, 100), (370, 0)):
        at = midnight - days_ago * DAY
        session.add(ProbeDay(app_id=1, at=at, probes=100, up=up, slow=0, ms_sum=0))

    assert year_of(session, 1, now=NOW).uptime == 190 / 200


def test_the_line_of_response_times_has_a_gap_where_nothing_was_measured(session: Session) -> None:
    for minutes_ago, ms in ((50, 10), (49, 30), (20, None), (5, 40)):
        at = NOW - timedelta(minutes=minutes_ago)
        session.add(Probe(app_id=1, at=at, is_up=ms is not None, ms=ms))

    series = response_times(session, 1, Period.DAY, now=NOW, interval_s=60)

    assert [(each.ms, each.up, each.ms_max) for each in series.points] == [
        (20, 2, 30),
        (None, 0, None),
        (40, 1, 40),
    ]
    assert {each.at_s % 600 for each in series.points} == {0}


def test_steps_are_longer_than_the_interval_of_the_checks(session: Session) -> None:
    for period in Period:
        series = response_times(session, 1, period, now=NOW, interval_s=3600)
        assert series.step_s > 3600
        assert series.end_s - series.start_s <= 365 * series.step_s


def test_an_outage_counts_with_the_part_of_it_that_is_in_the_period(session: Session) -> None:
    session.add_all([
        Outage(app_id=1, started_at=NOW - HOUR),
        Outage(app_id=1, started_at=NOW - 25 * HOUR, ended_at=NOW - 23 * HOUR),
        Outage(app_id=1, started_at=NOW - 400 * DAY, ended_at=NOW - 399 * DAY),
    ])  # fmt: skip

    outages = outages_of(session, 1, now=NOW)

    assert [each.started_at for each in outages] == [NOW - HOUR, NOW - 25 * HOUR]
    assert down_s(outages, start=NOW - DAY, now=NOW) == 2 * 3600


def test_three_outages_in_a_day_are_flapping(session: Session) -> None:
    for app_id, ages in ((1, (1, 3, 23)), (2, (1, 3, 25))):
        for hours in ages:
            session.add(Outage(app_id=app_id, started_at=NOW - hours * HOUR, ended_at=NOW))

    assert flapping(session, now=NOW) == {1: 3}
