"""Problems, found in a situation that is handed in whole."""

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
from launcher.backup.records.backup import (
    Backup,
    DatabaseFacts,
    Encoding,
    Kind,
    Listing,
    State,
    StoredFile,
    Verification,
)
from launcher.backup.records.ids import BackupId
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.monitoring.problems import (
    Headline,
    ProblemKind,
    Severity,
    detect_problems,
    explains,
    facts,
)
from launcher.monitoring.snapshot import (
    FailingRecipient,
    Snapshot,
    Space,
    _Probe,
    take_snapshot,
)
from launcher.schedule.leader import Leader, leader
from launcher.settings.table import SiteSettings

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


def snapshot(*backups: Backup, **changes: object) -> Snapshot:
    well = Snapshot(
        now=NOW, settings=RULES, folder=Path("/backups"), listing=Listing.of(backups), problem=None,
        is_writable=True, space=Space(1000 * MB, 500 * MB, 20 * MB, 12 * MB, 2 * MB), entries=(),
        has_history=True, running=None, next_run_at=NOW + HOUR,
    )  # fmt: skip
    return replace(well, **changes)  # type: ignore[arg-type]


def kinds(found: Snapshot) -> list[str]:
    return [problem.kind.value for problem in detect_problems(found).problems]


FRESH = backup(14 * HOUR)


def test_nothing_is_wrong_with_a_recent_good_backup() -> None:
    assert detect_problems(snapshot(FRESH)).problems == ()


def test_a_backup_that_is_too_old_is_stale_since_it_was_made() -> None:
    found = detect_problems(snapshot(backup(31 * HOUR))).find(ProblemKind.STALE)

    assert found is not None
    assert found.since == NOW - 31 * HOUR


def test_a_schedule_that_leaves_a_week_between_backups_is_not_late_before_that() -> None:
    weekly = replace(RULES, backup_cron_expression="0 3 * * 0")  # this Sunday's was 14 hours ago
    assert kinds(snapshot(backup(14 * HOUR), settings=weekly)) == []
    assert kinds(snapshot(backup(14 * HOUR), settings=weekly, now=NOW + 6 * DAY)) == []
    assert kinds(snapshot(backup(14 * HOUR), settings=weekly, now=NOW + 6.8 * DAY)) == ["stale"]


def test_a_schedule_of_every_hour_is_late_when_the_settings_say_so() -> None:
    hourly = replace(RULES, backup_cron_expression="0 * * * *", backup_stale_after_h=3)
    assert kinds(snapshot(backup(3 * HOUR), settings=hourly)) == []
    assert kinds(snapshot(backup(3.1 * HOUR), settings=hourly)) == ["stale"]


def test_a_damaged_or_foreign_backup_is_no_success() -> None:
    old = backup(40 * HOUR)
    assert "stale" in kinds(snapshot(backup(HOUR, State.DAMAGED), old))
    assert "stale" in kinds(snapshot(backup(HOUR, kind=Kind.UPLOAD), old))


def test_a_backup_from_the_future_says_nothing_of_today() -> None:
    assert "stale" in kinds(snapshot(backup(-400 * HOUR)))


def test_a_clock_a_little_behind_makes_nothing_stale() -> None:
    assert kinds(snapshot(backup(-HOUR / 10))) == []
    assert kinds(snapshot(backup(-HOUR))) == ["from_future"]


def test_without_a_schedule_backups_that_are_all_lost_or_damaged_are_bad_all_the_same() -> None:
    off = replace(RULES, backup_enabled=False)
    lost, damaged = snapshot(settings=off), snapshot(backup(HOUR, State.DAMAGED), settings=off)

    assert (detect_problems(lost).severity, detect_problems(lost).headline) == (
        Severity.BAD,
        Headline.NONE_LEFT,
    )
    assert (detect_problems(damaged).severity, detect_problems(damaged).headline) == (
        Severity.BAD,
        Headline.NO_GOOD,
    )


@pytest.mark.parametrize("state", [State.UNVERIFIED, State.DAMAGED])
@pytest.mark.parametrize("age", [HOUR, -DAY])
def test_a_strange_file_in_the_folder_changes_no_verdict(state: State, age: timedelta) -> None:
    strange = replace(backup(age, state, Kind.EXTERNAL), file=None, database=None)
    if state is State.DAMAGED:
        damage = Verification.damage(Fault(Reason.NOT_REGULAR), at=None)
        strange = replace(strange, verification=damage)

    for ours in ([FRESH], [backup(40 * HOUR)], [backup(HOUR, State.DAMAGED)], []):
        alone, beside = snapshot(*ours), snapshot(strange, *ours)
        assert detect_problems(beside) == detect_problems(alone)
    assert detect_problems(snapshot(strange, FRESH)).severity is Severity.OK


