"""Handing a backup out, and taking one in."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from launcher.backup.errors import StoreUnavailableError, UploadRejectedError, VerificationError
from launcher.backup.records.backup import Kind
from launcher.backup.records.operation import Outcome, Verb
from tests.support.notebook import digest, make_notebook
from tests.support.service import House, make_copy, run


@pytest.mark.parametrize("compress", [True, False])
def test_an_export_is_the_plain_database(tmp_path: Path, *, compress: bool) -> None:
    home = House(tmp_path, compress=compress).fill()
    before = digest(home.live)
    backup = home.create()
    home.run("DELETE FROM note")
    path = home.service.export(backup.id, home.root / "out.db", by="ada")
    assert path == home.root / "out.db"
    assert digest(path) == before
    assert run(path, "PRAGMA integrity_check") == [("ok",)]
    assert path.stat().st_mode & 0o777 == 0o600
    entry = home.service.journal()[0]
    assert (entry.verb, entry.backup_id) == (Verb.EXPORT, backup.id)
    assert dict(entry.facts, took_s=None) == {"target": str(path), "took_s": None}
    assert sorted(home.root.iterdir()) == [home.data, path]


def test_into_a_folder_it_gets_its_own_name(home: House) -> None:
    backup = home.create()
    folder = home.root / "out"
    folder.mkdir()
    path = home.service.export("latest", folder, by="ada")
    assert path == folder / f"launcher-{backup.id}.db"
    assert list(folder.iterdir()) == [path]


def test_an_export_of_a_file_without_a_manifest_is_checked(home: House) -> None:
    other = make_notebook(home.root / "other.db", notes=44, wal=False)
    home.backups.mkdir()
    make_copy(other, home.backups / "old.db")
    [found] = home.service.list()
    path = home.service.export(found.id, home.root / "out.db", by="ada")
    assert digest(path) == digest(other)
    assert home.staged() == []


def test_what_is_there_is_never_replaced(home: House) -> None:
    home.create()
    path = home.root / "out.db"
    path.write_text("mine")
    with pytest.raises(UploadRejectedError, match="exists already"):
        home.service.export("latest", path, by="ada")
    assert path.read_text() == "mine"
    assert sorted(home.root.iterdir()) == [home.data, path]


def test_a_folder_that_is_not_there_is_said(home: House) -> None:
    home.create()
    with pytest.raises(StoreUnavailableError, match="No such file"):
        home.service.export("latest", home.root / "nowhere" / "out.db", by="ada")


def test_a_disk_without_hard_links_takes_an_export(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a memory stick with FAT does."""
    before = digest(home.live)
    home.create()

    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted", str(target))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = home.service.export("latest", home.root / "out.db", by="ada")
    assert digest(path) == before
    with pytest.raises(UploadRejectedError, match="exists already"):
        home.service.export("latest", path, by="ada")
    assert digest(path) == before
    assert sorted(home.root.iterdir()) == [home.data, path]


def test_a_damaged_backup_is_not_handed_out(home: House) -> None:
    backup = home.create()
    path = home.stored(backup)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)
    with pytest.raises(VerificationError):
        home.service.export(backup.id, home.root / "out.db", by="ada")
    assert list(home.root.iterdir()) == [home.data]
    assert home.service.journal()[0].outcome is Outcome.FAILED


def test_an_export_can_be_imported_elsewhere(home: House, tmp_path: Path) -> None:
    home.create()
    path = home.service.export("latest", home.root / "out.db", by="ada")
    other = House(tmp_path / "other").fill(notes=1)
    backup = other.service.import_(path, by="eve", note="from the old server")
    assert (backup.kind, backup.created_by) == (Kind.UPLOAD, "eve")
    assert backup.note == "from the old server"
    assert other.service.get(backup.id) == backup
    other.service.restore(backup.id, by="eve", keep_schedule=False)
    assert digest(other.live) == digest(home.live)
    entry = other.service.journal()[1]
    assert (entry.verb, entry.backup_id) == (Verb.UPLOAD, backup.id)
    assert entry.facts["source"] == "out.db"


def test_a_stored_file_can_be_imported_as_it_is(home: House, tmp_path: Path) -> None:
    backup = home.create()
    other = House(tmp_path / "other").fill(notes=1)
    taken = other.service.import_(home.stored(backup), by="eve")
    assert taken.database is not None
    assert backup.database is not None
    assert taken.database.sha256 == backup.database.sha256


def test_the_file_that_was_imported_stays_where_it_is(home: House) -> None:
    other = make_copy(home.live, home.root / "other.db")
    before = other.read_bytes()
    home.service.import_(other, by="ada")
    assert other.read_bytes() == before
