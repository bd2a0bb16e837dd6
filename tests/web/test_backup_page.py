"""One backup's page says whether it is good, what differs now, and what can be done with it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from flask import Flask

from launcher.backup.locks import try_lock
from launcher.backup.records.backup import Backup
from launcher.backup.service import BackupService
from launcher.config import Config
from launcher.current import current_backups
from launcher.db.content import LauncherContent
from launcher.extensions import db
from launcher.models import App
from tests.conftest import ADA
from tests.support.service import run
from tests.web.visitor import Visitor


@pytest.fixture
def service(app: Flask) -> BackupService:
    with app.app_context():
        return current_backups()


@pytest.fixture
def made(service: BackupService, boards: None) -> Backup:
    return service.create(by="ada", note="Before the move")


def stored(service: BackupService, backup: Backup) -> Path:
    assert backup.file
    return service.store_path / backup.file.name


def look(visitor: Visitor, backup_id: str) -> str:
    """Open a page and return its text without markup."""
    answer = visitor.open(f"/admin/backups/{backup_id}")
    assert answer.status_code == 200, answer.text
    text = re.sub(r"<(script|style|svg|template).*?</\1>", "", visitor.page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_a_good_one_says_so_first(ada: Visitor, made: Backup) -> None:
    page = look(ada, made.id)

    assert "Good Manual, by Ada, today, " in page
    assert "“Before the move”" in page
    assert 'data-state="ok"' in ada.page
    for words in ("Restore…", "Download", "Protect from automatic removal", "Verify again",
                  "Test restore", "Delete…", "Compatible with this version"):  # fmt: skip
        assert words in page
    assert made.file
    assert made.file.sha256 in page
    assert made.file.name in page


def test_one_with_a_restore_test_says_that_it_was_tried(
    ada: Visitor, made: Backup, service: BackupService
) -> None:
    service.test_restore(made.id, by="ada")

    page = look(ada, made.id)

    assert "Good, restore test passed" in page
    assert "on a temporary copy" in page
    assert "Restore test passed: 7 apps, 3 boards, 3 users" in page


def test_one_whose_restore_test_failed_needs_attention(
    ada: Visitor, made: Backup, service: BackupService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("launcher.backup.verify.unpack_to", fail)
    with pytest.raises(Exception, match="No space left"):
        service.test_restore(made.id, by="ada")

    page = look(ada, made.id)

    assert "Good, but its last restore failed" in page
    assert "Restore test failed" in page
    assert "No space left on device" in page


def test_what_differs_now_is_counted(app: Flask, ada: Visitor, made: Backup) -> None:
    with app.app_context():
        db.session.add_all([App(name="New", url="http://n/"), App(name="Other", url="http://o/")])
        db.session.delete(db.session.scalars(db.select(App).where(App.name == "Diary")).one())
        db.session.commit()

    page = look(ada, made.id)

    assert "Apps 1 more now 7 8" in page
    assert "Boards 3 3" in page
    assert "Compare by name" in page
    assert f"/admin/backups/{made.id}/restore" in ada.page


def test_its_history_is_said_newest_first(
    ada: Visitor, made: Backup, service: BackupService
) -> None:
    service.verify(made.id, by="ada")
    service.protect(made.id, by="ben")

    page = look(ada, made.id)

    told = [
        "Protected by ben",
        "Verified: checksum, structure and references are correct",
        "Created in ",
    ]
    places = [page.index(words) for words in told]
    assert places == sorted(places)
    assert "Remove protection" in page


def test_a_safety_backup_says_which_restore_it_was_for(
    ada: Visitor, made: Backup, service: BackupService
) -> None:
    outcome = service.restore(made.id, by="ben")
    ada.sign_in(ADA)

    assert "Created before ben restored another backup" in look(ada, outcome.safety_id)
    assert "Good, restored before" in look(ada, made.id)
    assert "restored before" not in look(ada, outcome.safety_id)


def test_one_without_a_journal_still_has_a_beginning(
    ada: Visitor, made: Backup, config: Config
) -> None:
    (config.data_dir / "journal.jsonl").unlink()

    assert "History Created today, " in look(ada, made.id)


@pytest.fixture
def config(app: Flask) -> Config:
    config: Config = app.extensions["launcher.config"]
    return config


def test_a_damaged_one_names_what_is_wrong_and_what_to_do(
    ada: Visitor, made: Backup, service: BackupService
) -> None:
    path = stored(service, made)
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    service.verify(made.id, by="ada")

    page = look(ada, made.id)

    assert "Damaged: the file has changed since it was created" in page
    assert "There is no other backup. " in page
    assert "Back up now, and check the disk. If you have an undamaged copy" in page
    assert "Problem found:" in page
    assert "Restore…" not in page
    assert "Download compressed file" in page
    assert "Verified: damaged" in page
    russian = ada.client.get(f"/admin/backups/{made.id}", headers={"Accept-Language": "ru"}).text
    assert "Эту копию нельзя восстановить." in russian


def test_a_damaged_one_beside_a_good_one_names_the_other_as_the_way(
    ada: Visitor, made: Backup, service: BackupService
) -> None:
    service.create(by="ada")
    path = stored(service, made)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[::-1])
    service.verify(made.id, by="ada")

    page = look(ada, made.id)

    assert "Use another backup if you need one, and check the disk." in page
    assert "No other backup is known to be damaged." in page


def test_beside_a_damaged_one_no_more_is_said_of_the_others_than_is_known(
    ada: Visitor, made: Backup, service: BackupService, found: Path
) -> None:
    stored(service, made).unlink()
    assert "damaged, but 1 is not verified yet." in look(ada, made.id)

    service.verify(id_of(service, found), by="ada")
    assert "No other backup is known to be damaged." in look(ada, made.id)


def test_one_whose_file_is_gone_can_only_be_deleted(
    ada: Visitor, made: Backup, service: BackupService
) -> None:
    stored(service, made).unlink()

    page = look(ada, made.id)

    assert "Damaged: its file is missing" in page
    assert "Download" not in page
    assert "Verify" not in page.replace("Verified", "")
    assert "Delete…" in page


def test_one_with_an_unreadable_manifest_can_be_brought_in_again(
    ada: Visitor, made: Backup, service: BackupService
) -> None:
    manifest = service.store_path / f"launcher-{made.id}.json"
    manifest.chmod(0o600)
    manifest.write_text("{")

    page = look(ada, made.id)

    assert "Damaged: its manifest cannot be read" in page
    assert "upload it again" in page
    assert "Download compressed file" in page


@pytest.fixture
def found(made: Backup, service: BackupService) -> Path:
    """A copy that somebody put into the folder an hour ago."""
    path = service.export(made.id, service.store_path / "from the attic.db", by="test")
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 3600))
    return path


def id_of(service: BackupService, path: Path) -> str:
    return next(b.id for b in service.list() if b.note == path.name)


def test_a_file_from_the_folder_asks_to_be_checked(
    ada: Visitor, service: BackupService, found: Path
) -> None:
    page = look(ada, id_of(service, found))

    assert "File found in the folder, not checked yet" in page
    assert "Check file" in page
    assert found.name in page
    assert "Protect" not in page
    assert "Download compressed file" in page


def test_once_checked_it_is_a_backup_like_any_other(
    ada: Visitor, service: BackupService, found: Path
) -> None:
    backup_id = id_of(service, found)
    service.verify(backup_id, by="ada")

    page = look(ada, backup_id)

    assert "Good Found in the folder" in page
    assert "7 apps" not in page.split("Inside")[0]
    assert "Apps 7 7" in page


def test_someone_elses_file_says_what_it_is(
    ada: Visitor, service: BackupService, found: Path
) -> None:
    found.chmod(0o600)
    run(found, "PRAGMA application_id = 1")
    os.utime(found, (0, found.stat().st_mtime - 3600))
    backup_id = id_of(service, found)
    with pytest.raises(Exception, match="another application"):
        service.verify(backup_id, by="ada")

    page = look(ada, backup_id)

    assert "This is the database of another application" in page
    assert "Only a backup created by Launcher can be restored." in page
    assert "Restore…" not in page
    assert "Check again" in page
    assert "Delete…" in page


def test_a_letter_in_the_folder_is_said_as_damage(
    ada: Visitor, service: BackupService, found: Path
) -> None:
    found.chmod(0o600)
    found.write_bytes(b"Dear aunt" * 1000)
    os.utime(found, (0, found.stat().st_mtime - 3600))
    backup_id = id_of(service, found)
    service.verify(backup_id, by="ada")

    assert "This is not a database" in look(ada, backup_id)


def test_a_file_still_being_copied_is_given_time(
    ada: Visitor, service: BackupService, found: Path
) -> None:
    data = found.read_bytes()
    found.chmod(0o600)
    found.write_bytes(data[: len(data) // 2])

    backup_id = id_of(service, found)
    page = look(ada, backup_id)
    assert "This file may still be being copied" in page

    # A check at that moment does no harm, and what is whole later can be checked again.
    service.verify(backup_id, by="ada")
    found.write_bytes(data)
    later = id_of(service, found)
    assert "The file is damaged" not in look(ada, later)
    assert service.verify(later, by="ada").is_good


def test_one_of_a_newer_launcher_cannot_be_restored_here(
    ada: Visitor, made: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LauncherContent, "pending", lambda _self, _revision: None)

    page = look(ada, made.id)

    assert "Good, but created by a newer version of Launcher" in page
    assert "Requires a newer version of Launcher" in page
    assert "Restore…" not in page


def test_while_something_is_done_to_it_the_page_asks_again(
    ada: Visitor, made: Backup, config: Config
) -> None:
    state = {
        "operation_id": "0" * 16, "verb": "verify", "by": "ben",
        "started_at": "2026-11-22T12:03:00+00:00", "stages": ["unpack"], "stage": "unpack",
        "done": 0, "total": 0, "backup_id": made.id, "took_s": {}, "facts": {},
    }  # fmt: skip
    (config.data_dir / "operation.json").write_text(json.dumps(state))
    lock = try_lock(config.lock_dir / "operation", exclusive=True)
    assert lock is not None
    try:
        page = look(ada, made.id)
        assert "Verifying backups Started by ben." in page
        assert 'hx-trigger="every 1s"' in ada.page
        part = ada.open(f"/admin/backups/{made.id}", HX_Request="true")
    finally:
        os.close(lock)
    assert part.text.startswith('<div class="stack stack-l" id="backup"')
    look(ada, made.id)
    assert "hx-trigger" not in ada.page


@pytest.mark.parametrize("nonsense", ["20261122T170000Z-k3f9q2", "latest", "..%2f..%2fetc", "x"])
def test_what_is_no_backup_is_not_found(ada: Visitor, nonsense: str) -> None:
    for path in (nonsense, f"{nonsense}/download"):
        assert ada.open(f"/admin/backups/{path}").status_code == 404


def test_names_and_notes_are_text(ada: Visitor, service: BackupService, boards: None) -> None:
    made = service.create(by="<b>eve</b>", note="<script>alert(1)</script>")

    look(ada, made.id)

    assert "<script>alert" not in ada.page
    assert "&lt;script&gt;alert" in ada.page
    assert "<b>eve" not in ada.page


def test_what_a_good_one_leaves_out_is_on_its_page_and_in_the_list(
    ada: Visitor, service: BackupService, data_dir: Path
) -> None:
    run(data_dir / "launcher.db", 'CREATE TABLE "<b>mine</b>" (x)')
    made = service.create(by="ada")

    for address in (f"/admin/backups/{made.id}", "/admin/backups"):
        ada.open(address)
        assert (
            "Not included, because Launcher did not create it: &lt;b&gt;mine&lt;/b&gt;." in ada.page
        )
    ada.open(f"/admin/backups/{made.id}")
    assert 'data-state="warn"' in ada.page


def test_the_panel_names_what_was_altered_in_the_database(ada: Visitor, data_dir: Path) -> None:
    run(data_dir / "launcher.db", "ALTER TABLE tags ADD COLUMN mine TEXT")
    ada.open("/admin/backups")
    assert "The database was altered" in ada.page
    assert "“tags” in the database was altered, so it cannot be backed up." in ada.page
