"""Destinations, keys and rules as an admin enters them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from launcher.backup.records.backup import Kind
from launcher.offsite.age import MOST_RECIPIENTS, make_identity, read_identities
from launcher.offsite.errors import OffsiteError
from launcher.offsite.pauses import after_failure
from launcher.offsite.records import Destination, Place, Service
from launcher.offsite.status import KitState
from launcher.offsite.troubles import RemoteError, Trouble
from tests.support.offsite import Offsite, folder_destination


def bucket(name: str = "Backblaze", **how: object) -> Destination:
    return Destination(
        id="",
        name=name,
        service=Service.S3,
        options={"endpoint": "https://s3.example", "bucket": "ada"},
        secrets={"key_id": "K1", "secret": "s3cret-value"},
        **how,  # type: ignore[arg-type]
    )


def test_an_id_is_made_of_the_name_and_is_unique(offsite: Offsite) -> None:
    assert offsite.add("NAS").id == "nas"
    assert offsite.add("Käse-Box 2").id == "kase-box-2"
    assert offsite.add("nas!").id == "nas-2"
    assert offsite.add("盘").id == "folder"
    assert [each.name for each in offsite.service.settings().destinations] == [
        "NAS",
        "Käse-Box 2",
        "nas!",
        "盘",
    ]
    with pytest.raises(OffsiteError) as refused:
        offsite.add("nAs")
    assert refused.value.code == "name_taken"


@pytest.mark.parametrize("name", ["", "  ", "x" * 61])
def test_a_name_that_cannot_be_shown_is_refused(offsite: Offsite, name: str) -> None:
    with pytest.raises(OffsiteError) as refused:
        offsite.service.add(folder_destination(offsite.house.root, name), by="ada")
    assert (refused.value.code, refused.value.facts) == ("invalid_option", {"option": "name"})
    assert not offsite.files.destinations.exists()


def test_all_that_was_entered_comes_back_and_is_for_its_owner_alone(offsite: Offsite) -> None:
    added = offsite.service.add(
        bucket(kinds=frozenset({Kind.SCHEDULED}), limit_bytes_s=1000), by="ada"
    )
    assert offsite.open().find("backblaze") == added
    assert added.added_by == "ada"
    assert added.secrets["secret"] == "s3cret-value"
    assert "s3cret-value" not in repr(added)
    for path in (offsite.files.destinations, offsite.files.recovery_key):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_change_keeps_the_secrets_that_are_left_empty(offsite: Offsite) -> None:
    added = offsite.service.add(bucket(), by="ada")
    changed = offsite.service.change(
        replace(added, name="B2", secrets={"key_id": "K2", "secret": ""}), by="ben"
    )
    assert changed.id == "backblaze"
    assert (changed.added_by, changed.added_at) == ("ada", added.added_at)
    found = offsite.open().find("backblaze")
    assert found.name == "B2"
    assert dict(found.secrets) == {"key_id": "K2", "secret": "s3cret-value"}


def test_a_change_of_what_was_removed_is_refused(offsite: Offsite) -> None:
    added = offsite.add()
    offsite.service.remove(added.id, by="ada")
    for act in (
        lambda: offsite.service.change(added, by="ada"),
        lambda: offsite.service.remove(added.id, by="ada"),
        lambda: offsite.service.copy_now(added.id),
        lambda: offsite.service.find(added.id),
    ):
        with pytest.raises(OffsiteError) as refused:
            act()
        assert refused.value.code == "destination_not_found"


def test_a_damaged_file_is_said_and_never_overwritten(offsite: Offsite) -> None:
    added = offsite.add()
    text = offsite.files.destinations.read_text()
    damaged = text[: len(text) // 2]
    offsite.files.destinations.write_text(damaged)
    service = offsite.open()
    for act in (
        service.settings,
        lambda: service.find(added.id),
        lambda: service.add(bucket(), by="ada"),
        lambda: service.remove(added.id, by="ada"),
        lambda: service.keys.new_key(by="ada"),
        lambda: service.accept_one_disk("so it is", until=None, by="ada"),
    ):
        with pytest.raises(OffsiteError) as refused:
            act()
        assert refused.value.code == "file_unreadable"
    assert offsite.files.destinations.read_text() == damaged
    assert service.status(offsite.site).is_unreadable


@pytest.mark.parametrize("edited", ["../../victim", "", "/etc/x", "Nas", "nas\n", "-"])
def test_an_edited_id_or_site_that_would_be_a_path_is_refused(
    offsite: Offsite, edited: str
) -> None:
    added = offsite.add()
    victim = offsite.files.data_dir.parent / "victim.json"
    victim.write_text("{}")
    entered = json.loads(offsite.files.destinations.read_text())
    of_id = {**entered, "destinations": [{**entered["destinations"][0], "id": edited}]}
    for damaged, destination_id in ((of_id, edited), ({**entered, "site": edited}, added.id)):
        if damaged == {**entered, "site": ""}:
            continue  # that is one which no destination has made yet
        offsite.files.destinations.write_text(json.dumps(damaged))
        with pytest.raises(OffsiteError) as refused:
            offsite.open().remove(destination_id, by="ada")
        assert refused.value.code == "file_unreadable"
        assert json.loads(offsite.files.destinations.read_text()) == damaged
    assert victim.exists()


_ADDS = """
import sys
from pathlib import Path
from launcher.offsite.service import OffsiteService
from launcher.offsite.records import Destination, Service
data, start = Path(sys.argv[1]), sys.argv[2]
service = OffsiteService(data, None)
for number in range(10):
    name = f"{start} {number}"
    service.add(Destination(id="", name=name, service=Service.FOLDER), by="ada")
