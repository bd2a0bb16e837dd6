"""One alarm a trouble: a state machine that is handed its clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.backup.records.backup import Backup, Kind
from launcher.backup.records.ids import BackupId
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.monitoring.problems import Findings, Problem, ProblemKind, Severity
from launcher.notifications.alerts import (
    AlertChange,
    Alerts,
    read_facts,
    update_alerts,
    write_facts,
)

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Desk:
    """Somebody who looks once a minute and writes down what there is to tell."""

    def __init__(self) -> None:
        self.alerts = Alerts()
        self.now = NOW
        self.told: list[tuple[str, str]] = []

    def look(
        self, *problems: Problem, after: timedelta = MINUTE, unknown: tuple[ProblemKind, ...] = ()
    ) -> Desk:
        self.now += after
        found = Findings(problems, frozenset(unknown))
        self.alerts, events = update_alerts(self.alerts, found, now=self.now)
        self.told += [(event.change.value, event.alert.kind.value) for event in events]
        return self


def failed(count: int = 1, code: str = "internal", severity: Severity = Severity.WARN) -> Problem:
    entry = JournalEntry(
        operation_id=f"{count:016x}", verb=Verb.CREATE, by="schedule", started_at=NOW,
        ended_at=NOW, outcome=Outcome.FAILED, error_code=code,
    )  # fmt: skip
    return Problem(ProblemKind.FAILED, severity, since=NOW, count=count, code=code, entry=entry)


def damaged(*numbers: int) -> Problem:
    backups = tuple(
        Backup(id=BackupId(f"20261122T17000{n}Z-aaaaaa"), kind=Kind.MANUAL, created_at=NOW)
        for n in numbers
    )
    return Problem(ProblemKind.DAMAGED, Severity.BAD, count=len(backups), backups=backups)


LOW = Problem(ProblemKind.LOW_SPACE, Severity.WARN)
FULL = Problem(ProblemKind.LOW_SPACE, Severity.BAD, code="")
AWAY = Problem(ProblemKind.STORE_UNAVAILABLE, Severity.BAD, code="store_unavailable")
STALE = Problem(ProblemKind.STALE, Severity.BAD)
STOPPED = Problem(ProblemKind.SCHEDULER_STOPPED, Severity.WARN)


def test_however_long_backups_fail_it_is_one_alarm_for_a_week() -> None:
    desk = Desk()
    for count in range(1, 11):
        is_old = count > 2
        desk.look(
            *([failed(count, severity=Severity.BAD), STALE] if is_old else [failed(count)]),
            after=timedelta(hours=16),
        )

    assert desk.told == [("opened", "failed")]


def test_it_is_reported_again_each_week_and_once_when_it_ends() -> None:
    desk = Desk().look(failed())
    for _ in range(20):
        desk.look(failed(), after=timedelta(days=1))
    desk.look().look()

    assert [news for news, _ in desk.told] == ["opened", "still", "still", "ended"]


def test_a_disk_at_the_edge_is_one_alarm() -> None:
    desk = Desk()
    for _ in range(60):
        desk.look(LOW).look()
    assert desk.told == [("opened", "low_space")]

    desk.look(after=timedelta(minutes=31))
    assert desk.told[1:] == [("ended", "low_space")]


def test_a_disk_that_is_full_at_last_is_said_once_more() -> None:
    desk = Desk().look(LOW).look(FULL).look(LOW).look(FULL)

    assert desk.told == [("opened", "low_space"), ("worse", "low_space")]


def test_more_damage_is_said_at_most_once_a_day() -> None:
    desk = Desk().look(damaged(1)).look(damaged(1, 2)).look(damaged(1, 2, 3))
    assert len(desk.told) == 1

    desk.look(damaged(1, 2, 3), after=timedelta(days=1)).look(damaged(1, 2, 3))
    assert desk.told[1:] == [("worse", "damaged")]


def test_a_restart_of_the_server_is_no_alarm() -> None:
    desk = Desk().look(STOPPED).look(STOPPED).look().look(STOPPED)
    assert desk.told == []

    for _ in range(5):
        desk.look(STOPPED)
    assert desk.told == [("opened", "scheduler_stopped")]


def test_what_cannot_be_seen_is_not_over() -> None:
    desk = Desk().look(damaged(1)).look(AWAY, unknown=(ProblemKind.DAMAGED, ProblemKind.STALE))
    desk.look(damaged(1), after=timedelta(minutes=10))

    assert ("ended", "damaged") not in desk.told


def test_failures_that_another_problem_explains_are_not_reported_even_once_it_is_over() -> None:
    desk = Desk().look(AWAY, failed(1, "store_unavailable"))
    desk.look(AWAY, failed(2, "store_unavailable"))
    for _ in range(3):
        desk.look(failed(2, "store_unavailable"), after=timedelta(minutes=10))
    assert desk.told == [
        ("opened", "store_unavailable"),
        ("ended", "store_unavailable"),
    ]

    desk.look(failed(3, "internal"))
    assert desk.told[2:] == [("opened", "failed")]


def test_another_failure_beside_it_is_said() -> None:
    desk = Desk().look(AWAY, failed(1, "internal"))

    assert set(desk.told) == {("opened", "store_unavailable"), ("opened", "failed")}


@pytest.mark.parametrize("kind", [ProblemKind.INTERRUPTED, ProblemKind.SCHEDULE_OFF])
def test_what_a_person_did_wakes_no_one(kind: ProblemKind) -> None:
    assert Desk().look(Problem(kind, Severity.WARN), after=timedelta(days=9)).told == []


def test_a_clock_that_ran_ahead_silences_nothing() -> None:
    desk = Desk().look(failed(), after=timedelta(days=4000))
    desk.now = NOW
    desk.look(failed()).look(failed(), after=timedelta(days=8))

    assert [news for news, _ in desk.told] == ["opened", "still"]


SEEN = (LOW, FULL, AWAY, STALE, STOPPED, failed(1), damaged(1))
LOOKS = st.lists(
    st.tuples(
        st.sets(st.integers(0, len(SEEN) - 1), max_size=4), st.sampled_from([1, 7, 40, 1500])
    ),
    max_size=40,
)


@given(LOOKS)
def test_each_alarm_opens_once_before_it_ends_and_never_repeats_within_a_week(
    looks: list[tuple[set[int], int]],
) -> None:
    desk = Desk()
    is_open: dict[str, datetime] = {}
    for found, minutes in looks:
        one_each = {SEEN[number].kind: SEEN[number] for number in found}
        before = len(desk.told)
        desk.look(*one_each.values(), after=timedelta(minutes=minutes))
        for news, kind in desk.told[before:]:
            if news == AlertChange.OPENED:
                assert kind not in is_open
                is_open[kind] = desk.now
            elif news == AlertChange.ENDED:
                del is_open[kind]
            elif news == AlertChange.STILL:
                assert desk.now - is_open[kind] >= timedelta(days=7)
                is_open[kind] = desk.now
            else:
                assert kind in {"low_space", "damaged"}
        assert {alert.kind.value for alert in desk.alerts.notified} == set(is_open)
        assert read_facts(write_facts(desk.alerts)) == desk.alerts


@pytest.mark.parametrize(
    "facts",
    [None, [], {"open": 3}, {"open": [{"kind": "x"}, 7]}, {"open": [{}], "acknowledged": 3}],
)
def test_what_was_kept_and_cannot_be_read_is_left_out(facts: object) -> None:
    assert read_facts(facts) == Alerts()
