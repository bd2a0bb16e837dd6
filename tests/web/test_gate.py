"""Nobody holds the gate who does no work: not while a form arrives, not while a response leaves."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO

import pytest
from flask import Flask

from launcher.background import process as process_
from launcher.backup.locks import try_lock
from launcher.config import Config
from launcher.jobs import process
from tests.web.routes import routes_of
from tests.web.visitor import Visitor

BOUNDARY = "multipart/form-data; boundary=x"
FORM = b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nx\r\n--x--\r\n'


@pytest.fixture(autouse=True)
def _nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_, "start", lambda *_, **__: None)
    monkeypatch.setattr(process, "run_now", lambda *_, **__: None)


@pytest.fixture
def config(app: Flask) -> Config:
    config: Config = app.extensions["launcher.config"]
    return config


def is_free(gate: Path) -> bool:
    """Whether a restore could close the gate now."""
    held = try_lock(gate, exclusive=True)
    if held is not None:
        os.close(held)
    return held is not None


class Body(io.BytesIO):
    """A form on its way; remembers whether the gate was held at any time while it was read."""

    def __init__(self, content: bytes, gate: Path) -> None:
        super().__init__(content)
        self._gate = gate
        self.was_read = self.was_held = False

    def _look(self) -> None:
        self.was_read = True
        self.was_held |= not is_free(self._gate)

    def read(self, size: int | None = -1) -> bytes:
        self._look()
        return super().read(size)

    def readinto(self, buffer: object) -> int:
        self._look()
        return super().readinto(buffer)  # type: ignore[arg-type]


def post(visitor: Visitor, path: str, body: IO[bytes], **environ: str) -> int:
    answer = visitor.client.post(
        path,
        input_stream=body,
        content_type=BOUNDARY,
        environ_overrides={"wsgi.input_terminated": True} | environ,
    )
    return answer.status_code


@pytest.mark.parametrize("who", ["guest", "ada"])
def test_no_form_is_read_while_the_gate_is_held(
    app: Flask, pictures: object, config: Config, who: str, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(who)
    read = set()
    for route in routes_of(app):
        body = Body(FORM, config.lock_dir / "gate")
        if route.method == "POST":
            post(visitor, route.path, body)
            assert not body.was_held, route
            read |= {route.endpoint} if body.was_read else set()
    assert "auth.create_session" in read
    assert ("uploads.receive" in read) is (who == "ada")


def test_an_upload_over_the_limit_does_not_hold_the_gate_until_its_sender_ends(
    ada: Visitor, config: Config
) -> None:
    body = Body(FORM, config.lock_dir / "gate")
    length = str(config.upload_limit_bytes * 2)

    assert post(ada, "/admin/backups/upload", body, CONTENT_LENGTH=length) == 413
    assert (body.was_read, body.was_held) == (True, False)


def test_no_response_is_sent_while_the_gate_is_held(
    app: Flask, pictures: object, config: Config, ada: Visitor
) -> None:
    for route in routes_of(app):
        if route.method == "GET":
            for query in ("", "?encoding=stored"):
                answer = ada.client.get(route.path + query)
                assert is_free(config.lock_dir / "gate"), route
                answer.close()


class Broken(io.BytesIO):
    """A form whose sender is gone."""

    def read(self, _size: int | None = -1) -> bytes:
        raise ConnectionResetError

    def readinto(self, _buffer: object) -> int:
        raise ConnectionResetError


@pytest.mark.parametrize("path", ["/login", "/account/appearance", "/admin/backups/upload"])
def test_a_form_whose_sender_is_gone_is_no_internal_error(
    ada: Visitor, config: Config, path: str
) -> None:
    assert post(ada, path, Broken(FORM)) == 400
    assert is_free(config.lock_dir / "gate")


def test_a_form_in_chunks_is_refused_unread(
    app: Flask, pictures: object, config: Config, guest: Visitor
) -> None:
    body = Body(FORM, config.lock_dir / "gate")

    assert post(guest, "/login", body, HTTP_TRANSFER_ENCODING="chunked") == 411
    assert not body.was_read