def test_a_backup_whose_manifest_cannot_be_read_is_ours() -> None:
    damage = Verification.damage(Fault(Reason.MANIFEST_UNREADABLE, {"detail": "x"}), at=None)
    lost = replace(backup(HOUR, kind=Kind.EXTERNAL), file=None, verification=damage)

    assert kinds(snapshot(lost, FRESH)) == ["damaged"]


def test_an_upload_on_a_new_site_is_no_backup_of_it_and_no_alarm() -> None:
    seen = snapshot(backup(HOUR, kind=Kind.UPLOAD), has_history=False)
    late = replace(seen, entries=[entry(31 * HOUR, Outcome.SUCCEEDED, Verb.INITIALISE)])

    assert (detect_problems(seen).severity, detect_problems(seen).headline) == (
        Severity.WARN,
        Headline.ONLY_BROUGHT,
    )
    assert (detect_problems(late).severity, detect_problems(late).headline) == (
        Severity.BAD,
        Headline.STALE,
    )


def test_a_damaged_backup_is_bad_unless_a_good_and_recent_one_makes_up_for_it() -> None:
    damaged = backup(50 * HOUR, State.DAMAGED)
    assert detect_problems(snapshot(FRESH, damaged)).severity is Severity.WARN
    assert detect_problems(snapshot(backup(40 * HOUR), damaged)).severity is Severity.BAD


def test_a_first_attempt_that_failed_is_bad_although_a_new_site_is_not_late() -> None:
    found = detect_problems(snapshot(entries=[entry(HOUR)], has_history=False))
    assert (found.headline, found.severity) == (Headline.NONE_YET, Severity.BAD)


def test_a_site_of_today_is_not_late_with_its_first_backup() -> None:
    new = snapshot(has_history=False, entries=[entry(HOUR, Outcome.SUCCEEDED, Verb.INITIALISE)])
    old = replace(new, entries=[entry(31 * HOUR, Outcome.SUCCEEDED, Verb.INITIALISE)])

    assert kinds(new) == []
    assert kinds(old) == ["stale"]


def test_without_a_schedule_nothing_is_late_and_that_is_said() -> None:
    off = replace(RULES, backup_enabled=False)

    assert kinds(snapshot(backup(90 * HOUR), settings=off)) == ["schedule_off"]


def test_attempts_that_failed_since_the_last_success_are_counted_from_the_first() -> None:
    entries = [entry(n * HOUR, code="insufficient_space") for n in (1, 2, 3)]
    entries += [entry(14 * HOUR, Outcome.SUCCEEDED), entry(20 * HOUR)]
    found = detect_problems(snapshot(FRESH, entries=entries)).find(ProblemKind.FAILED)

    assert found is not None
    assert (found.count, found.since, found.code) == (3, NOW - 3 * HOUR, "insufficient_space")
    assert found.severity is Severity.WARN


def test_failing_without_a_recent_good_backup_is_grave() -> None:
    found = detect_problems(snapshot(backup(40 * HOUR), entries=[entry(HOUR)])).find(
        ProblemKind.FAILED
    )

    assert found is not None
    assert found.severity is Severity.BAD


@pytest.mark.parametrize("reason", [Reason.LIVE_OBJECT_DIFFERENT, Reason.LIVE_OBJECT_MISSING])
def test_an_altered_database_is_grave_until_a_restore_or_a_backup(reason: Reason) -> None:
    why = {"reason": reason.value, "details": {"name": "apps"}}
    failed = replace(entry(2 * HOUR, code="source_database"), error="altered", **why)
    restored = entry(HOUR, Outcome.SUCCEEDED, Verb.RESTORE)
    found = detect_problems(snapshot(FRESH, entries=[failed]))

    assert found.severity is Severity.BAD
    assert kinds(snapshot(FRESH, entries=[restored, failed])) == []
    assert kinds(snapshot(backup(HOUR), entries=[failed])) == []


def test_last_attempt_and_last_success_are_different_values() -> None:
    seen = snapshot(FRESH, entries=[entry(HOUR)])

    assert seen.last_attempt is not None
    assert seen.last_attempt.started_at == NOW - HOUR
    assert seen.last_good is FRESH


