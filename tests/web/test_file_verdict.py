"""What an uploaded file turned out to be is said in words that name what to do next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from launcher import migrations
from launcher.backup.errors import BackupError
from launcher.backup.records.operation import JournalEntry, Verb
from launcher.backup.service import BackupService
from launcher.current import current_backups
from launcher.db.content import LauncherContent
from launcher.web.admin.backups.file_verdict import FileVerdict, verdict
from tests.support.notebook import make_notebook
from tests.support.service import run

Judge = Callable[..., FileVerdict]


@pytest.fixture
def service(app: Flask) -> BackupService:
    with app.app_context():
        return current_backups()


@pytest.fixture
def detect_problems(app: Flask, service: BackupService) -> Judge:
    """Take a file in as its upload would, and return the verdict."""

    def give(path: Path, *, note: str = "") -> FileVerdict:
        try:
            made = service.import_(path, by="ada", note=note)
        except BackupError:
            made = None
        entry = service.journal(limit=1)[0]
        assert isinstance(entry, JournalEntry)
        assert entry.verb is Verb.UPLOAD
        with app.test_request_context():
            return verdict(entry, made)

    return give


@pytest.fixture
def copy(service: BackupService, cast: object, tmp_path: Path) -> Path:
    made = service.create(by="test")
    return service.export(made.id, tmp_path / "copy.db", by="test")


def test_a_good_one_is_named_with_what_is_inside(detect_problems: Judge, copy: Path) -> None:
    found = detect_problems(copy)

    assert found.severity == "ok"
    assert found.title == "This is a good backup of Launcher"
    assert f"Database version {LauncherContent().head}. Compatible with this version." in found.text
    assert "0 apps, 0 boards, 3 users" in found.text
    assert "Nothing was restored" in found.text


def test_one_that_still_has_our_name_says_when_it_was_made(
    detect_problems: Judge, copy: Path
) -> None:
    found = detect_problems(copy, note="launcher-20261103T120304Z-k3f9q2.db")

    assert "Created 3 November, 12:03, according to its name." in found.text


def test_one_that_was_deleted_since_is_not_promised(app: Flask, service: BackupService, copy: Path):
    service.import_(copy, by="ada")
    with app.test_request_context():
        found = verdict(service.journal(limit=1)[0], None)

    assert "has been removed since" in found.text


def of_a_newer_launcher(path: Path) -> None:
    run(path, "UPDATE alembic_version SET version_num = '9999'")


def of_another_app(path: Path) -> None:
    run(path, "PRAGMA application_id = 1")


def with_a_foreign_table(path: Path) -> None:
    run(path, "CREATE TABLE stowaway (id INTEGER)")


def without_a_schema(path: Path) -> None:
    run(path, "DROP TABLE alembic_version")


def a_letter(path: Path) -> None:
    path.write_text("Dear aunt, " * 100)


def cut_off(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def with_a_torn_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 4096 // 2 * 4096
    data[middle : middle + 4096] = bytes(4096)
    path.write_bytes(data)


def a_bomb(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[28:32] = (1 << 30).to_bytes(4, "big")
    path.write_bytes(_compressed(bytes(data)))


def _compressed(data: bytes) -> bytes:
    from launcher.backup.compression import zstd  # noqa: PLC0415

    packed: bytes = zstd.compress(data)
    return packed


@pytest.mark.parametrize(
    ("change", "severity", "title"),
    [
        (of_a_newer_launcher, "warn", "This backup was created by a newer version of Launcher"),
        (of_another_app, "warn", "This is the database of another application"),
        (
            with_a_foreign_table,
            "warn",
            "The file also contains objects that Launcher did not create",
        ),
        (without_a_schema, "warn", "This is not a backup of Launcher"),
        (a_letter, "warn", "This is not a database"),
        (cut_off, "bad", "The file is incomplete"),
        (with_a_torn_page, "bad", "The file is damaged"),
        (a_bomb, "bad", "Unpacked size is not plausible"),
    ],
)
def test_each_refusal_says_what_the_file_is_and_what_to_do(
    detect_problems: Judge, copy: Path, change: Callable[[Path], None], severity: str, title: str
) -> None:
    copy.chmod(0o600)
    change(copy)

    found = detect_problems(copy)

    assert (found.severity, found.title) == (severity, title), found.problem
    assert "othing was changed" in found.text
    assert found.advice
    if change is with_a_foreign_table:
        assert "sqlite3 copy.db 'DROP TABLE IF EXISTS \"stowaway\"'" in found.advice
    assert found.problem


@pytest.mark.parametrize(
    ("content", "title", "text"),
    [
        (b"\x1f\x8b\x08" + b"x" * 99, "The file has to be unpacked first", "This is a gzip file."),
        (b"PK\x03\x04" + b"x" * 99, "The file has to be unpacked first", "This is a zip file."),
        (b"<!doctype html>", "This is a web page", "A sign-in page was probably saved"),
        (
            b'{"format": 1, "kind": "manual"}',
            "This is the manifest of a backup",
            "does not contain",
        ),
        (b"PRAGMA foreign_keys=OFF;", "This is an SQL script", "never executed"),
        (b"age-encryption.org/v1", "The file is encrypted", "This is a file of age."),
        (b"\xff\xd8\xff" + bytes(range(256)), "This is not a database", "This is a JPEG file."),
        (b"", "The file is empty", "othing was changed"),
    ],
)
def test_what_is_nearly_a_backup_is_named_for_what_it_is(
    detect_problems: Judge, tmp_path: Path, content: bytes, title: str, text: str
) -> None:
    (tmp_path / "brought.db").write_bytes(content)

    found = detect_problems(tmp_path / "brought.db")

    assert (found.title, text in found.text) == (title, True), found.text
    assert found.advice


def test_one_that_may_lack_its_newest_changes_is_good_with_a_warning(
    detect_problems: Judge, copy: Path
) -> None:
    copy.chmod(0o600)
    run(copy, "PRAGMA journal_mode=WAL")

    found = detect_problems(copy)

    assert (found.severity, found.title) == ("warn", "This is a good backup of Launcher")
    assert "newest changes of this database are in a second file" in found.advice


def test_a_newer_one_names_both_schemas(detect_problems: Judge, copy: Path) -> None:
    of_a_newer_launcher(copy)

    found = detect_problems(copy)

    assert "The backup has database version 9999" in found.text
    assert f"up to {migrations.head()}" in found.text


def test_a_notebook_is_another_application(detect_problems: Judge, tmp_path: Path) -> None:
    make_notebook(tmp_path / "notes.db", notes=3)

    assert (
        detect_problems(tmp_path / "notes.db").title
        == "This is the database of another application"
    )


def test_one_that_does_not_fit_the_disk_asks_for_room(
    detect_problems: Judge, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.backup.compression.free_bytes", lambda _path: 1000)

    found = detect_problems(copy)

    assert found.title == "Not enough disk space to unpack the file"
    assert "Delete backups you do not need" in found.advice


def test_a_reason_without_words_of_its_own_is_not_lost(
    app: Flask, copy: Path, detect_problems: Judge
) -> None:
    found = detect_problems(copy.with_name("gone.db"))

    assert found.title == "This file was not accepted. Nothing was changed"
    assert "cannot be read" in found.problem
