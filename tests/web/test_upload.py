"""A backup file is sent from a browser: under a limit, to disk, and only by an admin."""

from __future__ import annotations

import io
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from launcher.background import process, uploads
from launcher.background.process import UploadRequest
from launcher.background.service import installation_of
from launcher.backup.codec import encode
from launcher.backup.locks import try_lock
from launcher.backup.records.backup import Kind
from launcher.backup.records.operation import JournalEntry, Outcome, Progress
from launcher.backup.service import BackupService
from launcher.config import Config
from launcher.current import current_backups
from launcher.http import start
from launcher.web import receiving
from tests.conftest import MakeApp
from tests.web.visitor import Visitor

UPLOAD = "/admin/backups/upload"
PLACES = ("aside-1", "aside-2")
Send = Callable[..., TestResponse]


@pytest.fixture
def config(app: Flask) -> Config:
    config: Config = app.extensions["launcher.config"]
    return config


@pytest.fixture
def service(app: Flask) -> BackupService:
    with app.app_context():
        return current_backups()


@pytest.fixture
def copy(service: BackupService, tmp_path: Path) -> bytes:
    """A backup of this Launcher, as it is downloaded."""
    made = service.create(by="test")
    path = service.export(made.id, tmp_path, by="test")
    service.delete([made.id], by="test")
    return path.read_bytes()


def token(visitor: Visitor) -> str:
    page = visitor.client.get("/account").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def form(fields: dict[str, str], *files: tuple[bytes, str], field: str = "file") -> bytes:
    """Return a form as a browser spells it, with `x` for its boundary."""
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in fields.items()
    ]
    parts += [
        f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        for content, name in files
    ]
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"


def post(
    visitor: Visitor, body: bytes, *, length: int | None = None, **headers: str
) -> TestResponse:
    """Send a form; `length` is what is announced, if that differs."""
    told = {"Content-Length": str(length or len(body))} if length != 0 else {}
    return visitor.client.post(
        UPLOAD,
        input_stream=io.BytesIO(body),
        content_type="multipart/form-data; boundary=x",
        headers=told | {name.replace("_", "-"): value for name, value in headers.items()},
        environ_overrides={"wsgi.input_terminated": True},
    )


def send(
    visitor: Visitor, *files: tuple[bytes, str], csrf: str | None = None, **fields: str
) -> TestResponse:
    """Send a form with these files, and with the token of a page."""
    fields = {"csrf_token": token(visitor) if csrf is None else csrf} | fields
    return post(visitor, form(fields, *files))


def ended(service: BackupService, answer: TestResponse) -> JournalEntry:
    """Wait until the operation that an answer leads to is over; for ever, if it never is."""
    assert answer.status_code == 303, answer.text
    operation_id = answer.location.rpartition("/")[2].partition("?")[0]
    while not isinstance(found := service.operation(operation_id), JournalEntry):
        assert found is not None, "it never began"
        time.sleep(0.02)
    return found


def running(service: BackupService, answer: TestResponse) -> Progress:
    """Return how far the operation is that an answer leads to."""
    found = service.operation(answer.location.rpartition("/")[2].partition("?")[0])
    assert isinstance(found, Progress)
    return found


def left(config: Config) -> list[str]:
    folder = config.incoming_dir
    return sorted(os.listdir(folder)) if folder.exists() else []


