"""What is shown when something cannot be done."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask

from launcher.backup import errors
from launcher.backup.errors import BackupError, UploadRejectedError
from launcher.backup.reasons import Reason
from launcher.i18n.labels import ERROR_WORDS
from launcher.web.errors import STATUS_OF
from tests.web.visitor import Visitor


def _family(parent: type[BackupError]) -> Iterator[type[BackupError]]:
    yield parent
    for child in parent.__subclasses__():
        yield from _family(child)


FAMILY = sorted(set(_family(BackupError)), key=lambda each: each.__name__)


def _one(kind: type[BackupError]) -> BackupError:
    if kind is errors.OperationInProgressError:
        return kind(verb="restore", by="ada", since=datetime(2026, 11, 22, 12, tzinfo=UTC))
    return kind(Reason.UNCLASSIFIED, sentence="one of <these>")


def _raising(app: Flask, error: Exception) -> Visitor:
    def view() -> str:
        raise error

    app.add_url_rule("/trouble", "trouble", view)
    return Visitor(app)


@pytest.mark.parametrize("kind", FAMILY)
def test_every_backup_error_has_a_status_and_words(app: Flask, kind: type[BackupError]) -> None:
    error = _one(kind)
    visitor = _raising(app, error)

    answer = visitor.open("/trouble")

    assert answer.status_code == STATUS_OF[kind.code]
    assert str(ERROR_WORDS[kind.code].title) in visitor.page
    assert "&lt;these&gt;" in visitor.page or kind is errors.OperationInProgressError
    assert f"<code>{kind.code}</code>" in visitor.page


def test_the_tables_hold_the_codes_and_nothing_else() -> None:
    codes = {kind.code for kind in FAMILY}

    assert set(STATUS_OF) == codes
    assert set(ERROR_WORDS) == codes


def test_the_statuses_are_those_of_the_contract() -> None:
    assert STATUS_OF == {
        "operation_in_progress": 409, "store_unavailable": 503, "backup_not_found": 404,
        "backup_protected": 409, "insufficient_space": 507, "verification_failed": 422,
        "incompatible_backup": 422, "upload_rejected": 422, "source_database": 503,
        "restore_failed": 500, "revert_failed": 500, "internal": 500,
        "check_stopped": 422, "time_used_up": 503, "not_started": 503,
        "place_unusable": 502, "not_opened": 422,
    }  # fmt: skip


def test_an_upload_over_the_limit_is_too_large(app: Flask) -> None:
    visitor = _raising(app, UploadRejectedError(Reason.TOO_LARGE, limit_bytes=500))

    assert visitor.open("/trouble").status_code == 413


def test_a_mistake_of_ours_shows_a_number_and_nothing_else(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = _raising(app, RuntimeError("secret: /srv/data, password hunter2"))

    with caplog.at_level(logging.ERROR):
        answer = visitor.open("/trouble")

    assert answer.status_code == 500
    assert "hunter2" not in visitor.page
    assert "RuntimeError" not in visitor.page
    number = re.search(r"<code>([0-9a-f]{8})</code>", visitor.page)
    assert number
    assert number[1] in caplog.text
    assert "hunter2" in caplog.text


def test_an_address_that_leads_nowhere_says_so(ada: Visitor) -> None:
    answer = ada.open("/nope")

    assert answer.status_code == 404
    assert "Page not found" in ada.page
    assert 'href="/"' in ada.page


def test_a_form_too_large_is_refused(ada: Visitor, app: Flask) -> None:
    ada.open("/account")
    app.config["MAX_CONTENT_LENGTH"] = 1000
    answer = ada.send("/account/appearance", theme="x" * 2000)

    assert answer.status_code == 413
    assert "The request is too large" in ada.page


def test_problems_are_said_in_the_readers_language(app: Flask) -> None:
    visitor = Visitor(app, language="ru")
    visitor.open("/nope")

    assert "Страница не найдена" in visitor.page
    assert '<html lang="ru">' in visitor.page
