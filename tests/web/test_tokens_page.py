"""The page of the API tokens: created and shown once, listed, revoked."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from launcher.accounts import tokens, users
from launcher.audit import COMMAND_LINE
from launcher.db import revoked_tokens
from launcher.extensions import db
from launcher.models import ApiToken, Role, TokenScope
from launcher.models.types import utc_now
from tests.conftest import ADA
from tests.web.restoring import text_of
from tests.web.visitor import Visitor

PAGE = "/admin/tokens"
DORA = ("dora", "dora's long password")


def create(visitor: Visitor, **fields: object) -> TestResponse:
    visitor.open(PAGE)
    newest = re.search(r'name="newest" value="([^"]*)"', visitor.page)
    assert newest
    values = {"name": "Script", "scope": ["status"], "expires": "90", "newest": newest[1]}
    return visitor.send(PAGE, **values | fields)


def secret_of(answer: TestResponse) -> str:
    found = re.search(r"<output[^>]*>(lch_[^<]+)</output>", answer.text)
    assert found, answer.text
    return found[1]


def opens(app: Flask, secret: str) -> bool:
    return (
        app.test_client()
        .get("/api/v1/status", headers={"Authorization": f"Bearer {secret}"})
        .status_code
        == 200
    )


def stored(app: Flask) -> list[ApiToken]:
    with app.app_context():
        return list(tokens.all_tokens())


def test_without_tokens_the_page_says_what_they_are_for(ada: Visitor) -> None:
    page = text_of(ada.open(PAGE).text)
    assert "No tokens yet" in page
    assert "A token lets a script create or restore backups without your password." in page


def test_a_new_token_is_shown_once_and_works(ada: Visitor, app: Flask) -> None:
    answer = create(ada, name="Home Assistant", scope=["status", "backups:read"])

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store, no-transform"
    secret = secret_of(answer)
    assert "Token “Home Assistant” created" in text_of(answer.text)
    assert "http://localhost/api/v1/status" in answer.text
    assert opens(app, secret)
    later = ada.open(PAGE).text
    assert secret not in later
    assert "Home Assistant By Ada" in text_of(later)
    assert "backups:read status" in text_of(later)
    assert secret not in ada.open("/admin/audit").text


def test_the_answer_loaded_again_creates_no_second_token(ada: Visitor, app: Flask) -> None:
    create(ada)
    again = ada.send(PAGE, name="Script", scope="status", expires="90", newest="")

    assert (again.status_code, again.location) == (303, PAGE)
    assert len(stored(app)) == 1
    assert create(ada).status_code == 200, "another of this name, when asked for"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": " "}, "Enter a name of at most 60 characters."),
        ({"name": "x" * 61}, "Enter a name of at most 60 characters."),
        ({"scope": []}, "Choose at least one scope."),
        ({"scope": ["everything"]}, "Choose at least one scope."),
        ({"expires": "date", "expires_on": ""}, "Choose a date in the next 10 years."),
        ({"expires": "date", "expires_on": "2020-01-01"}, "Choose a date in the next 10 years."),
        ({"expires": "date", "expires_on": "9999-12-31"}, "Choose a date in the next 10 years."),
        ({"expires": "date", "expires_on": "3000-01-01"}, "Choose a date in the next 10 years."),
        ({"expires": "12"}, "Choose a date in the next 10 years."),
    ],
)
def test_what_is_refused_is_said_and_nothing_is_lost(
    ada: Visitor, app: Flask, fields: dict[str, object], said: str
) -> None:
    answer = create(ada, **{"name": "Kept", "scope": ["metrics"]} | fields)

    assert answer.status_code == 422
    assert said in text_of(answer.text)
    assert stored(app) == []
    assert len(re.findall(r"<(?:input|select)[^>]* autofocus", answer.text)) == 1
    if "name" not in fields:
        assert 'value="Kept"' in answer.text
    if "scope" not in fields:
        assert 'value="metrics" checked' in answer.text


def test_it_expires_when_it_was_said(ada: Visitor, app: Flask) -> None:
    tomorrow = (utc_now() + timedelta(days=1)).date()
    create(ada, name="Month", expires="30")
    create(ada, name="Day", expires="date", expires_on=tomorrow.isoformat())
    create(ada, name="Ever", expires="never")

    ever, day, month = stored(app)
    assert ever.expires_at is None
    assert month.expires_at
    assert day.expires_at
    assert abs(month.expires_at - utc_now() - timedelta(days=30)) < timedelta(minutes=5)
    assert day.expires_at.date() == tomorrow + timedelta(days=1)
    page = text_of(ada.open(PAGE).text)
    assert "Does not expire" in page
    assert "Expires in 4 weeks" in page


def test_one_that_expires_soon_is_marked_and_one_that_has_is_named_so(
    ada: Visitor, data_dir: Path
) -> None:
    for name, days in (("Far", 8), ("Soon", 6), ("Past", -1)):
        create(ada, name=name)
        at = f"{utc_now() + timedelta(days=days, hours=1):%Y-%m-%d %H:%M:%S.%f}"
        with closing(sqlite3.connect(data_dir / "launcher.db")) as database, database:
            database.execute("UPDATE api_tokens SET expires_at = ? WHERE name = ?", (at, name))

    past, soon, far = re.findall(
        r"<tr>\s*<th scope=\"row\">.*?</tr>", ada.open(PAGE).text, re.DOTALL
    )
    assert 'data-state="down"' in past
    assert "Expired on" in text_of(past)
    assert 'data-state="slow"' in soon
    assert "Expires in 6 days" in text_of(soon)
    assert "data-state" not in far


def test_creating_needs_a_recent_password(tired: Visitor, app: Flask) -> None:
    answer = create(tired)
    assert answer.status_code == 422
    assert "Enter your password for this action." in text_of(answer.text)
    assert create(tired, password="wrong").status_code == 422
    assert stored(app) == []
    assert opens(app, secret_of(create(tired, password=ADA.password)))


def test_last_use_and_its_address_are_shown(ada: Visitor, app: Flask) -> None:
    secret = secret_of(create(ada))
    assert "Never used" in ada.open(PAGE).text
    assert opens(app, secret)
    assert "from 127.0.0.1" in text_of(ada.open(PAGE).text)


def test_a_revoked_token_stops_at_once(ada: Visitor, app: Flask) -> None:
    secret = secret_of(create(ada, name="Old"))
    address = f"{PAGE}/{stored(app)[0].id}/revoke"
    question = text_of(ada.open(address).text)
    assert "Revoke token Old?" in question
    assert "The token stops working immediately. You cannot undo this." in question
    assert opens(app, secret), "asking revokes nothing"

    answer = ada.send(address)

    assert (answer.status_code, answer.location) == (303, PAGE)
    assert not opens(app, secret)
    assert "Token Old revoked." in ada.open(PAGE).text
    assert ada.send(address).status_code == 404
    page = ada.open("/admin/audit").text
    assert "Created API token <b>Old</b>" in page
    assert "Revoked API token <b>Old</b>" in page


def test_the_question_comes_alone_into_the_dialog(ada: Visitor, app: Flask) -> None:
    create(ada)
    part = ada.open(f"{PAGE}/{stored(app)[0].id}/revoke", HX_Request="true").text
    assert part.startswith('<form class="stack" id="token-revoke"')


def test_a_full_disk_leaves_the_token_valid_and_says_so(
    ada: Visitor, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = secret_of(create(ada))
    address = f"{PAGE}/{stored(app)[0].id}/revoke"
    ada.open(address)
    monkeypatch.setattr(revoked_tokens.os, "write", lambda *_: 0)
    answer = ada.send(address)
    assert answer.status_code == 507
    assert "The token was not revoked" in answer.text
    assert opens(app, secret)


def test_an_admin_sees_and_revokes_the_tokens_of_others(ada: Visitor, app: Flask) -> None:
    with app.app_context():
        dora = users.create_user(*DORA, role=Role.ADMIN, actor=COMMAND_LINE)
        _, secret = tokens.create_token(
            dora, "Backups", [TokenScope.STATUS], expires_at=None, actor=COMMAND_LINE
        )
    assert "Backups By dora" in text_of(ada.open(PAGE).text)
    ada.open(f"{PAGE}/1/revoke")
    ada.send(f"{PAGE}/1/revoke")
    assert not opens(app, secret)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda dora: users.set_role(dora, Role.VIEWER, actor=COMMAND_LINE), "is not an admin"),
        (lambda dora: users.set_active(dora, False, actor=COMMAND_LINE), "is deactivated"),
    ],
)
def test_a_token_whose_owner_lost_their_rights_does_nothing_and_says_so(
    ada: Visitor, app: Flask, change: object, said: str
) -> None:
    with app.app_context():
        dora = users.create_user(*DORA, role=Role.ADMIN, actor=COMMAND_LINE)
        _, secret = tokens.create_token(
            dora, "Backups", [TokenScope.STATUS], expires_at=None, actor=COMMAND_LINE
        )
        assert callable(change)
        change(db.session.merge(dora))
    assert not opens(app, secret)
    assert f"Does not work: dora {said}." in text_of(ada.open(PAGE).text)


def test_names_are_shown_as_text(ada: Visitor) -> None:
    page = create(ada, name="<b>bold</b>").text
    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