def test_an_uploaded_backup_is_checked_and_listed(
    ada: Visitor, service: BackupService, config: Config, copy: bytes
) -> None:
    entry = ended(service, send(ada, (copy, "old server.db")))

    assert (entry.outcome, entry.by) == (Outcome.SUCCEEDED, "ada")
    backup = service.get(entry.backup_id)
    assert (backup.kind, backup.note, backup.is_good) == (Kind.UPLOAD, "old server.db", True)
    while left(config):  # the journal is written a moment before
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("parameter", "note"),
    [
        ('filename="a\\"b%22.db"', 'a"b".db'),
        ('filename="schöne Grüße 🎉.db"', "schöne Grüße 🎉.db"),
        (f'filename="{"x" * 300}.db"', "x" * 200),
        ("filename=plain.db", "plain.db"),
        ("filename*=UTF-8''caf%C3%A9.db", "café.db"),
        ("filename*=iso-8859-1''caf%E9.db", "café.db"),
        ("filename=\"a.db\"; filename*=UTF-8''caf%C3%A9.db", "café.db"),
        ("filename*0*=UTF-8''caf%C3%A9; filename*1=s.db", "cafés.db"),
        ('filename="C:\\\\fakepath\\\\a.db"', "a.db"),
        ('filename="/"', "upload"),
        ('filename=".."', ".."),
        ('filename=" "', "upload"),
        ('filename="a\x1b[2J\u202eb.db"', "a [2J b.db"),
    ],
)
def test_a_file_of_any_name_arrives(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch, parameter: str, note: str
) -> None:
    begun: list[UploadRequest] = []

    def begin(upload: UploadRequest, *, by: str, operation_id: str) -> str:
        assert upload.path.read_bytes() == b"content"
        begun.append(upload)
        return "0" * 16

    monkeypatch.setattr(start, "start_operation", begin)
    body = form({"csrf_token": token(ada)}, (b"content", "NAME"))
    answer = post(ada, body.replace(b'filename="NAME"', parameter.encode()))

    assert (answer.status_code, [each.note for each in begun]) == (303, [note])


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_name_that_is_not_utf_8_is_named(
    ada: Visitor, config: Config, copy: bytes, encoding: str
) -> None:
    body = form({"csrf_token": token(ada)}, (copy, "NAME"))

    answer = post(ada, body.replace(b"NAME", "café.db".encode(encoding)))

    assert answer.status_code == 422
    assert "The name of this file cannot be read" in answer.text
    assert left(config) == []


def test_what_is_no_form_brings_no_file(ada: Visitor, config: Config, copy: bytes) -> None:
    body = form({"csrf_token": token(ada)}, (copy, "a.db"))

    answer = post(ada, body.replace(b"Content-Disposition", b"Content-Nonsense"))

    assert (answer.status_code, "No file arrived" in answer.text) == (422, True)
    assert left(config) == []


def test_a_note_may_go_with_it(ada: Visitor, service: BackupService, copy: bytes) -> None:
    entry = ended(service, send(ada, (copy, "x.db"), note=" From the old box "))

    assert service.get(entry.backup_id).note == "From the old box (x.db)"


def test_nothing_of_the_name_becomes_a_path(
    ada: Visitor, service: BackupService, config: Config, copy: bytes
) -> None:
    entry = ended(service, send(ada, (copy, "..\\../etc/\x1b[31mpasswd.db")))

    assert "/" not in str(entry.facts["source"])
    assert "passwd" not in str(entry.facts["source"])
    note = service.get(entry.backup_id).note
    assert "/" not in note
    assert note.isprintable()


def test_a_script_gets_where_to_follow_it(
    ada: Visitor, service: BackupService, copy: bytes
) -> None:
    answer = post(ada, form({}, (copy, "a.db")), HX_Request="true", X_CSRFToken=token(ada))

    assert answer.status_code == 204
    address = answer.headers["HX-Redirect"]
    assert address.startswith("/admin/backups/operations/")


def test_what_is_no_backup_is_refused_by_the_operation(
    ada: Visitor, service: BackupService, config: Config
) -> None:
    entry = ended(service, send(ada, (b"a letter to my aunt", "letter.db")))

    assert (entry.outcome, entry.error_code) == (Outcome.FAILED, "upload_rejected")
    assert list(service.list()) == []


