"""What is wrong, found in a situation that is handed in whole."""

from __future__ import annotations

import fcntl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from launcher.backup.reasons import Fault, Reason
from launcher.backup.records import (
    Backup,
    BackupId,
    DatabaseFacts,
    Encoding,
    JournalEntry,
    Kind,
    Listing,
    Outcome,
    State,
    StoredFile,
    Verb,
    Verification,
)
from launcher.leader import Leader, leader
from launcher.setting_table import SiteSettings
from launcher.situation import Situation, Space, Unreached, look
from launcher.watch import (
    Concern,
    Headline,
    Tone,
    facts,
    judge,
)

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MB = 1_000_000
RULES = SiteSettings()


def backup(age: timedelta, state: State = State.VERIFIED, kind: Kind = Kind.SCHEDULED) -> Backup:
    at = NOW - age
    return Backup(
        id=BackupId(f"{at:%Y%m%dT%H%M%SZ}-aaaaaa"), kind=kind, created_at=at,
        database=DatabaseFacts(8 * MB, "", 4096),
        file=StoredFile("x", 2 * MB, "", Encoding.ZSTD), verification=Verification(state, at),
    )  # fmt: skip


def entry(
    age: timedelta,
    outcome: Outcome = Outcome.FAILED,
    verb: Verb = Verb.CREATE,
    *,
    code: str = "internal",
    **more: object,
) -> JournalEntry:
    return JournalEntry(
        operation_id=f"{int(age.total_seconds()):016x}", verb=verb, by="schedule",
        started_at=NOW - age, ended_at=NOW - age, outcome=outcome,
        error_code=code if outcome is Outcome.FAILED else "", facts=more,
    )  # fmt: skip


def situation(*backups: Backup, **changes: object) -> Situation:
    well = Situation(
        now=NOW, rules=RULES, folder=Path("/backups"), listing=Listing.of(backups), problem="",
        is_writable=True, space=Space(1000 * MB, 500 * MB, 20 * MB, 12 * MB, 2 * MB), entries=(),
        has_history=True, running=None, next_run_at=NOW + HOUR,
    )  # fmt: skip
    return replace(well, **changes)  # type: ignore[arg-type]


def concerns(found: Situation) -> list[str]:
    return [trouble.concern.value for trouble in judge(found).troubles]


FRESH = backup(14 * HOUR)


def test_nothing_is_wrong_with_a_recent_good_backup() -> None:
    assert judge(situation(FRESH)).troubles == ()


def test_a_backup_that_is_too_old_is_stale_since_it_was_made() -> None:
    found = judge(situation(backup(31 * HOUR))).find(Concern.STALE)

    assert found is not None
    assert found.since == NOW - 31 * HOUR


def test_a_schedule_that_leaves_a_week_between_backups_is_not_late_before_that() -> None:
    weekly = replace(RULES, backup_cron_expression="0 3 * * 0")  # this Sunday's was 14 hours ago
    assert concerns(situation(backup(14 * HOUR), rules=weekly)) == []
    assert concerns(situation(backup(14 * HOUR), rules=weekly, now=NOW + 6 * DAY)) == []
    assert concerns(situation(backup(14 * HOUR), rules=weekly, now=NOW + 6.8 * DAY)) == ["stale"]


def test_a_schedule_of_every_hour_is_late_when_the_settings_say_so() -> None:
    hourly = replace(RULES, backup_cron_expression="0 * * * *", backup_stale_after_h=3)
    assert concerns(situation(backup(3 * HOUR), rules=hourly)) == []
    assert concerns(situation(backup(3.1 * HOUR), rules=hourly)) == ["stale"]


def test_a_damaged_or_foreign_backup_is_no_success() -> None:
    old = backup(40 * HOUR)
    assert "stale" in concerns(situation(backup(HOUR, State.DAMAGED), old))
    assert "stale" in concerns(situation(backup(HOUR, kind=Kind.UPLOAD), old))


def test_a_backup_from_the_future_says_nothing_of_today() -> None:
    assert "stale" in concerns(situation(backup(-400 * HOUR)))


