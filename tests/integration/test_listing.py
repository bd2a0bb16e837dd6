"""What a page is told of the store: the sums, and whether they can be believed."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from launcher.backup.errors import VerificationError
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup, Kind, Listing, State, Verification
from launcher.backup.records.operation import Verb
from launcher.backup.retention import RetentionPolicy
from launcher.backup.store.local import LocalStore
from tests.support.service import House

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ONE = RetentionPolicy(keep_count=1)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a manifest be remembered at once, and not only when its time is a while ago."""
    monkeypatch.setattr("launcher.backup.store.local.is_settled", lambda _fingerprint: True)


@pytest.fixture
def filled(settled: None, home: House) -> House:
    """A house with a good manual backup, two scheduled ones, and a file of somebody's."""
    home.create()
    for _ in range(2):
        home.create(kind=Kind.SCHEDULED)
    (home.backups / "theirs.db").write_bytes(b"theirs")
    return home


def cut(home: House, backup: Backup) -> None:
    path = home.stored(backup)
    path.chmod(0o600)
    path.write_bytes(b"")


def test_a_listing_sums_up_what_the_list_holds(filled: House) -> None:
    listing = filled.service.listing()
    backups = list(filled.service.list())
    assert list(listing.backups) == backups
    assert listing.counts_by_kind == dict.fromkeys(Kind, 0) | {
        Kind.MANUAL: 1, Kind.SCHEDULED: 2, Kind.EXTERNAL: 1
    }  # fmt: skip
    assert listing.counts_by_state == {State.VERIFIED: 3, State.UNVERIFIED: 1, State.DAMAGED: 0}
    assert listing.stored_bytes == sum(b.file.size_bytes for b in backups if b.file) > 0
    assert listing.oldest == backups[-1]


def test_an_empty_store_sums_up_to_nothing(home: House) -> None:
    listing = home.service.listing()
    assert not listing.backups
    assert listing.oldest is None
    assert (listing.stored_bytes, sum(listing.counts_by_kind.values())) == (0, 0)


def test_a_selection_is_by_kind_by_state_or_by_both(filled: House) -> None:
    listing = filled.service.listing()
    assert listing.select() is listing.backups
    assert {b.kind for b in listing.select(kind=Kind.SCHEDULED)} == {Kind.SCHEDULED}
    assert len(listing.select(state=State.VERIFIED)) == 3
    assert len(listing.select(kind=Kind.MANUAL, state=State.VERIFIED)) == 1
    assert list(listing.select(kind=Kind.MANUAL, state=State.DAMAGED)) == []
    newest_first = [b.created_at for b in listing.select(state=State.VERIFIED)]
    assert newest_first == sorted(newest_first, reverse=True)


def test_a_plan_of_retention_answers_the_question_that_was_asked(
    settled: None, home: House
) -> None:
    for hour in (23, 24, 25):  # of which Berlin puts all into one day and UTC does not
        home.clock.now = NOON.replace(hour=0) + timedelta(hours=hour)
        home.create(kind=Kind.SCHEDULED)

    def going(policy: RetentionPolicy, zone: str = "UTC") -> int:
        decisions = home.service.plan_prune(policy, zone=ZoneInfo(zone))
        return sum(not decision.keep for decision in decisions)

    daily = RetentionPolicy(keep_count=1, keep_daily=9)
    assert [going(ONE), going(daily), going(daily, "Europe/Berlin"), going(ONE)] == [2, 1, 2, 2]
    home.clock.now = NOON.replace(hour=22, minute=30)
    assert going(ONE) == 0, "all are of a later time now, and stay until it has come"
    home.clock.now = NOON + timedelta(days=3)
    assert going(ONE) == 2


def test_a_file_cut_behind_our_back_is_no_good_backup_any_more(filled: House) -> None:
    service = filled.service
    last = service.get("latest")
    assert service.listing().by_id[last.id].is_good
    cut(filled, last)
    listing = service.listing()
    assert service.get("latest").id != last.id
    assert not listing.by_id[last.id].is_good
    assert listing.counts_by_state == {State.VERIFIED: 2, State.UNVERIFIED: 1, State.DAMAGED: 1}


def test_a_page_of_the_list_asks_the_files_on_it(filled: House) -> None:
    service = filled.service

    def page() -> list[Backup]:
        return list(service.page(is_ours, limit=2))

    def is_ours(backup: Backup) -> bool:
        return backup.kind is not Kind.EXTERNAL

    def listed() -> list[Backup]:
        return list(filter(is_ours, service.list()))[:2]

    time.sleep(0.06)  # until the folder has settled
    assert page() == listed()
    newest = page()[0]
    cut(filled, newest)
    assert not page()[0].is_good
    assert page() == listed()
    service.set_note(newest.id, "cut", by="ada")
    assert page()[0].note == "cut"
    other = filled.open()
    made = other.create(by="ben")
    assert page()[0].id == made.id, "at once, from another process"
    other.delete([made.id], by="ben")
    assert page()[0].id == newest.id


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, filled: House) -> House:
    """A house with more backups than are examined each time, listed a moment ago."""
    monkeypatch.setattr("launcher.backup.catalogue._EXAMINED_EACH_TIME", 3)
    time.sleep(0.06)  # until the folder has settled
    filled.service.listing()
    return filled


