"""What is copied, what is compared, what is removed: with real backups and a real folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from launcher.backup.records.backup import Backup, Kind, State
from launcher.offsite.age import decrypt, encrypt, make_identity, read_identities
from launcher.offsite.copy_manifest import (
    copy_of,
    open_copy_manifest,
    read_copy_manifest,
    write_copy_manifest,
)
from launcher.offsite.folder import Folder
from launcher.offsite.keys import KeyFile
from launcher.offsite.records import CopyState, Destination, KeepRule, StoredCopy
from launcher.offsite.remote import Remote
from launcher.offsite.troubles import RemoteError, Trouble
from tests.support.offsite import Offsite


def scheduled(offsite: Offsite, count: int = 1) -> list[Backup]:
    """Create scheduled backups, newest first."""
    made = [offsite.house.create(kind=Kind.SCHEDULED) for _ in range(count)]
    return made[::-1]


def ids(copies: Any) -> list[str]:
    return [each.id for each in copies]


def good(offsite: Offsite, destination: Destination) -> list[StoredCopy]:
    return [each for each in offsite.ledger(destination).copies if each.state is CopyState.GOOD]


def test_what_is_owed_is_copied_newest_first(offsite: Offsite) -> None:
    backups = scheduled(offsite, 3)
    nas = offsite.add(encrypt=True)
    puts: list[str] = []

    class Watched(Folder):
        def put(self, name: str, source: Path, **how: Any) -> None:
            puts.append(name)
            super().put(name, source, **how)

    ledger = offsite.run(nas, open_=Watched)
    assert puts == [f"launcher-{each.id}.db.zst.age" for each in backups]
    assert ids(ledger.copies) == ids(backups)
    assert [each.backup for each in ledger.copies] == backups
    assert ledger.trouble is None
    assert ledger.unfinished is None
    found = offsite.of(nas)
    assert (found.standing, list(found.owed), found.progress) == ("up_to_date", [], None)
    assert found.newest_good == ledger.copies[0]
    assert offsite.files.all_staged(nas.id) == []
    puts.clear()
    offsite.run(nas, open_=Watched)
    assert puts == []


def test_a_copy_opens_with_plain_programs(offsite: Offsite, tmp_path: Path) -> None:
    (backup,) = scheduled(offsite)
    nas = offsite.add(encrypt=True)
    offsite.run(nas)
    kit = offsite.service.keys.kit(site_name="Home")
    copy = offsite.there(nas) / f"launcher-{backup.id}.db.zst.age"
    with copy.open("rb") as source, (tmp_path / "plain.db.zst").open("wb") as target:
        decrypt(source, target, read_identities(kit.text))
    assert (tmp_path / "plain.db.zst").read_bytes() == offsite.house.stored(backup).read_bytes()
    done = subprocess.run(
        "zstd -q -d plain.db.zst -o plain.db && sqlite3 plain.db 'PRAGMA integrity_check'",
        cwd=tmp_path, shell=True, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "ok"


def test_an_unencrypted_copy_is_the_stored_file(offsite: Offsite) -> None:
    (backup,) = scheduled(offsite)
    nas = offsite.add()
    ledger = offsite.run(nas)
    assert offsite.names(nas) == {f"launcher-{backup.id}.db.zst", f"launcher-{backup.id}.json"}
    there = offsite.there(nas) / f"launcher-{backup.id}.db.zst"
    assert there.read_bytes() == offsite.house.stored(backup).read_bytes()
    assert ledger.copies[0].recipients == frozenset()


def test_kinds_are_a_choice(offsite: Offsite) -> None:
    manual = offsite.house.create()
    scheduled(offsite)
    nas = offsite.add(kinds=frozenset({Kind.MANUAL}))
    assert ids(offsite.run(nas).copies) == [manual.id]


def test_a_note_or_a_protection_copies_nothing_again(offsite: Offsite) -> None:
    (backup,) = scheduled(offsite)
    nas = offsite.add()
    copies = offsite.run(nas).copies
    offsite.house.service.set_note(backup.id, "the good one", by="ada")
    offsite.house.service.protect(backup.id, by="ada")
    assert offsite.of(nas).owed == ()
    assert [each.copied_at for each in offsite.run(nas).copies] == [copies[0].copied_at]


def test_a_backup_that_is_damaged_here_is_found_and_not_copied(offsite: Offsite) -> None:
    newest, older = scheduled(offsite, 2)
    stored = offsite.house.stored(newest)
    data = bytearray(stored.read_bytes())
    data[len(data) // 2] ^= 1
    stored.chmod(0o600)
    stored.write_bytes(data)
    for name, is_encrypted in (("NAS", False), ("Box", True)):
        there = offsite.add(name, encrypt=is_encrypted)
        assert ids(offsite.run(there).copies) == [older.id]
    assert offsite.house.open().get(newest.id).verification.state is State.DAMAGED


def test_a_paused_destination_gets_nothing(offsite: Offsite) -> None:
    scheduled(offsite)
    nas = offsite.add(paused=True)
    assert offsite.run(nas).copies == ()
    assert offsite.of(nas).standing == "paused"


def removing(offsite: Offsite, destination: Destination) -> Callable[..., Remote]:
    """Return a folder that is removed from the destinations while its first upload runs."""

    class Removing(Folder):
        def put(self, name: str, source: Path, **how: Any) -> None:
            offsite.open().remove(destination.id, by="ada")
            super().put(name, source, **how)

    return Removing


def test_a_destination_that_is_removed_meanwhile_is_left_at_once(
    offsite: Offsite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.offsite.watch._LOOK_EVERY_S", 0.0)
    scheduled(offsite, 2)
    nas = offsite.add(encrypt=True)
    offsite.run(nas, open_=removing(offsite, nas))
    assert [each.name for each in offsite.files.folder.iterdir()] == ["writer"]
    assert not any((Path(nas.options["path"])).rglob("*.json"))


# --- failures ---------------------------------------------------------------------------


class Failing(Folder):
    """A service that fails at the upload."""

    error = RemoteError(Trouble.BUSY, retry_after_s=7200, answer="slow down")

    def put(self, *_: Any, **__: Any) -> None:
        raise self.error

    def get(self, *_: Any, **__: Any) -> None:
        raise self.error


def test_a_failure_is_kept_with_a_pause_that_grows(offsite: Offsite) -> None:
    (backup,) = scheduled(offsite)
    nas = offsite.add(encrypt=True)
    pauses = []
    Failing.error = RemoteError(Trouble.UNREACHABLE, host="nas.lan", answer="no route")
    for count in range(1, 8):
        trouble = offsite.run(nas, open_=Failing).trouble
        assert trouble is not None
        assert trouble.next_try_at is not None
        assert (trouble.count, trouble.trouble) == (count, Trouble.UNREACHABLE)
        assert (trouble.facts, trouble.answer) == ({"host": "nas.lan"}, "no route")
        pauses.append((trouble.next_try_at - trouble.at).total_seconds() / 60)
    assert pauses == [1, 2, 5, 15, 30, 60, 60]
    assert offsite.of(nas).standing == "behind"
    assert offsite.names(nas) == set()
    assert ids(offsite.run(nas).copies) == [backup.id]
    assert offsite.ledger(nas).trouble is None


def test_a_service_says_when_to_come_back(offsite: Offsite) -> None:
    scheduled(offsite)
    nas = offsite.add()
    Failing.error = RemoteError(Trouble.BUSY, retry_after_s=7200)
    trouble = offsite.run(nas, open_=Failing).trouble
    assert trouble is not None
    assert trouble.next_try_at is not None
    assert (trouble.next_try_at - trouble.at).total_seconds() == 7200


def test_what_was_encrypted_serves_the_next_try(offsite: Offsite) -> None:
    scheduled(offsite)
    nas = offsite.add(encrypt=True)
    sent: list[tuple[bytes, str]] = []

    class Resuming(Folder):
        def put(self, name: str, source: Path, **how: Any) -> None:
            sent.append((source.read_bytes(), how["resume"]))
            if len(sent) == 1:
                how["on_resume"]("part 1 of 2")
                raise RemoteError(Trouble.BROKEN_OFF)
            super().put(name, source, **how)

    offsite.run(nas, open_=Resuming)
    assert len(offsite.files.all_staged(nas.id)) == 1
    offsite.run(nas, open_=Resuming)
    (first, _), (second, resume) = sent
    assert first == second
    assert resume == "part 1 of 2"
    assert len(good(offsite, nas)) == 1
    assert offsite.files.all_staged(nas.id) == []


def test_a_new_key_is_used_for_what_was_encrypted_before_it(offsite: Offsite) -> None:
    scheduled(offsite)
    nas = offsite.add(encrypt=True)
    Failing.error = RemoteError(Trouble.BROKEN_OFF)
    offsite.run(nas, open_=Failing)
    key = offsite.service.keys.new_key(by="ada")
    assert offsite.run(nas).copies[0].recipients == {key}
    assert offsite.of(nas).needs_old_key == 0
    offsite.service.keys.new_key(by="ada")
    assert offsite.of(nas).needs_old_key == 1


def test_a_backup_that_is_deleted_in_the_middle_is_passed_over(offsite: Offsite) -> None:
    newest, older = scheduled(offsite, 2)
    nas = offsite.add()

    class Deleting(Folder):
        def put(self, name: str, source: Path, **how: Any) -> None:
            if newest.id in name:
                offsite.house.service.delete([newest.id], by="ada")
            super().put(name, source, **how)

    ledger = offsite.run(nas, open_=Deleting)
    assert ids(ledger.copies) == [older.id]
    assert (ledger.trouble, ledger.unfinished) == (None, None)
    assert offsite.names(nas) == {f"launcher-{older.id}.db.zst", f"launcher-{older.id}.json"}


def test_a_backup_that_is_deleted_while_it_is_sent_encrypted_stays_there(offsite: Offsite) -> None:
    newest, older = scheduled(offsite, 2)
    nas = offsite.add(encrypt=True)

    class Deleting(Folder):
        def put(self, name: str, source: Path, **how: Any) -> None:
            if newest.id in name:
                offsite.house.service.delete([newest.id], by="ada")
            super().put(name, source, **how)

    assert ids(offsite.run(nas, open_=Deleting).copies) == [newest.id, older.id]
    assert ids(offsite.of(nas).only_here) == [newest.id]


def test_without_room_for_the_encrypted_file_the_reason_is_said(
    offsite: Offsite, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled(offsite)
    nas = offsite.add(encrypt=True)
    monkeypatch.setattr("launcher.offsite.encrypting.SPARE_BYTES", 1 << 60)
    trouble = offsite.run(nas).trouble
    assert trouble is not None
    assert trouble.trouble is Trouble.NO_ROOM
    assert trouble.facts["needed_bytes"] > 1 << 60  # type: ignore[operator]
    assert offsite.files.all_staged(nas.id) == []


def test_nothing_leaves_in_clear_that_was_to_be_encrypted(offsite: Offsite) -> None:
    scheduled(offsite)
    nas = offsite.add(encrypt=True)
    entered = offsite.entered()
    offsite.files.destinations.write_text(json.dumps({**entered, "recipients": []}))
    trouble = offsite.run(nas).trouble
    assert trouble is not None
    assert (trouble.trouble, trouble.facts) == (Trouble.WRONG_OPTIONS, {"option": "recipients"})
    assert offsite.names(nas) == set()


# --- compared with what is there --------------------------------------------------------


@pytest.fixture
def nas(offsite: Offsite) -> Destination:
    """A destination that has two copies, and a kit."""
    scheduled(offsite, 2)
    added = offsite.add(encrypt=True)
    offsite.run(added)
    return added


def data_of(offsite: Offsite, nas: Destination) -> Iterator[Path]:
    return (offsite.there(nas) / each.name for each in offsite.ledger(nas).copies)


def manifests_of(offsite: Offsite, nas: Destination) -> list[Path]:
    return [offsite.there(nas) / f"launcher-{each.id}.json" for each in offsite.ledger(nas).copies]


def listed(offsite: Offsite, nas: Destination) -> list[tuple[str, CopyState]]:
    """List the destination while no data can be written or read there."""
    Failing.error = RemoteError(Trouble.BROKEN_OFF)
    return [(each.id, each.state) for each in offsite.run(nas, open_=Failing).copies]


@pytest.mark.parametrize(
    ("harm", "state"),
    [
        (lambda data, _: data.write_bytes(data.read_bytes()[:-1]), CopyState.DAMAGED),
        (lambda data, _: data.unlink(), CopyState.MISSING),
        (lambda _, manifest: manifest.unlink(), CopyState.MISSING),
        (lambda _, manifest: manifest.write_text("{}"), CopyState.DAMAGED),
        (lambda data, manifest: (data.unlink(), manifest.unlink()), CopyState.MISSING),
    ],
)
def test_harm_there_is_found_by_name_and_mended(
    offsite: Offsite, nas: Destination, harm: Callable[[Path, Path], object], state: CopyState
) -> None:
    newest, older = ids(offsite.ledger(nas).copies)
    harm(next(data_of(offsite, nas)), manifests_of(offsite, nas)[0])
    assert listed(offsite, nas) == [(newest, state), (older, CopyState.GOOD)]
    assert ids(offsite.of(nas).damaged) == [newest]
    assert ids(offsite.of(nas).owed) == [newest]
    offsite.run(nas)
    assert ids(good(offsite, nas)) == [newest, older]
    assert offsite.of(nas).damaged == ()
    assert [(each.id, each.state) for each in offsite.ledger(nas).replaced] == [(newest, state)]


def test_a_copy_that_was_copied_again_is_named_for_a_month(
    offsite: Offsite, nas: Destination
) -> None:
    next(data_of(offsite, nas)).unlink()
    (replaced,) = offsite.run(nas).replaced
    assert replaced.state is CopyState.MISSING
    offsite.house.clock.now += timedelta(days=29)
    assert offsite.run(nas).replaced == (replaced,)
    offsite.house.clock.now += timedelta(days=2)
    assert offsite.run(nas).replaced == ()


def test_a_manifest_in_the_place_of_another_is_found(offsite: Offsite, nas: Destination) -> None:
    newest, older = ids(offsite.ledger(nas).copies)
    first, second = manifests_of(offsite, nas)
    shutil.copy(second, first)
    assert listed(offsite, nas) == [(newest, CopyState.DAMAGED), (older, CopyState.GOOD)]


def test_a_copy_that_was_put_back_to_an_older_one_is_found(
    offsite: Offsite, nas: Destination
) -> None:
    newest, older = ids(offsite.ledger(nas).copies)
    data, manifest = next(data_of(offsite, nas)), manifests_of(offsite, nas)[0]
    kept = [(each, each.read_bytes()) for each in (data, manifest)]
    data.unlink()
    offsite.run(nas)
    for path, content in kept:
        path.write_bytes(content)
    assert listed(offsite, nas) == [(newest, CopyState.DAMAGED), (older, CopyState.GOOD)]


def forge(offsite: Offsite, nas: Destination, copy: StoredCopy) -> None:
    """Replace a copy by another database, as one can who may write there and has no key."""
    intruders = b"the database of someone else"
    digest = hashlib.sha256(intruders).hexdigest()
    assert copy.backup.file is not None
    assert copy.backup.database is not None
    file = replace(copy.backup.file, size_bytes=len(intruders), sha256=digest)
    backup = replace(copy.backup, file=file, database=replace(copy.backup.database, sha256=digest))
    encrypted = BytesIO()
    encrypt(BytesIO(intruders), encrypted, copy.recipients)
    data = encrypted.getvalue()
    forged = replace(
        copy, backup=backup, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest()
    )
    (offsite.there(nas) / copy.name).write_bytes(data)
    (offsite.there(nas) / f"launcher-{copy.id}.json").write_bytes(
        write_copy_manifest(
            forged, site=offsite.service.settings().site, site_name="Home", writer="someone"
        )
    )


@pytest.mark.parametrize("left", ["ledger and backup", "ledger"])
def test_a_copy_that_was_swapped_under_the_name_of_another_writer_is_found(
    offsite: Offsite, nas: Destination, left: str
) -> None:
    newest, older = offsite.ledger(nas).copies
    forge(offsite, nas, newest)
    if left == "ledger":
        offsite.house.service.delete([newest.id], by="ada")
    assert listed(offsite, nas) == [(newest.id, CopyState.DAMAGED), (older.id, CopyState.GOOD)]
    assert ids(offsite.of(nas).damaged) == [newest.id]
    offsite.run(nas)
    found = [older.id] if left == "ledger" else [newest.id, older.id]
    assert ids(good(offsite, nas)) == found


@pytest.mark.parametrize("is_ledger_lost", [True, False])
def test_a_swapped_copy_that_the_ledger_has_or_not_is_replaced_by_the_backup_here(
    offsite: Offsite, nas: Destination, is_ledger_lost: bool
) -> None:
    ledger = offsite.ledger(nas)
    newest, older = ledger.copies
    forge(offsite, nas, newest)
    path = manifests_of(offsite, nas)[0]
    manifest = read_copy_manifest(path.read_bytes(), name=path.name)
    keys = [each.identity for each in KeyFile(offsite.files).read()]
    taken = copy_of(manifest, open_copy_manifest(manifest, keys)[0])
    offsite.keep(nas, replace(ledger, copies=(taken, older)))
    if is_ledger_lost:
        offsite.files.ledger(nas.id).unlink()
    assert listed(offsite, nas) == [(older.id, CopyState.GOOD)]
    assert set(offsite.ledger(nas).strange) == {newest.name, path.name}
    offsite.run(nas)
    assert ids(good(offsite, nas)) == [newest.id, older.id]
    assert offsite.run(nas).strange == ()


def test_what_this_site_did_not_write_is_named_and_not_touched(
    offsite: Offsite, nas: Destination
) -> None:
    folder = offsite.there(nas)
    (folder / "holiday.jpg").write_text("x")
    (folder / "launcher-20250101T000000Z-aaaaaa.db.zst").write_text("x")
    (folder / "launcher-20250101T000000Z-bbbbbb.json").write_text("{}")
    (folder / "test-1234.txt").write_text("of a test")
    before = offsite.names(nas)
    ledger = offsite.run(nas)
    assert ledger.strange_count == 3
    assert set(ledger.strange) == {
        "holiday.jpg",
        "launcher-20250101T000000Z-aaaaaa.db.zst",
        "launcher-20250101T000000Z-bbbbbb.json",
    }
    assert offsite.names(nas) == before


def test_a_lost_ledger_is_filled_again(offsite: Offsite, nas: Destination) -> None:
    before = offsite.ledger(nas).copies
    offsite.files.ledger(nas.id).unlink()
    after = offsite.run(nas).copies
    assert [replace(each, seen="", read_at=None) for each in after] == [
        replace(each, seen="", read_at=None) for each in before
    ]
    assert all(each.is_ours for each in after)


def test_a_lost_ledger_is_filled_again_after_a_failure_too(
    offsite: Offsite, nas: Destination
) -> None:
    before = offsite.ledger(nas).copies
    offsite.files.ledger(nas.id).unlink()

    class Away(Folder):
        def list(self, *_: Any) -> Any:
            raise RemoteError(Trouble.UNREACHABLE, host="nas.lan")

    assert offsite.run(nas, open_=Away).trouble is not None
    after = offsite.run(nas).copies
    assert [(each.id, each.is_ours) for each in after] == [(each.id, True) for each in before]


def test_without_the_key_a_lost_ledger_has_what_is_in_clear(
    offsite: Offsite, nas: Destination
) -> None:
    before = offsite.ledger(nas).copies
    offsite.files.ledger(nas.id).unlink()
    key = offsite.files.recovery_key.read_bytes()
    offsite.files.recovery_key.unlink()
    after = offsite.run(nas).copies
    for one, other in zip(after, before, strict=True):
        assert (one.id, one.size_bytes, one.sha256) == (other.id, other.size_bytes, other.sha256)
        assert one.backup.created_at.replace(microsecond=0) == other.backup.created_at.replace(
            microsecond=0
        )
        assert one.backup.file is None
    offsite.files.recovery_key.write_bytes(key)
    assert [each.backup for each in offsite.run(nas).copies] == [each.backup for each in before]


def test_a_destination_that_is_moved_gets_all_copies_and_misses_none(
    offsite: Offsite, nas: Destination, tmp_path: Path
) -> None:
    before = ids(offsite.ledger(nas).copies)
    offsite.house.service.delete(before[1:], by="ada")
    other = tmp_path / "other"
    other.mkdir()
    moved = offsite.service.change(replace(nas, options={"path": str(other)}), by="ada")
    assert ids(offsite.run(moved).copies) == before[:1]
    assert offsite.of(moved).damaged == ()
    back = offsite.service.change(nas, by="ada")
    assert ids(offsite.run(back).copies) == before
    assert all(each.is_ours for each in good(offsite, back))


def test_a_manifest_is_read_once(offsite: Offsite, nas: Destination) -> None:
    offsite.run(nas)
    read: list[str] = []

    class Reading(Folder):
        def get_bytes(self, name: str, *, limit: int) -> bytes:
            read.append(name)
            return super().get_bytes(name, limit=limit)

    offsite.run(nas, open_=Reading)
    assert read == []
    manifests_of(offsite, nas)[1].touch()
    offsite.run(nas, open_=Reading)
    assert read == [manifests_of(offsite, nas)[1].name]


def test_copies_are_read_for_proof_when_it_is_their_turn(
    offsite: Offsite, nas: Destination
) -> None:
    offsite.service.change_rules(read_within_days=1, read_bytes_a_day=0, by="ada")
    newest, older = offsite.ledger(nas).copies
    flipped = offsite.there(nas) / older.name
    data = bytearray(flipped.read_bytes())
    data[-1] ^= 1
    flipped.write_bytes(data)
    offsite.house.clock.now += timedelta(days=2)
    offsite.run(nas)
    first, second = offsite.ledger(nas).copies
    assert (first.id, first.state) == (newest.id, CopyState.GOOD)
    assert first.read_at is not None
    assert (second.state, second.trouble) == (CopyState.DAMAGED, Trouble.DIFFERENT)
    assert offsite.files.all_staged(nas.id) == []
    offsite.run(nas)
    assert [each.state for each in offsite.ledger(nas).copies] == [CopyState.GOOD] * 2


# --- retention --------------------------------------------------------------------------


def with_count(offsite: Offsite, count: int) -> None:
    offsite.site = replace(offsite.site, backup_max_count=count)


def test_retention_there_keeps_what_it_keeps_here(offsite: Offsite) -> None:
    backups = scheduled(offsite, 4)
    with_count(offsite, 2)
    nas = offsite.add()
    assert ids(offsite.run(nas).copies) == ids(backups[:2])
    newer = scheduled(offsite)
    assert ids(offsite.run(nas).copies) == ids([*newer, backups[0]])
    assert len(offsite.names(nas)) == 4


def test_what_was_deleted_here_stays_there_and_is_listed(offsite: Offsite) -> None:
    newest, older = scheduled(offsite, 2)
    nas = offsite.add(keep=KeepRule.ALL)
    offsite.run(nas)
    offsite.house.service.delete([older.id], by="ada")
    offsite.run(nas)
    assert ids(offsite.of(nas).only_here) == [older.id]
    offsite.service.change(replace(nas, keep=KeepRule.MIRROR), by="ada")
    assert ids(offsite.run(nas).copies) == [newest.id]


def test_a_mirror_of_an_empty_folder_removes_nothing(offsite: Offsite) -> None:
    backups = scheduled(offsite, 3)
    nas = offsite.add(keep=KeepRule.MIRROR)
    offsite.run(nas)
    offsite.house.service.delete([each.id for each in backups], by="ada")
    assert ids(offsite.run(nas).copies) == ids(backups)


def test_the_newest_good_copy_stays_while_no_newer_one_is_there(offsite: Offsite) -> None:
    first, second = scheduled(offsite, 2)[::-1]
    nas = offsite.add(keep=KeepRule.MIRROR)
    offsite.run(nas)
    offsite.house.service.delete([first.id, second.id], by="ada")
    (third,) = scheduled(offsite)
    Failing.error = RemoteError(Trouble.BROKEN_OFF)
    assert ids(offsite.run(nas, open_=Failing).copies) == [second.id, first.id]
    assert ids(offsite.run(nas).copies) == [third.id]


def test_the_last_good_copy_stays_until_a_newer_one_is_read_back(offsite: Offsite) -> None:
    class BySize(Folder):
        """Confirms sizes alone."""

        def has_confirmed(self) -> bool:
            return False

    class Garbling(BySize):
        """Keeps other bytes."""

        def put(self, name: str, source: Path, **how: Any) -> None:
            other = source.with_name("other")
            other.write_bytes(bytes(source.stat().st_size))
            super().put(name, other, **how)
            other.unlink()

    with_count(offsite, 1)
    (first,) = scheduled(offsite)
    nas = offsite.add()
    offsite.run(nas)
    (second,) = scheduled(offsite)
    offsite.run(nas, open_=Garbling)
    newer, older = offsite.ledger(nas).copies
    assert (newer.id, newer.state) == (second.id, CopyState.DAMAGED)
    assert (older.id, older.state) == (first.id, CopyState.GOOD)
    assert ids(offsite.run(nas, open_=BySize).copies) == [second.id]  # read, then removed


def test_a_lost_ledger_does_not_confirm_what_the_service_never_did(offsite: Offsite) -> None:
    class Unread(Folder):
        """Confirms sizes alone, and nothing can be read back."""

        def has_confirmed(self) -> bool:
            return False

        def get(self, *_arguments: Any, **_how: Any) -> None:
            raise RemoteError(Trouble.BROKEN_OFF)

    with_count(offsite, 1)
    (first,) = scheduled(offsite)
    nas = offsite.add()
    offsite.run(nas)
    (second,) = scheduled(offsite)
    offsite.run(nas, open_=Unread)
    offsite.files.ledger(nas.id).unlink()
    newer, older = offsite.run(nas, open_=Unread).copies
    assert (newer.id, newer.is_confirmed) == (second.id, False)
    assert (older.id, older.is_confirmed) == (first.id, True)
    offsite.house.clock.now += timedelta(hours=7)
    assert ids(offsite.run(nas).copies) == [second.id]  # read, then removed


def test_a_key_that_may_not_delete_is_remembered(offsite: Offsite) -> None:
    backups = scheduled(offsite, 3)
    nas = offsite.add()
    offsite.run(nas)
    with_count(offsite, 1)
    tried: list[str] = []

    class Denying(Folder):
        def delete(self, name: str) -> None:
            tried.append(name)
            raise RemoteError(Trouble.DENIED, action="delete")

    ledger = offsite.run(nas, open_=Denying)
    assert ids(ledger.copies) == ids(backups)
    assert ledger.trouble is None
    assert offsite.service.find(nas.id).may_delete is False
    assert len(tried) == 1
    offsite.run(nas, open_=Denying)
    assert len(tried) == 1


def test_copies_of_another_machine_with_our_name_are_never_removed(
    offsite: Offsite, tmp_path: Path
) -> None:
    scheduled(offsite)
    nas = offsite.add()
    offsite.run(nas)
    shutil.copytree(offsite.house.root / "data", tmp_path / "clone" / "data")
    clone = Offsite(type(offsite.house)(tmp_path / "clone"), offsite.site)
    mine, theirs = scheduled(offsite, 2), scheduled(clone, 2)
    for each in (offsite, clone, offsite):
        each.run(nas)
    with_count(offsite, 1)
    with_count(clone, 1)
    for each in (offsite, clone, offsite, clone):
        each.run(nas)
    found = {each.id: each.is_ours for each in good(offsite, nas)}
    assert found == {mine[0].id: True, theirs[0].id: False}
    clone.files.ledger(nas.id).unlink()
    clone.run(nas)
    assert {each.id: each.is_ours for each in good(clone, nas)} == {
        mine[0].id: False,
        theirs[0].id: True,
    }


def test_a_foreign_recipient_opens_new_copies(offsite: Offsite, tmp_path: Path) -> None:
    office = make_identity()
    nas = offsite.add(encrypt=True)
    offsite.service.keys.add_recipient(office.public_key, "Office", by="ada")
    (backup,) = scheduled(offsite)
    offsite.run(nas)
    there = offsite.there(nas) / f"launcher-{backup.id}.db.zst.age"
    with there.open("rb") as source, (tmp_path / "plain").open("wb") as target:
        decrypt(source, target, [office])
    assert (tmp_path / "plain").read_bytes() == offsite.house.stored(backup).read_bytes()
