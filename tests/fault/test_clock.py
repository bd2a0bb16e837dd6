"""Clocks that jump: back, far ahead, and in the middle of an operation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from launcher.backup.errors import LastGoodBackupError
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Kind
from launcher.backup.records.operation import Outcome, Progress, Stage
from launcher.backup.retention import RetentionPolicy
from launcher.backup.slots import Claim, Slots
from tests.fault.invariant import assert_invariant
from tests.fault.place import Place, make_place

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Clock:
    """A clock that shows what it is set to."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def a_place(tmp_path: Path) -> Place:
    return make_place(tmp_path / "place", notes=5)


def test_ids_stay_unique_and_the_order_is_by_time_whatever_the_clock_does(tmp_path: Path) -> None:
    clock = Clock()
    place = a_place(tmp_path)
    service = place.service(clock=clock)
    made = []
    for hours in (0, 0, -5, 3, -48, 0, 1):
        clock.now = NOON + timedelta(hours=hours)
        made.append(service.create(by="ada"))

    listed = service.list()

    assert len({backup.id for backup in listed}) == len(made)
    moments = [backup.created_at for backup in listed]
    assert moments == sorted(moments, reverse=True)
    assert service.get("latest").id == made[-1].id, "three hours ahead is not the newest"
    clock.now = NOON + timedelta(hours=3)
    assert service.get("latest").id == made[3].id
    assert [backup.id for backup in listed[1:]] != [backup.id for backup in made[1:]]


def test_a_clock_set_back_during_an_operation_shows_no_negative_duration(tmp_path: Path) -> None:
    clock = Clock()
    place = a_place(tmp_path)
    service = place.service(clock=clock)

    def set_back(progress: Progress) -> None:
        if progress.stage is Stage.COMPRESS:
            clock.now = NOON - timedelta(hours=2)

    made = service.create(by="ada", on_progress=set_back)
    entry = service.journal(limit=1)[0]

    assert entry.outcome is Outcome.SUCCEEDED
    assert entry.ended_at >= entry.started_at
    assert made.created_at == NOON
    clock.now = NOON
    outcome = service.restore(
        made.id,
        by="ada",
        on_progress=lambda _progress: setattr(clock, "now", clock.now - timedelta(hours=1)),
    )
    assert outcome.duration_s >= 0
    assert outcome.held_s >= 0
    assert all(entry.ended_at >= entry.started_at for entry in service.journal())
    assert_invariant(place, old=place.state(), scratch=tmp_path, is_interrupted=False)


def test_the_journal_keeps_the_order_in_which_things_happened(tmp_path: Path) -> None:
    clock = Clock()
    service = a_place(tmp_path).service(clock=clock)
    for number, hours in enumerate((0, -30, 2, -900)):
        clock.now = NOON + timedelta(hours=hours)
        service.create(by=f"number {number}")

    assert [entry.by for entry in service.journal()] == [f"number {n}" for n in (3, 2, 1, 0)]


def test_a_slot_is_not_repeated_when_the_clock_is_set_back_a_little(tmp_path: Path) -> None:
    clock = Clock()
    service = a_place(tmp_path).service(clock=clock)
    assert service.create_scheduled(NOON, by="schedule")

    clock.now = NOON - timedelta(hours=1)  # daylight saving by hand, or a clock put right

    assert service.create_scheduled(NOON, by="schedule") is None
    assert service.create_scheduled(NOON - timedelta(hours=2), by="schedule") is None
    clock.now = NOON + timedelta(minutes=1)
    assert service.create_scheduled(NOON, by="schedule") is None
    assert len(service.list()) == 1
    assert len(service.journal()) == 1, "what was not done is not told"


def test_slots_do_not_stall_when_the_clock_was_years_ahead(tmp_path: Path) -> None:
    clock = Clock(NOON + 1500 * DAY)
    service = a_place(tmp_path).service(clock=clock)
    assert service.create_scheduled(NOON + 1500 * DAY, by="schedule")

    clock.now = NOON  # the clock is put right
    made = [service.create_scheduled(NOON + n * DAY, by="schedule") for n in (0, 0, 1)]

    assert [bool(one) for one in made] == [True, False, True]
    assert service.last_slot() == NOON + DAY


def test_backups_from_the_future_do_not_push_out_those_of_today(tmp_path: Path) -> None:
    clock = Clock(NOON + 1500 * DAY)
    service = a_place(tmp_path).service(clock=clock)
    policy = RetentionPolicy(keep_count=2)
    for _ in range(2):
        service.create(by="schedule", kind=Kind.SCHEDULED)
    clock.now = NOON
    todays = []
    for hours in range(4):
        clock.now = NOON + timedelta(hours=hours)
        todays.append(service.create(by="schedule", kind=Kind.SCHEDULED).id)
        service.prune(policy, by="schedule")

    kept = {backup.id for backup in service.list()}

    assert set(todays[-2:]) <= kept
    assert not set(todays[:2]) & kept
    clock.now = NOON + 1600 * DAY
    service.create(by="schedule", kind=Kind.SCHEDULED)
    service.prune(policy, by="schedule")
    assert len(service.list()) == 2, "once its time has come, each is judged like any other"


def test_a_backup_from_the_future_is_not_what_latest_restores(tmp_path: Path) -> None:
    clock = Clock(NOON + 1500 * DAY)
    place = a_place(tmp_path)
    service = place.service(clock=clock)
    ahead = service.create(by="ada")
    clock.now = NOON
    today = service.create(by="ada")

    outcome = service.restore("latest", by="ada")

    assert outcome.plan.backup_id == today.id
    assert outcome.warnings == ()
    assert service.plan(ahead.id, by="ada").warnings[0].reason is Reason.FROM_FUTURE


def test_when_all_backups_are_from_the_future_the_newest_is_restored_and_that_is_said(
    tmp_path: Path,
) -> None:
    clock = Clock(NOON + 1500 * DAY)
    place = a_place(tmp_path)
    service = place.service(clock=clock)
    old = place.state()
    newest = service.create(by="ada")
    clock.now = NOON
    place.live.write_bytes(b"lost")

    outcome = service.restore("latest", by="ada")

    assert outcome.plan.backup_id == newest.id
    assert [warning.reason for warning in outcome.warnings] == [Reason.FROM_FUTURE]
    assert "2030-04-18 12:00 UTC" in str(outcome.warnings[0])
    assert place.state() == old


def test_the_last_good_backup_of_today_stays_beside_one_from_the_future(tmp_path: Path) -> None:
    clock = Clock(NOON + 1500 * DAY)
    service = a_place(tmp_path).service(clock=clock)
    service.create(by="ada")
    clock.now = NOON - 100 * DAY
    today = service.create(by="ada", kind=Kind.SAFETY)
    clock.now = NOON

    service.prune(RetentionPolicy(), by="schedule")

    assert today.id in {backup.id for backup in service.list()}
    with pytest.raises(LastGoodBackupError):
        service.delete([today.id], by="ada", may_take_last_good=False)


def test_a_backup_from_the_future_does_not_pass_for_that_of_a_slot(tmp_path: Path) -> None:
    clock = Clock(NOON + 1500 * DAY)
    place = a_place(tmp_path)
    service = place.service(clock=clock)
    service.create(by="schedule", kind=Kind.SCHEDULED)
    clock.now = NOON
    Slots(place.data_dir / "schedule.json").keep(Claim(NOON, NOON))  # killed in its first attempt
    clock.now = NOON + timedelta(minutes=11)

    assert service.create_scheduled(NOON, by="schedule")