def test_a_refused_file_is_said_by_the_name_that_its_sender_gave_it(
    ada: Visitor, service: BackupService
) -> None:
    seen = re.search(r'data-seen="([^"]*)"', ada.open("/admin/backups").text)[1]
    entry = ended(service, send(ada, (b"a letter", "to <my> aunt.db")))

    journal = ada.open("/admin/audit/operations").text
    outcome = ada.open(f"/admin/backups/operations/{entry.operation_id}").text
    toasts = ada.open(f"/admin/backups/progress?seen={seen}", HX_Request="true").text

    assert "to &lt;my&gt; aunt.db" in journal
    assert "to &lt;my&gt; aunt.db" in outcome
    assert "to &lt;my&gt; aunt.db was rejected" in toasts
    assert ".part" not in journal + outcome + toasts


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((), "No file arrived"),
        (((b"", ""),), "No file arrived"),
        (((b"", "empty.db"),), "This file is empty"),
        (((b"one", "a.db"), (b"two", "b.db")), "Several files selected"),
    ],
)
def test_anything_but_one_file_is_refused_in_words(
    ada: Visitor, config: Config, files: tuple[tuple[bytes, str], ...], words: str
) -> None:
    answer = send(ada, *files)

    assert answer.status_code == 422
    assert words in answer.text
    assert left(config) == []


def test_a_file_in_another_field_is_no_backup(ada: Visitor, config: Config) -> None:
    body = form({"csrf_token": token(ada)}, (b"x", "a.db"), field="picture")

    answer = post(ada, body)

    assert answer.status_code == 422
    assert left(config) == []


@pytest.mark.parametrize("csrf", ["", "guessed"])
def test_without_the_token_of_a_page_the_file_is_removed(
    ada: Visitor, config: Config, copy: bytes, csrf: str
) -> None:
    answer = send(ada, (copy, "a.db"), csrf=csrf)

    assert answer.status_code == 400
    assert "This form is no longer valid" in answer.text
    assert left(config) == []


@pytest.fixture
def small(make_app: MakeApp, app: Flask) -> Flask:
    """The same site, with a limit of one megabyte."""
    return make_app(upload_limit_mb="1")


@pytest.fixture
def ada_of_small(small: Flask, ada: Visitor) -> Visitor:
    visitor = Visitor(small)
    visitor.take_session(ada)
    return visitor


@pytest.mark.parametrize("size_bytes", [1_000_001, 1_200_000])
def test_a_file_over_the_limit_is_refused_with_the_other_way(
    ada_of_small: Visitor, config: Config, size_bytes: int
) -> None:
    answer = send(ada_of_small, (bytes(size_bytes), "big.db"))

    assert answer.status_code == 413
    assert "This file is larger than 1 MB" in answer.text
    assert str(config.backup_dir) in answer.text
    assert left(config) == []


def test_a_file_at_the_limit_is_accepted(ada_of_small: Visitor, service: BackupService) -> None:
    assert ended(service, send(ada_of_small, (bytes(1_000_000), "big.db"))).error_code


def test_a_body_of_unknown_length_is_held_to_the_limit(
    ada_of_small: Visitor, config: Config
) -> None:
    body = form({}, (bytes(3_000_000), "a.db"))

    answer = post(ada_of_small, body, length=0, Transfer_Encoding="chunked")

    assert answer.status_code == 413
    assert left(config) == []


def test_other_forms_keep_their_own_limit(ada: Visitor) -> None:
    answer = ada.client.post(
        "/account/appearance", data={"csrf_token": token(ada), "theme": "x" * 5_000_000}
    )

    assert answer.status_code == 413


