"""What comes due when: compared with a second cron, and in the nights when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from launcher.schedule import cron
from tests.support import cron as second

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "America/Santiago",  # midnight is skipped
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Antarctica/Troll",  # two hours of it
]
# Nights before a change of the clock somewhere, and one of no note.
NIGHTS = [
    datetime(2026, 3, 28, 12, tzinfo=UTC),
    datetime(2026, 10, 24, 12, tzinfo=UTC),
    datetime(2026, 3, 7, 12, tzinfo=UTC),
    datetime(2026, 10, 31, 12, tzinfo=UTC),
    datetime(2026, 4, 3, 12, tzinfo=UTC),
    datetime(2026, 10, 2, 12, tzinfo=UTC),
    datetime(2026, 4, 4, 0, tzinfo=UTC),
    datetime(2026, 9, 5, 12, tzinfo=UTC),
    datetime(2028, 2, 28, 12, tzinfo=UTC),
]


def terms(low: int, high: int, *more: str) -> st.SearchStrategy[str]:
    """Return what may stand between the commas of a field."""
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.integers(1, high + 2)
    whole = st.sampled_from([str(n) for n in range(low, high + 1)] + list(more))
    return st.one_of(
        whole,
        whole,
        # A span of one and a step is read as "from there on" by some and not by others.
        st.tuples(span.filter(lambda s: len({*s.split("-")}) > 1), step).map(
            "{0[0]}/{0[1]}".format
        ),
        span,
    )


def fields(low: int, high: int, *more: str) -> st.SearchStrategy[str]:
    several = st.lists(terms(low, high, *more), min_size=1, max_size=3).map(",".join)
    stars = st.integers(1, high + 2).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), stars, several, several)


EXPRESSIONS = st.tuples(
    fields(0, 59),
    fields(0, 23),
    fields(1, 31, "L"),
    st.one_of(st.just("*"), fields(1, 12, "jan", "feb", "mar", "oct")),
    fields(0, 7, "sun", "mon", "fri", "5L", "0L", "5#1", "mon#5", "7#2", "sun#3"),
).map(" ".join)


def is_possible(expression: str) -> bool:
    return cron.comes_due(expression)


MOMENTS = st.tuples(st.sampled_from(NIGHTS), st.integers(0, 36 * 60 * 60)).map(
    lambda pair: pair[0] + timedelta(seconds=pair[1])
)


@settings(max_examples=120, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(EXPRESSIONS.filter(is_possible), MOMENTS, st.sampled_from(ZONES))
def test_it_agrees_with_a_second_cron(expression: str, moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    end = moment + timedelta(days=1)
    expected = second.dues(expression, start=moment, end=end, zone=zone)

    # No more than there are minutes: what comes late may come fifty years late.
    runs = cron.next_runs(expression, after=moment, zone=zone, count=len(expected) + 1)
    assert [*takewhile(lambda run: run <= end, runs)] == expected

    begin = moment - timedelta(days=1)
    before = second.dues(expression, start=begin, end=moment, zone=zone)
    newest = cron.last_due(expression, now=moment, zone=zone)
    assert (newest if newest and newest > begin else None) == (before[-1] if before else None)


@settings(max_examples=50, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    st.tuples(
        fields(1, 31, "L"),
        fields(1, 12),
        fields(0, 7, "5L", "0L", "5#1", "1#5", "7#2", "fri#3"),
    ).filter(lambda parts: is_possible(f"0 3 {' '.join(parts)}")),
    st.sampled_from(ZONES),
)
def test_it_agrees_over_a_year_of_days(parts: tuple[str, str, str], name: str) -> None:
    expression, zone = f"0 3 {' '.join(parts)}", ZoneInfo(name)
    end = NIGHTS[0] + timedelta(days=400)
    expected = second.dues(expression, start=NIGHTS[0], end=end, zone=zone)

    runs = cron.next_runs(expression, after=NIGHTS[0], zone=zone, count=len(expected) + 1)

    assert [*takewhile(lambda run: run <= end, runs)] == expected


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


SPRING = [
    ("30 2 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
    ("0 2,3 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"]),
    ("0 3 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T03:00+02:00", "2026-03-30T03:00+02:00"]),
    ("0 * * * *", "2026-03-29T01:30+01:00", ["2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00"]),
    ("@daily", "2026-03-28T12:00+01:00", ["2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"]),
]
AUTUMN = [
    ("30 2 * * *", "2026-10-24T12:00+02:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
    # The second 2:30 of the night is not another one, wherever one asks from.
    ("30 2 * * *", "2026-10-25T02:15+01:00", ["2026-10-26T02:30+01:00", "2026-10-27T02:30+01:00"]),
    ("30 2 * * *", "2026-10-25T02:45+02:00", ["2026-10-26T02:30+01:00", "2026-10-27T02:30+01:00"]),
    ("0 3 * * *", "2026-10-25T02:45+01:00", ["2026-10-25T03:00+01:00", "2026-10-26T03:00+01:00"]),
    ("0 * * * *", "2026-10-25T01:30+02:00", ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]),
]


@pytest.mark.parametrize(("expression", "after", "expected"), SPRING + AUTUMN)
def test_each_day_has_one_run_though_the_clock_changes(
    expression: str, after: str, expected: list[str]
) -> None:
    runs = cron.next_runs(expression, after=at(after), zone=BERLIN, count=2)
    assert runs == [at(text) for text in expected]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("45 * * * *", ["14:45", "15:15", "16:15"]),
        ("*/15 1 * * *", ["14:30", "14:45", "15:00", "15:15"]),
        ("45 1 * * *", ["14:45"]),
    ],
)
def test_half_an_hour_that_comes_twice_is_served_twice_where_real_time_is_meant(
    expression: str, expected: list[str]
) -> None:
    # On Lord Howe Island, 1:30 to 2:00 comes twice on 5 April 2026: at 14:30 and 15:00 UTC.
    zone, begin = ZoneInfo("Australia/Lord_Howe"), at("2026-04-04T14:16+00:00")
    runs = cron.next_runs(expression, after=begin, zone=zone, count=len(expected) + 1)
    assert [f"{run:%H:%M}" for run in runs[:-1]] == expected
    assert runs[-1] - begin > timedelta(hours=2)
    minutes = [begin + timedelta(minutes=number) for number in range(130)]
    asked = {cron.last_due(expression, now=minute, zone=zone) for minute in minutes}
    assert set(runs[:-1]) == {due for due in asked if due and due > begin}


@pytest.mark.parametrize("first_day", ["2026-03-26", "2026-10-22"])
@pytest.mark.parametrize("name", ZONES)
def test_a_year_of_nights_holds_one_run_each(first_day: str, name: str) -> None:
    zone = ZoneInfo(name)
    start = datetime.fromisoformat(first_day).replace(tzinfo=zone)
    runs = cron.next_runs("15 2 * * *", after=start, zone=zone, count=365)
    days = [run.astimezone(zone).date() for run in runs]
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-10-25T02:29:59+02:00", "2026-10-24T02:30+02:00"),
        ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30+02:00"),
        ("2026-10-25T02:15:00+01:00", "2026-10-25T02:30+02:00"),
        ("2026-10-25T02:45:00+01:00", "2026-10-25T02:30+02:00"),
        ("2026-03-29T01:59:59+01:00", "2026-03-28T02:30+01:00"),
        ("2026-03-29T03:00:00+02:00", "2026-03-29T03:00+02:00"),
        ("2026-03-29T09:00:00+02:00", "2026-03-29T03:00+02:00"),
    ],
)
def test_what_came_due_last_is_known_in_the_nights_of_change(now: str, expected: str) -> None:
    assert cron.last_due("30 2 * * *", now=at(now), zone=BERLIN) == at(expected)


@pytest.mark.parametrize(
    ("macro", "expression"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ],
)
def test_the_short_names_mean_what_cron_says(macro: str, expression: str) -> None:
    after = at("2026-11-22T17:00+00:00")
    assert cron.next_runs(macro, after=after, zone=BERLIN, count=5) == cron.next_runs(
        expression, after=after, zone=BERLIN, count=5
    )


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 3 * * 0", "2026-11-29T03:00"),  # Sunday
        ("0 3 * * 7", "2026-11-29T03:00"),
        ("0 3 * * 1-5", "2026-11-23T03:00"),  # Monday
        ("0 3 1 * 1", "2026-11-23T03:00"),  # the first, or any Monday
        ("0 3 * * fri#1", "2026-12-04T03:00"),
        ("0 3 * * 5L", "2026-11-27T03:00"),
        ("0 3 L * *", "2026-11-30T03:00"),
        ("0 3 29 2 *", "2028-02-29T03:00"),
    ],
)
def test_fields_have_crons_own_meaning(expression: str, expected: str) -> None:
    (run,) = cron.next_runs(expression, after=at("2026-11-22T12:00+01:00"), zone=BERLIN)
    assert run.astimezone(BERLIN).replace(tzinfo=None) == datetime.fromisoformat(expected)


def test_a_day_that_a_zone_leaves_out_is_done_at_the_jump() -> None:
    apia = ZoneInfo("Pacific/Apia")  # it had no 30 December 2011
    assert cron.last_due("0 3 30 12 *", now=at("2012-01-15T00:00+00:00"), zone=apia) == (
        at("2011-12-30T10:00+00:00")
    )
