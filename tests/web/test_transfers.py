"""While as many large files are sent and received as may be at once, the next one has to wait."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from flask import Flask

from launcher.backup.records.backup import Backup
from launcher.config import Config
from launcher.current import current_backups
from launcher.extensions import db
from launcher.http import places
from launcher.models import AuditEvent
from tests.support.api import Program
from tests.web.test_upload import form, post, token
from tests.web.visitor import Visitor


@pytest.fixture
def config(app: Flask) -> Config:
    config: Config = app.extensions["launcher.config"]
    return config


@pytest.fixture
def backup(app: Flask) -> Backup:
    with app.app_context():
        return current_backups().create(by="ada")


@pytest.fixture
def crowd(app: Flask, config: Config, backup: Backup) -> Iterator[ExitStack]:
    """Take all places but those that are left for pages; closing it gives them back."""
    with ExitStack() as crowd, app.app_context():
        for _ in range(places.most_transfers(config.threads)):
            crowd.callback(places.take_place_to_transfer())
        yield crowd


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 5, 8, 16, 256])
def test_a_thread_is_left_for_pages_where_there_are_two(threads: int) -> None:
    slow = places.most_transfers(threads) + places.most_waits(threads)
    assert slow < threads or threads == slow == 1
    assert places.most_transfers(threads) >= 1, "a file can always be sent"


def test_a_program_hears_when_to_send_its_file_again(
    program: Program, crowd: ExitStack, config: Config
) -> None:
    def send() -> tuple[int, str, str | None]:
        answer = program(
            "POST", "/backups", input_stream=io.BytesIO(b"x" * 10),
            content_type="application/octet-stream",
            environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": "10"},
        )  # fmt: skip
        assert answer.json
        return answer.status_code, answer.json.get("code", ""), answer.headers.get("Retry-After")

    assert send() == (503, "too_many_transfers", "10")
    assert not config.incoming_dir.exists() or os.listdir(config.incoming_dir) == []
    crowd.close()
    assert send()[0] == 202


def test_a_download_has_to_wait_too_and_is_not_in_the_audit_log(
    program: Program, crowd: ExitStack, backup: Backup
) -> None:
    def download() -> tuple[int, str | None]:
        answer = program("GET", f"/backups/{backup.id}/download", buffered=True)
        return answer.status_code, answer.headers.get("Retry-After")

    assert download() == (503, "10")
    of_downloads = db.select(AuditEvent).where(AuditEvent.action == "backup.download")
    assert db.session.scalars(of_downloads).all() == []
    crowd.close()
    for _ in range(20):
        assert download() == (200, None), "each gives its place back"


def test_who_sends_a_file_in_a_browser_gets_a_page(ada: Visitor, crowd: ExitStack) -> None:
    body = form({"csrf_token": token(ada)}, (b"no backup", "a.db"))
    answer = post(ada, body)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert "Too many files are being transferred" in answer.text
    assert "Nothing was changed. Wait a moment, then try again." in answer.text
    crowd.close()
    assert post(ada, body).status_code == 303


def test_a_page_offers_to_try_the_download_again(
    ada: Visitor, crowd: ExitStack, backup: Backup
) -> None:
    path = f"/admin/backups/{backup.id}/download"
    assert ada.open(path).status_code == 503
    assert "Too many files are being transferred" in ada.page
    assert f'href="{path}"' in ada.page


def test_pages_calls_and_small_files_do_not_wait(
    ada: Visitor, program: Program, crowd: ExitStack
) -> None:
    assert ada.open("/").status_code == 200
    assert program("GET", "/backups").status_code == 200
    fields = {"csrf_token": token(ada)}
    sent = ada.client.post(
        "/admin/import", data=form(fields, (b"no file", "a.txt")),
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"wsgi.input_terminated": True},
    )  # fmt: skip
    assert sent.status_code != 503
