"""Nothing that was typed into a form is lost: every form of every page, whatever ends it.

The rows are the forms on the pages of the URL map, so a new form is tried without a word here.
"""

from __future__ import annotations

import html
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from selectolax.lexbor import LexborHTMLParser, LexborNode
from werkzeug.test import TestResponse

from launcher.accounts.users import create_user, find_user, set_role
from launcher.audit import COMMAND_LINE
from launcher.background import process as process_
from launcher.background.process import BEGUN
from launcher.db import session as db_session
from launcher.extensions import db
from launcher.jobs import process
from launcher.models import Role, Tag
from launcher.notifications import sender
from launcher.offsite import fetch_process
from launcher.offsite.service import OffsiteService
from launcher.offsite.trial import Trial
from launcher.web.unsaved.entries import is_secret
from tests.conftest import ADA, Person
from tests.web.routes import routes_of
from tests.web.visitor import Visitor

DORA = Person("dora", "dora's long password", "admin")
"""An admin like Ada, on the same browser after her."""

WITHOUT = {"auth", "setup", "setup_restore", "recent"}
"""Blueprints whose forms hold nothing but names, passwords and tokens."""

NEVER_SHOWN = {
    "ca_new", "secret_b2_account", "secret_kit", "secret_other_lines", "secret_s3_key_id",
    "secret_sftp_key_pem",
}  # fmt: skip
"""Fields whose text is never shown again, or only where it is a certificate."""
CONFIRMATIONS = {"word", "last"}
"""Fields that repeat what the page shows."""
TYPED_IN = {"text", "search", "url", "email", "number"}
MOST_TYPED = 500
AS_HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/b/home/edit"}


@dataclass(frozen=True, slots=True)
class Form:
    """A form as a person has filled it in; `typed` is what they entered."""

    page: str
    action: str
    fields: tuple[tuple[str, str], ...]
    typed: tuple[tuple[str, str], ...]
    token: str

    def send(self, visitor: Visitor, headers: dict[str, str] | None = None) -> TestResponse:
        fields: dict[str, list[str]] = {"csrf_token": [self.token]}
        for name, text in self.fields:
            fields.setdefault(name, []).append(text)
        sent = {"Referer": f"http://localhost{self.page}"} | (headers or {})
        return visitor.client.post(self.action, data=fields, headers=sent)


def forms_of(page: str, text: str) -> Iterator[Form]:
    """Yield the forms of a page that a person types into, filled in with what is like nothing."""
    for node in LexborHTMLParser(text).css("form[method=post]"):
        fields, typed, token = [], [], ""
        for control in node.css("input, textarea, select"):
            name, kind = control.attributes.get("name"), _kind(control)
            if not name or kind in {"file", "submit"}:
                continue
            value = _value(control)
            if name == "csrf_token":
                token = value
            elif name in NEVER_SHOWN:
                fields.append((name, "no certificate"))
            elif kind in TYPED_IN and name not in CONFIRMATIONS:
                value = _entry(control, len(typed))
                typed.append((name, value))
                fields.append((name, value))
            elif kind == "password":
                fields.append((name, "a secret of Ada"))
            elif kind not in {"radio", "checkbox"} or "checked" in control.attributes:
                fields.append((name, value))
        action = node.attributes.get("action") or page
        if typed:
            yield Form(page, action, tuple(fields), tuple(typed), token)


def _kind(control: LexborNode) -> str:
    if control.tag != "input":
        return "text" if control.tag == "textarea" else control.tag
    return control.attributes.get("type") or "text"


def _value(control: LexborNode) -> str:
    if control.tag == "select":
        chosen = control.css_first("option[selected]") or control.css_first("option")
        return (chosen.attributes.get("value") or "") if chosen else ""
    return control.attributes.get("value") or ""


def _entry(control: LexborNode, number: int) -> str:
    if _kind(control) == "number":
        return str(17 + number)
    longest = int(control.attributes.get("maxlength") or MOST_TYPED)
    return f'{number}»"<b>&amp; Ж'.ljust(min(longest, MOST_TYPED), "ж")[:longest]


@pytest.fixture(autouse=True)
def _nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_, "start", lambda *_, **__: None)
    monkeypatch.setattr(process, "run_now", lambda *_, **__: None)
    monkeypatch.setattr(fetch_process, "launch", lambda *_: BEGUN)
    monkeypatch.setattr(OffsiteService, "try_out", lambda *_, **__: Trial(()))
    monkeypatch.setattr(sender, "_request", lambda *_: sender.Delivery(shown="json://host/…"))