def test_a_clock_a_little_behind_makes_nothing_stale() -> None:
    assert concerns(situation(backup(-HOUR))) == []


def test_without_a_schedule_backups_that_are_all_lost_or_damaged_are_bad_all_the_same() -> None:
    off = replace(RULES, backup_enabled=False)
    lost, damaged = situation(rules=off), situation(backup(HOUR, State.DAMAGED), rules=off)

    assert (judge(lost).tone, judge(lost).headline) == (Tone.BAD, Headline.NONE_LEFT)
    assert (judge(damaged).tone, judge(damaged).headline) == (Tone.BAD, Headline.NO_GOOD)


def test_an_upload_on_a_new_site_is_no_backup_of_it_and_no_alarm() -> None:
    seen = situation(backup(HOUR, kind=Kind.UPLOAD), has_history=False)
    late = replace(seen, entries=[entry(31 * HOUR, Outcome.SUCCEEDED, Verb.INITIALISE)])

    assert (judge(seen).tone, judge(seen).headline) == (Tone.WARN, Headline.ONLY_BROUGHT)
    assert (judge(late).tone, judge(late).headline) == (Tone.BAD, Headline.STALE)


def test_a_damaged_backup_is_bad_unless_a_good_and_recent_one_makes_up_for_it() -> None:
    damaged = backup(50 * HOUR, State.DAMAGED)
    assert judge(situation(FRESH, damaged)).tone is Tone.WARN
    assert judge(situation(backup(40 * HOUR), damaged)).tone is Tone.BAD


def test_a_first_attempt_that_failed_is_bad_although_a_new_site_is_not_late() -> None:
    found = judge(situation(entries=[entry(HOUR)], has_history=False))
    assert (found.headline, found.tone) == (Headline.NONE_YET, Tone.BAD)


def test_a_site_of_today_is_not_late_with_its_first_backup() -> None:
    new = situation(has_history=False, entries=[entry(HOUR, Outcome.SUCCEEDED, Verb.INITIALISE)])
    old = replace(new, entries=[entry(31 * HOUR, Outcome.SUCCEEDED, Verb.INITIALISE)])

    assert concerns(new) == []
    assert concerns(old) == ["stale"]


def test_without_a_schedule_nothing_is_late_and_that_is_said() -> None:
    off = replace(RULES, backup_enabled=False)

    assert concerns(situation(backup(90 * HOUR), rules=off)) == ["schedule_off"]


def test_attempts_that_failed_since_the_last_success_are_counted_from_the_first() -> None:
    entries = [entry(n * HOUR, code="insufficient_space") for n in (1, 2, 3)]
    entries += [entry(14 * HOUR, Outcome.SUCCEEDED), entry(20 * HOUR)]
    found = judge(situation(FRESH, entries=entries)).find(Concern.FAILED)

    assert found is not None
    assert (found.count, found.since, found.code) == (3, NOW - 3 * HOUR, "insufficient_space")
    assert found.tone is Tone.WARN


def test_failing_without_a_recent_good_backup_is_grave() -> None:
    found = judge(situation(backup(40 * HOUR), entries=[entry(HOUR)])).find(Concern.FAILED)

    assert found is not None
    assert found.tone is Tone.BAD


def test_last_attempt_and_last_success_are_different_values() -> None:
    seen = situation(FRESH, entries=[entry(HOUR)])

    assert seen.last_attempt is not None
    assert seen.last_attempt.started_at == NOW - HOUR
    assert seen.last_good is FRESH


def test_only_what_the_schedule_began_is_a_failure_when_nobody_ended_it() -> None:
    killed = entry(HOUR, Outcome.INTERRUPTED, kind="scheduled")
    broken_off = entry(HOUR, Outcome.INTERRUPTED, kind="manual")

    assert "failed" in concerns(situation(FRESH, entries=[killed]))
    assert concerns(situation(FRESH, entries=[broken_off])) == ["interrupted"]


