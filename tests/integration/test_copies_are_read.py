"""Copies elsewhere are read in full, each in its turn, and what is wrong with one is found."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from launcher.backup.records.backup import Backup
from launcher.offsite import download
from launcher.offsite.age import Identity, encrypt, make_identity
from launcher.offsite.proof import due_to_read, read_some
from launcher.offsite.records import CopyState, Destinations, Ledger, StoredCopy
from launcher.offsite.remote import OnBytes
from launcher.offsite.troubles import RemoteError, Trouble
from tests.support.service import House

KEY = make_identity()
DAY = timedelta(days=1)


@dataclass
class Shelf:
    """A destination that is a folder, of which each download is counted."""

    folder: Path
    fetched: list[str] = field(default_factory=list)
    refuses: Trouble | None = None
    is_endless: bool = False

    def get(self, name: str, target: Path, *, on_bytes: OnBytes) -> None:
        """Write the object into the new file `target`."""
        if self.refuses:
            raise RemoteError(self.refuses)
        self.fetched.append(name)
        if not (self.folder / name).exists():
            raise RemoteError(Trouble.NOT_THERE, name=name)
        shutil.copyfile(self.folder / name, target)
        size_bytes = target.stat().st_size
        on_bytes(size_bytes, size_bytes)
        if self.is_endless:
            on_bytes(size_bytes + 1, size_bytes)
            raise OSError(errno.ENOSPC, "the disk here is full")


@dataclass
class Reading:
    """What is read, with the ledger as it was written last."""

    home: House
    shelf: Shelf
    ledger: Ledger = field(default_factory=Ledger)
    kept: list[Ledger] = field(default_factory=list)
    rules: Destinations = field(default_factory=Destinations)
    identities: tuple[Identity, ...] = (KEY,)
    staged: Path = Path()

    def add(self, *, recipients: frozenset[str] = frozenset({KEY.public_key})) -> StoredCopy:
        """Create a backup, and put a copy of it on the shelf."""
        self.home.run("UPDATE setting SET site_name = site_name || '!'")
        backup: Backup = self.home.create()
        assert backup.file
        name = f"{backup.file.name}{'.age' if recipients else ''}"
        path = self.shelf.folder / name
        with self.home.stored(backup).open("rb") as source, path.open("wb") as target:
            if recipients:
                encrypt(source, target, recipients)
            else:
                shutil.copyfileobj(source, target)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        copy = StoredCopy(
            backup, name, path.stat().st_size, sha256, backup.created_at, recipients=recipients
        )
        self.ledger = replace(self.ledger, copies=(copy, *self.ledger.copies))
        return copy

    def read(self, *, may_go_on: Callable[[], bool] = lambda: True) -> list[str]:
        """Read what is due, and return the names of what was downloaded."""
        self.shelf.fetched.clear()
        found = read_some(
            self.shelf,  # type: ignore[arg-type]
            self.ledger,
            rules=self.rules,
            identities=self.identities,
            staged=self.staged,
            clock=self.home.clock,
            keep=self.kept.append,
            on_bytes=lambda _copy, _done, _total: None,
            may_go_on=may_go_on,
        )
        assert not self.kept or self.kept[-1] == found
        self.ledger = found
        assert list(self.staged.parent.iterdir()) == []
        return [*self.shelf.fetched]

    def of(self, copy: StoredCopy) -> StoredCopy:
        """Return what is known of a copy by now."""
        return next(each for each in self.ledger.copies if each.id == copy.id)


@pytest.fixture
def reading(home: House, tmp_path: Path) -> Reading:
    """A site with an empty destination."""
    for name in ("shelf", "offsite"):
        (tmp_path / name).mkdir()
    return Reading(home, Shelf(tmp_path / "shelf"), staged=tmp_path / "offsite" / "read.part")


def flip(path: Path, at: int = 400) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_a_copy_that_is_confirmed_by_its_size_alone_is_read_back_first(reading: Reading) -> None:
    old, unsure, sure = (reading.add() for _ in range(3))
    copies = tuple(replace(each, is_confirmed=each.id != unsure.id) for each in (sure, unsure, old))
    reading.ledger = replace(reading.ledger, copies=copies)

    assert reading.read() == [unsure.name]  # the turn of the others comes within 90 days
    assert reading.of(unsure).read_at is not None
    reading.home.clock.now += DAY
    assert reading.read() == [old.name]


def test_each_copy_is_read_once_within_the_days_and_the_longest_unread_first(
    reading: Reading,
) -> None:
    reading.rules = Destinations(read_within_days=10)  # nine of them, so that a day can be missed
    copies = [reading.add() for _ in range(12)]

    read = []
    for _day in range(6):
        read.append(reading.read())
        assert reading.read() == []  # no more on the same day
        reading.home.clock.now += DAY
    assert [len(each) for each in read] == [2] * 6
    assert [name for each in read for name in each] == [copy.name for copy in copies]
    assert all(copy.read_at for copy in reading.ledger.copies)

    reading.home.clock.now += 9 * DAY  # nothing ran for a while
    assert len(reading.read()) == 12


def test_a_copy_that_is_not_encrypted_is_read_as_well(reading: Reading) -> None:
    copy = reading.add(recipients=frozenset())
    assert reading.read() == [copy.name]
    assert reading.of(copy).read_at is not None


def test_a_copy_without_end_is_damaged_and_fills_no_disk(reading: Reading) -> None:
    copy = reading.add()
    reading.shelf.is_endless = True
    reading.read()
    assert (reading.of(copy).state, reading.of(copy).trouble) == (
        CopyState.DAMAGED,
        Trouble.DIFFERENT,
    )


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_a_flipped_bit_a_cut_and_a_swap_are_found(reading: Reading, is_encrypted: bool) -> None:
    recipients = frozenset({KEY.public_key}) if is_encrypted else frozenset()
    flipped, cut, swapped, other = (reading.add(recipients=recipients) for _ in range(4))
    shelf = reading.shelf.folder
    flip(shelf / flipped.name)
    (shelf / cut.name).write_bytes((shelf / cut.name).read_bytes()[:-7])
    shutil.copyfile(shelf / other.name, shelf / swapped.name)
    reading.home.clock.now += 100 * DAY
    reading.read()

    for copy in (flipped, cut, swapped):
        found = reading.of(copy)
        assert (found.state, found.trouble) == (CopyState.DAMAGED, Trouble.DIFFERENT)
        assert found.read_at is None
        assert found.bad_since is not None
    assert reading.of(other).state is CopyState.GOOD
    assert reading.ledger.read_trouble is None


def test_what_was_wrong_before_it_was_encrypted_is_found(reading: Reading) -> None:
    copy = reading.add()
    path = reading.shelf.folder / copy.name
    stored = reading.home.stored(copy.backup)
    flip(stored)
    with stored.open("rb") as source, path.open("wb") as target:
        encrypt(source, target, copy.recipients)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    reading.ledger = replace(reading.ledger, copies=(replace(copy, sha256=sha256),))
    reading.read()

    assert reading.of(copy).state is CopyState.DAMAGED


def test_a_copy_that_is_gone_is_missing(reading: Reading) -> None:
    copy = reading.add()
    (reading.shelf.folder / copy.name).unlink()
    reading.read()

    found = reading.of(copy)
    assert (found.state, found.trouble) == (CopyState.MISSING, Trouble.NOT_THERE)


def test_a_copy_for_another_key_is_named_and_never_downloaded(reading: Reading) -> None:
    ours, foreign = reading.add(), reading.add(recipients=frozenset({make_identity().public_key}))
    reading.home.clock.now += 100 * DAY

    assert reading.read() == [ours.name]
    assert (reading.of(foreign).state, reading.of(foreign).trouble) == (
        CopyState.GOOD,
        Trouble.NO_KEY,
    )

    reading.identities = ()
    reading.read()
    assert reading.of(ours).trouble is Trouble.NO_KEY
    reading.identities = (KEY,)
    reading.read()
    assert reading.of(ours).trouble is None


def test_bytes_of_a_day_are_kept_to_and_made_up_for(reading: Reading) -> None:
    copies = [reading.add() for _ in range(3)]
    size = max(copy.size_bytes for copy in copies)
    reading.rules = Destinations(read_within_days=1, read_bytes_a_day=size // 2 + 1)
    reading.home.clock.now += 100 * DAY

    found = []
    for _day in range(5):
        found.append(len(reading.read()))
        reading.home.clock.now += DAY
    assert found == [1, 0, 1, 0, 1]


def test_a_disk_too_small_is_said_and_smaller_copies_are_read(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = reading.add()
    reading.home.run("UPDATE note SET body = hex(randomblob(400000)) WHERE id = 1")
    large = reading.add()
    reading.home.clock.now += 100 * DAY
    room = download.SPARE_BYTES + 300_000
    monkeypatch.setattr("launcher.backup.files.free_bytes", lambda _path: room)

    assert reading.read() == [small.name]
    trouble = reading.ledger.read_trouble
    assert trouble is not None
    assert (trouble.trouble, trouble.count) == (Trouble.NO_ROOM, 1)
    assert trouble.facts["free_bytes"] == room
    assert int(str(trouble.facts["needed_bytes"])) > room

    monkeypatch.undo()
    assert reading.read() == []  # it waits for a while
    reading.home.clock.now += timedelta(hours=7)
    assert reading.read() == [large.name]
    assert reading.ledger.read_trouble is None


def test_a_service_that_refuses_says_nothing_of_the_copies(reading: Reading) -> None:
    copy = reading.add()
    reading.shelf.refuses = Trouble.DENIED
    for count in (1, 2):
        reading.read()
        trouble = reading.ledger.read_trouble
        assert trouble is not None
        assert (trouble.trouble, trouble.count) == (Trouble.DENIED, count)
        reading.home.clock.now += timedelta(hours=7)
    assert reading.of(copy).state is CopyState.GOOD

    reading.shelf.refuses = None
    reading.read()
    assert reading.ledger.read_trouble is None
    assert reading.of(copy).read_at is not None


def test_reading_makes_way_for_a_backup_to_copy(reading: Reading) -> None:
    for _ in range(3):
        reading.add()
    reading.home.clock.now += 100 * DAY
    answers = iter([True, False])

    assert len(reading.read(may_go_on=lambda: next(answers))) == 1
    assert len(reading.read()) == 2


def test_what_a_killed_process_left_is_no_obstacle(reading: Reading) -> None:
    copy = reading.add()
    for name in ("read.part", "read.part.age", "read.part.db"):
        (reading.staged.parent / name).write_text("left")

    assert reading.read() == [copy.name]
    assert reading.of(copy).read_at is not None


def test_a_new_copy_waits_for_its_turn(reading: Reading) -> None:
    copies = [reading.add() for _ in range(3)]
    now = copies[-1].copied_at + DAY
    due = due_to_read(reading.ledger, Destinations(), {KEY.public_key}, now=now)
    assert [each.id for each in due] == [copies[0].id]