@pytest.fixture
def forms(app: Flask, ada: Visitor, pictures: object) -> list[Form]:
    """Every form of every page that an admin can type into, and those that a button leads to."""
    with app.app_context():
        create_user(DORA.username, DORA.password, role=Role.ADMIN, actor=COMMAND_LINE)
        db.session.add(Tag(name="films"))
        db.session.commit()
        db.session.execute(db.text("INSERT INTO app_tags (app_id, tag_id) VALUES (1, 1)"))
        db.session.commit()
    found: dict[str, Form] = {}
    for route in routes_of(app):
        if route.method != "GET" or route.endpoint.partition(".")[0] in WITHOUT:
            continue
        with ada.client.get(route.path) as answer:
            is_page = answer.status_code == 200 and answer.mimetype == "text/html"
            for form in forms_of(route.path, answer.text) if is_page else ():
                found.setdefault(urlsplit(form.action).path, form)
    ada.open("/admin/apps")
    asked = ada.send("/admin/apps", do="tag", app=["1", "2"])
    for form in forms_of("/admin/apps", asked.text):
        found["bulk tags"] = form
    ada.open("/apps/1/edit")
    picker = ada.send("/icons", name="Кино", description="ж" * 500, return_to="/apps/1/edit")
    for form in forms_of("/icons", picker.text):
        carried = (("name", "Кино"), ("description", "ж" * 500))
        found["picker"] = Form("/icons", "/icons", form.fields, carried, form.token)
    return list(found.values())


def test_the_forms_of_the_catalogue_are_among_those_that_are_tried(forms: list[Form]) -> None:
    actions = {form.action for form in forms}
    assert actions >= {
        "/apps/new", "/apps/1/edit", "/boards/new", "/b/garden/settings", "/b/garden/sections",
        "/b/garden/sections/4/rename", "/admin/tags/1/rename", "/admin/apps", "/admin/settings",
        "/icons",
    }, actions  # fmt: skip


# The session ends


def end_row(visitor: Visitor, data_dir: Path) -> None:
    """End every session on the server, as a restore or *sign out everywhere* does."""
    with closing(sqlite3.connect(data_dir / "launcher.db")) as live, live:
        live.execute("DELETE FROM user_sessions")


def sign_out_in_another_tab(visitor: Visitor, data_dir: Path) -> None:
    visitor.page = ""
    assert visitor.send("/logout").status_code == 303


def lose_cookie(visitor: Visitor, data_dir: Path) -> None:
    """Let the cookie expire: the browser sends it no more."""
    visitor.client.delete_cookie(visitor.session_cookie[0])


ENDINGS = (end_row, sign_out_in_another_tab, lose_cookie)


def carried(page: str) -> dict[str, str]:
    """Return what the sign-in form of a page carries."""
    (form,) = LexborHTMLParser(page).css('form[action="/login"]')
    inputs = form.css("input[type=hidden]")
    return {str(each.attributes["name"]): str(each.attributes["value"]) for each in inputs}


def sign_in_on(visitor: Visitor, page: str, person: Person) -> TestResponse:
    fields = carried(page) | {"username": person.username, "password": person.password}
    answer = visitor.client.post("/login", data=fields)
    if answer.status_code == 303:
        answer = visitor.client.get(answer.location)
    return answer


def lost(form: Form, page: str) -> list[str]:
    """Return the names of the entries that are in no control of the page, nor listed on it."""
    tree = LexborHTMLParser(page)
    kept = {(node.attributes.get("name"), _value(node)) for node in tree.css("form input")}
    kept |= {(node.attributes.get("name"), node.text()) for node in tree.css("form textarea")}
    return [
        name for name, text in form.typed if not is_secret(name) and (name, text) not in kept
    ]  # fmt: skip


def test_a_form_is_back_after_sign_in_with_all_that_was_typed(
    ada: Visitor, forms: list[Form], data_dir: Path
) -> None:
    failed = []
    for form, end in zip(forms, cycle(ENDINGS), strict=False):
        ada.hold_session(ADA)
        ada.page = ada.client.get(form.page).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', ada.page)
        assert token
        filled = Form(form.page, form.action, form.fields, form.typed, token[1])
        end(ada, data_dir)
        before = rows(data_dir)
        answer = filled.send(ada)
        assert answer.status_code == 401, form.action
        assert "a secret of Ada" not in answer.text
        wrong = ada.client.post("/login", data=carried(answer.text) | {"username": "ada"})
        assert wrong.status_code == 422
        shown = sign_in_on(ada, wrong.text, ADA)
        if missing := lost(filled, shown.text):
            failed.append((form.action, missing))
        assert "Not saved yet" in shown.text, form.action
        assert rows(data_dir) == before, f"{form.action} was saved"
    assert not failed


