"""A copy counts only where its site wrote it: what someone with write access there adds does not.

With real backups and a real folder; the intruder has all that is in the folder, and no secret key.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from launcher.backup.errors import ManifestError
from launcher.backup.manifest import seal_of
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup, Kind
from launcher.backup.retention import KeepReason, RetentionPolicy
from launcher.offsite.age import make_identity, read_identities
from launcher.offsite.copy_manifest import read_copy_manifest
from launcher.offsite.found import Doubt, FoundPlace, look, place_of
from launcher.offsite.records import CopyState, Destination, KeepRule
from launcher.offsite.recover import bring
from tests.support.offsite import Offsite, put_of_intruder
from tests.support.service import House


def scheduled(offsite: Offsite) -> Backup:
    return offsite.house.create(kind=Kind.SCHEDULED)


@pytest.fixture
def intruder(tmp_path: Path, offsite: Offsite) -> House:
    """Someone else, with backups of an own database."""
    house = House(tmp_path / "intruder", clock=offsite.house.clock)
    return house.fill(notes=3)


def add_forged(intruder: House, folder: Path, *, is_encrypted: bool = True) -> str:
    """Put a newer backup of the intruder there, under the name of the site and of its writer."""
    backup = intruder.create(kind=Kind.SCHEDULED)
    stored = intruder.stored(backup).read_bytes()
    return put_of_intruder(folder, backup, stored, is_encrypted=is_encrypted)


@pytest.fixture
def nas(offsite: Offsite) -> Destination:
    """An encrypted destination with two copies."""
    for _ in range(2):
        scheduled(offsite)
    added = offsite.add(encrypt=True)
    offsite.run(added)
    return added


def ids(offsite: Offsite, nas: Destination) -> list[str]:
    return [each.id for each in offsite.ledger(nas).copies if each.state is CopyState.GOOD]


@pytest.mark.parametrize("is_ledger_lost", [True, False])
@pytest.mark.parametrize("is_encrypted", [True, False])
def test_a_forged_copy_is_named_and_counts_for_nothing(
    offsite: Offsite, nas: Destination, intruder: House, is_encrypted: bool, is_ledger_lost: bool
) -> None:
    before = ids(offsite, nas)
    folder = offsite.there(nas)
    forged = add_forged(intruder, folder, is_encrypted=is_encrypted)
    files = {each: each.read_bytes() for each in folder.glob(f"*{forged}*")}
    assert len(files) == 2
    if is_ledger_lost:
        offsite.files.ledger(nas.id).unlink()
    offsite.site = replace(offsite.site, backup_max_count=1)

    offsite.run(nas)

    # Of the two copies of this site retention keeps the newest, and none for the forged one.
    assert ids(offsite, nas) == before[:1]
    status = offsite.of(nas)
    assert status.newest_good is not None
    assert status.newest_good.id == before[0]
    assert status.only_here == ()
    assert set(status.ledger.strange) == {each.name for each in files}
    assert status.ledger.strange_count == 2
    assert {each: each.read_bytes() for each in files} == files

    newer = scheduled(offsite)
    offsite.run(nas)
    assert ids(offsite, nas) == [newer.id]
    assert {each: each.read_bytes() for each in files} == files


def test_every_copy_of_a_site_with_a_key_is_proved_also_without_encryption(
    offsite: Offsite, nas: Destination
) -> None:
    plain = offsite.add("Disk")
    offsite.run(plain)
    key = offsite.service.keys.kit(site_name="Home").public_key
    for destination in (nas, plain):
        assert {each.proved_by for each in offsite.ledger(destination).copies} == {key}
        for path in offsite.there(destination).glob("launcher-*.json"):
            assert list(json.loads(path.read_text())["proof"]) == [key]
        offsite.files.ledger(destination.id).unlink()
        assert {each.proved_by for each in offsite.run(destination).copies} == {key}


def test_a_copy_of_which_someone_removed_the_proof_is_damaged_and_copied_again(
    offsite: Offsite, nas: Destination
) -> None:
    before = ids(offsite, nas)
    path = offsite.there(nas) / f"launcher-{before[0]}.json"
    facts = json.loads(path.read_text())
    del facts["seal"], facts["proof"]
    path.write_text(json.dumps({**facts, "seal": seal_of(facts)}))
    nothing = offsite.service.change(replace(nas, kinds=frozenset({Kind.SAFETY})), by="ada")
    offsite.run(nothing)
    assert [each.id for each in offsite.of(nas).damaged] == before[:1]
    offsite.service.change(nas, by="ada")
    offsite.run(nas)
    assert ids(offsite, nas) == before
    assert "proof" in json.loads(path.read_text())


def test_copies_from_before_the_first_key_still_count_and_later_ones_need_a_proof(
    offsite: Offsite, intruder: House
) -> None:
    disk = offsite.add("Disk", keep=KeepRule.ALL)
    old = scheduled(offsite)
    offsite.run(disk)
    assert offsite.ledger(disk).copies[0].proved_by == ""
    offsite.add("Cloud", encrypt=True)
    offsite.house.service.delete([old.id], by="ada")
    for is_ledger_lost in (False, True):
        if is_ledger_lost:
            offsite.files.ledger(disk.id).unlink()
        offsite.run(disk)
        assert ids(offsite, disk) == [old.id]
    add_forged(intruder, offsite.there(disk), is_encrypted=False)
    offsite.run(disk)
    assert ids(offsite, disk) == [old.id]
    assert offsite.ledger(disk).strange_count == 2


def test_copies_written_while_the_secret_key_was_away_count_when_it_is_back(
    offsite: Offsite, nas: Destination
) -> None:
    before = ids(offsite, nas)
    key = offsite.files.recovery_key.read_bytes()
    offsite.files.recovery_key.unlink()
    written = scheduled(offsite)
    offsite.run(nas)
    offsite.files.recovery_key.write_bytes(key)
    offsite.run(nas)
    assert ids(offsite, nas) == [written.id, *before]
    assert [bool(each.proved_by) for each in offsite.ledger(nas).copies] == [False, True, True]
    assert offsite.ledger(nas).strange == ()


def test_the_old_kit_proves_the_copies_from_before_a_new_key_and_the_new_one_all(
    offsite: Offsite, nas: Destination
) -> None:
    old = offsite.service.keys.kit(site_name="Home")
    offsite.service.keys.new_key(by="ada")
    newer = scheduled(offsite)
    offsite.run(nas)
    new = offsite.service.keys.kit(site_name="Home")
    assert [each.proved_by for each in offsite.ledger(nas).copies] == [
        new.public_key,
        old.public_key,
        old.public_key,
    ]
    assert offsite.ledger(nas).copies[0].id == newer.id
    offsite.files.ledger(nas.id).unlink()
    assert len(offsite.run(nas).copies) == 3


def test_another_recipient_opens_copies_and_proves_none(offsite: Offsite, nas: Destination) -> None:
    office = make_identity()
    offsite.service.keys.add_recipient(office.public_key, "Office", by="ada")
    newer = scheduled(offsite)
    offsite.run(nas)
    path = offsite.there(nas) / f"launcher-{newer.id}.json"
    read = read_copy_manifest(path.read_bytes(), name=path.name, identities=[office])
    assert office.public_key in read.recipients
    assert read.proved_by == ""


# --- found in the place, without the site ------------------------------------------------


def look_there(nas: Destination, *secret_keys: str) -> FoundPlace:
    keys = read_identities("\n".join(secret_keys)) if secret_keys else ()
    return look(place_of(nas.service, nas.options, {}), keys)


def test_of_what_is_found_there_only_what_a_kit_proves_is_trusted(
    offsite: Offsite, nas: Destination, intruder: House
) -> None:
    kit = offsite.service.keys.kit(site_name="Home")
    newest, older = ids(offsite, nas)
    in_clear = add_forged(intruder, offsite.there(nas), is_encrypted=False)
    encrypted = add_forged(intruder, offsite.there(nas))

    found = look_there(nas, kit.secret_key)
    (site,) = found.sites
    assert [each.id for each in site.trusted] == [newest, older]
    assert [(each.id, each.doubt) for each in site.doubted] == [
        (encrypted, Doubt.NOT_PROVED),
        (in_clear, Doubt.NOT_PROVED),
    ]
    assert found.newest is not None
    assert found.newest[1].id == newest
    assert not found.is_unproved

    # Without a key nothing can be proved, and the one in clear is odd among the others.
    (site,) = look_there(nas).sites
    assert [(each.id, each.doubt) for each in site.usable] == [(in_clear, Doubt.NOT_ENCRYPTED)]
    assert {each.is_proved for each in site.copies} == {None}


def test_a_copy_that_was_moved_into_the_folder_of_another_site_is_not_proved(
    offsite: Offsite, nas: Destination
) -> None:
    kit = offsite.service.keys.kit(site_name="Home")
    folder = offsite.there(nas)
    folder.rename(folder.with_name("launcher-efgh5678"))
    found = look_there(nas, kit.secret_key)
    assert found.newest is None
    assert found.is_unproved


def test_copies_that_were_not_read_are_not_trusted_with_a_key(
    offsite: Offsite, nas: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = offsite.service.keys.kit(site_name="Home")
    newest, older = ids(offsite, nas)
    monkeypatch.setattr("launcher.offsite.found.MOST_READ", 1)
    (site,) = look_there(nas, kit.secret_key).sites
    assert [(each.id, each.doubt) for each in site.copies] == [
        (newest, None),
        (older, Doubt.NOT_READ),
    ]
    place = place_of(nas.service, nas.options, {})
    _, chosen = look(place, read_identities(kit.secret_key), backup_id=older).find(older)
    assert chosen.is_proved is True


def test_the_old_kit_restores_the_copies_from_before_a_new_key(
    offsite: Offsite, nas: Destination
) -> None:
    old = offsite.service.keys.kit(site_name="Home")
    before = ids(offsite, nas)
    offsite.service.keys.new_key(by="ada")
    newer = scheduled(offsite)
    offsite.run(nas)
    (site,) = look_there(nas, old.secret_key).sites
    assert [each.id for each in site.trusted] == before
    new = offsite.service.keys.kit(site_name="Home")
    (site,) = look_there(nas, new.text).sites
    assert [each.id for each in site.trusted] == [newer.id, *before]


def test_a_copy_that_is_swapped_after_it_was_found_is_not_restored(
    offsite: Offsite, nas: Destination, intruder: House, tmp_path: Path
) -> None:
    kit = offsite.service.keys.kit(site_name="Home")
    found = look_there(nas, kit.secret_key)
    assert found.newest is not None
    site, copy = found.newest
    of_intruder = intruder.create(kind=Kind.SCHEDULED)
    swapped = replace(of_intruder, id=copy.id, created_at=copy.created_at)
    put_of_intruder(offsite.there(nas), swapped, intruder.stored(of_intruder).read_bytes())
    bare = House(tmp_path / "bare")
    place = place_of(nas.service, nas.options, {})

    def bring_it(*, must_be_proved: bool) -> Backup:
        return bring(
            place, site.id, copy.id, read_identities(kit.secret_key),
            must_be_proved=must_be_proved, is_doubted=False,
            backups=bare.service, data_dir=bare.data, by="ada",
        )  # fmt: skip

    with pytest.raises(ManifestError):
        bring_it(must_be_proved=True)
    assert bare.service.list() == []
    assert bring_it(must_be_proved=False).id == copy.id


def test_a_copy_of_unknown_origin_comes_in_as_a_file_from_outside(
    offsite: Offsite, nas: Destination, intruder: House, tmp_path: Path
) -> None:
    kit = offsite.service.keys.kit(site_name="Home")
    forged = add_forged(intruder, offsite.there(nas))
    found = look_there(nas, kit.secret_key)
    new = Offsite(House(tmp_path / "new", clock=offsite.house.clock).fill(notes=1))

    def bring_it(backup_id: str) -> Backup:
        site, copy = found.find(backup_id)
        return bring(
            place_of(nas.service, nas.options, {}), site.id, copy.id,
            read_identities(kit.secret_key), must_be_proved=bool(copy.is_proved),
            is_doubted=copy.is_doubted, backups=new.house.service, data_dir=new.house.data,
            by="ben",
        )  # fmt: skip

    foreign = bring_it(forged)
    assert (foreign.id, foreign.kind, foreign.note) == (forged, Kind.UPLOAD, "Home")
    assert foreign.created_by == "ben"
    own = bring_it(ids(offsite, nas)[0])
    assert own.kind is Kind.SCHEDULED
    assert own.created_at < foreign.created_at
    service = new.house.service
    assert service.get("latest").id == own.id
    verified = service.verify(forged, by="ben")
    assert [each.reason for each in verified.verification.warnings] == [Reason.ORIGIN_NOT_CONFIRMED]
    plan = service.plan(forged, by="ben")
    assert [each.facts for each in plan.warnings] == [{"name": "Home"}]
    reasons = {each.backup.id: each.reasons for each in service.plan_prune(RetentionPolicy())}
    assert KeepReason.LAST_GOOD not in reasons[forged]
    assert KeepReason.LAST_GOOD in reasons[own.id]
    disk = new.add("Disk")
    new.run(disk)
    assert ids(new, disk) == [own.id]


def test_keys_that_happen_to_be_here_say_nothing_of_a_site_without_any(
    offsite: Offsite, intruder: House
) -> None:
    disk = offsite.add("Disk")
    first = scheduled(offsite)
    offsite.run(disk)
    place, stranger = place_of(disk.service, disk.options, {}), [make_identity()]
    found = look(place, stranger, are_given=False)
    assert found.newest is not None
    assert found.newest[1].id == first.id
    assert look(place, stranger).newest is None

    # Once they prove one copy, the others have to be proved as well.
    offsite.add("Cloud", encrypt=True)
    proved = scheduled(offsite)
    offsite.run(disk)
    add_forged(intruder, offsite.there(disk), is_encrypted=False)
    own = read_identities(offsite.service.keys.kit(site_name="Home").secret_key)
    (site,) = look(place, own, are_given=False).sites
    assert [each.id for each in site.trusted] == [proved.id]
