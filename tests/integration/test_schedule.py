"""Backups on schedule, exactly once, with the clock in hand."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from launcher.backup.errors import InsufficientSpaceError
from launcher.backup.locks import try_lock
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Kind
from launcher.db.connect import connect
from launcher.jobs.history import RunOutcome
from tests.support.jobs import NOON, Desk

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def desk(app: Flask, cast: object) -> Iterator[Desk]:
    """A new installation at noon on 22 November; backups at three at night."""
    desk = Desk(app)
    yield desk
    desk.leave()


def backups_only(desk: Desk) -> list[datetime]:
    return [at for job_id, at in desk.started if job_id == "backup"]


# --- slots -------------------------------------------------------------------------------


def test_a_new_installation_has_missed_nothing(desk: Desk) -> None:
    desk.elect()
    desk.pass_time(HOUR, step=QUARTER)
    assert desk.started == []
    assert desk.runs() == ()


@pytest.mark.parametrize("name", ["importing", "recovering"])
def test_what_was_read_or_entered_is_removed_after_an_hour(
    desk: Desk, data_dir: Path, name: str
) -> None:
    folder = data_dir / name
    folder.mkdir()
    old, new = folder / "old.json", folder / "new.json"
    for each in (old, new):
        each.write_text("{}")
    os.utime(old, (0, 0))

    desk.elect()
    desk.pass_time(QUARTER)

    assert [old.exists(), new.exists()] == [False, True]


def test_each_slot_has_one_backup(desk: Desk) -> None:
    desk.elect()
    desk.pass_time(3 * DAY, step=QUARTER)
    assert desk.made_at() == ["23 03:00", "24 03:00", "25 03:00"]
    assert len(backups_only(desk)) == 3
    assert [run.outcome for run in desk.runs()] == [RunOutcome.SUCCEEDED] * 3
    assert [run.by for run in desk.runs()] == ["schedule"] * 3


def test_every_minute_is_short_enough(desk: Desk) -> None:
    desk.set(cron_expression="* * * * *", max_count=100)
    desk.elect()
    desk.pass_time(5 * MINUTE, step=timedelta(seconds=30))
    assert len(desk.made_at()) == len(set(desk.made_at())) == 5


def test_what_was_missed_while_the_server_was_down_is_made_up_for_once(desk: Desk) -> None:
    desk.elect()
    desk.leave()
    desk.wait(3 * DAY)
    desk.elect()
    desk.pass_time(HOUR, step=QUARTER)
    assert desk.made_at() == ["25 12:00"]
    desk.elect()
    desk.pass_time(HOUR, step=QUARTER)
    assert len(desk.scheduled()) == 1
    desk.pass_time(DAY, step=QUARTER)
    assert desk.made_at() == ["25 12:00", "26 03:00"], "the next slot comes as usual"


def test_a_leader_killed_in_the_minute_of_the_slot_costs_nothing(desk: Desk) -> None:
    desk.elect()
    desk.pass_time(15 * HOUR - timedelta(seconds=1), step=QUARTER)
    desk.leave()
    desk.wait(timedelta(seconds=2))
    desk.elect()
    desk.elect()
    assert desk.made_at() == ["23 03:00"]


def test_the_command_and_the_leader_use_a_slot_once_between_them(desk: Desk) -> None:
    desk.elect()
    desk.wait(15 * HOUR)
    assert desk.perform("backup") is not None
    assert desk.perform("backup") is None
    desk.pass_time(HOUR, step=QUARTER)
    assert len(desk.scheduled()) == 1


def test_after_each_backup_retention_is_applied(desk: Desk) -> None:
    desk.set(max_count=2)
    desk.elect()
    desk.pass_time(4 * DAY, step=HOUR)
    assert desk.made_at() == ["25 03:00", "26 03:00"]
    newest = desk.runs()[0]
    assert len(newest.facts["removed"]) == 1  # type: ignore[arg-type]


# --- changes -----------------------------------------------------------------------------


def test_switched_off_nothing_runs_and_switched_on_there_is_no_backlog(desk: Desk) -> None:
    desk.set(enabled="off")
    desk.elect()
    desk.pass_time(3 * DAY, step=HOUR)
    assert desk.scheduled() == []
    desk.set(enabled="on")
    desk.pass_time(HOUR, step=QUARTER)
    assert desk.scheduled() == []
    desk.pass_time(DAY, step=QUARTER)
    assert desk.made_at() == ["26 03:00"]


def test_another_expression_takes_effect_and_makes_up_for_nothing(desk: Desk) -> None:
    desk.elect()
    desk.set(cron_expression="0 11 * * *")  # an hour ago
    desk.pass_time(HOUR, step=QUARTER)
    assert desk.scheduled() == []
    desk.set(cron_expression="30 13 * * *")
    desk.pass_time(HOUR, step=QUARTER)
    assert desk.made_at() == ["22 13:30"]


def test_another_zone_takes_effect(desk: Desk) -> None:
    desk.set(cron_expression="30 14 * * *")
    desk.elect()
    desk.set_zone("Europe/Berlin")
    desk.pass_time(3 * HOUR, step=QUARTER)
    assert desk.made_at() == ["22 13:30"]


def test_a_slot_that_came_due_in_the_seconds_of_the_change_is_not_lost(desk: Desk) -> None:
    desk.elect()
    desk.wait(-timedelta(seconds=1))
    desk.set(cron_expression="0 12 * * *")
    desk.pass_time(timedelta(seconds=62), step=timedelta(seconds=2))
    assert len(desk.scheduled()) == 1


def test_a_schedule_changed_while_the_server_was_down_makes_up_for_nothing(desk: Desk) -> None:
    desk.elect()
    desk.leave()
    desk.wait(2 * DAY)
    desk.set(cron_expression="0 11 * * *")
    desk.elect()
    assert desk.scheduled() == []


def test_a_restore_repeats_no_slot_and_skips_none(desk: Desk) -> None:
    desk.elect()
    before = desk.service.create(by="ada")
    desk.pass_time(DAY, step=HOUR)
    desk.service.restore(before.id, by="ada")
    desk.pass_time(2 * HOUR, step=QUARTER)
    assert len(desk.scheduled()) == 1
    desk.pass_time(DAY, step=HOUR)
    assert desk.made_at() == ["23 03:00", "24 03:00"]


def test_a_restored_schedule_counts_from_the_restore_on(desk: Desk) -> None:
    desk.set(cron_expression="0 11 * * *")
    before = desk.service.create(by="ada")
    desk.set(cron_expression="0 3 * * *")
    desk.elect()
    desk.service.restore(before.id, by="ada", keep_schedule=False)
    desk.pass_time(2 * HOUR, step=QUARTER)
    assert desk.scheduled() == [], "eleven o'clock was before the restore"
    desk.pass_time(DAY, step=QUARTER)
    assert desk.made_at() == ["23 11:00"]


# --- troubles ----------------------------------------------------------------------------


def test_an_operation_in_the_way_puts_it_off_and_costs_nothing(desk: Desk) -> None:
    desk.elect()
    lock = try_lock(desk.config.lock_dir / "operation", exclusive=True)
    assert lock is not None
    desk.service.progress = object  # type: ignore[method-assign, assignment]
    desk.pass_time(15 * HOUR + 20 * MINUTE, step=MINUTE)
    assert desk.scheduled() == []
    assert desk.runs() == ()
    os.close(lock)
    del desk.service.progress  # type: ignore[method-assign]
    desk.pass_time(2 * MINUTE)
    assert desk.made_at() == ["23 03:21"]


def test_an_operation_that_begins_in_the_same_moment_puts_it_off_too(desk: Desk) -> None:
    desk.elect()
    desk.wait(15 * HOUR)
    lock = try_lock(desk.config.lock_dir / "operation", exclusive=True)
    assert lock is not None
    desk.service.progress = lambda: None  # type: ignore[method-assign]
    desk.pass_time(5 * MINUTE)
    assert 1 < len(backups_only(desk)) <= 5
    assert desk.runs() == (), "what did not begin is not told"
    os.close(lock)
    desk.pass_time(MINUTE)
    assert len(desk.scheduled()) == 1


def test_a_failed_backup_is_tried_once_more_and_the_next_slot_comes(desk: Desk) -> None:
    desk.elect()
    with desk.failing(InsufficientSpaceError(Reason.UNCLASSIFIED, sentence="the disk is full")):
        desk.pass_time(23 * HOUR, step=MINUTE)
    times = [f"{run.started_at:%d %H:%M}" for run in desk.runs()]
    assert times == ["23 03:10", "23 03:00"]
    assert {run.error_code for run in desk.runs()} == {"insufficient_space"}
    assert desk.runs()[0].error == "the disk is full"
    desk.pass_time(DAY, step=QUARTER)
    assert desk.made_at() == ["24 03:00"]


def test_a_second_try_that_succeeds_is_the_last(desk: Desk) -> None:
    desk.elect()
    with desk.failing(InsufficientSpaceError(Reason.UNCLASSIFIED, sentence="the disk is full")):
        desk.pass_time(15 * HOUR + MINUTE, step=MINUTE)
    desk.pass_time(2 * HOUR, step=MINUTE)
    assert desk.made_at() == ["23 03:10"]


def test_ten_failing_slots_leave_all_that_was_kept(desk: Desk) -> None:
    desk.set(max_count=3)
    desk.elect()
    desk.pass_time(3 * DAY, step=HOUR)
    kept = desk.made_at()
    desk.set(max_count=1)
    with desk.failing(InsufficientSpaceError(Reason.UNCLASSIFIED, sentence="the disk is full")):
        desk.pass_time(10 * DAY, step=QUARTER)
    assert desk.made_at() == kept
    # Two attempts a slot, and no more of them are remembered than that, beside the last success.
    *failed, last_success = [run.outcome for run in desk.runs()]
    assert failed == [RunOutcome.FAILED] * 19
    assert last_success is RunOutcome.SUCCEEDED


def test_a_killed_backup_is_tried_once_more(desk: Desk) -> None:
    desk.elect()

    class KilledError(BaseException):
        pass

    with pytest.raises(KilledError), desk.failing(KilledError()):  # type: ignore[arg-type]
        desk.pass_time(16 * HOUR, step=MINUTE)
    desk.elect()
    desk.pass_time(9 * MINUTE, step=MINUTE)
    assert desk.scheduled() == []
    desk.pass_time(HOUR, step=MINUTE)
    assert desk.made_at() == ["23 03:10"]


def test_one_killed_after_its_backup_was_made_is_not_repeated(desk: Desk) -> None:
    desk.elect()
    desk.pass_time(15 * HOUR, step=QUARTER)
    claim = desk.service._slots.last()
    assert claim is not None
    assert claim.is_done
    desk.service._slots.keep(type(claim)(claim.slot, claim.at))  # as it was before that word
    desk.pass_time(HOUR, step=MINUTE)
    assert desk.made_at() == ["23 03:00"]


@pytest.mark.parametrize("problem", ["lost", "damaged"])
def test_a_database_in_ruins_stops_nothing_but_its_backup(desk: Desk, problem: str) -> None:
    desk.elect()
    made = desk.service.create(by="ada")
    live = desk.config.database_path
    live.unlink() if problem == "lost" else live.write_bytes(b"garbage" * 1000)
    desk.pass_time(DAY, step=HOUR)
    assert desk.scheduled() == []
    desk.elect()
    desk.service.restore(made.id, by="ada")
    desk.pass_time(HOUR, step=QUARTER)
    assert len(desk.scheduled()) == 1, "what was missed meanwhile"


def test_a_closed_gate_is_waited_out(desk: Desk) -> None:
    desk.elect()
    desk.pass_time(15 * HOUR - MINUTE, step=QUARTER)
    with desk.gate.closed():
        desk.set_clock(desk.now)
        connect(desk.config.database_path).execute("UPDATE system_settings SET accent_hue = 3")
        desk.wait(MINUTE)
        assert desk.scheduler is not None
        desk.scheduler.tick()
        assert desk.scheduled() == []
    desk.pass_time(MINUTE)
    assert desk.made_at() == ["23 03:01"]


@pytest.mark.parametrize("expression", ["nonsense", "", "0 0 3 * * *", "0 3 31 2 *"])
def test_an_expression_that_the_settings_would_not_take_stops_nothing(
    desk: Desk, expression: str
) -> None:
    desk.elect()
    connection = connect(desk.config.database_path)
    connection.execute("UPDATE system_settings SET backup_cron_expression = ?", (expression,))
    connection.execute("UPDATE system_settings SET time_zone = 'Nowhere/Land'")
    connection.close()
    desk.pass_time(DAY, step=HOUR)
    assert len(desk.scheduled()) <= 1
    desk.set(cron_expression="0 3 * * *")
    desk.pass_time(DAY, step=HOUR)
    assert desk.made_at()[-1] == "24 03:00"


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"backup": 3}', '{"backup": {"runs": [3]}}'])
def test_a_torn_file_of_memories_costs_memories_alone(desk: Desk, text: str) -> None:
    desk.elect()
    desk.pass_time(DAY, step=HOUR)
    (desk.data_dir / "jobs.json").write_text(text)
    assert desk.runs() == ()
    desk.elect()
    desk.pass_time(DAY, step=HOUR)
    assert desk.made_at() == ["23 03:00", "24 03:00"]


def test_the_folder_of_backups_away_between_two_slots(desk: Desk) -> None:
    desk.elect()
    desk.pass_time(DAY, step=HOUR)
    away = desk.store.path.with_name("away")
    shutil.move(desk.store.path, away)
    desk.store.path.write_text("not a folder")
    desk.pass_time(DAY, step=QUARTER)
    assert [run.error_code for run in desk.runs()][:2] == ["store_unavailable"] * 2
    desk.store.path.unlink()
    shutil.move(away, desk.store.path)
    desk.pass_time(DAY, step=HOUR)
    assert desk.made_at() == ["23 03:00", "25 03:00"]


# --- clocks ------------------------------------------------------------------------------


def test_a_clock_set_back_a_little_repeats_nothing(desk: Desk) -> None:
    desk.elect()
    desk.pass_time(16 * HOUR, step=QUARTER)
    desk.set_clock(desk.now - 3 * HOUR)
    desk.pass_time(4 * HOUR, step=QUARTER)
    assert desk.made_at() == ["23 03:00"]
    desk.pass_time(DAY, step=QUARTER)
    assert desk.made_at() == ["23 03:00", "24 03:00"]


def test_a_clock_that_was_years_ahead_stalls_nothing(desk: Desk) -> None:
    desk.set_clock(NOON + 1500 * DAY)
    desk.elect()
    desk.pass_time(DAY, step=HOUR)
    assert len(desk.scheduled()) == 1
    desk.set_clock(NOON)
    desk.pass_time(2 * DAY, step=QUARTER)
    assert len(desk.scheduled()) == 3


def test_a_clock_put_forward_makes_up_for_one(desk: Desk) -> None:
    desk.elect()
    desk.set_clock(NOON + 5 * DAY)
    desk.pass_time(HOUR, step=QUARTER)
    assert len(desk.scheduled()) == 1


@pytest.mark.parametrize("days_ahead", [-3, 3])
def test_two_hosts_whose_clocks_are_days_apart_make_no_burst(
    desk: Desk, app: Flask, days_ahead: int
) -> None:
    other = Desk(app)
    other.now += days_ahead * DAY
    made: list[tuple[int, object]] = []
    for _ in range(12):
        for number, host in enumerate((desk, other)):
            if run := host.perform("backup"):
                made.append((number, run.facts["slot"]))
            host.wait(6 * HOUR)
    assert 3 <= len(made) <= 10


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("Europe/Berlin", datetime(2026, 3, 28, 12, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 7, 12, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 10, 31, 12, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 0, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2026, 10, 3, 0, tzinfo=UTC)),
        ("Antarctica/Troll", datetime(2026, 10, 24, 12, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("expression", ["30 2 * * *", "45 1 * * *"])
def test_the_night_of_change_has_one_backup(
    desk: Desk, zone: str, night: datetime, expression: str
) -> None:
    desk.set_zone(zone)
    desk.set(cron_expression=expression)
    desk.now = night
    desk.elect()
    desk.pass_time(DAY, step=QUARTER)
    assert len(desk.scheduled()) == 1
    assert len(backups_only(desk)) == 1, "nothing was even started twice"


def test_hand_made_backups_use_no_slot(desk: Desk) -> None:
    desk.elect()
    run = desk.perform("backup", by="ada")
    assert run is not None
    assert (run.by, run.outcome) == ("ada", RunOutcome.SUCCEEDED)
    assert desk.service.get(str(run.facts["backup_id"])).kind is Kind.SCHEDULED
    desk.pass_time(DAY, step=HOUR)
    assert len(desk.scheduled()) == 2
