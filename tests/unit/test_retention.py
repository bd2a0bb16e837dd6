"""Which backups stay, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.backup.records.backup import Backup, Kind, State, Verification
from launcher.backup.records.ids import BackupId
from launcher.backup.retention import KeepReason, RetentionPolicy, decide

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")

R = KeepReason
RECENT, DAILY, WEEKLY, MONTHLY = (R.RECENT,), (R.DAILY,), (R.WEEKLY,), (R.MONTHLY,)
NEWEST = (R.LAST_GOOD, R.RECENT)
ALWAYS = (R.NOT_SCHEDULED,)


def backup(
    name: str,
    at: datetime,
    *,
    kind: Kind = Kind.SCHEDULED,
    state: State = State.VERIFIED,
    protected: bool = False,
) -> Backup:
    return Backup(
        id=BackupId(name),
        kind=kind,
        created_at=at,
        protected=protected,
        verification=Verification(state),
    )


def reasons(
    backups: Iterable[Backup], policy: RetentionPolicy, *, zone: ZoneInfo | None = None
) -> dict[str, tuple[KeepReason, ...]]:
    decisions = decide(backups, policy, zone=zone or UTC)
    return {decision.backup.id: decision.reasons for decision in decisions}


def hours(count: int) -> timedelta:
    return timedelta(hours=count)


def days(count: int) -> timedelta:
    return timedelta(days=count)


DAMAGED = State.DAMAGED
UNVERIFIED = State.UNVERIFIED

CASES = [
    pytest.param([], RetentionPolicy(), {}, id="nothing to decide"),
    pytest.param(
        [backup("a", NOON), backup("b", NOON - hours(1)), backup("c", NOON - hours(2))],
        RetentionPolicy(keep_count=2),
        {"a": NEWEST, "b": RECENT, "c": ()},
        id="the newest two stay",
    ),
    pytest.param(
        [backup("a", NOON), backup("b", NOON - hours(1))],
        RetentionPolicy(keep_count=0),
        {"a": NEWEST, "b": ()},
        id="a count below one keeps one",
    ),
    pytest.param(
        [backup("a", NOON), backup("b", NOON - hours(1))],
        RetentionPolicy(keep_count=-5),
        {"a": NEWEST, "b": ()},
        id="a negative count keeps one",
    ),
    pytest.param(
        [
            backup("a", NOON),
            backup("b", NOON - hours(1), protected=True),
            backup("c", NOON - hours(2)),
        ],
        RetentionPolicy(keep_count=1),
        {"a": NEWEST, "b": (R.PROTECTED,), "c": ()},
        id="a protected one stays",
    ),
    *[
        pytest.param(
            [backup("a", NOON), backup("b", NOON - days(900), kind=kind)],
            RetentionPolicy(keep_count=1),
            {"a": NEWEST, "b": ALWAYS},
            id=f"an old {kind} one stays",
        )
        for kind in (Kind.MANUAL, Kind.UPLOAD, Kind.EXTERNAL)
    ],
    pytest.param(
        [backup("m", NOON, kind=Kind.MANUAL), backup("a", NOON - hours(1))],
        RetentionPolicy(keep_count=1),
        {"m": (R.NOT_SCHEDULED, R.LAST_GOOD), "a": RECENT},
        id="a newer manual one takes no scheduled one's place",
    ),
    pytest.param(
        [
            backup("d", NOON, state=DAMAGED),
            backup("a", NOON - hours(1)),
            backup("b", NOON - hours(2)),
        ],
        RetentionPolicy(keep_count=1),
        {"d": (R.NOT_REPLACED,), "a": NEWEST, "b": ()},
        id="a damaged one fills no place, and stays until it is replaced",
    ),
    pytest.param(
        [backup("a", NOON), backup("d", NOON - hours(1), state=DAMAGED)],
        RetentionPolicy(keep_count=1),
        {"a": NEWEST, "d": ()},
        id="a damaged one goes once newer good ones fill every place",
    ),
    pytest.param(
        [backup("a", NOON), backup("d", NOON - hours(1), state=DAMAGED)],
        RetentionPolicy(keep_count=2),
        {"a": NEWEST, "d": (R.NOT_REPLACED,)},
        id="a damaged one stays while a place is empty",
    ),
    pytest.param(
        [backup("d", NOON, state=DAMAGED), backup("u", NOON - hours(1), state=UNVERIFIED)],
        RetentionPolicy(keep_count=1),
        {"d": (R.NOT_REPLACED,), "u": (R.NOT_REPLACED,)},
        id="without a good one nothing goes",
    ),
    pytest.param(
        [backup("d", NOON, state=DAMAGED), backup("m", NOON - days(9), kind=Kind.MANUAL)],
        RetentionPolicy(keep_count=1),
        {"d": (R.NOT_REPLACED,), "m": (R.NOT_SCHEDULED, R.LAST_GOOD)},
        id="the last good one may be of any kind",
    ),
    pytest.param(
        [backup("z", NOON - hours(2)), backup("a", NOON), backup("m", NOON - hours(1))],
        RetentionPolicy(keep_count=1),
        {"a": NEWEST, "m": (), "z": ()},
        id="newest is by time, not by name",
    ),
    pytest.param(
        [backup(str(n), NOON - days(n) + hours(m)) for n in range(4) for m in (0,)]
        + [backup(f"{n}early", NOON - days(n) - hours(6)) for n in range(4)],
        RetentionPolicy(keep_count=1, keep_daily=3),
        {
            "0": (*NEWEST, R.DAILY),
            "0early": (),
            "1": DAILY,
            "1early": (),
            "2": DAILY,
            "2early": (),
            "3": (),
            "3early": (),
        },
        id="the newest of each of three days",
    ),
    pytest.param(
        [backup("a", NOON), backup("b", NOON - days(40)), backup("c", NOON - days(80))],
        RetentionPolicy(keep_count=1, keep_daily=2),
        {"a": (*NEWEST, R.DAILY), "b": DAILY, "c": ()},
        id="days without a backup use up no place",
    ),
    pytest.param(
        # 2026-12-28 begins ISO week 53 of 2026, which ends on 2027-01-03.
        [
            backup("monday", datetime(2027, 1, 4, 3, tzinfo=UTC)),
            backup("sunday", datetime(2027, 1, 3, 3, tzinfo=UTC)),
            backup("newyear", datetime(2027, 1, 1, 3, tzinfo=UTC)),
            backup("last", datetime(2026, 12, 28, 3, tzinfo=UTC)),
            backup("before", datetime(2026, 12, 27, 3, tzinfo=UTC)),
        ],
        RetentionPolicy(keep_count=1, keep_weekly=3),
        {
            "monday": (*NEWEST, R.WEEKLY),
            "sunday": WEEKLY,
            "newyear": (),
            "last": (),
            "before": WEEKLY,
        },
        id="a week runs over new year",
    ),
    pytest.param(
        [
            backup("july", datetime(2026, 7, 1, 0, tzinfo=UTC)),
            backup("june30", datetime(2026, 6, 30, 23, tzinfo=UTC)),
            backup("june1", datetime(2026, 6, 1, 0, tzinfo=UTC)),
            backup("june25", datetime(2025, 6, 30, 0, tzinfo=UTC)),
        ],
        RetentionPolicy(keep_count=1, keep_monthly=3),
        {"july": (*NEWEST, R.MONTHLY), "june30": MONTHLY, "june1": (), "june25": MONTHLY},
        id="June of two years is two months",
    ),
    pytest.param(
        [
            backup("a", NOON),
            backup("d", NOON - days(1), state=DAMAGED),
            backup(
                "b",
                NOON
                - days(
                    1,
                )
                - hours(1),
            ),
        ],
        RetentionPolicy(keep_count=1, keep_daily=2),
        {"a": (*NEWEST, R.DAILY), "d": (), "b": DAILY},
        id="a damaged one stands for no day",
    ),
]


@pytest.mark.parametrize(("backups", "policy", "expected"), CASES)
def test_it_says_why_each_backup_stays(
    backups: list[Backup], policy: RetentionPolicy, expected: dict[str, tuple[KeepReason, ...]]
) -> None:
    assert reasons(backups, policy) == expected
    assert reasons(reversed(backups), policy) == expected


def test_it_lists_the_newest_first_whatever_the_names() -> None:
    backups = [backup("b", NOON - hours(1)), backup("a", NOON - hours(2)), backup("0", NOON)]
    decided = decide(backups, RetentionPolicy())
    assert [decision.backup.id for decision in decided] == ["0", "b", "a"]


@pytest.mark.parametrize(
    ("first", "second", "zone", "same_day"),
    [
        # 23:30 and 00:30 in Berlin are one UTC day, and two of Berlin's.
        ("2026-06-14T21:30", "2026-06-14T22:30", BERLIN, False),
        ("2026-06-14T21:30", "2026-06-14T22:30", None, True),
        # Midnight of UTC is in the middle of Berlin's morning.
        ("2026-06-14T23:30", "2026-06-15T00:30", BERLIN, True),
        ("2026-06-14T23:30", "2026-06-15T00:30", None, False),
        # Spring: 2026-03-29 has 23 hours in Berlin (23:00 to 22:00 UTC).
        ("2026-03-28T23:00", "2026-03-29T21:59", BERLIN, True),
        ("2026-03-28T22:59", "2026-03-28T23:00", BERLIN, False),
        ("2026-03-29T21:59", "2026-03-29T22:00", BERLIN, False),
        # Autumn: 2026-10-25 has 25 hours in Berlin (22:00 to 23:00 UTC), 02:30 comes twice.
        ("2026-10-24T22:00", "2026-10-25T22:59", BERLIN, True),
        ("2026-10-25T00:30", "2026-10-25T01:30", BERLIN, True),
        ("2026-10-25T22:59", "2026-10-25T23:00", BERLIN, False),
    ],
)
def test_a_day_begins_at_midnight_of_the_zone(
    first: str, second: str, zone: ZoneInfo | None, *, same_day: bool
) -> None:
    older = backup("older", datetime.fromisoformat(first).replace(tzinfo=UTC))
    newer = backup("newer", datetime.fromisoformat(second).replace(tzinfo=UTC))
    decided = reasons([older, newer], RetentionPolicy(keep_count=1, keep_daily=2), zone=zone)
    assert decided["older"] == (() if same_day else DAILY)


def test_a_month_and_a_week_begin_at_midnight_of_the_zone() -> None:
    # 2026-06-30 22:30 UTC is July in Berlin; 2026-06-14 22:30 UTC is Monday there.
    june = backup("june", datetime(2026, 6, 30, 21, 30, tzinfo=UTC))
    july = backup("july", datetime(2026, 6, 30, 22, 30, tzinfo=UTC))
    monthly = RetentionPolicy(keep_count=1, keep_monthly=2)
    assert reasons([june, july], monthly, zone=BERLIN)["june"] == MONTHLY
    assert reasons([june, july], monthly)["june"] == ()
    sunday = backup("sunday", datetime(2026, 6, 14, 21, 30, tzinfo=UTC))
    monday = backup("monday", datetime(2026, 6, 14, 22, 30, tzinfo=UTC))
    weekly = RetentionPolicy(keep_count=1, keep_weekly=2)
    assert reasons([sunday, monday], weekly, zone=BERLIN)["sunday"] == WEEKLY
    assert reasons([sunday, monday], weekly)["sunday"] == ()


def test_backups_of_a_clock_that_ran_ahead_push_out_none_of_today() -> None:
    early = [backup(f"early{n}", NOON + days(n)) for n in (1, 2, 3)]
    today = [backup(f"today{n}", NOON - hours(n)) for n in range(3)]
    decided = {
        decision.backup.id: decision.keep
        for decision in decide([*early, *today], RetentionPolicy(keep_count=2), now=NOON)
    }
    assert [name for name, keep in decided.items() if not keep] == ["today2"]


def before(name: str, age: timedelta, **more: object) -> Backup:
    return backup(name, NOON - age, kind=Kind.SAFETY, **more)


SOON = RetentionPolicy(keep_count=1, keep_before_count=2, keep_before_days=90)
BEFORE_CASES = [
    pytest.param(
        [backup("a", NOON), before("s", hours(1)), before("t", days(9)), before("u", days(10))],
        {"a": NEWEST, "s": (R.BEFORE,), "t": (R.BEFORE,), "u": ()},
        id="the newest two from before a restore stay",
    ),
    pytest.param(
        [
            backup("a", NOON),
            before("s", hours(1)),
            before("t", hours(2)),
            backup("u", NOON - hours(3), kind=Kind.UPGRADE),
            backup("v", NOON - hours(4), kind=Kind.UPGRADE),
        ],
        {"a": NEWEST, "s": (R.BEFORE,), "t": (R.BEFORE,), "u": (R.BEFORE,), "v": (R.BEFORE,)},
        id="restores and upgrades take no places from each other",
    ),
    pytest.param(
        [backup("a", NOON), before("s", days(90)), before("t", days(90) + timedelta(seconds=1))],
        {"a": NEWEST, "s": (R.BEFORE,), "t": ()},
        id="after its age it goes, were it the only one",
    ),
    pytest.param(
        [before("s", days(900))],
        {"s": (R.LAST_GOOD,)},
        id="the last good one stays at any age",
    ),
    pytest.param(
        [before("s", hours(1)), backup("u", NOON - days(900), kind=Kind.UPGRADE)],
        {"s": (R.BEFORE,), "u": (R.LAST_GOOD,)},
        id="what latest names stays beside newer ones from before a restore",
    ),
    pytest.param(
        [backup("a", NOON), before("s", days(900), protected=True)],
        {"a": NEWEST, "s": (R.PROTECTED,)},
        id="a protected one stays at any age",
    ),
    pytest.param(
        [
            backup("a", NOON),
            before("d", hours(1), state=DAMAGED),
            before("s", hours(2)),
            before("e", hours(3), state=DAMAGED),
            before("t", hours(4)),
            before("f", hours(5), state=DAMAGED),
        ],
        {
            "a": NEWEST,
            "d": (R.NOT_REPLACED,),
            "s": (R.BEFORE,),
            "e": (R.NOT_REPLACED,),
            "t": (R.BEFORE,),
            "f": (),
        },
        id="a damaged one fills no place, and goes when newer good ones fill them",
    ),
    pytest.param(
        [backup("a", NOON), before("d", days(91), state=DAMAGED)],
        {"a": NEWEST, "d": ()},
        id="a damaged one goes after its age",
    ),
]


@pytest.mark.parametrize(("backups", "expected"), BEFORE_CASES)
def test_what_was_made_before_something_grave_stays_for_a_while(
    backups: list[Backup], expected: dict[str, tuple[KeepReason, ...]]
) -> None:
    decided = decide(reversed(backups), SOON, now=NOON)
    assert {decision.backup.id: decision.reasons for decision in decided} == expected


moments = st.integers(0, 3000).map(lambda hour: NOON - hours(hour))
some_backups = st.lists(
    st.builds(
        lambda at, kind, state, protected: (at, kind, state, protected),
        moments,
        st.sampled_from([Kind.SCHEDULED, Kind.SCHEDULED, Kind.SCHEDULED, *Kind]),
        st.sampled_from([State.VERIFIED, State.VERIFIED, *State]),
        st.booleans(),
    ),
    max_size=25,
).map(
    lambda rows: [
        backup(f"{n:03}", at, kind=kind, state=state, protected=protected)
        for n, (at, kind, state, protected) in enumerate(rows)
    ]
)
policies = st.builds(
    RetentionPolicy,
    keep_count=st.integers(-1, 12),
    keep_daily=st.integers(0, 8),
    keep_weekly=st.integers(0, 6),
    keep_monthly=st.integers(0, 4),
    keep_before_count=st.integers(-1, 4),
    keep_before_days=st.integers(0, 120),
)
PEOPLES = {Kind.MANUAL, Kind.UPLOAD, Kind.EXTERNAL}


def gone(backups: list[Backup], policy: RetentionPolicy) -> set[str]:
    return {d.backup.id for d in decide(backups, policy, zone=BERLIN, now=NOON) if not d.keep}


@given(some_backups, policies)
def test_it_never_removes_the_last_good_one(backups: list[Backup], policy: RetentionPolicy) -> None:
    good = sorted((b for b in backups if b.is_good), key=lambda b: b.created_at)
    newest = [b for b in good if b.created_at == good[-1].created_at]
    assert not good or any(b.id not in gone(backups, policy) for b in newest)


@given(some_backups, policies)
def test_it_never_removes_what_a_person_made_brought_or_protected(
    backups: list[Backup], policy: RetentionPolicy
) -> None:
    removed = gone(backups, policy)
    for one in backups:
        if one.protected or one.kind in PEOPLES:
            assert one.id not in removed


@given(some_backups, policies)
def test_it_never_keeps_more_scheduled_ones_than_asked(
    backups: list[Backup], policy: RetentionPolicy
) -> None:
    """Beside those asked for stays only what is protected, or not replaced by good ones yet."""
    removed = gone(backups, policy)
    scheduled = [b for b in backups if b.kind is Kind.SCHEDULED]
    kept = [b for b in scheduled if b.id not in removed and not b.protected]
    places = max(1, policy.keep_count)
    periods = (policy.keep_daily, policy.keep_weekly, policy.keep_monthly)
    # The newest good one is the last good one, one of the recent and the first of each period.
    asked = places + sum(max(0, count - 1) for count in periods)
    assert sum(b.is_good for b in kept) <= asked

    good = [b.created_at for b in scheduled if b.is_good]
    for one in kept:
        if not one.is_good:
            assert sum(at >= one.created_at for at in good) < places


@given(some_backups, policies)
def test_it_keeps_at_least_the_count_of_good_scheduled_ones(
    backups: list[Backup], policy: RetentionPolicy
) -> None:
    good = {b.id for b in backups if b.is_good and b.kind is Kind.SCHEDULED}
    kept = good - gone(backups, policy)
    assert len(kept) >= min(max(1, policy.keep_count), len(good))


@given(some_backups, policies, st.sampled_from([Kind.SAFETY, Kind.UPGRADE]))
def test_it_keeps_those_from_before_by_number_until_they_are_too_old(
    backups: list[Backup], policy: RetentionPolicy, kind: Kind
) -> None:
    young = [
        b for b in backups
        if b.kind is kind and b.is_good and NOON - b.created_at <= policy.keep_before
    ]  # fmt: skip
    kept = {b.id for b in young} - gone(backups, policy)
    assert len(kept) >= min(max(1, policy.keep_before_count), len(young))


@given(some_backups, policies, st.integers(0, 5), st.sampled_from(range(6)))
def test_a_bigger_number_never_removes_more(
    backups: list[Backup], policy: RetentionPolicy, more: int, which: int
) -> None:
    counts = list(astuple(policy))
    counts[which] += more
    assert gone(backups, RetentionPolicy(*counts)) <= gone(backups, policy)


@given(some_backups, policies)
def test_damaged_ones_do_not_change_what_becomes_of_good_ones(
    backups: list[Backup], policy: RetentionPolicy
) -> None:
    good = [b for b in backups if b.is_good]
    expected = gone(good, policy)
    assert gone(backups, policy) & {b.id for b in good} == expected


@given(some_backups, policies)
def test_it_is_settled_after_one_pass(backups: list[Backup], policy: RetentionPolicy) -> None:
    removed = gone(backups, policy)
    assert gone([b for b in backups if b.id not in removed], policy) == set()