def test_damaged_backups_are_named() -> None:
    bad = backup(50 * HOUR, State.DAMAGED)
    found = judge(situation(FRESH, bad)).find(Concern.DAMAGED)

    assert found is not None
    assert (found.count, found.backups) == (1, (bad,))


def test_little_room_says_which_run_will_not_fit() -> None:
    # The next one needs 12 MB and leaves 2: three fit into 17.
    space = Space(1000 * MB, 17 * MB, 20 * MB, 12 * MB, 2 * MB)
    found = judge(situation(FRESH, space=space)).find(Concern.LOW_SPACE)

    assert found is not None
    assert (found.tone, found.count) == (Tone.WARN, 3)
    assert found.full_at == datetime(2026, 11, 26, 3, 0, tzinfo=UTC)


def test_where_retention_makes_room_no_day_is_named() -> None:
    space = Space(1000 * MB, 17 * MB, 20 * MB, 12 * MB, 2 * MB)
    many = [backup(n * 24 * HOUR) for n in range(10)]
    found = judge(situation(*many, space=space)).find(Concern.LOW_SPACE)

    assert found is not None
    assert found.full_at is None


def test_a_disk_without_room_for_the_next_backup_is_grave() -> None:
    space = Space(1000 * MB, 11 * MB, 20 * MB, 12 * MB, 2 * MB)
    found = judge(situation(FRESH, space=space)).find(Concern.LOW_SPACE)

    assert found is not None
    assert found.tone is Tone.BAD


def test_a_store_that_is_away_hides_what_cannot_be_known() -> None:
    found = judge(situation(listing=None, problem="it is gone", space=None))

    assert [t.concern for t in found.troubles] == [Concern.STORE_UNAVAILABLE]
    assert {Concern.STALE, Concern.DAMAGED, Concern.LOW_SPACE} <= found.unknown


def test_nobody_running_the_schedule_is_a_trouble_where_somebody_should() -> None:
    alone = situation(FRESH, is_scheduler_wanted=True)

    assert concerns(alone) == ["scheduler_stopped"]
    assert concerns(replace(alone, is_scheduler_wanted=False)) == []


def test_a_failed_rehearsal_and_a_deletion_that_failed_are_said_until_the_next_one() -> None:
    rehearsal = entry(HOUR, verb=Verb.REHEARSE, code="verification_failed")
    pruning = entry(HOUR, Outcome.SUCCEEDED, Verb.PRUNE, removed=[], failed=["a", "b"])
    seen = situation(FRESH, entries=[rehearsal, pruning])
    assert concerns(seen) == ["rehearsal_failed", "prune_failed"]

    again = [
        entry(timedelta(), Outcome.SUCCEEDED, Verb.REHEARSE),
        entry(timedelta(), Outcome.SUCCEEDED, Verb.PRUNE, removed=["a"], failed=[]),
    ]
    assert concerns(situation(FRESH, entries=[*again, rehearsal, pruning])) == []


def test_a_backup_that_nobody_verified_for_a_month_is_said() -> None:
    old = [backup(age * DAY) for age in (32, 40)]
    found = judge(situation(FRESH, *old)).find(Concern.UNCHECKED)

    assert found is not None
    assert (found.tone, found.count, found.since) == (Tone.WARN, 2, NOW - 9 * DAY)
    assert concerns(situation(FRESH, backup(30 * DAY))) == []


def test_verified_anew_or_a_file_of_somebody_it_is_no_trouble() -> None:
    anew = replace(backup(400 * DAY), verification=Verification(State.VERIFIED, NOW - DAY))
    theirs = backup(400 * DAY, State.UNVERIFIED, Kind.EXTERNAL)
    assert concerns(situation(FRESH, anew, theirs)) == []


def test_where_nobody_runs_the_schedule_the_unverified_are_no_second_thing_to_tell() -> None:
    seen = situation(FRESH, backup(40 * DAY), is_scheduler_wanted=True)
    assert concerns(seen) == ["scheduler_stopped", "unchecked"]
    assert [t.concern for t in judge(seen).causes] == [Concern.SCHEDULER_STOPPED]


