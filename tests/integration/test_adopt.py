"""A backup whose copy is elsewhere comes back as the one that it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.backup import verify
from launcher.backup.errors import (
    BackupNotFoundError,
    PlaceUnusableError,
    VerificationError,
)
from launcher.backup.examine import Checked, examine
from launcher.backup.ports import OnBytes
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Backup, Kind, Verification
from launcher.backup.records.operation import Outcome, Stage, Verb
from tests.support.service import House

Download = Callable[[Path, OnBytes], Backup]


@pytest.fixture
def away(home: House, tmp_path: Path) -> tuple[Backup, Path]:
    """A backup that was deleted here, and the copy of its file."""
    made = home.create(note="before the move", protected=True)
    copy = tmp_path / "copy"
    shutil.copy(home.stored(made), copy)
    home.service.unprotect(made.id, by="ada")
    home.service.delete([made.id], by="ada")
    return made, copy


def from_copy(backup: Backup, copy: Path) -> Download:
    def download(target: Path, on_bytes: OnBytes) -> Backup:
        shutil.copy(copy, target)
        on_bytes(copy.stat().st_size, copy.stat().st_size)
        return backup

    return download


def test_it_has_its_id_type_times_and_note_again(home: House, away: tuple[Backup, Path]) -> None:
    made, copy = away
    stages: list[Stage | None] = []
    adopted = home.service.adopt(
        made.id, from_copy(*away), by="ben", source="NAS",
        on_progress=lambda progress: stages.append(progress.stage),
    )  # fmt: skip

    assert replace(adopted, verification=made.verification) == made
    assert adopted.is_good
    assert home.service.get(made.id) == adopted
    assert home.stored(adopted).read_bytes() == copy.read_bytes()
    assert list(dict.fromkeys(filter(None, stages))) == [
        Stage.DOWNLOAD, Stage.UNPACK, Stage.PUBLISH,
    ]  # fmt: skip
    entry = home.service.journal(limit=1)[0]
    assert (entry.verb, entry.outcome, entry.by) == (Verb.FETCH, Outcome.SUCCEEDED, "ben")
    assert (entry.backup_id, entry.facts["source"]) == (made.id, "NAS")
    assert home.service.restore(made.id, by="ada").plan.source == made.id


def test_a_restore_that_follows_compares_its_bytes_and_checks_them_no_second_time(
    home: House, away: tuple[Backup, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, copy = away
    checked: list[str] = []

    def counted(path: Path, **given: Any) -> Checked:
        checked.append(path.name)
        return examine(path, **given)

    monkeypatch.setattr(verify, "examine", counted)
    service = home.open()
    service.adopt(made.id, from_copy(*away), by="ada")
    service.restore(made.id, by="ada")
    assert [name for name in checked if name.startswith(("fetch-", "restore-"))] == [
        name for name in checked if name.startswith("fetch-")
    ]
    home.open().restore(made.id, by="ada")  # another process
    assert [name for name in checked if name.startswith("restore-")]

    home.stored(made).write_bytes(copy.read_bytes()[:-1] + b"?")
    with pytest.raises(VerificationError):
        service.restore(made.id, by="ada")


def test_one_that_is_here_is_not_downloaded(home: House) -> None:
    made = home.create()

    def download(_target: Path, _on_bytes: OnBytes) -> Backup:
        raise AssertionError

    assert home.service.adopt(made.id, download, by="ada") == made


def test_a_damaged_one_here_is_replaced(home: House, tmp_path: Path) -> None:
    made = home.create()
    copy = Path(shutil.copy(home.stored(made), tmp_path / "copy"))
    data = bytearray(home.stored(made).read_bytes())
    data[len(data) // 2] ^= 1
    home.stored(made).write_bytes(data)
    assert not home.service.verify(made.id, by="ada").is_good

    assert home.service.adopt(made.id, from_copy(made, copy), by="ada").is_good
    assert home.service.verify(made.id, by="ada").is_good


def test_one_of_unknown_origin_here_is_replaced_by_one_that_is_confirmed(
    home: House, away: tuple[Backup, Path]
) -> None:
    made, copy = away
    doubt = Fault(Reason.ORIGIN_NOT_CONFIRMED, {"name": "Home"})
    verification = Verification.good([doubt], at=made.created_at)
    unknown = replace(made, kind=Kind.UPLOAD, verification=verification)
    assert home.service.adopt(made.id, from_copy(unknown, copy), by="ada").is_of_unknown_origin

    here = home.service.adopt(made.id, from_copy(*away), by="ada")
    assert here.is_of_unknown_origin
    confirmed = home.service.adopt(made.id, from_copy(*away), by="ada", is_confirmed=True)
    assert (confirmed.kind, confirmed.is_of_unknown_origin) == (Kind.MANUAL, False)
    assert home.service.get(made.id) == confirmed


def test_a_copy_that_is_damaged_or_of_another_backup_is_not_listed(
    home: House, away: tuple[Backup, Path]
) -> None:
    made, copy = away
    other = home.create()
    copy.write_bytes(copy.read_bytes()[:-9])
    for download in (from_copy(made, copy), from_copy(other, home.stored(other))):
        with pytest.raises(VerificationError):
            home.service.adopt(made.id, download, by="ada")
        with pytest.raises(BackupNotFoundError):
            home.service.get(made.id)
    assert home.staged() == []


def test_why_a_place_gave_nothing_is_in_the_history(home: House, away: tuple[Backup, Path]) -> None:
    def download(_target: Path, _on_bytes: OnBytes) -> Backup:
        raise PlaceUnusableError(Reason.NOT_FETCHED, cause="wrong_secret")

    with pytest.raises(PlaceUnusableError):
        home.service.adopt(away[0].id, download, by="ada")
    entry = home.service.journal(limit=1)[0]
    assert (entry.outcome, entry.error_code) == (Outcome.FAILED, "place_unusable")
    assert entry.error == "the copy could not be downloaded: wrong_secret"
