"""Kill -9, a full disk, a second process, a copied machine: while copies go elsewhere.

After each: what is listed as a good copy is one, and the next run brings what is owed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.backup.errors import InsufficientSpaceError
from launcher.backup.records.backup import Backup, Kind
from launcher.offsite.troubles import Trouble
from tests.fault.conftest import SmallDisk
from tests.fault.disk import full_from, watched
from tests.fault.elsewhere import ID, Elsewhere, add_elsewhere, copy_elsewhere
from tests.fault.place import Place
from tests.fault.worker import Job, Worker

Lend = Callable[[], Worker]

_STRIDE = 17
_MOST_CALLS = 600


def expected(place: Place, *, keep_count: int = 10) -> list[Backup]:
    """Return the backups that are copied: by hand, and the newest scheduled ones."""
    backups = place.service().list()
    scheduled = [each for each in backups if each.kind is Kind.SCHEDULED][:keep_count]
    return [*scheduled, *(each for each in backups if each.kind is Kind.MANUAL)]


def scene(case: str, used: Place, root: Path) -> Elsewhere:
    """Return a place of which nothing is copied yet, or everything."""
    elsewhere = add_elsewhere(used.copy_to(root))
    if case == "copy_fewer":
        copy_elsewhere(elsewhere.place)
    return elsewhere


KEEP = {"copy": 10, "copy_fewer": 1}


def kill_at_calls(
    case: str, used: Place, lend: Lend, tmp_path: Path, *, stride: int, first: int = 1
) -> None:
    for number in range(first, _MOST_CALLS, stride):
        elsewhere = scene(case, used, tmp_path / "place")
        place = elsewhere.place
        worker = lend()
        worker.begin(Job(str(place.root), case, die_at=number))
        answer = worker.answer()
        assert "error" not in answer, answer
        try:
            elsewhere.assert_listed_are_good()
            assert elsewhere.status().destinations[0].progress is None
            copy_elsewhere(place, keep_count=KEEP[case])
            elsewhere.assert_complete(expected(place, keep_count=KEEP[case]))
        except BaseException as error:
            error.add_note(f"{case} was killed before its file-system call {number}")
            raise
        shutil.rmtree(place.root)
        if answer:
            assert number > 10, "it ended before it did anything"
            return
    pytest.fail(f"{case} made more than {_MOST_CALLS} calls")


@pytest.mark.parametrize("case", KEEP)
def test_it_survives_a_kill_at_sampled_file_system_calls(
    case: str, used: Place, lend: Lend, tmp_path: Path
) -> None:
    kill_at_calls(case, used, lend, tmp_path, stride=_STRIDE)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, 9))
@pytest.mark.parametrize("case", KEEP)
def test_it_survives_a_kill_at_every_file_system_call(
    case: str, first: int, used: Place, lend: Lend, tmp_path: Path
) -> None:
    kill_at_calls(case, used, lend, tmp_path, stride=8, first=first)


@pytest.mark.parametrize("calls", [1, None])
def test_a_full_disk_here_is_said_and_caught_up(
    calls: int | None, used: Place, tmp_path: Path
) -> None:
    """The disk of the data, where encrypted files are on their way, is full from some call on."""
    for number in range(1, _MOST_CALLS, _STRIDE):
        elsewhere = scene("copy", used, tmp_path / "place")
        place = elsewhere.place
        with watched(place.data_dir / "offsite", full_from(number, calls=calls)) as disk:
            try:
                copy_elsewhere(place)
            except InsufficientSpaceError:
                assert number < 10  # not even the folder could be made
            count = disk.count
        elsewhere.assert_listed_are_good()
        trouble = elsewhere.ledger().trouble
        assert trouble is None or trouble.trouble in {Trouble.NO_ROOM, Trouble.FULL}
        assert elsewhere.ledger().unfinished or elsewhere.files.all_staged(ID) == []
        copy_elsewhere(place)
        elsewhere.assert_complete(expected(place))
        shutil.rmtree(place.root)
        if count < number:
            return
    pytest.fail("it never came to its end")


def test_a_full_destination_is_said_with_figures(
    used: Place, small_disk: SmallDisk, tmp_path: Path
) -> None:
    place = used.copy_to(tmp_path / "place")
    elsewhere = add_elsewhere(place, small_disk.path)
    small_disk.fill(but_for_bytes=4096)
    copy_elsewhere(place)
    trouble = elsewhere.ledger().trouble
    assert trouble is not None
    assert trouble.trouble is Trouble.FULL
    assert isinstance(trouble.facts["free_bytes"], int)
    assert elsewhere.good() == []
    small_disk.clear()
    copy_elsewhere(place)
    elsewhere.assert_complete(expected(place))


def test_a_second_process_ends_at_once(used: Place, tmp_path: Path) -> None:
    elsewhere = scene("copy", used, tmp_path / "place")
    with elsewhere.files.held(ID) as is_ours:
        assert is_ours
        assert copy_elsewhere(elsewhere.place) is False
    assert elsewhere.names() == set()
    assert not elsewhere.files.ledger(ID).exists()


def test_a_ledger_that_was_cut_off_is_filled_again(used: Place, tmp_path: Path) -> None:
    elsewhere = scene("copy_fewer", used, tmp_path / "place")
    path = elsewhere.files.ledger(ID)
    path.write_bytes(path.read_bytes()[:-100])
    copy_elsewhere(elsewhere.place)
    elsewhere.assert_complete(expected(elsewhere.place))
