"""Files that somebody made to harm: refused in words on every way in, or harmless."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from launcher.background.examination import ExaminerInChild, Limits
from launcher.backup.errors import (
    BackupError,
    CheckStoppedError,
    UploadRejectedError,
    VerificationError,
)
from launcher.backup.records.backup import Kind
from launcher.cli.exits import EXIT_CODES
from tests.support.hostile import HOSTILE, LARGE, RUNNING, Make, mutated
from tests.support.notebook import Notebook, make_notebook
from tests.support.service import House, make_copy, run

REFUSALS = {
    "upload_rejected",
    "incompatible_backup",
    "verification_failed",
    "insufficient_space",
    "check_stopped",
}
WAYS = ("import", "plan", "restore", "verify")
_SEEDS = int(os.environ.get("HOSTILE_SEEDS", "300"))
_MEMORY = 256 << 20


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good file from outside, for each test to spoil a copy of."""
    folder = tmp_path_factory.mktemp("good")
    other = make_notebook(folder / "other.db", notes=60, wal=False)
    return make_copy(other, folder / "good.db")


@pytest.fixture
def upload(home: House, good: Path) -> Path:
    path = home.root / "upload.db"
    path.write_bytes(good.read_bytes())
    return path


def offer(home: House, path: Path, way: str) -> str:
    """Offer a file on one way in; return the code of the refusal, "" when it passed."""
    before = home.facts()
    refused = _try(home, path, way)
    if refused:
        assert refused.code in REFUSALS
        assert EXIT_CODES[refused.code] > 1
        assert str(refused)
        assert home.facts() == before, "something was changed"
    assert home.staged() == []
    assert home.service.progress() is None
    assert list(home.service.checks()) == []
    return refused.code if refused else ""


def _try(home: House, path: Path, way: str) -> BackupError | None:
    try:
        match way:
            case "verify":
                return _verify(home, path)
            case "plan":
                home.service.plan(path, by="ada")
            case "import":
                home.service.delete([home.service.import_(path, by="ada").id], by="ada")
            case "restore":
                home.service.restore(path, by="ada")
                _assert_ours(home)
                home.service.undo(by="ada")
    except BackupError as error:
        return error
    return None


def _verify(home: House, path: Path) -> BackupError | None:
    """Verify the file where it lies in the folder of the backups."""
    found = home.backups / "found.db"
    found.write_bytes(path.read_bytes())
    try:
        (external,) = [each for each in home.store.list() if each.kind is Kind.EXTERNAL]
        verified = home.service.verify(external.id, by="ada")
        if fault := verified.verification.fault:
            return VerificationError(fault.reason, **fault.facts)
        home.store.remove(verified)
    finally:
        found.unlink(missing_ok=True)
    return None


def _assert_ours(home: House) -> None:
    """Nothing of a stranger's schema is in the live database."""
    ours = {(each.type, each.name, each.sql) for each in Notebook().expected_schema("0003")}
    ours.add(("table", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"))
    found = set(home.run("SELECT type, name, CAST(sql AS TEXT) FROM sqlite_schema"))
    assert found <= ours
    assert home.run("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("spoil", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_in_words_or_harmless(
    home: House, upload: Path, spoil: Make
) -> None:
    spoil(upload)
    home.create()

    passed = {way for way in WAYS if not offer(home, upload, way)}

    assert passed in (set(), set(WAYS)), "one way in takes what another refuses"


@pytest.mark.slow
@pytest.mark.parametrize("spoil", LARGE.values(), ids=LARGE)
def test_a_large_hostile_file_is_refused_in_words_or_harmless(
    home: House, upload: Path, spoil: Make
) -> None:
    spoil(upload)
    home.create()

    passed = {way for way in WAYS if not offer(home, upload, way)}

    assert passed in (set(), set(WAYS)), "one way in takes what another refuses"


@pytest.mark.parametrize("spoil", RUNNING.values(), ids=RUNNING)
def test_a_file_that_runs_when_it_is_opened_is_stopped(
    home: House, upload: Path, spoil: Make
) -> None:
    spoil(upload)
    limits = Limits(time_s=0.8, processor_s=30, memory_bytes=_MEMORY, file_bytes=64 << 20)
    home.service = home.open(
        examiner=ExaminerInChild("tests.support.examination", limits=lambda _size: limits)
    )

    # By its limit, or by its schema where this SQLite does not run it.
    with pytest.raises((CheckStoppedError, UploadRejectedError)):
        home.service.import_(upload, by="ada")

    assert home.staged() == []
    assert run(home.live, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.slow
def test_random_damage_is_refused_in_words_or_harmless(home: House, good: Path) -> None:
    home.create()
    limits = Limits(time_s=20.0, processor_s=20, memory_bytes=_MEMORY, file_bytes=64 << 20)
    home.service = home.open(
        examiner=ExaminerInChild("tests.support.examination", limits=lambda _size: limits)
    )
    passed = 0
    for seed in range(_SEEDS):
        upload = home.root / "upload.db"
        upload.write_bytes(good.read_bytes())
        mutated(seed)(upload)
        try:
            passed += not offer(home, upload, "restore")
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    assert passed < _SEEDS // 2
