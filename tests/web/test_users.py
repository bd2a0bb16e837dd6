"""Accounts, as an admin sees and changes them."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask

from launcher.accounts import users
from launcher.accounts.errors import LastAdminError
from launcher.audit import COMMAND_LINE
from launcher.db import revoked_tokens
from launcher.extensions import db
from launcher.i18n.labels import ACCOUNT_WORDS
from launcher.models import ApiToken, AuditEvent, Board, Role, TokenScope, User
from tests.conftest import ADA, BEN, Person
from tests.web.visitor import Visitor

NEW = {"username": "dora", "display_name": "Dora", "role": "editor", "password": "a long password"}
SEEN_ADMIN = {"seen_role": "admin", "seen_active": "1"}
SEEN_BEN = {"seen_role": "editor", "seen_active": "1"}
LAST_ADMIN = str(ACCOUNT_WORDS[LastAdminError.code])


@pytest.fixture
def two_admins(app: Flask, ada: Visitor) -> None:
    """Ben is an admin as well."""
    with app.app_context():
        users.set_role(users.find_user("ben"), Role.ADMIN, actor=COMMAND_LINE)


def stored(app: Flask, username: str) -> User | None:
    with app.app_context():
        return db.session.scalar(db.select(User).where(User.username == username))


def newest_event(app: Flask) -> AuditEvent:
    with app.app_context():
        return db.session.scalars(db.select(AuditEvent).order_by(AuditEvent.id.desc())).first()


def shown_password(page: str) -> str:
    found = re.search(r'id="password"[^>]* value="([^"]+)"', page)
    assert found, page
    return found[1]


def rows(page: str) -> list[str]:
    """Return the text of each line of the table."""
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    texts = (re.sub(r"<[^>]+>", " ", row) for row in body.split("</tr>")[:-1])
    return [html.unescape(" ".join(text.split())) for text in texts]


# Looking


def test_everybody_is_in_the_list(ada: Visitor, app: Flask) -> None:
    ada.sign_in(ADA)
    with app.app_context():
        ben = users.find_user("ben")
        for number in range(2):
            token = ApiToken(
                user=ben,
                name="phone",
                prefix="p",
                token_sha256=str(number),
                scopes=[TokenScope.STATUS],
            )
            db.session.add(token)
        chloe = users.find_user("chloe")
        users.set_active(chloe, False, actor=COMMAND_LINE)

    ada.open("/admin/users")

    first, second, third = rows(ada.page)
    assert first.startswith("Ada ada Admin (you) Active Last sign-in")
    # It is "yesterday" where midnight has passed since.
    assert re.match(r"Ben ben Editor Active Never signed in Created (yester|to)day", second)
    assert second.endswith("API tokens 2")
    assert third.startswith("Chloe chloe Viewer Deactivated")


def test_an_account_that_is_not_there_is_not_found(ada: Visitor) -> None:
    for number in ("99", "0", "9223372036854775807", "9" * 30, "-1", "ben"):
        assert ada.open(f"/admin/users/{number}").status_code == 404
    assert ada.send("/admin/users/99/role", role="viewer", **SEEN_BEN).status_code == 404


def test_a_name_that_is_a_script_is_only_a_name(ada: Visitor, app: Flask) -> None:
    name = "<script>alert(1)</script>\"'&"
    ada.send("/admin/users/2/name", display_name=name)

    for path in ("/admin/users", "/admin/users/2", "/admin/users/2/delete", "/admin/audit"):
        ada.open(path)
        assert "<script>alert" not in ada.page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in ada.page


def test_the_account_menu_leads_admins_to_these_pages(ada: Visitor, ben: Visitor) -> None:
    assert "Administration" in ada.open("/account").text
    assert "Administration" not in ben.open("/account").text


# Making


def test_a_new_user_can_sign_in(ada: Visitor, app: Flask) -> None:
    ada.open("/admin/users/new")
    answer = ada.send("/admin/users", **NEW)

    assert (answer.status_code, answer.location) == (303, "/admin/users")
    assert "Account dora added" in ada.open("/admin/users").text
    dora = Visitor(app)
    assert dora.sign_in(Person("dora", "a long password", Role.EDITOR)).status_code == 303
    event = stored_event(app, "user.create")
    assert (event.actor_name, event.target_name, event.address) == ("ada", "dora", "127.0.0.1")


def stored_event(app: Flask, action: str) -> AuditEvent:
    with app.app_context():
        found = db.select(AuditEvent).where(AuditEvent.action == action)
        return db.session.scalars(found.order_by(AuditEvent.id.desc())).first()


def test_a_password_of_chance_is_shown_once_and_kept_out_of_every_cache(
    ada: Visitor, app: Flask
) -> None:
    ada.open("/admin/users/new")
    answer = ada.client.post(
        "/admin/users",
        data=NEW
        | {"password": "", "csrf_token": re.search(r'csrf_token" value="([^"]+)', ada.page)[1]},
        headers={"Accept-Encoding": "gzip"},
    )

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store, no-transform"
    assert "Content-Encoding" not in answer.headers
    password = shown_password(answer.text)
    assert Visitor(app).sign_in(Person("dora", password, Role.EDITOR)).status_code == 303
    for path in ("/admin/users", "/admin/users/4", "/admin/audit"):
        assert password not in ada.open(path).text


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("username", "", "letters a to z"),
        ("username", "Дора", "letters a to z"),
        ("username", "<b>", "letters a to z"),
        ("username", "a" * 65, "letters a to z"),
        ("username", "BEN", "Another user has this name"),
        ("display_name", "x" * 61, "at most 60 characters"),
        ("display_name", "two\nlines", "at most 60 characters"),
        ("password", "short", "too short. Use at least 12 characters."),
        ("password", "x" * 1001, "too long. Use at most 1,000 characters."),
        ("role", "", "Choose one of these roles"),
        ("role", "owner", "Choose one of these roles"),
    ],
)
def test_a_value_that_cannot_be_is_named_and_no_one_is_made(
    ada: Visitor, app: Flask, field: str, value: str, reason: str
) -> None:
    ada.open("/admin/users/new")
    answer = ada.send("/admin/users", **(NEW | {field: value}))

    assert answer.status_code == 422
    assert reason in ada.page
    assert f'id="{field}-error"' in ada.page
    assert "a long password" not in ada.page
    assert "x" * 1001 not in ada.page
    with app.app_context():
        assert len(list(users.all_users())) == 3


# Changing


def test_another_display_name_is_shown_and_recorded(ada: Visitor, app: Flask) -> None:
    ada.open("/admin/users/2")
    answer = ada.send("/admin/users/2/name", display_name=" Benjamin ")

    assert (answer.status_code, answer.location) == (303, "/admin/users/2")
    assert "Display name changed to Benjamin." in ada.open("/admin/users/2").text
    assert newest_event(app).changes == {"display_name": ["Ben", "Benjamin"]}


def test_a_display_name_too_long_is_refused_and_the_old_one_stays(ada: Visitor, app: Flask) -> None:
    ada.open("/admin/users/2")
    answer = ada.send("/admin/users/2/name", display_name="x" * 61)

    assert answer.status_code == 422
    assert "at most 60 characters" in ada.page
    assert stored(app, "ben").display_name == "Ben"


def test_another_role_counts_at_once(ada: Visitor, ben: Visitor) -> None:
    assert ben.open("/admin/users").status_code == 403
    ada.open("/admin/users/2")
    answer = ada.send("/admin/users/2/role", role="admin", **SEEN_BEN)

    assert answer.status_code == 303
    assert "Role of Ben changed to Admin." in ada.open("/admin/users/2").text
    assert ben.open("/admin/users").status_code == 200


def test_who_is_switched_off_is_out_until_switched_on(ada: Visitor, ben: Visitor) -> None:
    ada.open("/admin/users/2")
    ada.send("/admin/users/2/access", active="0", **SEEN_BEN)

    assert "Ben is deactivated and signed out." in ada.open("/admin/users/2").text
    assert not ben.is_signed_in

    ada.send("/admin/users/2/access", active="1", seen_role="editor", seen_active="0")
    assert "Ben can sign in again." in ada.open("/admin/users/2").text
    assert ben.sign_in(BEN).status_code == 303


def test_a_new_password_is_shown_once_and_ends_the_sessions(
    ada: Visitor, ben: Visitor, app: Flask
) -> None:
    ada.open("/admin/users/2")
    answer = ada.send("/admin/users/2/password")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store, no-transform"
    assert "Ben has a new password" in ada.page
    password = shown_password(ada.page)
    assert not ben.is_signed_in
    assert ben.sign_in(BEN).status_code == 422
    assert ben.sign_in(Person("ben", password, Role.EDITOR)).status_code == 303
    assert newest_event(app).changes == {}


def test_who_is_deleted_is_gone(ada: Visitor, ben: Visitor, app: Flask) -> None:
    ada.open("/admin/users/2/delete")
    assert "Delete account Ben?" in ada.page
    answer = ada.send("/admin/users/2/delete", **SEEN_BEN)

    assert (answer.status_code, answer.location) == (303, "/admin/users")
    assert "Account Ben deleted." in ada.open("/admin/users").text
    assert not ben.is_signed_in
    assert stored(app, "ben") is None


def test_a_user_whose_tokens_cannot_be_revoked_stays(
    ada: Visitor, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        token = ApiToken(
            user=users.find_user("ben"), name="p", prefix="p", token_sha256="s",
            scopes=[TokenScope.STATUS],
        )  # fmt: skip
        db.session.add(token)
        db.session.commit()
    ada.open("/admin/users/2/delete")
    monkeypatch.setattr(revoked_tokens.os, "write", lambda *_: 0)

    answer = ada.send("/admin/users/2/delete", **SEEN_BEN)

    assert answer.status_code == 507
    assert "The token was not revoked" in answer.text
    assert stored(app, "ben") is not None


def test_the_question_before_deleting_says_what_goes_and_what_stays(
    ada: Visitor, boards: None, app: Flask
) -> None:
    with app.app_context():
        token = ApiToken(
            user=users.find_user("ben"), name="p", prefix="p", token_sha256="s",
            scopes=[TokenScope.STATUS],
        )  # fmt: skip
        db.session.add(token)
        db.session.commit()

    with app.app_context():
        users.create_user("dora", "dora's long password", role=Role.ADMIN, actor=COMMAND_LINE)
        db.session.execute(db.update(Board).where(Board.slug == "home").values(owner_id=1))
        db.session.commit()
    own = html.unescape(ada.open("/admin/users/1/delete").text)
    assert re.sub("[\u2066-\u2069]", "", own).count("dora becomes the owner of 1 board:") == 1
    page = ada.open("/admin/users/2/delete").text
    assert "1 API token stops working." in page
    assert "You become the owner of 1 board: <bdi>Attic</bdi>." in page


def test_the_dialog_gets_the_question_alone(ada: Visitor) -> None:
    part = ada.open("/admin/users/2/delete", HX_Request="true").text

    assert part.startswith('<form class="stack" id="user-delete"')
    assert "<html" not in part


# The last admin


@pytest.mark.parametrize(
    ("door", "fields"),
    [
        ("role", {"role": "viewer"}),
        ("access", {"active": "0"}),
        ("delete", {}),
    ],
)
def test_the_last_admin_stays(ada: Visitor, app: Flask, door: str, fields: dict[str, str]) -> None:
    ada.open("/admin/users/1")
    answer = ada.send(f"/admin/users/1/{door}", **fields, **SEEN_ADMIN)

    assert answer.status_code == 409
    assert LAST_ADMIN in ada.page
    assert "Nothing was changed" in ada.page
    ada_now = stored(app, "ada")
    assert (ada_now.role, ada_now.is_active) == (Role.ADMIN, True)
    assert ada.open("/admin/users").status_code == 200


def test_the_page_of_the_last_admin_says_so_beforehand(ada: Visitor) -> None:
    ada.open("/admin/users/1")

    assert ada.page.count(LAST_ADMIN) == 3
    assert "<fieldset disabled" in ada.page
    for words in ("Save role", "Deactivate account", "Delete account…"):
        assert re.search(rf"<button [^>]*disabled>{words}", ada.page), words


def test_with_another_admin_nothing_is_closed(ada: Visitor, two_admins: None) -> None:
    ada.open("/admin/users/1")

    assert LAST_ADMIN not in ada.page
    assert "disabled" not in ada.page
    assert ada.page.count("This is your account.") == 3


# Oneself


def test_who_gives_up_being_admin_sees_what_follows(ada: Visitor, two_admins: None) -> None:
    ada.open("/admin/users/1")
    answer = ada.send("/admin/users/1/role", role="editor", **SEEN_ADMIN)

    assert (answer.status_code, answer.location) == (303, "/")
    assert "You are no longer an admin. Your role: Editor." in ada.open("/account").text
    assert ada.open("/admin/users").status_code == 403


@pytest.mark.parametrize(
    ("door", "fields", "words"),
    [
        ("access", {"active": "0"}, "Your account is deactivated, and you are signed out."),
        ("delete", {}, "Your account is deleted, and you are signed out."),
    ],
)
def test_who_leaves_is_signed_out(
    ada: Visitor, two_admins: None, door: str, fields: dict[str, str], words: str
) -> None:
    ada.open("/admin/users/1")
    answer = ada.send(f"/admin/users/1/{door}", **fields, **SEEN_ADMIN)

    assert (answer.status_code, answer.location) == (303, "/login")
    assert words in ada.open("/login").text
    assert not ada.is_signed_in


def test_ones_own_password_is_changed_where_the_old_one_is_asked_for(ada: Visitor) -> None:
    ada.open("/admin/users/1")
    assert "Change your own password" in ada.page

    assert ada.send("/admin/users/1/password").location == "/account"
    assert Visitor(ada.client.application).sign_in(ADA).status_code == 303


# Two admins at once


@pytest.mark.parametrize(
    ("door", "fields"),
    [("role", {"role": "viewer"}), ("access", {"active": "0"}), ("delete", {})],
)
def test_a_form_from_before_someone_elses_change_shows_the_account_as_it_is(
    ada: Visitor, app: Flask, door: str, fields: dict[str, str]
) -> None:
    ada.open("/admin/users/2")
    with app.app_context():
        users.set_role(users.find_user("ben"), Role.ADMIN, actor=COMMAND_LINE)

    answer = ada.send(f"/admin/users/2/{door}", **fields, **SEEN_BEN)

    assert answer.status_code == 409
    assert "Someone else changed this account in the meantime." in ada.page
    assert 'name="seen_role" value="admin"' in ada.page
    ben = stored(app, "ben")
    assert (ben.role, ben.is_active) == (Role.ADMIN, True)


def test_a_form_that_does_not_say_what_it_saw_changes_nothing(ada: Visitor, app: Flask) -> None:
    ada.open("/admin/users/2")

    for fields in ({}, {"seen_role": "king", "seen_active": "1"}, {"seen_role": "editor"}):
        assert ada.send("/admin/users/2/role", role="viewer", **fields).status_code == 409
    assert stored(app, "ben").role is Role.EDITOR


# A recent password


@pytest.mark.parametrize("path", ["/admin/users/new", "/admin/users/2", "/admin/users/2/delete"])
def test_forms_ask_for_the_password_again_after_a_while(tired: Visitor, path: str) -> None:
    answer = tired.open(path)

    assert (answer.status_code, answer.location) == (303, f"/account/confirm?next={path}")


def test_nothing_changes_without_a_recent_password(tired: Visitor, app: Flask) -> None:
    tired.open("/account")
    sent = {
        "/admin/users": NEW,
        "/admin/users/2/name": {"display_name": "x"},
        "/admin/users/2/role": {"role": "admin"} | SEEN_BEN,
        "/admin/users/2/access": {"active": "0"} | SEEN_BEN,
        "/admin/users/2/password": {},
        "/admin/users/2/delete": SEEN_BEN,
    }
    for path, fields in sent.items():
        answer = tired.send(path, **fields)
        assert answer.status_code == 422
        assert "Confirm password" in tired.page

    ben = stored(app, "ben")
    assert (ben.name, ben.role, ben.is_active) == ("Ben", Role.EDITOR, True)
    assert Visitor(app).sign_in(BEN).status_code == 303
    assert stored(app, "dora") is None


def test_what_was_typed_is_not_lost_when_the_password_is_asked_for(
    tired: Visitor, app: Flask
) -> None:
    tired.open("/account")
    typed = {"username": "dora", "display_name": 'Dora "<b>', "role": "editor",
             "password": "a sentence of today"}  # fmt: skip
    tired.send("/admin/users", **typed)
    assert tired.confirm("wrong").status_code == 422
    assert "The password is not correct." in tired.page

    answer = tired.confirm(ADA.password)

    assert (answer.status_code, answer.location) == (303, "/admin/users")
    dora = stored(app, "dora")
    assert (dora.name, dora.role) == ('Dora "<b>', Role.EDITOR)
    assert Visitor(app).send("/login", username="dora", password=typed["password"]).location == "/"


def test_a_question_that_carries_a_password_is_neither_kept_nor_compressed(tired: Visitor) -> None:
    tired.open("/account")
    answer = tired.send_with({"Accept-Encoding": "gzip"}, "/admin/users", **NEW)

    assert answer.headers["Cache-Control"] == "no-store, no-transform"
    assert "Content-Encoding" not in answer.headers
