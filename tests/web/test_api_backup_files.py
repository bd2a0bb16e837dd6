"""A program downloads a backup, and uploads one."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from launcher.background import uploads
from launcher.backup.errors import VerificationError
from launcher.backup.records.backup import Backup, Kind, State
from launcher.backup.service import BackupService
from launcher.config import Config
from launcher.current import current_backups
from launcher.extensions import db
from launcher.models import AuditEvent
from tests.conftest import MakeApp
from tests.support.api import ROOT, Program
from tests.support.operations import ended

OCTETS = "application/octet-stream"


@pytest.fixture
def service(app: Flask) -> BackupService:
    with app.app_context():
        return current_backups()


@pytest.fixture
def config(app: Flask) -> Config:
    config: Config = app.extensions["launcher.config"]
    return config


@pytest.fixture
def packed(service: BackupService) -> Backup:
    return service.create(by="ada")


@pytest.fixture
def plain(app: Flask, make_app: MakeApp) -> Backup:
    """A backup that was made with compression turned off."""
    with make_app(compression="off").app_context():
        return current_backups().create(by="ada")


@pytest.fixture
def copy(service: BackupService, tmp_path: Path) -> bytes:
    """A backup of this Launcher, as it is downloaded."""
    made = service.create(by="test")
    path = service.export(made.id, tmp_path, by="test")
    service.delete([made.id], by="test")
    return path.read_bytes()


def download(program: Program, backup: Backup, encoding: str = "", **headers: str) -> TestResponse:
    query = f"?encoding={encoding}" if encoding else ""
    return program("GET", f"/backups/{backup.id}/download{query}", headers=headers, buffered=True)


def sha256_in(answer: TestResponse) -> str:
    digest = answer.headers["Repr-Digest"].removeprefix("sha-256=:").removesuffix(":")
    return base64.b64decode(digest).hex()


def flip(service: BackupService, backup: Backup, place: int) -> None:
    assert backup.file
    path = service.store_path / backup.file.name
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


# --- downloads


@pytest.mark.parametrize("kind", ["packed", "plain"])
def test_the_database_arrives_with_its_checksum(
    program: Program, kind: str, request: pytest.FixtureRequest
) -> None:
    backup: Backup = request.getfixturevalue(kind)
    answer = download(program, backup)

    assert backup.database
    assert answer.mimetype == "application/vnd.sqlite3"
    assert hashlib.sha256(answer.data).hexdigest() == sha256_in(answer) == backup.database.sha256
    assert answer.headers["Content-Length"] == str(backup.database.size_bytes)
    assert f"launcher-{backup.id}.db" in answer.headers["Content-Disposition"]
    assert "no-store" in answer.headers["Cache-Control"]


def test_the_file_as_it_is_kept_arrives_with_its_own(program: Program, packed: Backup) -> None:
    answer = download(program, packed, "stored")

    assert packed.file
    assert answer.mimetype == OCTETS
    assert hashlib.sha256(answer.data).hexdigest() == sha256_in(answer) == packed.file.sha256


@pytest.mark.parametrize(("kind", "encoding"), [("packed", "stored"), ("plain", "plain")])
def test_a_broken_off_download_goes_on(
    program: Program, kind: str, encoding: str, request: pytest.FixtureRequest
) -> None:
    backup: Backup = request.getfixturevalue(kind)
    whole = download(program, backup, encoding)

    headers = {"Range": "bytes=100-", "If-Range": whole.headers["ETag"]}
    rest = download(program, backup, encoding, **headers)

    assert rest.status_code == 206
    assert rest.data == whole.data[100:]
    assert rest.mimetype == whole.mimetype
    assert sha256_in(rest) == sha256_in(whole), "of the whole"


def test_what_is_unpacked_on_the_way_has_no_parts(program: Program, packed: Backup) -> None:
    answer = download(program, packed, Range="bytes=100-")
    assert (answer.status_code, answer.headers["Accept-Ranges"]) == (200, "none")


@pytest.mark.parametrize(
    ("asked", "first", "count"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=7-9", 7, 3),
        ("bytes=-1", -1, 1),
        ("bytes=-99999999", 0, None),
        ("bytes=-99999999999999999999", 0, None),
        ("bytes=0-", 0, None),
        ("bytes=100-99999999999999999999", 100, None),
        ("BYTES= 7-9", 7, 3),
    ],
)
def test_a_part_is_what_was_asked_for_as_far_as_it_is_there(
    program: Program, packed: Backup, asked: str, first: int, count: int | None
) -> None:
    whole = download(program, packed, "stored").data
    answer = download(program, packed, "stored", Range=asked)
    first %= len(whole)
    stop = first + count if count else len(whole)
    assert answer.status_code == 206
    assert answer.data == whole[first:stop]
    assert answer.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{len(whole)}"
    assert answer.headers["Content-Length"] == str(stop - first)


@pytest.mark.parametrize(
    "asked",
    ["bytes=99999999-", "bytes=99999999-99999999999999999999", "bytes=-0", "bytes=-000"],
)
def test_a_part_that_is_not_there_is_refused(program: Program, packed: Backup, asked: str) -> None:
    answer = download(program, packed, "stored", Range=asked)
    assert packed.file
    assert (answer.status_code, answer.json["code"]) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{packed.file.size_bytes}"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=5-2",
        "bytes=a-b",
        "lines=1-2",
        "bytes=0-1,3-4",
        "bytes=-1,-0",
        "bytes",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=0x1-2",
        "bytes=1.5-2",
        "bytes=0-" + "9" * 5000,
        "",
    ],
)
def test_a_range_that_is_none_is_ignored(program: Program, packed: Backup, asked: str) -> None:
    answer = download(program, packed, "stored", Range=asked)
    assert packed.file
    assert answer.status_code == 200
    assert len(answer.data) == packed.file.size_bytes


def test_its_headers_can_be_read_alone(app: Flask, program: Program, packed: Backup) -> None:
    answer = program(
        "HEAD", f"/backups/{packed.id}/download", headers={"Range": "bytes=1-2"}, buffered=True
    )
    assert packed.database
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == str(packed.database.size_bytes)
    assert sha256_in(answer) == packed.database.sha256
    assert answer.data == b""
    assert downloads(app) == []


def downloads(app: Flask) -> list[tuple[str, int | None, str]]:
    with app.app_context():
        query = db.select(AuditEvent).where(AuditEvent.action == "backup.download")
        rows = db.session.scalars(query)
        return [(row.actor_name, row.actor_id, row.target_id) for row in rows]


def test_the_audit_log_names_the_owner_and_the_token(
    app: Flask, program: Program, packed: Backup
) -> None:
    download(program, packed)
    assert downloads(app) == [("ada (token script)", 1, packed.id)]


def test_a_damaged_backup_is_sent_as_it_is_kept_only(
    program: Program, service: BackupService, packed: Backup
) -> None:
    flip(service, packed, 100)
    service.verify(packed.id, by="ada")

    answer = download(program, packed)
    assert (answer.status_code, answer.json["code"]) == (422, "verification_failed")
    assert answer.json["reason"]
    assert download(program, packed, "stored").status_code == 200


def test_damage_found_on_the_way_breaks_the_download_off(
    app: Flask, program: Program, service: BackupService, packed: Backup,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert packed.file
    flip(service, packed, packed.file.size_bytes - 2)
    monkeypatch.setattr("launcher.backup.compression.CHUNK_BYTES", 4096)

    response = app.test_client().get(
        f"{ROOT}/backups/{packed.id}/download",
        headers={"Authorization": f"Bearer {program.secret}"},
        buffered=False,
    )
    got: list[bytes] = []
    with pytest.raises(VerificationError):
        got.extend(response.response)
    response.close()

    assert sum(map(len, got)) < int(response.headers["Content-Length"])
    assert service.get(packed.id).verification.state is State.DAMAGED
    assert service.journal(limit=1)[0].by == "ada (token script)"


def test_a_restore_need_not_wait_for_a_download(
    app: Flask, program: Program, packed: Backup
) -> None:
    response = app.test_client().get(
        f"{ROOT}/backups/{packed.id}/download",
        headers={"Authorization": f"Bearer {program.secret}"},
        buffered=False,
    )
    with app.extensions["launcher.gate"].closed():
        assert b"".join(response.response).startswith(b"SQLite format 3\0")
    response.close()


@pytest.mark.parametrize("query", ["encoding=rot13", "encoding=", "as=plain"])
def test_an_unknown_form_is_named(program: Program, packed: Backup, query: str) -> None:
    answer = program("GET", f"/backups/{packed.id}/download?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_field")


def test_json_is_no_form_of_a_file(program: Program, packed: Backup) -> None:
    answer = download(program, packed, Accept="application/json")
    assert (answer.status_code, answer.json["code"]) == (406, "not_acceptable")


# --- uploads

Upload = Callable[..., TestResponse]


def sent(length: int) -> dict[str, object]:
    """Return what a server says of a body that was announced with this length."""
    return {"wsgi.input_terminated": True, "CONTENT_LENGTH": str(length)}


@pytest.fixture
def upload(program: Program) -> Upload:
    """Send a body as a server hands it over; `length` is what is announced."""

    def send(
        body: bytes, *, length: int | None = None, query: str = "", kind: str = OCTETS,
        **headers: str,
    ) -> TestResponse:  # fmt: skip
        return program(
            "POST",
            f"/backups{query}",
            headers=headers,
            input_stream=io.BytesIO(body),
            content_type=kind,
            environ_overrides=sent(len(body) if length is None else length),
        )

    return send


def left(config: Config) -> list[str]:
    """Return the files that are left; the process of an operation ends after its journal line."""
    deadline = time.monotonic() + 120
    while (names := _incoming(config)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return names


def _incoming(config: Config) -> list[str]:
    return sorted(os.listdir(config.incoming_dir)) if config.incoming_dir.exists() else []


@pytest.mark.parametrize("kind", [OCTETS, "application/vnd.sqlite3"])
def test_a_file_is_received_checked_and_listed(
    upload: Upload, service: BackupService, config: Config, copy: bytes, kind: str
) -> None:
    answer = upload(copy, query="?note=From%20the%20old%20server", kind=kind)

    assert answer.status_code == 202
    assert answer.json["verb"] == "upload"
    entry = ended(service, answer.json["id"])
    backup = service.get(entry.backup_id)
    assert (backup.kind, backup.note) == (Kind.UPLOAD, "From the old server")
    assert (backup.created_by, backup.is_good) == ("ada (token script)", True)
    assert left(config) == []


def test_what_is_no_backup_fails_with_its_reason(
    program: Program, upload: Upload, service: BackupService, config: Config
) -> None:
    answer = upload(b"no database at all")
    assert answer.status_code == 202
    entry = ended(service, answer.json["id"])
    assert entry.error_code == "upload_rejected"
    assert service.list() == []
    assert left(config) == []


@pytest.mark.parametrize("missing", [1, 10_000])
def test_a_file_that_is_cut_off_leaves_nothing(
    upload: Upload, service: BackupService, config: Config, copy: bytes, missing: int
) -> None:
    answer = upload(copy[:-missing], length=len(copy))

    assert (answer.status_code, answer.json["code"]) == (400, "upload_incomplete")
    said = f"Fewer bytes arrived than the {len(copy)} of its Content-Length."
    assert answer.json["detail"] == said
    assert service.list() == []
    assert left(config) == []


def test_of_a_file_longer_than_announced_the_check_finds_the_end_missing(
    upload: Upload, service: BackupService, copy: bytes
) -> None:
    answer = upload(copy, length=len(copy) - 4096)
    assert answer.status_code == 202
    assert ended(service, answer.json["id"]).error_code
    assert service.list() == []


def digest(body: bytes, algorithm: str = "sha256") -> str:
    hashed = base64.b64encode(hashlib.new(algorithm, body).digest()).decode()
    return f"{algorithm[:3]}-{algorithm[3:]}=:{hashed}:"


@pytest.mark.parametrize("header", ["Repr-Digest", "Content-Digest"])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_file_that_is_not_the_one_of_its_digest_is_refused(
    app: Flask, upload: Upload, copy: bytes, header: str, algorithm: str
) -> None:
    service, config = (
        app.extensions["launcher.background.service"],
        app.extensions["launcher.config"],
    )
    answer = upload(copy, **{header: digest(copy + b"x", algorithm)})
    assert (answer.status_code, answer.json["code"]) == (422, "digest_mismatch")
    assert header in answer.json["detail"]
    assert service.list() == []
    assert left(config) == []

    good = f"{digest(copy, algorithm)}, md5=:AAAA:"
    answer = upload(copy, **{header: good})
    assert answer.status_code == 202
    ended(service, answer.json["id"])


@pytest.mark.parametrize(
    "sent",
    ["", "sha-256", "sha-256=abc", "sha-256=:abc:", "sha-256=:YQ==:", "sha-256=:!:", ", ",
     "sha-256=:" + "A" * 44 + ":", "SHA-256=:YQ==:", "x" * 7000],
)  # fmt: skip
def test_a_digest_that_is_none_is_refused_by_name(
    upload: Upload, config: Config, sent: str
) -> None:
    answer = upload(b"no backup", **{"Repr-Digest": sent})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_field")
    assert answer.json["field"] == "Repr-Digest"
    assert left(config) == []


def test_an_empty_file_is_refused(upload: Upload) -> None:
    answer = upload(b"")
    assert (answer.status_code, answer.json["code"]) == (422, "upload_rejected")
    assert answer.json["reason"] == "empty"


def test_a_file_without_its_length_is_refused(program: Program) -> None:
    answer = program(
        "POST", "/backups", headers={"Transfer-Encoding": "chunked"}, content_type=OCTETS,
        input_stream=io.BytesIO(b"x"), environ_overrides={"wsgi.input_terminated": True},
    )  # fmt: skip
    assert (answer.status_code, answer.json["code"]) == (411, "length_required")


def test_a_file_over_the_limit_is_refused(
    app: Flask, make_app: MakeApp, program: Program, config: Config
) -> None:
    small = Program(make_app(scheduler="off", upload_limit_mb="1"), program.secret)
    answer = small(
        "POST", "/backups", content_type=OCTETS,
        input_stream=io.BytesIO(b"x" * 1_000_001), environ_overrides=sent(1_000_001),
    )  # fmt: skip
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")
    assert "1000000" in answer.json["detail"]
    assert left(config) == []


def test_a_full_disk_refuses_a_file_before_it_is_read(
    upload: Upload, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.backup.files.free_bytes", lambda _path: 1)
    answer = upload(b"x" * 100)
    assert (answer.status_code, answer.json["code"]) == (507, "insufficient_space")
    assert left(config) == []


def test_a_restore_need_not_wait_for_an_upload(
    app: Flask, upload: Upload, copy: bytes, service: BackupService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    closed = []
    write = uploads.IncomingFile.write

    def look(self: uploads.IncomingFile, data: bytes) -> int:
        with app.extensions["launcher.gate"].closed():
            closed.append(True)
        return write(self, data)

    monkeypatch.setattr(uploads.IncomingFile, "write", look)
    answer = upload(copy)
    assert closed
    ended(service, answer.json["id"])


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "image/png"])
def test_any_other_type_is_refused(upload: Upload, kind: str) -> None:
    answer = upload(b"x", kind=kind)
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_type")


@pytest.mark.parametrize(
    ("body", "note"), [({}, "of the query"), ({"note": "of the body"}, "of the body")]
)
def test_the_note_of_the_body_counts_before_that_of_the_query(
    program: Program, service: BackupService, body: dict[str, str], note: str
) -> None:
    answer = program("POST", "/backups?note=of+the+query", json=body)
    assert answer.status_code == 202
    assert service.get(ended(service, answer.json["id"]).backup_id).note == note