def test_only_what_the_schedule_began_is_a_failure_when_no_one_ended_it() -> None:
    killed = entry(HOUR, Outcome.INTERRUPTED, kind="scheduled")
    broken_off = entry(HOUR, Outcome.INTERRUPTED, kind="manual")

    assert "failed" in kinds(snapshot(FRESH, entries=[killed]))
    assert kinds(snapshot(FRESH, entries=[broken_off])) == ["interrupted"]


def test_damaged_backups_are_named() -> None:
    bad = backup(50 * HOUR, State.DAMAGED)
    found = detect_problems(snapshot(FRESH, bad)).find(ProblemKind.DAMAGED)

    assert found is not None
    assert (found.count, found.backups) == (1, (bad,))


def verdict(age: timedelta, backup_id: str, reason: str = "file_missing") -> JournalEntry:
    found = {"problem": reason and "the file is missing", "reason": reason}
    return replace(entry(age, Outcome.SUCCEEDED, Verb.VERIFY, **found), backup_id=backup_id)


def test_damage_lasts_since_it_was_found_first_however_often_it_is_found_again() -> None:
    bad, begin = backup(50 * HOUR, State.DAMAGED), entry(60 * HOUR, Outcome.SUCCEEDED)

    def since(*entries: JournalEntry) -> datetime | None:
        found = detect_problems(snapshot(FRESH, bad, entries=entries)).find(ProblemKind.DAMAGED)
        assert found is not None
        return found.since

    assert since() is None, "nobody knows when a file went"
    early, again = verdict(40 * HOUR, bad.id), verdict(HOUR, bad.id)
    assert since(early, begin) == since(again, early, begin) == NOW - 40 * HOUR
    assert since(again, verdict(2 * HOUR, bad.id, ""), early, begin) == NOW - HOUR
    assert since(again, early) is None, "it may have been found before these lines began"


def test_a_backup_from_the_future_is_said_and_is_not_the_last_good_one() -> None:
    ahead = backup(-40 * DAY)
    found = snapshot(ahead, FRESH)
    assert found.last_good == FRESH
    assert kinds(found) == ["from_future"]
    assert detect_problems(found).severity is Severity.WARN
    assert detect_problems(found).headline is Headline.RECENT_GOOD
    assert kinds(snapshot(ahead, backup(9 * DAY))) == ["stale", "from_future"]


def test_nothing_is_safe_when_every_good_backup_is_from_the_future() -> None:
    ahead = backup(-9 * DAY)
    found = snapshot(ahead)
    assert found.last_good == ahead
    assert kinds(found) == ["stale", "from_future"]


def test_an_unverified_file_from_the_future_is_not_the_newest() -> None:
    ahead = backup(-DAY, State.UNVERIFIED, Kind.EXTERNAL)
    assert detect_problems(snapshot(ahead, FRESH)).headline is Headline.RECENT_GOOD


def test_a_restore_that_was_not_put_back_is_said_until_another_one_ends() -> None:
    stopped = entry(50 * DAY, verb=Verb.RESTORE, code="revert_failed")
    assert kinds(snapshot(FRESH, last_restore=stopped)) == ["not_put_back"]
    later = entry(DAY, Outcome.SUCCEEDED, Verb.RESTORE)
    assert kinds(snapshot(FRESH, last_restore=later, entries=[later])) == []


def restore(
    age: timedelta,
    outcome: Outcome = Outcome.FAILED,
    *,
    stage: str = "confirm",
    reason: Reason = Reason.NOT_CONFIRMED_SEEN,
    **more: object,
) -> JournalEntry:
    failed = entry(age, outcome, Verb.RESTORE, code="restore_failed", stage=stage, **more)
    return replace(failed, error="odd", reason=reason, details={"detail": "odd", "visible_ms": 47})


def test_a_restore_that_failed_after_it_began_to_replace_is_said_until_one_or_a_backup_succeeds():
    failed = restore(HOUR, visible_s=0.047)
    seen = snapshot(FRESH, entries=[failed])
    assert kinds(seen) == ["restore_failed"]
    assert detect_problems(seen).severity is Severity.WARN

    refused = restore(timedelta(), stage="unpack")
    assert kinds(snapshot(FRESH, entries=[refused, failed])) == ["restore_failed"]

    for over in (
        restore(timedelta(), Outcome.SUCCEEDED),
        restore(timedelta(), Outcome.INTERRUPTED, data="restored"),
        entry(timedelta(), Outcome.SUCCEEDED),
    ):
        assert "restore_failed" not in kinds(snapshot(FRESH, entries=[over, failed]))