"""


def test_two_processes_that_add_at_once_lose_nothing(offsite: Offsite) -> None:
    adding = [
        subprocess.Popen([sys.executable, "-c", _ADDS, offsite.house.data, name])
        for name in ("left", "right")
    ]
    assert [each.wait(60) for each in adding] == [0, 0]
    entered = offsite.service.settings()
    assert len({each.id for each in entered.destinations}) == 20
    assert len(entered.recipients) == 1
    assert len(offsite.files.recovery_key.read_text().splitlines()) == 3


def test_the_first_encrypted_destination_makes_the_key(offsite: Offsite) -> None:
    offsite.add("NAS")
    assert offsite.status().kit is KitState.NONE
    with pytest.raises(OffsiteError) as refused:
        offsite.service.keys.kit(site_name="Home")
    assert refused.value.code == "no_key"
    nas = offsite.service.find("nas")
    offsite.service.change(replace(nas, encrypt=True), by="ada")
    assert offsite.status().kit is KitState.UNCONFIRMED
    first = offsite.service.settings().recipients
    offsite.service.add(bucket(), by="ada")
    assert offsite.service.settings().recipients == first


def test_no_kit_is_asked_for_while_nothing_is_encrypted(offsite: Offsite) -> None:
    offsite.house.create()
    nas = offsite.add(encrypt=True)
    offsite.run(nas)
    offsite.service.change(replace(nas, encrypt=False), by="ada")
    assert offsite.status().kit is KitState.UNCONFIRMED  # for the copy that is there
    offsite.service.remove(nas.id, by="ada")
    assert offsite.status().kit is KitState.NONE


def test_the_kit_is_confirmed_by_the_end_of_its_key(offsite: Offsite) -> None:
    offsite.service.add(bucket(), by="ada")
    kit = offsite.service.keys.kit(site_name="Home\n2")
    (found,) = read_identities(kit.text)
    assert (found.secret_key, found.public_key) == (kit.secret_key, kit.public_key)
    assert all(
        line.startswith(("# ", "AGE-SECRET-KEY-1")) or line in {"", "#"}
        for line in kit.text.splitlines()
    )
    assert "s3cret-value" not in kit.text
    assert "flask backup recover s3://ada" in kit.text
    assert f" --site {offsite.service.settings().site} " in kit.text
    for wrong in ("", "XXXX", kit.secret_key[-3:], kit.secret_key):
        with pytest.raises(OffsiteError) as refused:
            offsite.service.keys.confirm_kit(wrong, by="ben")
        assert refused.value.code == "wrong_characters"
    offsite.service.keys.confirm_kit(f" {kit.secret_key[-4:].lower()} ", by="ben")
    assert offsite.status().kit is KitState.CONFIRMED
    assert offsite.service.settings().kit_confirmed_by == "ben"


def test_a_new_key_needs_a_new_kit_and_keeps_the_old_key(offsite: Offsite) -> None:
    offsite.service.add(bucket(), by="ada")
    old = offsite.service.keys.kit(site_name="Home")
    offsite.service.keys.confirm_kit(old.secret_key[-4:], by="ada")
    office = make_identity()
    offsite.service.keys.add_recipient(f" {office.public_key}\n", "Office", by="ada")
    public_key = offsite.service.keys.new_key(by="ada")
    assert offsite.status().kit is KitState.UNCONFIRMED
    kit = offsite.service.keys.kit(site_name="Home")
    assert kit.public_key == public_key != old.public_key
    assert [each.secret_key for each in read_identities(kit.text)] == [
        old.secret_key,
        kit.secret_key,
    ]
    offsite.service.keys.confirm_kit(kit.text.rstrip()[-4:], by="ada")
    recipients = [each.public_key for each in offsite.service.settings().recipients]
    assert recipients == [public_key, office.public_key]


def test_recipients_are_public_keys_of_which_the_kits_stays(offsite: Offsite) -> None:
    offsite.service.add(bucket(), by="ada")
    own = offsite.service.settings().recipients[0].public_key
    office = make_identity()
    for wrong in ("", "age1abc", office.secret_key, office.public_key[:-1] + "1"):
        with pytest.raises(OffsiteError) as refused:
            offsite.service.keys.add_recipient(wrong, "Office", by="ada")
        assert refused.value.code == "invalid_key"
    offsite.service.keys.add_recipient(office.public_key, "Office", by="ada")
    with pytest.raises(OffsiteError) as refused:
        offsite.service.keys.remove_recipient(own, by="ada")
    assert refused.value.code == "last_recipient"
    offsite.service.keys.remove_recipient(office.public_key, by="ada")
    assert [each.public_key for each in offsite.service.settings().recipients] == [own]


def test_a_key_more_than_copies_can_be_encrypted_for_is_refused(offsite: Offsite) -> None:
    for number in range(MOST_RECIPIENTS - 1):
        key = make_identity().public_key
        offsite.service.keys.add_recipient(key, f"Office {number}", by="ada")
    with pytest.raises(OffsiteError) as refused:
        offsite.service.keys.add_recipient(make_identity().public_key, "Office", by="ada")
    assert (refused.value.code, refused.value.facts) == ("too_many_keys", {"most": MOST_RECIPIENTS})
    offsite.service.add(bucket(), by="ada")  # which creates the key of the kit
    assert len(offsite.service.settings().recipients) == MOST_RECIPIENTS


def test_a_lost_secret_key_is_said_and_a_damaged_one_is_not_overwritten(offsite: Offsite) -> None:
    offsite.service.add(bucket(), by="ada")
    path = offsite.files.recovery_key
    damaged = path.read_text().replace("AGE-SECRET", "AGE-SECRE")
    path.write_text(damaged)
    assert offsite.status().kit is KitState.KEY_MISSING
    with pytest.raises(OffsiteError) as refused:
        offsite.service.keys.new_key(by="ada")
    assert refused.value.code == "key_unreadable"
    assert path.read_text() == damaged
    path.unlink()
    assert offsite.status().kit is KitState.KEY_MISSING
    offsite.service.keys.new_key(by="ada")
    assert offsite.status().kit is KitState.UNCONFIRMED


def test_one_disk_is_accepted_with_a_reason_and_withdrawn(offsite: Offsite) -> None:
    with pytest.raises(OffsiteError):
        offsite.service.accept_one_disk("  ", until=None, by="ada")
    offsite.service.accept_one_disk("The server goes to tape", until=None, by="ada")
    accepted = offsite.open().settings().one_disk
    assert accepted is not None
    assert (accepted.by, accepted.reason) == ("ada", "The server goes to tape")
    offsite.service.withdraw_one_disk(by="ada")
    assert offsite.service.settings().one_disk is None


def test_rules_of_reading_have_limits(offsite: Offsite) -> None:
    offsite.service.change_rules(read_within_days=30, read_bytes_a_day=1 << 30, by="ada")
    entered = offsite.service.settings()
    assert (entered.read_within_days, entered.read_bytes_a_day) == (30, 1 << 30)
    for days, amount in ((0, 0), (30, -1)):
        with pytest.raises(OffsiteError):
            offsite.service.change_rules(read_within_days=days, read_bytes_a_day=amount, by="ada")


def test_one_disk_is_one_place(offsite: Offsite) -> None:
    places = offsite.status().places
    assert (places.copies, places.places, places.on_one_disk) == (0, 0, True)
    offsite.house.create()
    places = offsite.status().places
    assert (places.copies, places.places, places.off_site, places.on_one_disk) == (1, 1, 0, True)


def test_a_new_destination_waits_for_what_is_owed(offsite: Offsite) -> None:
    backup = offsite.house.create()
    nas = offsite.add("NAS", place=Place.OFF_SITE)
    found = offsite.of(nas)
    assert [each.id for each in found.owed] == [backup.id]
    assert backup.file is not None
    assert found.owed_bytes == backup.file.size_bytes
    assert (found.standing, found.newest_good) == ("waiting", None)
    assert found.stale_at is not None
    assert nas.added_at is not None
    assert (found.stale_at - nas.added_at).total_seconds() == (30 + 24) * 3600
    offsite.house.clock.now = found.stale_at
    assert offsite.of(nas).standing == "stale"


def test_a_copy_is_as_new_as_it_can_be_where_backups_are_rare(offsite: Offsite) -> None:
    nas = offsite.add(kinds=frozenset({Kind.MANUAL}))
    offsite.house.create(kind=Kind.SCHEDULED)
    assert offsite.of(nas).stale_at is None
    offsite.house.create()
    offsite.run(nas)
    offsite.house.clock.now += timedelta(days=30)
    assert (offsite.of(nas).standing, offsite.of(nas).stale_at) == ("up_to_date", None)
    newer = offsite.house.create()
    assert offsite.of(nas).standing == "waiting"
    assert offsite.of(nas).stale_at == newer.created_at + timedelta(days=1)
    offsite.house.clock.now += timedelta(days=1)
    assert offsite.of(nas).standing == "stale"


def test_places_count_devices_and_copies_that_are_new_enough(
    offsite: Offsite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.offsite.folder.is_on_device_of", lambda *_, **__: False)
    offsite.house.create()
    same_disk = offsite.add("Same disk")
    box = offsite.add("Box", place=Place.OTHER_DEVICE)
    cloud = offsite.add("Cloud", place=Place.OFF_SITE)
    assert offsite.status().places.on_one_disk
    offsite.run(same_disk)
    places = offsite.status().places
    assert (places.copies, places.places, places.off_site, places.on_one_disk) == (2, 1, 0, True)
    assert places.newest_at is None
    for each in (box, cloud):
        offsite.run(each)
    places = offsite.status().places
    assert (places.copies, places.places, places.off_site, places.on_one_disk) == (4, 3, 1, False)
    newest = offsite.house.create()
    assert offsite.status().places == places
    offsite.keep(
        cloud,
        after_failure(
            offsite.ledger(cloud), RemoteError(Trouble.UNREACHABLE), now=offsite.house.clock()
        ),
    )
    assert offsite.status().places == places, "the copy there is as good as it was"
    offsite.service.change(replace(cloud, paused=True), by="ada")
    places = offsite.status().places
    assert (places.copies, places.places, places.off_site, places.on_one_disk) == (3, 2, 0, False)
    offsite.run(box)
    assert offsite.status().places.newest_at == newest.created_at
    offsite.house.clock.now += timedelta(days=3)
    assert offsite.status().places.copies == 2


def test_copies_on_the_disk_of_the_data_are_no_other_place(offsite: Offsite) -> None:
    offsite.house.create()
    box = offsite.add("Box")
    offsite.run(box)
    offsite.service.change(replace(box, place=Place.OTHER_DEVICE), by="ada")
    trouble = offsite.run(box).trouble
    assert trouble is not None
    assert trouble.trouble is Trouble.SAME_DISK
    places = offsite.status().places
    assert (places.copies, places.places, places.on_one_disk) == (1, 1, True)


def test_of_two_destinations_in_one_folder_only_the_first_gets_copies(offsite: Offsite) -> None:
    offsite.house.create()
    first = offsite.add("Box")
    inside = replace(first, name="Inside", options={"path": first.options["path"] + "/x"})
    failed = offsite.service.try_out(replace(inside, id="")).failed
    assert failed is not None
    assert failed.trouble is Trouble.OVERLAPS
    second = offsite.service.add(inside, by="ada")
    trouble = offsite.run(second).trouble
    assert trouble is not None
    assert trouble.facts["other"] == first.options["path"]
    assert offsite.run(first).trouble is None


def test_a_folder_that_was_not_tested_is_made_at_the_first_copy(offsite: Offsite) -> None:
    backup = offsite.house.create()
    new = offsite.service.add(folder_destination(offsite.house.root / "new"), by="ada")
    ledger = offsite.run(new)
    assert (ledger.trouble, [each.id for each in ledger.copies]) == (None, [backup.id])
    shutil.rmtree(new.options["path"])  # the copies were there: now it is not mounted
    trouble = offsite.run(new).trouble
    assert trouble is not None
    assert trouble.trouble is Trouble.NOT_MOUNTED