def test_a_full_disk_is_said_before_anything_is_sent(
    ada: Visitor, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.backup.files.free_bytes", lambda _path: 1000)

    answer = send(ada, (b"x" * 1000, "a.db"))

    assert answer.status_code == 507
    assert left(config) == []


def test_a_transfer_that_breaks_off_leaves_nothing(
    ada: Visitor, config: Config, copy: bytes
) -> None:
    body = form({}, (copy, "a.db"))

    answer = post(ada, body[:100_000], length=len(body), X_CSRFToken=token(ada))

    assert answer.status_code == 422
    assert left(config) == []


def test_guests_and_editors_are_refused_before_a_byte_is_kept(
    guest: Visitor, ben: Visitor, config: Config, copy: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "IncomingFile", None)
    monkeypatch.setattr(receiving, "IncomingFile", None)

    answer = post(guest, form({}, (copy, "a.db")))
    assert (answer.status_code, answer.location) == (302, "/login")
    assert send(ben, (copy, "a.db")).status_code == 403
    assert not config.incoming_dir.exists()


def test_while_a_file_arrives_a_restore_could_begin(
    ada: Visitor, service: BackupService, app: Flask, copy: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate can be closed in the middle of the transfer."""
    closed = []
    write = uploads.IncomingFile.write

    def look(self: uploads.IncomingFile, data: bytes) -> int:
        with app.extensions["launcher.gate"].closed():
            closed.append(True)
        return write(self, data)

    monkeypatch.setattr(uploads.IncomingFile, "write", look)
    ended(service, send(ada, (copy, "a.db")))

    assert closed


def test_a_file_is_checked_while_another_operation_runs(
    ada: Visitor, service: BackupService, config: Config, copy: bytes
) -> None:
    lock = try_lock(config.lock_dir / "operation", exclusive=True)
    assert lock is not None

    answer = send(ada, (copy, "a.db"))
    while "wait" not in (stage := str(running(service, answer).stage)):
        assert stage in {"None", "unpack", "compress"}
    os.close(lock)

    assert ended(service, answer).outcome is Outcome.SUCCEEDED


def test_a_third_file_waits_while_two_are_checked(
    ada: Visitor, service: BackupService, config: Config, copy: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    locks = [try_lock(config.lock_dir / name, exclusive=True) for name in PLACES]
    looks = []

    def wait(_seconds: float) -> None:
        if not looks:
            for lock in locks:
                assert lock is not None
                os.close(lock)
        looks.append(True)

    monkeypatch.setattr(start.time, "sleep", wait)

    answer = send(ada, (copy, "a.db"))

    monkeypatch.undo()
    assert looks
    assert ended(service, answer).outcome is Outcome.SUCCEEDED


def test_when_two_checks_take_too_long_it_says_so(
    ada: Visitor, config: Config, copy: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "_PATIENCE_S", 0.0)
    locks = [try_lock(config.lock_dir / name, exclusive=True) for name in PLACES]
    try:
        answer = send(ada, (copy, "a.db"))
    finally:
        for lock in locks:
            assert lock is not None
            os.close(lock)

    assert answer.status_code == 409
    assert "Another operation is running" in answer.text
    assert left(config) == []


def test_a_file_is_free_again_when_its_request_hears_that_it_is_refused(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[list[str]] = []
    arriving = uploads.IncomingFile(config.incoming_dir, limit_bytes=100)

    def hear(_reply: object, line: str) -> None:
        if line != process.BEGUN:
            arriving.__exit__()
            kept.append(left(config))

    request = UploadRequest(arriving.path)
    order = process._Order(
        installation_of(config), request.verb, request, "ada", "0123456789abcdef"
    )
    monkeypatch.setattr(process.StartReply, "give", hear)
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(encode(order))))
    locks = [try_lock(config.lock_dir / name, exclusive=True) for name in PLACES]
    try:
        process.main()
    finally:
        for lock in locks:
            assert lock is not None
            os.close(lock)

    assert kept == [[]]


def test_what_a_killed_server_left_is_swept_at_the_next_start(
    make_app: MakeApp, app: Flask, config: Config
) -> None:
    config.incoming_dir.mkdir()
    (config.incoming_dir / "0123456789abcdef.part").write_bytes(b"half")
    with uploads.IncomingFile(config.incoming_dir, limit_bytes=100) as arriving:
        make_app()

        assert left(config) == [arriving.path.name]


def test_the_folder_and_the_files_in_it_are_private(config: Config) -> None:
    with uploads.IncomingFile(config.incoming_dir, limit_bytes=100) as arriving:
        assert config.incoming_dir.stat().st_mode & 0o777 == 0o700
        assert arriving.path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_another_process_took_over_stays_until_it_is_done(config: Config) -> None:
    with uploads.IncomingFile(config.incoming_dir, limit_bytes=100) as arriving:
        operation_request = uploads.taken_over(arriving.path)
        operation_request.__enter__()
    uploads.sweep(config.incoming_dir)
    assert left(config) == [arriving.path.name]

    operation_request.__exit__(None, None, None)

    assert left(config) == []
