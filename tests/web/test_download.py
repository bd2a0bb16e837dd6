"""A backup is taken away: proved on the way, at its true length, and to who gave their password."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from launcher.backup.errors import VerificationError
from launcher.backup.records.backup import Backup
from launcher.backup.service import BackupService
from launcher.current import current_backups
from launcher.extensions import db
from launcher.models import AuditEvent
from launcher.models.types import utc_now
from tests.conftest import ADA, MakeApp
from tests.web.visitor import Visitor

SQLITE = b"SQLite format 3\x00"


@pytest.fixture
def service(app: Flask) -> BackupService:
    with app.app_context():
        return current_backups()


@pytest.fixture
def packed(service: BackupService, boards: None) -> Backup:
    return service.create(by="ada")


@pytest.fixture
def plain(make_app: MakeApp, boards: None) -> Backup:
    """A backup that was made with compression turned off."""
    with make_app(compression="off").app_context():
        return current_backups().create(by="ada")


def get(visitor: Visitor, backup: Backup, encoding: str = "", **headers: str) -> TestResponse:
    query = f"?encoding={encoding}" if encoding else ""
    # As a server does, which closes what it has sent.
    return visitor.client.get(
        f"/admin/backups/{backup.id}/download{query}",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        buffered=True,
    )


def path_of(service: BackupService, backup: Backup) -> Path:
    assert backup.file
    path = service.store_path / backup.file.name
    path.chmod(0o600)
    return path


def current_app_backups(visitor: Visitor) -> BackupService:
    backups: BackupService = visitor.client.application.extensions["launcher.background.service"]
    return backups


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["packed", "plain"])
def test_the_plain_database_is_what_was_backed_up(
    ada: Visitor, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    backup: Backup = request.getfixturevalue(kind)
    answer = get(ada, backup, Accept_Encoding="gzip")

    assert backup.database
    assert answer.status_code == 200
    assert hashlib.sha256(answer.data).hexdigest() == backup.database.sha256
    assert answer.headers["Content-Length"] == str(backup.database.size_bytes)
    assert answer.headers["Content-Disposition"] == f"attachment; filename=launcher-{backup.id}.db"
    assert answer.mimetype == "application/vnd.sqlite3"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Encoding" not in answer.headers
    path = tmp_path / "saved.db"
    path.write_bytes(answer.data)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT count(*) FROM apps").fetchone() == (7,)
    connection.close()


def test_the_file_as_it_is_kept_has_its_own_name_and_sum(ada: Visitor, packed: Backup) -> None:
    answer = get(ada, packed, "stored")

    assert packed.file
    assert hashlib.sha256(answer.data).hexdigest() == packed.file.sha256
    assert answer.headers["Content-Disposition"] == f"attachment; filename={packed.file.name}"
    assert answer.headers["ETag"] == f'"{packed.file.sha256}"'
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_what_is_unpacked_on_the_way_cannot_be_resumed(ada: Visitor, packed: Backup) -> None:
    answer = get(ada, packed, Range="bytes=100-")

    assert answer.status_code == 200
    assert answer.headers["Accept-Ranges"] == "none"
    assert answer.data.startswith(SQLITE)


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-15", slice(0, 16)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-50", slice(-50, None)),
    ],
)
@pytest.mark.parametrize("encoding", ["", "stored"])
def test_a_broken_off_download_goes_on_where_it_stopped(
    ada: Visitor, plain: Backup, asked: str, part: slice, encoding: str
) -> None:
    whole = get(ada, plain, encoding).data

    answer = get(ada, plain, encoding, Range=asked)

    assert answer.status_code == 206
    assert answer.data == whole[part]
    assert answer.headers["Content-Length"] == str(len(answer.data))
    first = part.indices(len(whole))[0]
    assert answer.headers["Content-Range"] == (
        f"bytes {first}-{first + len(answer.data) - 1}/{len(whole)}"
    )


def test_only_the_same_file_goes_on(ada: Visitor, packed: Backup) -> None:
    assert packed.file
    same = f'"{packed.file.sha256}"'

    answer = get(ada, packed, "stored", Range="bytes=5-9", If_Range=same)
    assert answer.status_code == 206
    for other in ('"another"', f"W/{same}", "Mon, 23 Nov 2026 03:00:00 GMT"):
        answer = get(ada, packed, "stored", Range="bytes=5-9", If_Range=other)
        assert answer.status_code == 200, other


def test_a_place_beyond_the_end_is_refused_with_the_size(ada: Visitor, packed: Backup) -> None:
    assert packed.file
    size_bytes = packed.file.size_bytes

    answer = get(ada, packed, "stored", Range=f"bytes={size_bytes}-")

    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{size_bytes}"


def test_a_question_for_the_headers_is_answered_without_a_body(
    ada: Visitor, packed: Backup, app: Flask
) -> None:
    answer = ada.client.head(f"/admin/backups/{packed.id}/download", buffered=True)

    assert packed.database
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == str(packed.database.size_bytes)
    assert answer.data == b""
    assert downloads(app) == []


def downloads(app: Flask) -> list[tuple[str, str]]:
    with app.app_context():
        query = db.select(AuditEvent).where(AuditEvent.action == "backup.download")
        return [(row.actor_name, row.target_id) for row in db.session.scalars(query)]


def test_who_took_what_is_kept_in_the_audit_log(ada: Visitor, packed: Backup, app: Flask) -> None:
    get(ada, packed)

    assert downloads(app) == [("ada", packed.id)]


def test_a_full_disk_keeps_no_one_from_the_backups(
    ada: Visitor, packed: Backup, monkeypatch: pytest.MonkeyPatch, app: Flask
) -> None:
    with app.app_context():
        db.session.execute(db.text("DROP TABLE audit_events"))
        db.session.commit()

    assert get(ada, packed).data.startswith(SQLITE)


def test_the_password_comes_first_when_it_was_given_long_ago(ada: Visitor, packed: Backup) -> None:
    with ada.client.session_transaction() as session:
        session["password_at"] = (utc_now() - timedelta(minutes=16)).isoformat()

    answer = get(ada, packed, "stored")
    assert answer.status_code == 303
    assert "/account/confirm" in answer.location

    ada.open(answer.location)
    answer = ada.send(
        "/account/confirm", next=f"/admin/backups/{packed.id}?download=stored",
        password=ADA.password,
    )  # fmt: skip
    page = ada.open(answer.location).text
    assert (
        f'http-equiv="refresh" content="0;url=/admin/backups/{packed.id}/download?encoding=stored"'
        in page
    )
    assert "Download started" in page


def test_a_page_begins_no_download_without_the_password(ada: Visitor, packed: Backup) -> None:
    with ada.client.session_transaction() as session:
        del session["password_at"]

    assert "http-equiv" not in ada.open(f"/admin/backups/{packed.id}?download=plain").text


@pytest.mark.parametrize("kind", ["packed", "plain"])
def test_damage_found_on_the_way_breaks_the_download_off(
    ada: Visitor, kind: str, request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    backup: Backup = request.getfixturevalue(kind)
    path = path_of(current_app_backups(ada), backup)
    flip(path, path.stat().st_size - 2)
    monkeypatch.setattr("launcher.backup.compression.CHUNK_BYTES", 4096)

    response = ada.client.get(f"/admin/backups/{backup.id}/download", buffered=False)
    got: list[bytes] = []
    with pytest.raises(VerificationError):
        got.extend(response.response)
    response.close()

    assert response.status_code == 200
    assert sum(map(len, got)) < int(response.headers["Content-Length"])
    assert f"the download of backup {backup.id} was broken off" in caplog.text
    assert "audit not written" not in caplog.text
    service = current_app_backups(ada)
    assert not service.get(backup.id).is_good, "nor is it offered for a restore"
    assert service.journal(limit=1)[0].by == "ada"


def test_the_rest_of_a_damaged_file_cannot_be_had_in_parts(
    ada: Visitor, service: BackupService, plain: Backup
) -> None:
    path = path_of(service, plain)
    flip(path, path.stat().st_size - 2)

    answer = get(ada, plain, Range="bytes=4096-")

    assert answer.status_code == 422


def test_damage_found_at_once_is_said_by_a_page(
    ada: Visitor, service: BackupService, packed: Backup
) -> None:
    path = path_of(service, packed)
    flip(path, path.stat().st_size - 2)

    answer = get(ada, packed)

    assert answer.status_code == 422
    assert "This backup is damaged" in answer.text


def test_one_known_to_be_damaged_is_handed_out_as_it_is_kept_only(
    ada: Visitor, service: BackupService, packed: Backup
) -> None:
    path = path_of(service, packed)
    flip(path, 1000)
    service.verify(packed.id, by="ada")

    answer = get(ada, packed)
    assert answer.status_code == 422
    assert "This backup is damaged and cannot be downloaded" in answer.text
    assert get(ada, packed, "stored").data == path.read_bytes()


def test_one_whose_file_is_gone_says_so(
    ada: Visitor, service: BackupService, packed: Backup
) -> None:
    path_of(service, packed).unlink()

    assert get(ada, packed).status_code == 422
    assert get(ada, packed, "stored").status_code == 422


@pytest.mark.parametrize(
    "name",
    ["from the attic.db", 'Ümläut «1»; x=".db', "дача.sqlite3", 'a"\r\nX-Evil: 1.db', "ü\n\x1b.db"],
)
def test_a_file_without_a_manifest_is_handed_out_under_its_own_name(
    ada: Visitor, service: BackupService, packed: Backup, name: str
) -> None:
    path = service.export(packed.id, service.store_path / name, by="test")
    found = next(backup for backup in service.list() if backup.file is None)

    for encoding in ("", "stored"):
        answer = get(ada, found, encoding)
        assert answer.data == path.read_bytes()
        assert answer.headers["Content-Length"] == str(path.stat().st_size)
        assert "Accept-Ranges" not in answer.headers
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename=")
    assert disposition.isprintable()
    assert "X-Evil" not in answer.headers
    assert ("filename*=UTF-8''" in disposition) is not name.isascii()


def test_a_link_in_the_folder_is_never_followed(
    ada: Visitor, service: BackupService, packed: Backup, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("the secret key")
    (service.store_path / "innocent.db").symlink_to(tmp_path / "secret")
    found = next(backup for backup in service.list() if backup.file is None)

    for encoding in ("", "stored"):
        answer = get(ada, found, encoding)
        assert answer.status_code == 422
        assert "the secret key" not in answer.text


def test_an_unknown_encoding_is_not_found(ada: Visitor, packed: Backup) -> None:
    assert get(ada, packed, "rot13").status_code == 404


def test_a_restore_need_not_wait_for_a_download(ada: Visitor, packed: Backup, app: Flask) -> None:
    response = ada.client.get(f"/admin/backups/{packed.id}/download", buffered=False)
    try:
        with app.extensions["launcher.gate"].closed():
            assert b"".join(response.response).startswith(SQLITE)
    finally:
        response.close()


def test_a_deleted_backup_is_still_read_to_its_end(
    ada: Visitor, packed: Backup, service: BackupService
) -> None:
    response = ada.client.get(f"/admin/backups/{packed.id}/download", buffered=False)
    service.delete([packed.id], by="ben")

    assert packed.database
    assert hashlib.sha256(b"".join(response.response)).hexdigest() == packed.database.sha256
    response.close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_who_goes_away_leaves_no_file_open(ada: Visitor, packed: Backup, plain: Backup) -> None:
    get(ada, packed, "stored")
    before = open_files()

    for backup in (packed, plain):
        for encoding in ("plain", "stored"):
            response = ada.client.get(
                f"/admin/backups/{backup.id}/download?encoding={encoding}", buffered=False
            )
            next(iter(response.response))
            response.close()
            ada.client.head(f"/admin/backups/{backup.id}/download?encoding={encoding}").close()

    assert open_files() == before