def test_the_worst_comes_first_and_one_cause_is_enough_to_tell() -> None:
    seen = situation(
        backup(40 * HOUR),
        entries=[entry(HOUR, code="source_database")],
        live_problem=Fault(Reason.LIVE_MISSING, {"name": "launcher.db"}),
        unreached=[Unreached("phone", NOW, "answered")],
    )

    assert concerns(seen) == ["live_damaged", "failed", "stale", "notices_failing"]
    assert [t.concern for t in judge(seen).causes] == [
        Concern.LIVE_DAMAGED, Concern.NOTICES_FAILING,
    ]  # fmt: skip


def test_nobody_told_is_worth_saying_once_something_is_bad() -> None:
    assert concerns(situation(FRESH, is_anybody_told=False)) == []
    assert concerns(situation(backup(31 * HOUR), is_anybody_told=False)) == ["stale", "nobody_told"]


def test_programs_read_plain_facts_without_what_does_not_apply() -> None:
    trouble = judge(situation(backup(31 * HOUR))).troubles[0]

    assert facts(trouble) == {
        "concern": "stale", "severity": "bad", "since": NOW - 31 * HOUR, "count": 1,
        "backup_ids": [trouble.backups[0].id],
    }  # fmt: skip


def test_the_leader_is_whoever_holds_the_lock(tmp_path: Path) -> None:
    assert leader(tmp_path) is None
    with (tmp_path / "scheduler").open("w") as lock:
        assert leader(tmp_path) is None
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write('{"pid": 7, "host": "h", "since": "2026-11-22T17:00:00+00:00"}')
        lock.flush()
        assert leader(tmp_path) == Leader(7, "h", NOW)


def test_a_leader_whose_signature_found_no_room_is_one_all_the_same(tmp_path: Path) -> None:
    with (tmp_path / "scheduler").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = leader(tmp_path)
        assert found is not None
        assert (found.pid, found.host) == (0, "")


class Hanging:
    """A service whose folder does not answer until it is let go."""

    def __init__(self) -> None:
        self.store_path = Path(f"/hangs/{id(self)}")
        self.is_over = threading.Event()
        self.asked = 0

    def listing(self) -> Listing:
        self.asked += 1
        self.is_over.wait()
        return Listing.of([FRESH])

    def journal(self, **_which: object) -> list[JournalEntry]:
        return []

    def progress(self) -> None:
        return None

    def live_problem(self) -> None:
        return None


def ask(service: Hanging, patience_s: float = 30) -> Situation:
    return look(service, rules=RULES, now=NOW, patience_s=patience_s)  # type: ignore[arg-type]


def test_a_folder_that_hangs_is_unavailable_and_is_asked_once_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("launcher.situation.PATIENCE_S", 0.05)
    service = Hanging()
    seen = [ask(service, patience_s=0.05) for _ in range(3)]
    service.is_over.set()
    well = ask(service)

    assert [concerns(each) for each in seen] == [["store_unavailable"]] * 3
    assert seen[0].problem == "the backup folder does not answer"
    assert well.last_good is FRESH
    assert service.asked == 2


def test_who_cannot_wait_goes_by_the_last_answer_until_the_folder_counts_as_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = Hanging()
    with pytest.raises(TimeoutError):
        ask(service, patience_s=0)
    service.is_over.set()
    assert ask(service).last_good is FRESH

    service.is_over.clear()
    assert ask(service, patience_s=0).last_good is FRESH
    monkeypatch.setattr("launcher.situation.PATIENCE_S", 0.0)
    assert concerns(ask(service, patience_s=0)) == ["store_unavailable"]
    assert service.asked == 3, "nobody asks while somebody waits for the answer"
    service.is_over.set()


def test_many_who_ask_at_once_are_all_answered() -> None:
    service = Hanging()
    service.is_over.set()
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(16) as crowd:
            asked = [crowd.submit(ask, service) for _ in range(800)]
            seen = [each.result() for each in asked]
    finally:
        sys.setswitchinterval(usual)

    assert all(each.last_good is FRESH for each in seen)
