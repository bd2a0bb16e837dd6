"""Keeping backups, and letting them go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from launcher.backup.errors import (
    BackupNotFoundError,
    BackupProtectedError,
    LastGoodBackupError,
    StoreUnavailableError,
    VerificationError,
)
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup, Kind
from launcher.backup.records.operation import Outcome, Verb
from launcher.backup.retention import KeepReason, RetentionPolicy
from launcher.cli.hints import hint_for
from tests.support.service import House

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def scheduled(home: House, hours_ago: int) -> Backup:
    home.clock.now = NOON - timedelta(hours=hours_ago)
    return home.create(kind=Kind.SCHEDULED)


def ids(home: House) -> list[str]:
    return [backup.id for backup in home.service.list()]


def test_a_protected_backup_cannot_be_deleted_until_it_is_unprotected(home: House) -> None:
    backup = home.create()
    other = home.create()
    assert home.service.protect(backup.id, by="ada").protected
    assert home.service.get(backup.id).protected
    with pytest.raises(BackupProtectedError) as refused:
        home.service.delete([other.id, backup.id], by="ada")
    assert refused.value.facts == {"backup_id": backup.id}
    assert "unprotect" in hint_for(refused.value)
    assert len(ids(home)) == 2
    assert not home.service.unprotect(backup.id, by="ada").protected
    assert home.service.delete([other.id, backup.id], by="ada").done == (other.id, backup.id)
    assert ids(home) == []
    verbs = [entry.verb for entry in home.service.journal()][:4]
    assert verbs == [Verb.DELETE, Verb.UNPROTECT, Verb.DELETE, Verb.PROTECT]


def test_protecting_changes_nothing_else(home: House) -> None:
    backup = home.create(note="mine")
    protected = home.service.protect(backup.id, by="ben")
    assert home.service.unprotect(backup.id, by="ben") == backup
    assert protected.created_by == "ada"
    assert home.service.verify(backup.id, by="ada").is_good


def test_a_note_is_changed_and_nothing_else(home: House) -> None:
    backup = home.create(note="mine")
    changed = home.service.set_note(backup.id, "  ours\x1b[2J ", by="ben")
    assert changed == replace(backup, note="ours [2J") == home.service.get(backup.id)
    [entry] = home.service.journal(verbs=(Verb.NOTE,))
    assert (entry.by, entry.backup_id, entry.facts) == (
        "ben", backup.id, {"note_before": "mine"},
    )  # fmt: skip
    assert home.service.set_note("latest", "", by="ben") == replace(backup, note="")
    assert home.service.verify(backup.id, by="ada").is_good


def test_a_file_without_a_manifest_cannot_be_protected(home: House) -> None:
    home.backups.mkdir()
    (home.backups / "x.db").write_text("x")
    [found] = home.service.list()
    with pytest.raises(VerificationError, match="no manifest"):
        home.service.protect(found.id, by="ada")


def test_who_saw_that_a_good_one_remains_cannot_delete_the_last(home: House) -> None:
    first, second = home.create(), home.create()
    # Ada and Ben each looked while there were two.
    home.service.delete([first.id], by="ada", may_take_last_good=False)

    with pytest.raises(LastGoodBackupError, match="is the last good one"):
        home.service.delete([second.id], by="ben", may_take_last_good=False)

    assert ids(home) == [second.id]
    home.service.delete([second.id], by="ben")
    assert ids(home) == []


def test_what_is_deleted_leaves_nothing(home: House) -> None:
    backup = home.create()
    home.service.delete([backup.id], by="ada")
    assert [path.name for path in home.backups.iterdir()] == ["staging"]
    entry = home.service.journal()[0]
    assert (entry.backup_id, entry.facts["removed"]) == (backup.id, [backup.id])


def test_an_unknown_one_stops_a_delete_before_it_begins(home: House) -> None:
    backup = home.create()
    with pytest.raises(BackupNotFoundError):
        home.service.delete([backup.id, "20261122T170000Z-zzzzzz"], by="ada")
    assert ids(home) == [backup.id]


def test_the_same_one_twice_is_deleted_once(home: House) -> None:
    backup = home.create()
    deleted = home.service.delete([backup.id, "latest", backup.id], by="ada")
    assert (deleted.done, deleted.failed) == ((backup.id,), ())
    assert ids(home) == []
    assert home.service.journal(limit=1)[0].backup_id == backup.id


def test_one_that_cannot_be_deleted_does_not_stop_the_rest(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = home.create(), home.create()
    remove = home.store.remove

    def refuse(backup: Backup) -> None:
        if backup.id == first.id:
            raise StoreUnavailableError(Reason.UNCLASSIFIED, sentence="it is stuck")
        remove(backup)

    monkeypatch.setattr(home.store, "remove", refuse)
    result = home.service.delete([first.id, second.id], by="ada")
    assert result.done == (second.id,)
    [failure] = result.failed
    assert (failure.backup_id, failure.error_code) == (first.id, "store_unavailable")
    assert ids(home) == [first.id]


def test_a_prune_keeps_what_it_said_it_would(home: House) -> None:
    scheduled_ones = [scheduled(home, hours) for hours in range(6)]
    home.clock.now = NOON + timedelta(hours=1)
    manual = home.create()
    home.service.protect(scheduled_ones[5].id, by="ada")
    before = home.facts()
    policy = RetentionPolicy(keep_count=2)
    plan = home.service.plan_prune(policy)
    assert home.facts() == before
    kept = {decision.backup.id for decision in plan if decision.keep}
    assert kept == {one.id for one in (*scheduled_ones[:2], scheduled_ones[5], manual)}
    result = home.service.prune(policy, by="ada")
    assert set(ids(home)) == kept
    assert set(result.done) == {one.id for one in scheduled_ones[2:5]}
    entry = home.service.journal()[0]
    assert (entry.verb, entry.outcome) == (Verb.PRUNE, Outcome.SUCCEEDED)
    assert entry.facts["policy"] == {
        "keep_count": 2, "keep_daily": 0, "keep_weekly": 0, "keep_monthly": 0,
        "keep_before_count": 10, "keep_before_days": 90,
    }  # fmt: skip
    assert home.service.prune(policy, by="ada").done == ()


def test_a_prune_never_costs_the_last_good_one(home: House) -> None:
    good = scheduled(home, 9)
    bad = [scheduled(home, hours) for hours in (1, 2, 3)]
    for one in bad:
        home.stored(one).unlink()
    home.service.prune(RetentionPolicy(keep_count=1), by="ada")
    assert good.id in ids(home)
    assert home.service.get("latest").id == good.id


def test_what_a_person_made_or_brought_is_never_pruned(home: House) -> None:
    kept = [home.create(kind=kind) for kind in (Kind.UPLOAD, Kind.MANUAL)]
    home.clock.now += timedelta(days=1)
    newest = home.create(kind=Kind.SCHEDULED)
    home.service.prune(RetentionPolicy(keep_count=1), by="ada")
    assert set(ids(home)) == {newest.id, *(one.id for one in kept)}
    reasons = home.service.plan_prune(RetentionPolicy(keep_count=1))
    assert {KeepReason.NOT_SCHEDULED} == {r.reasons[0] for r in reasons[1:]}


def test_what_was_made_before_a_restore_or_an_upgrade_is_pruned_when_it_is_old(home: House) -> None:
    going = [home.create(kind=kind) for kind in (Kind.SAFETY, Kind.UPGRADE)]
    home.clock.now += timedelta(days=89)
    newest = home.create(kind=Kind.SCHEDULED)
    policy = RetentionPolicy(keep_count=1)
    assert all(KeepReason.BEFORE in each.reasons for each in home.service.plan_prune(policy)[1:])
    assert home.service.prune(policy, by="schedule").done == ()

    home.clock.now += timedelta(days=2)
    assert [each.keep for each in home.service.plan_prune(policy)] == [True, False, False]
    assert set(home.service.prune(policy, by="schedule").done) == {one.id for one in going}
    assert ids(home) == [newest.id]


def test_what_the_next_good_backup_would_remove_is_foreseen(home: House) -> None:
    older = home.create(kind=Kind.SCHEDULED)
    home.clock.now += timedelta(days=1)
    newer = home.create(kind=Kind.SCHEDULED)
    policy = RetentionPolicy(keep_count=2)
    assert [each.keep for each in home.service.plan_prune(policy)] == [True, True]

    tomorrow = home.clock.now + timedelta(days=1)
    foreseen = home.service.preview_retention(policy, next_run_at=tomorrow)
    assert [(each.backup.id, each.keep) for each in foreseen] == [
        ("", True),
        (newer.id, True),
        (older.id, False),
    ]
    assert ids(home) == [newer.id, older.id]


def test_a_scheduled_slot_is_claimed_once(home: House) -> None:
    slot = datetime(2026, 11, 22, 3, tzinfo=UTC)
    assert home.service.last_slot() is None
    first = home.service.create_scheduled(slot, by="schedule")
    assert first is not None
    assert first.kind is Kind.SCHEDULED
    assert home.open().create_scheduled(slot, by="schedule") is None
    assert home.open().create_scheduled(slot - timedelta(days=1), by="schedule") is None
    assert home.open().last_slot() == slot
    assert len(home.service.journal()) == 1
    later = home.service.create_scheduled(slot + timedelta(days=1), by="schedule")
    assert later is not None
    home.service.restore(first.id, by="ada")
    assert home.service.create_scheduled(slot + timedelta(days=1), by="schedule") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"last_slot": 7}', '{"last_slot": "soon"}'])
def test_a_torn_slot_file_costs_no_backup(home: House, text: str) -> None:
    (home.data / "schedule.json").write_text(text)
    assert home.service.last_slot() is None
    assert home.service.create_scheduled(NOON, by="schedule") is not None
