"""A store that is read-only or gone: its folder is named, and nothing breaks."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.backup.errors import BackupError, RestoreError, StoreUnavailableError
from launcher.backup.records.operation import Progress, Stage
from launcher.backup.service import BackupService
from tests.fault.conftest import SmallDisk
from tests.fault.invariant import assert_invariant, assert_lock_is_free, assert_nothing_left
from tests.fault.place import KEEP_ONE, Place, first_backup, make_used_place
from tests.fault.test_kill import STAGED

Act = Callable[[BackupService, Place, str], object]

WRITING: dict[str, Act] = {
    "create": lambda service, _place, _first: service.create(by="ada"),
    "import": lambda service, place, _first: service.import_(place.root / "outside.db", by="ada"),
    "protect": lambda service, _place, first: service.protect(first, by="ada"),
}
ANYTHING: dict[str, Act] = {
    **WRITING,
    "restore": lambda service, _place, first: service.restore(first, by="ada"),
    "verify": lambda service, _place, first: service.verify(first, by="ada"),
    "test_restore": lambda service, _place, first: service.test_restore(first, by="ada"),
    "plan": lambda service, _place, first: service.plan(first, by="ada"),
    "list": lambda service, _place, _first: service.list(),
    "delete": lambda service, _place, first: service.delete([first], by="ada"),
    "prune": lambda service, _place, _first: service.prune(KEEP_ONE, by="ada"),
    "export": lambda service, place, first: service.export(first, place.root / "n.db", by="ada"),
}


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.fixture
def place(small_disk: SmallDisk, tmp_path: Path) -> Place:
    """A place whose store lies on a disk of its own."""
    store_path = small_disk.path / "backups"
    store_path.mkdir()
    return make_used_place(tmp_path / "place", store_path=store_path)


@pytest.mark.parametrize("case", WRITING)
def test_a_read_only_store_is_named(
    case: str, place: Place, small_disk: SmallDisk, tmp_path: Path
) -> None:
    old = place.state()
    first = first_backup(place).id
    small_disk.change("ro")

    with pytest.raises(StoreUnavailableError) as refused:
        WRITING[case](place.service(), place, first)

    assert str(place.store_dir) in str(refused.value)
    assert_lock_is_free(place)
    small_disk.change("rw")
    assert_invariant(place, old=old, scratch=tmp_path, is_interrupted=False)
    assert len(place.store.list()) == 3


def test_a_read_only_store_can_still_be_read(
    place: Place, small_disk: SmallDisk, tmp_path: Path
) -> None:
    small_disk.change("ro")
    service = place.service()

    assert [backup.is_good for backup in service.list()] == [True, True, True]
    assert service.export(first_backup(place).id, tmp_path / "saved.db", by="ada").exists()
    result = service.delete([first_backup(place).id], by="ada")

    assert result.done == ()
    assert result.failed[0].error_code == "store_unavailable"
    assert str(place.store_dir) in str(result.failed[0].fault)
    assert len(service.list()) == 3


@pytest.mark.parametrize("damage", ["none", "missing", "garbage"])
def test_a_read_only_store_still_restores(
    damage: str, place: Place, small_disk: SmallDisk, first_state: str
) -> None:
    old = place.state()
    first = first_backup(place).id
    small_disk.change("ro")
    if damage == "missing":
        place.live.unlink()
    elif damage == "garbage":
        place.live.write_bytes(b"garbage" * 1000)
    service = place.service()

    outcome = service.restore(first, by="ada")

    assert place.state() == first_state
    assert_nothing_left(place)
    kept = str(place.data_dir / "fallback")
    if damage == "none":
        assert [warning.facts["folder"] for warning in outcome.warnings] == [kept]
        assert service.get(outcome.safety_id).is_good
        assert outcome.safety_id in {backup.id for backup in service.list()}
        assert place.service().undo(by="ada").plan.backup_id == outcome.safety_id
        assert place.state() == old
        assert service.verify(outcome.safety_id, by="ada").is_good
        assert service.delete([outcome.safety_id], by="ada").done == (outcome.safety_id,)
    else:
        assert outcome.warnings == ()


def test_what_a_check_finds_in_a_read_only_store_is_said_and_not_recorded(
    place: Place, small_disk: SmallDisk
) -> None:
    first = first_backup(place)
    assert first.file
    path = place.store_dir / first.file.name
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    small_disk.change("ro")
    service = place.service()

    found = service.verify(first.id, by="ada")

    assert not found.is_good
    assert "Read-only file system" in str(service.journal(limit=1)[0].facts["not_recorded"])
    other = next(backup for backup in service.list() if backup.id != first.id)
    for each in (service, place.service()):
        assert not each.get(first.id).is_good, "the history has it, for every process"
        assert each.get("latest").id == other.id
    assert service.verify(other.id, by="ada").is_good
    assert service.test_restore(other.id, by="ada").backup_id == other.id
    assert service.plan(other.id, by="ada").backup_id == other.id
    assert_nothing_left(place)


def test_a_file_is_restored_while_the_store_is_gone(
    place: Place, small_disk: SmallDisk, first_state: str
) -> None:
    small_disk.unmount()
    place.live.write_bytes(b"garbage" * 1000)

    place.service().restore(place.root / "outside.db", by="ada")

    assert place.state() == first_state
    assert not place.store_dir.exists()


@pytest.mark.parametrize("is_mounted", [True, False], ids=["removed", "not mounted"])
@pytest.mark.parametrize("case", ANYTHING)
def test_a_store_that_is_gone_is_named_and_not_made_again(
    case: str, is_mounted: bool, place: Place, small_disk: SmallDisk, tmp_path: Path
) -> None:
    old = place.state()
    first = first_backup(place).id
    if is_mounted:
        shutil.rmtree(place.store_dir)
    else:
        small_disk.unmount()

    with pytest.raises(StoreUnavailableError) as refused:
        ANYTHING[case](place.service(), place, first)

    assert str(place.store_dir) in str(refused.value)
    assert not place.store_dir.exists()
    assert place.state() == old
    assert place.service().live_problem() is None
    assert_lock_is_free(place)


@pytest.mark.parametrize("loss", ["read-only", "removed", "unmounted"])
@pytest.mark.parametrize("case", ["create", "restore", "import"])
def test_a_store_that_goes_half_way_leaves_the_live_data_whole(
    case: str, loss: str, place: Place, small_disk: SmallDisk, tmp_path: Path
) -> None:
    old = place.state()
    other = place.copy_to(tmp_path / "other")
    other_store = tmp_path / "other-store"
    shutil.copytree(place.store_dir, other_store)
    other = Place(other.root, other_store)
    other.service().restore(first_backup(other).id, by="ada")
    new = other.state()
    before = tmp_path / "before.db"
    shutil.copy(place.live, before)
    kept = tmp_path / "kept"
    shutil.copytree(place.store_dir, kept)

    for stage in STAGED[case]:
        refused = _run_and_lose(case, stage, loss, place, small_disk)
        state = place.state()
        assert state == (old if refused or case != "restore" else new)
        if refused and stage not in {Stage.REPLACE, Stage.CONFIRM}:
            assert str(place.store_dir) in str(refused)
        assert_lock_is_free(place)
        _bring_back(loss, place, small_disk, kept)
        assert_invariant(place, old=old, new=new, scratch=tmp_path, is_interrupted=False)
        assert place.service().create(by="ben").is_good
        for side_file in place.data_dir.glob("notebook.db-*"):
            side_file.unlink()
        shutil.copy(before, place.live)


def _run_and_lose(
    case: str, stage: Stage, loss: str, place: Place, small_disk: SmallDisk
) -> BackupError | None:
    service = place.service()
    first = first_backup(place).id
    is_lost = False

    def lose(progress: Progress) -> None:
        nonlocal is_lost
        if progress.stage is not stage or is_lost:
            return
        is_lost = True
        if loss == "read-only":
            # A busy disk cannot be made read-only; one with a file open for writing is busy.
            small_disk.change("ro")
        elif loss == "removed":
            shutil.rmtree(place.store_dir)
        else:
            small_disk.unmount()

    try:
        if case == "create":
            service.create(by="ada", on_progress=lose)
        elif case == "import":
            service.import_(place.root / "outside.db", by="ada", on_progress=lose)
        else:
            service.restore(first, by="ada", on_progress=lose)
    except (StoreUnavailableError, RestoreError) as error:
        return error
    finally:
        assert is_lost
    return None


def _bring_back(loss: str, place: Place, small_disk: SmallDisk, kept: Path) -> None:
    if loss == "read-only":
        small_disk.change("rw")
        return
    if loss == "unmounted":
        small_disk.mount(40 << 20)
    shutil.copytree(kept, place.store_dir, dirs_exist_ok=True)