def test_the_newest_files_of_a_large_store_are_examined_each_time(large: House) -> None:
    newest = large.service.get("latest")
    cut(large, newest)
    listing = large.service.listing()
    assert listing.by_id[newest.id].verification.state is State.DAMAGED
    assert [each.id for each in listing.damaged] == [newest.id]
    assert large.service.listing() is listing


def test_an_old_file_changed_in_its_place_shows_half_a_minute_later(
    large: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    oldest = large.service.list()[-1]
    cut(large, oldest)
    assert not large.service.get(oldest.id).is_good, "at once, where it is used"
    assert large.service.listing().by_id[oldest.id].is_good
    monkeypatch.setattr("launcher.backup.catalogue._KNOWN_FOR_S", 0)
    assert not large.service.listing().by_id[oldest.id].is_good


@pytest.mark.parametrize("place", [0, -1], ids=["newest", "oldest"])
def test_whatever_else_changes_in_a_large_store_shows_at_once(large: House, place: int) -> None:
    backups = [each for each in large.service.list() if each.file]
    changed, removed = backups[place], backups[1]
    large.open()._store.update(
        replace(changed, verification=Verification.damage(Fault(Reason.FILE_SIZE), at=NOON))
    )
    assert [each.id for each in large.service.listing().damaged] == [changed.id]
    large.stored(removed).unlink()
    next(large.backups.glob(f"*{removed.id}.json")).unlink()
    assert removed.id not in large.service.listing().by_id
    (large.backups / "theirs.db").unlink()
    assert large.service.listing().counts_by_kind[Kind.EXTERNAL] == 0
    made = large.open().create(by="ben")
    assert made.id in large.service.listing().by_id


def test_damage_that_the_history_alone_knows_of_shows_at_once_in_a_large_store(
    large: House,
) -> None:
    oldest = large.service.list()[-1]
    damage = VerificationError(Reason.FILE_SIZE, backup_id=oldest.id)
    large.open().report_damage(oldest, damage, by="ben")
    assert not large.service.listing().by_id[oldest.id].is_good


def test_a_file_without_a_manifest_is_on_its_page(filled: House) -> None:
    (filled.backups / "found.db").write_bytes(b"x")
    found = filled.service.page(lambda backup: backup.note == "found.db", limit=2)
    assert [each.file for each in found] == [None]


def test_a_prune_asks_every_file(settled: None, home: House) -> None:
    good = home.create(kind=Kind.SCHEDULED)
    newer = home.create(kind=Kind.SCHEDULED)
    assert [decision.keep for decision in home.service.plan_prune(ONE)] == [True, False]
    cut(home, newer)
    home.service.prune(ONE, by="ada")
    assert good in home.service.list(), "the last good one stays"


def test_what_another_process_made_is_in_the_listing_at_once(filled: House) -> None:
    filled.service.listing()
    other = filled.open()
    other._store = LocalStore(filled.backups)
    made = other.create(by="ben")
    assert made in filled.service.listing().backups
    other.delete([made.id], by="ben")
    assert made not in filled.service.listing().backups


def test_a_sum_of_nothing_still_names_every_kind_and_state() -> None:
    listing = Listing.of(())
    assert set(listing.counts_by_kind) == set(Kind)
    assert set(listing.counts_by_state) == set(State)


def test_the_journal_can_be_asked_for_what_a_page_shows(home: House) -> None:
    home.clock.now = NOON - timedelta(days=40)
    old = home.create(kind=Kind.SCHEDULED)
    home.clock.now = NOON
    gone = home.create(kind=Kind.SCHEDULED)
    home.service.protect(old.id, by="ada")
    home.service.delete([gone.id], by="ada")
    service = home.service

    def verbs(**which: Any) -> list[Verb]:
        return [entry.verb for entry in service.journal(**which)]

    assert verbs() == [Verb.DELETE, Verb.PROTECT, Verb.CREATE, Verb.CREATE]
    assert verbs(verbs={Verb.CREATE, Verb.DELETE}) == [Verb.DELETE, Verb.CREATE, Verb.CREATE]
    assert verbs(verbs={Verb.CREATE}, limit=1) == [Verb.CREATE]
    assert verbs(backup_id=old.id, limit=None) == [Verb.PROTECT, Verb.CREATE]
    [run] = service.journal(verbs={Verb.CREATE}, since=NOON - timedelta(weeks=5), limit=None)
    assert run.backup_id == gone.id
    assert run.facts["kind"] == Kind.SCHEDULED
    assert list(service.listing().by_id) == [old.id], "so the copy of that run is gone"
