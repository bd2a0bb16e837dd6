"""When the leader starts the process of a destination, and that process itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise

import pytest
from flask import Flask

from launcher.backup.records.backup import Kind
from launcher.current import current_backups, current_config, current_offsite
from launcher.jobs.offsite import CopyStarter
from launcher.offsite.files import OffsiteFiles
from launcher.offsite.folder import Folder
from launcher.offsite.process import start_copying
from launcher.offsite.records import Destination
from launcher.offsite.status import Work
from launcher.offsite.troubles import RemoteError, Trouble
from launcher.settings.table import SiteSettings
from tests.support.offsite import Offsite, folder_destination


@dataclass
class Leader:
    """A leader that runs what it starts in this process, and a steady clock in hand."""

    offsite: Offsite
    started: list[str] = field(default_factory=list)
    runs: bool = True
    steady_s: float = 0.0

    def __post_init__(self) -> None:
        self.starter = CopyStarter(
            self.offsite.house.data,
            self.offsite.service,
            self.start,
            steady_s=lambda: self.steady_s,
        )

    def start(self, destination_id: str) -> None:
        self.started.append(destination_id)
        if self.runs:
            self.offsite.run(self.offsite.service.find(destination_id))

    def tick(self, *, later: timedelta = timedelta(seconds=2)) -> list[str]:
        """Let time pass and return what is started then."""
        self.steady_s += later.total_seconds()
        self.offsite.house.clock.now += later
        self.started.clear()
        self.starter.tick(self.offsite.site)
        return [*self.started]


@pytest.fixture
def leader(offsite: Offsite) -> Leader:
    """A leader of a house without destinations."""
    return Leader(offsite)


def test_without_destinations_nothing_is_read(leader: Leader) -> None:
    leader.offsite.house.create(kind=Kind.SCHEDULED)
    assert leader.tick() == []
    assert not leader.offsite.files.folder.exists()


def test_a_new_destination_and_a_new_backup_are_copied_at_the_next_look(leader: Leader) -> None:
    offsite = leader.offsite
    offsite.house.create(kind=Kind.SCHEDULED)
    nas = offsite.add()
    assert leader.tick() == [nas.id]
    assert leader.tick() == []
    offsite.house.create(kind=Kind.SCHEDULED)
    assert leader.tick() == [nas.id]
    assert len(offsite.ledger(nas).copies) == 2
    offsite.house.create(kind=Kind.SAFETY)
    assert leader.tick() == []


def test_a_destination_is_listed_once_a_day(leader: Leader) -> None:
    nas = leader.offsite.add()
    assert leader.tick() == [nas.id]
    assert leader.tick(later=timedelta(hours=23)) == []
    assert leader.tick(later=timedelta(hours=1)) == [nas.id]


class Away(Folder):
    """A service that cannot be reached."""

    def list(self, folder: str = "") -> object:  # type: ignore[override]
        raise RemoteError(Trouble.UNREACHABLE, host=folder)


def test_after_a_failure_it_is_tried_when_the_pause_is_over(leader: Leader) -> None:
    offsite = leader.offsite
    nas = offsite.add()
    leader.runs = False
    offsite.run(nas, open_=Away)
    assert leader.tick(later=timedelta(seconds=31)) == []
    assert leader.tick(later=timedelta(seconds=31)) == [nas.id]


def test_who_asks_for_a_copy_overrules_the_pause(leader: Leader) -> None:
    offsite = leader.offsite
    nas = offsite.add()
    offsite.run(nas, open_=Away)
    assert leader.tick() == []
    offsite.service.copy_now(nas.id)
    assert leader.tick() == [nas.id]
    assert offsite.ledger(nas).trouble is None
    assert leader.tick() == []


def test_a_changed_destination_is_tried_at_once(leader: Leader) -> None:
    offsite = leader.offsite
    nas = offsite.add()
    offsite.run(nas, open_=Away)
    assert leader.tick() == []
    offsite.service.change(replace(nas, name="Box"), by="ada")
    assert leader.tick() == [nas.id]


def test_a_process_that_gets_nowhere_is_started_ever_more_seldom(leader: Leader) -> None:
    offsite = leader.offsite
    offsite.house.create(kind=Kind.SCHEDULED)
    nas = offsite.add()
    leader.runs = False
    half_minute = timedelta(seconds=30)
    starts = [bool(leader.tick(later=half_minute)) for _ in range(2 * 60)]
    minutes = [number / 2 for number, is_start in enumerate(starts) if is_start]
    assert [round(b - a) for a, b in pairwise(minutes)] == [1, 2, 4, 8, 16]
    offsite.service.copy_now(nas.id)
    assert leader.tick() == [nas.id]


def test_what_works_already_or_is_paused_is_not_started(leader: Leader) -> None:
    offsite = leader.offsite
    nas = offsite.add()
    with offsite.files.held(nas.id) as is_ours:
        assert is_ours
        assert leader.tick() == []
    paused = offsite.service.change(replace(nas, paused=True), by="ada")
    offsite.service.copy_now(nas.id)
    assert leader.tick() == []
    assert not offsite.service.is_any_wanted()
    offsite.service.change(replace(paused, paused=False), by="ada")
    assert leader.tick() == [nas.id]


# --- the process ------------------------------------------------------------------------


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def test_a_process_of_its_own_copies(app: Flask) -> None:
    config = current_config(app)
    backup = current_backups(app).create(by="ada")
    path = config.data_dir.parent / "nas"
    path.mkdir()
    nas = current_offsite(app).add(folder_destination(path, encrypt=True), by="ada")
    assert start_copying(config, nas.id)
    until(lambda: not OffsiteFiles(config.data_dir).is_held(nas.id))
    (copy,) = current_offsite(app).ledger(nas.id).copies
    assert copy.backup == backup
    assert (path / f"launcher-{current_offsite(app).settings().site}" / copy.name).exists()


@pytest.mark.parametrize("is_removed", [False, True])
def test_a_process_stops_when_its_destination_is_paused_or_removed(
    app: Flask, is_removed: bool
) -> None:
    config, service = current_config(app), current_offsite(app)
    current_backups(app).create(by="ada")
    path = config.data_dir.parent / "nas"
    path.mkdir()
    # So slow that the change comes in the middle.
    nas = service.add(folder_destination(path, encrypt=True, limit_bytes_s=1000), by="ada")
    files = OffsiteFiles(config.data_dir)
    assert start_copying(config, nas.id)
    until(lambda: _work(app, nas) is Work.UPLOAD)
    if is_removed:
        service.remove(nas.id, by="ada")
    else:
        service.change(replace(nas, paused=True), by="ada")
    until(lambda: not files.is_held(nas.id))
    assert not any(path.rglob("*.json"))
    left = {each.name for each in files.folder.iterdir() if not each.name.startswith(".")}
    if is_removed:
        assert left == {"writer"}
    else:
        assert service.ledger(nas.id).copies == ()
        assert service.status(SiteSettings()).destinations[0].standing == "paused"


def _work(app: Flask, destination: Destination) -> Work | None:
    found = current_offsite(app).status(SiteSettings()).find(destination.id)
    return found.progress.work if found and found.progress else None