@pytest.mark.parametrize(
    "refused",
    [
        restore(HOUR, stage="unpack"),
        restore(HOUR, stage="replace", reason=Reason.LIVE_CHANGED),
        restore(HOUR, stage="replace", reason=Reason.HELD_UP),
        replace(restore(HOUR), error_code="revert_failed"),
    ],
    ids=["before the data was touched", "data that changed", "data in use", "not put back"],
)
def test_no_one_is_notified_of_a_restore_that_only_who_started_it_noticed(refused) -> None:
    assert "restore_failed" not in kinds(snapshot(FRESH, entries=[refused]))


def test_little_room_says_which_run_will_not_fit() -> None:
    # The next one needs 12 MB and leaves 2: three fit into 17.
    space = Space(1000 * MB, 17 * MB, 20 * MB, 12 * MB, 2 * MB)
    found = detect_problems(snapshot(FRESH, space=space)).find(ProblemKind.LOW_SPACE)

    assert found is not None
    assert (found.severity, found.count) == (Severity.WARN, 3)
    assert found.full_at == datetime(2026, 11, 26, 3, 0, tzinfo=UTC)


def test_where_retention_makes_room_no_day_is_named() -> None:
    space = Space(1000 * MB, 17 * MB, 20 * MB, 12 * MB, 2 * MB)
    many = [backup(n * 24 * HOUR) for n in range(10)]
    found = detect_problems(snapshot(*many, space=space)).find(ProblemKind.LOW_SPACE)

    assert found is not None
    assert found.full_at is None


def test_a_disk_without_room_for_the_next_backup_is_grave() -> None:
    space = Space(1000 * MB, 11 * MB, 20 * MB, 12 * MB, 2 * MB)
    found = detect_problems(snapshot(FRESH, space=space)).find(ProblemKind.LOW_SPACE)

    assert found is not None
    assert found.severity is Severity.BAD


def test_a_store_that_is_away_hides_what_cannot_be_known() -> None:
    found = detect_problems(snapshot(listing=None, problem=Fault(Reason.FILE_MISSING), space=None))

    assert [t.kind for t in found.problems] == [ProblemKind.STORE_UNAVAILABLE]
    assert {ProblemKind.STALE, ProblemKind.DAMAGED, ProblemKind.LOW_SPACE} <= found.unknown


def test_no_one_running_the_schedule_is_a_problem_where_someone_should() -> None:
    alone = snapshot(FRESH, is_scheduler_wanted=True)

    assert kinds(alone) == ["scheduler_stopped"]
    assert kinds(replace(alone, is_scheduler_wanted=False)) == []


def test_a_failed_restore_test_and_a_deletion_that_failed_are_said_until_the_next_one() -> None:
    restore_test = entry(HOUR, verb=Verb.TEST_RESTORE, code="verification_failed")
    pruning = entry(HOUR, Outcome.SUCCEEDED, Verb.PRUNE, removed=[], failed=["a", "b"])
    seen = snapshot(FRESH, entries=[restore_test, pruning])
    assert kinds(seen) == ["restore_test_failed", "prune_failed"]

    again = [
        entry(timedelta(), Outcome.SUCCEEDED, Verb.TEST_RESTORE),
        entry(timedelta(), Outcome.SUCCEEDED, Verb.PRUNE, removed=["a"], failed=[]),
    ]
    assert kinds(snapshot(FRESH, entries=[*again, restore_test, pruning])) == []


def test_a_restore_test_that_had_no_room_is_no_failure_and_hides_none() -> None:
    postponed = entry(HOUR, verb=Verb.TEST_RESTORE, code="insufficient_space")
    failed = entry(DAY, verb=Verb.TEST_RESTORE, code="verification_failed")
    assert kinds(snapshot(FRESH, entries=[postponed])) == []
    assert kinds(snapshot(FRESH, entries=[postponed, failed])) == ["restore_test_failed"]


def test_a_backup_that_no_one_verified_for_a_month_is_said() -> None:
    old = [backup(age * DAY) for age in (32, 40)]
    found = detect_problems(snapshot(FRESH, *old)).find(ProblemKind.UNCHECKED)

    assert found is not None
    assert (found.severity, found.count, found.since) == (Severity.WARN, 2, NOW - 9 * DAY)
    assert kinds(snapshot(FRESH, backup(30 * DAY))) == []


def test_verified_again_or_a_file_of_someone_it_is_no_problem() -> None:
    anew = replace(backup(400 * DAY), verification=Verification(State.VERIFIED, NOW - DAY))
    theirs = backup(400 * DAY, State.UNVERIFIED, Kind.EXTERNAL)
    assert kinds(snapshot(FRESH, anew, theirs)) == []


