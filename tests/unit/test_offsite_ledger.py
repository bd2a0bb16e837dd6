"""The ledger of a destination as a file: written by one process, read by all."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from launcher.offsite.files import OffsiteFiles
from launcher.offsite.ledger import LedgerFile, ProgressFile
from launcher.offsite.records import LastTrouble, Ledger, Unfinished
from launcher.offsite.status import CopyProgress, Work
from launcher.offsite.troubles import Trouble
from tests.unit.test_offsite_owed import COPIES, NOW

FULL = Ledger(
    copies=tuple(COPIES),
    listed_at=NOW,
    strange=("holiday.jpg",),
    strange_count=1,
    trouble=LastTrouble(Trouble.FULL, NOW, NOW, 3, {"free_bytes": 1}, "no", NOW),
    unfinished=Unfinished("20261122T030000Z-k3q9f2", "a.age", 10, "1" * 64, token="part 2"),
    copied_at=NOW,
    copied_s=1.5,
    free_bytes=10,
)


@pytest.fixture
def files(tmp_path: Path) -> OffsiteFiles:
    return OffsiteFiles(tmp_path)


def test_all_of_it_comes_back(files: OffsiteFiles) -> None:
    LedgerFile(files, "nas").write(FULL)
    assert LedgerFile(files, "nas").read() == FULL
    assert LedgerFile(files, "other").find() is None
    assert files.ledger("nas").stat().st_mode & 0o777 == 0o600
    assert files.folder.stat().st_mode & 0o777 == 0o700


def test_it_is_read_again_only_once_it_has_changed(files: OffsiteFiles) -> None:
    mine, theirs = LedgerFile(files, "nas"), LedgerFile(files, "nas")
    theirs.write(FULL)
    time.sleep(0.06)  # within a step of the file system's time, no change is sure to be seen
    assert mine.read() is mine.read()
    theirs.write(replace(FULL, copies=FULL.copies[1:]))
    assert mine.read().copies == FULL.copies[1:]


@pytest.mark.parametrize("cut", [0, 1, 300, -3])
def test_a_part_of_it_is_none(files: OffsiteFiles, cut: int) -> None:
    LedgerFile(files, "nas").write(FULL)
    path = files.ledger("nas")
    path.write_bytes(path.read_bytes()[:cut])
    assert LedgerFile(files, "nas").find() is None
    assert LedgerFile(files, "nas").read() == Ledger()


def test_progress_is_shown_while_a_process_works(files: OffsiteFiles) -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    progress = CopyProgress(Work.UPLOAD, at, "20261122T030000Z-k3q9f2", 10, 20)
    files.ensure_folder()
    shown = ProgressFile(files, "nas")
    with files.held("nas"):
        shown.write(progress)
        assert ProgressFile(files, "nas").read() == progress
    assert ProgressFile(files, "nas").read() is None  # of a process that was killed


def test_two_destinations_of_similar_names_keep_their_files(files: OffsiteFiles) -> None:
    files.ensure_folder()
    for each in ("nas", "nas-2"):
        files.staged(each, "launcher-20261122T030000Z-k3q9f2.db.zst.age").touch()
        LedgerFile(files, each).write(FULL)
    files.forget("nas")
    left = {each.name for each in files.folder.iterdir()}
    assert left == {"nas-2.json", "nas-2-launcher-20261122T030000Z-k3q9f2.db.zst.age.part"}