def test_entries_of_one_person_are_not_shown_to_another(
    ada: Visitor, forms: list[Form], data_dir: Path
) -> None:
    ada.client.delete_cookie(ada.session_cookie[0])
    for form in forms:
        shown = sign_in_on(ada, form.send(ada).text, DORA)
        assert shown.status_code == 200
        assert "жж" not in shown.text
        stale = form.send(ada)  # her own browser by now, and a form of Ada
        assert stale.status_code == 400
        assert "жж" not in stale.text
        ada.client.delete_cookie(ada.session_cookie[0])


def test_a_form_of_before_the_sign_in_comes_back_to_the_same_person(
    ada: Visitor, forms: list[Form], data_dir: Path
) -> None:
    ada.hold_session(ADA)
    before = rows(data_dir)
    for form in forms:
        answer = form.send(ada)
        assert answer.status_code == 400
        assert lost(form, answer.text) == [], form.action
    assert rows(data_dir) == before


def test_a_script_gets_the_token_that_counts_now(ada: Visitor, boards: object) -> None:
    ada.open("/b/home/edit")
    form = next(each for each in forms_of("/b/home/edit", ada.page) if "rename" in each.action)
    ada.client.delete_cookie(ada.session_cookie[0])
    answer = form.send(ada, AS_HTMX)
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (401, "#problem")
    assert 'href="/login" target="_blank"' in answer.text
    ada.hold_session(ADA)
    answer = form.send(ada, AS_HTMX)
    assert answer.status_code == 400
    renewed = Form(
        form.page, form.action, form.fields, form.typed, answer.headers["Launcher-Token"]
    )
    assert renewed.send(ada, AS_HTMX).status_code == 200


# Nothing can be written


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let SQLite find no room at the first entry of the log: a database may not grow."""

    def connect(path: Path) -> sqlite3.Connection:
        connection = _connect(path)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        connection.execute(
            "CREATE TEMP TRIGGER grows BEFORE INSERT ON audit_events BEGIN"
            " INSERT INTO media (sha256, name, mime, size_bytes, content, created_at)"
            " VALUES (hex(randomblob(32)), 'x', 'image/png', 1, zeroblob(1000000), '2026-11-22');"
            " END"
        )
        return connection

    _connect = db_session.connect
    with monkeypatch.context() as patch:
        patch.setattr(db_session, "connect", connect)
        yield


@contextmanager
def busy_database(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let another process write for longer than a request waits, which is shorter here."""

    def connect(path: Path) -> sqlite3.Connection:
        connection = _connect(path)
        connection.execute("PRAGMA busy_timeout = 0")
        return connection

    _connect = db_session.connect
    with monkeypatch.context() as patch, closing(sqlite3.connect(data_dir / "launcher.db")) as live:
        patch.setattr(db_session, "connect", connect)
        live.execute("BEGIN IMMEDIATE")
        yield


def test_a_form_is_back_with_all_that_was_typed_while_the_database_is_busy(
    ada: Visitor, forms: list[Form], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = []
    with busy_database(data_dir, monkeypatch):
        for form in forms:
            answer = form.send(ada)
            assert answer.status_code == 503, form.action
            if missing := lost(form, answer.text):
                failed.append((form.action, missing))
            assert 'id="unsaved"' in answer.text, form.action
    assert not failed


def test_a_form_is_back_with_all_that_was_typed_while_the_disk_is_full(
    ada: Visitor, forms: list[Form], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed, full = [], set()
    with full_disk(monkeypatch):
        for form in forms:
            answer = form.send(ada)
            if answer.status_code != 507:
                continue  # refused before anything was written
            full.add(form.action)
            assert "The disk is too full" in answer.text
            if missing := lost(form, answer.text):
                failed.append((form.action, answer.status_code, missing))
    assert not failed
    assert full >= {"/b/garden/sections", "/admin/tags/1/rename"}


# Rights are taken away


def test_entries_can_be_copied_when_a_role_is_taken_away(
    app: Flask, ada: Visitor, forms: list[Form], data_dir: Path
) -> None:
    with app.app_context():
        set_role(find_user("ada"), Role.VIEWER, actor=COMMAND_LINE)
    before, failed = rows(data_dir), []
    for form in forms:
        if form.action.startswith("/account"):
            continue
        answer = form.send(ada)
        assert answer.status_code in {403, 404}, form.action
        text = html.unescape(re.sub(r"<[^>]*>", "", answer.text))
        if missing := [name for name, typed in form.typed if typed not in text]:
            failed.append((form.action, answer.status_code, missing))
    assert not failed
    assert rows(data_dir) == before


def rows(data_dir: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row that a form may change; signing in has tables of its own."""
    own = {"user_sessions", "audit_events", "users", "sign_in_failures", "last_ids"}
    with closing(sqlite3.connect(data_dir / "launcher.db")) as live:
        names = [
            name
            for (name,) in live.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            if name not in own and not name.startswith("sqlite_")
        ]
        return {name: live.execute(f"SELECT * FROM {name}").fetchall() for name in names}