def test_where_no_one_runs_the_schedule_the_unverified_are_no_second_problem() -> None:
    seen = snapshot(FRESH, backup(40 * DAY), is_scheduler_wanted=True)
    assert kinds(seen) == ["scheduler_stopped", "unchecked"]
    assert [t.kind for t in detect_problems(seen).causes] == [ProblemKind.SCHEDULER_STOPPED]


def test_a_backup_found_damaged_is_the_cause_and_not_the_scheduler() -> None:
    bad = backup(HOUR, State.DAMAGED)
    for seen in (snapshot(bad), snapshot(bad, backup(40 * HOUR))):
        found = detect_problems(replace(seen, is_scheduler_wanted=True)).problems
        (late,) = (each for each in found if each.kind is ProblemKind.STALE)
        assert explains(found, late) == [ProblemKind.DAMAGED]


def test_a_scheduler_that_stopped_is_the_cause_where_damage_is_old() -> None:
    seen = snapshot(backup(90 * HOUR, State.DAMAGED), is_scheduler_wanted=True)
    found = detect_problems(seen).problems
    (late,) = (each for each in found if each.kind is ProblemKind.STALE)
    assert explains(found, late) == [ProblemKind.SCHEDULER_STOPPED]


def test_the_worst_comes_first_and_one_cause_is_enough_to_tell() -> None:
    seen = snapshot(
        backup(40 * HOUR),
        entries=[entry(HOUR, code="source_database")],
        live_problem=Fault(Reason.LIVE_MISSING, {"name": "launcher.db"}),
        failing_recipients=[FailingRecipient("phone", NOW, "answered")],
    )

    assert kinds(seen) == ["live_damaged", "failed", "stale", "notifications_failing"]
    assert [t.kind for t in detect_problems(seen).causes] == [
        ProblemKind.LIVE_DAMAGED, ProblemKind.NOTIFICATIONS_FAILING,
    ]  # fmt: skip


def test_no_one_notified_is_worth_saying_once_something_is_bad() -> None:
    assert kinds(snapshot(FRESH, has_recipients=False)) == []
    assert kinds(snapshot(backup(31 * HOUR), has_recipients=False)) == ["stale", "no_recipients"]


def test_programs_read_plain_facts_without_what_does_not_apply() -> None:
    problem = detect_problems(snapshot(backup(31 * HOUR))).problems[0]

    assert facts(problem) == {
        "kind": "stale", "severity": "bad", "since": NOW - 31 * HOUR, "count": 1,
        "backup_ids": [problem.backups[0].id],
    }  # fmt: skip


def test_the_leader_is_who_holds_the_lock(tmp_path: Path) -> None:
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

    def record_interrupted(self) -> None:
        """Do nothing: there is none."""

    def journal(self, **_which: object) -> list[JournalEntry]:
        return []

    def data_free_bytes(self) -> None:
        return None

    def is_on_data_disk(self) -> None:
        return None

    def progress(self) -> None:
        return None

    def live_problem(self) -> None:
        return None


def ask(service: Hanging, patience_s: float = 30) -> Snapshot:
    return take_snapshot(service, settings=RULES, now=NOW, patience_s=patience_s)  # type: ignore[arg-type]


def test_a_folder_that_hangs_is_unavailable_and_is_asked_once_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("launcher.monitoring.snapshot.PATIENCE_S", 0.05)
    service = Hanging()
    seen = [ask(service, patience_s=0.05) for _ in range(3)]
    service.is_over.set()
    well = ask(service)

    assert [kinds(each) for each in seen] == [["store_unavailable"]] * 3
    assert str(seen[0].problem) == "could not read the backup folder: it does not answer"
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
    monkeypatch.setattr("launcher.monitoring.snapshot.PATIENCE_S", 0.0)
    assert kinds(ask(service, patience_s=0)) == ["store_unavailable"]
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


def test_those_who_wait_for_an_earlier_read_share_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, asking = Hanging(), threading.Semaphore(0)
    first = _Probe.first

    def counted(probe: _Probe) -> _Probe:
        found = first(probe)
        asking.release()
        return found

    monkeypatch.setattr(_Probe, "first", counted)
    with ThreadPoolExecutor(8) as crowd:
        asked = [crowd.submit(ask, service) for _ in range(8)]
        for _ in asked:
            asking.acquire()
        service.is_over.set()
        seen = [each.result() for each in asked]

    assert all(each.last_good is FRESH for each in seen)
    assert service.asked == 2, "the first had begun before the others asked"
