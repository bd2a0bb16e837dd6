"""Signing in and out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from launcher.accounts import sessions, setup, users
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.models import SystemSettings, User, UserSession
from launcher.models.types import utc_now
from launcher.web import devices
from tests.conftest import ADA, BEN, MakeApp
from tests.web.visitor import Visitor


def test_the_right_password_leads_to_the_start_page(guest: Visitor, cast: object) -> None:
    answer = guest.sign_in(ADA)

    assert (answer.status_code, answer.location) == (303, "/")
    assert guest.is_signed_in


def test_a_wrong_password_says_how_many_tries_are_left(guest: Visitor, cast: object) -> None:
    answer = guest.send("/login", username="ada", password="wrong")

    assert answer.status_code == 422
    assert "The user name or password is not correct. 4 more tries, then a pause" in guest.page
    assert 'value="ada"' in guest.page
    assert "wrong" not in guest.page
    assert not guest.is_signed_in


def test_an_unknown_name_reads_like_a_wrong_password(guest: Visitor, cast: object) -> None:
    guest.send("/login", username="ada", password="wrong")
    known = guest.page.replace("ada", "")
    other = Visitor(guest.client.application)
    other.send("/login", username="eve", password="wrong")

    strip = re.compile(r'csrf_token" value="[^"]+"|\d more')
    assert strip.sub("", other.page.replace("eve", "")) == strip.sub("", known)


def test_the_sixth_try_has_to_wait_even_with_the_right_password(
    guest: Visitor, cast: object
) -> None:
    for _ in range(4):
        guest.send("/login", username="ada", password="wrong")
    assert "1 more try, then a pause" in guest.page
    guest.send("/login", username="ada", password="wrong")
    assert "Wait 60 seconds" in guest.page

    answer = guest.sign_in(ADA)

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert not guest.is_signed_in


def guess(app: Flask, times: int, *, address: str = "10.6.6.6") -> None:
    """Try wrong passwords for Ada from elsewhere."""
    stranger = Visitor(app)
    stranger.client.environ_base["REMOTE_ADDR"] = address
    for _ in range(times):
        stranger.send("/login", username="ada", password="wrong")


def sign_out(visitor: Visitor) -> None:
    visitor.open("/account")
    visitor.send("/logout")


def test_who_signed_in_here_before_is_let_in_while_others_guess_elsewhere(
    guest: Visitor, app: Flask, cast: object
) -> None:
    guest.sign_in(ADA)
    sign_out(guest)
    guess(app, 6)

    for _ in range(23):
        assert guest.sign_in(ADA).status_code == 303
        sign_out(guest)
    assert Visitor(app).sign_in(ADA).status_code == 429


def test_a_known_device_is_one_for_its_users_alone(
    guest: Visitor, app: Flask, cast: object
) -> None:
    guest.sign_in(BEN)
    sign_out(guest)
    guess(app, 6)

    assert guest.sign_in(ADA).status_code == 429
    assert guest.sign_in(BEN).status_code == 303


def test_guessing_on_a_known_device_is_as_slow(guest: Visitor, cast: object) -> None:
    guest.sign_in(ADA)
    sign_out(guest)
    for left in ("4 more tries", "3 more tries", "2 more tries", "1 more try", "Wait 60 seconds"):
        guest.send("/login", username="ada", password="wrong")
        assert left in guest.page

    assert guest.sign_in(ADA).status_code == 429


def test_a_device_remembers_five_users_and_reads_no_forged_cookie(app: Flask) -> None:
    users_ = [User(username=f"user{number}") for number in range(7)]
    cookie = ""
    for user in users_:
        with app.test_request_context(headers={"Cookie": cookie}):
            response = app.make_response("")
            devices.remember_device(response, user)
        cookie = response.headers["Set-Cookie"].split(";")[0]
        assert "HttpOnly" in response.headers["Set-Cookie"]
    with app.test_request_context(headers={"Cookie": cookie}):
        known = [user.username for user in users_ if devices.known_device(user.username)]
        assert known == [f"user{number}" for number in range(2, 7)]
        assert devices.known_device("USER6") == devices.known_device("user6")
    name, _, value = cookie.partition("=")
    with app.test_request_context(headers={"Cookie": f"{name}=x{value}"}):
        assert not devices.known_device("user6")


def test_who_wanted_a_page_gets_it_after_signing_in(guest: Visitor, cast: object) -> None:
    answer = guest.open("/account")
    assert answer.location == "/login?next=/account"
    guest.open(answer.location)
    assert 'name="next" value="/account"' in guest.page

    answer = guest.send("/login", username="ada", password=ADA.password, next="/account")

    assert answer.location == "/account"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "http:evil.example",
        " //evil.example",
        "",
    ],
)
def test_next_never_leads_to_another_site(guest: Visitor, cast: object, elsewhere: str) -> None:
    answer = guest.send("/login", username="ada", password=ADA.password, next=elsewhere)

    assert answer.location == "/"


def test_who_is_signed_in_need_not_do_it_again(ada: Visitor) -> None:
    assert ada.open("/login?next=/account").location == "/account"


def test_signing_out_ends_the_session(ada: Visitor) -> None:
    ada.open("/account")
    answer = ada.send("/logout")

    assert (answer.status_code, answer.location) == (303, "/login")
    assert not ada.is_signed_in


def test_signing_out_ends_every_copy_of_the_cookie_and_no_other_device(
    ada: Visitor, app: Flask
) -> None:
    copy, phone = Visitor(app), Visitor(app)
    copy.take_session(ada)
    phone.sign_in(ADA)
    assert copy.is_signed_in

    ada.open("/account")
    ada.send("/logout")

    assert not copy.is_signed_in
    assert phone.is_signed_in


def test_signing_out_everywhere_ends_every_session_of_this_user_alone(
    ada: Visitor, ben: Visitor, app: Flask
) -> None:
    phone = Visitor(app)
    phone.sign_in(ADA)
    ada.open("/account")
    assert "Sign out everywhere" in ada.page

    answer = ada.send("/account/sign-out-everywhere")

    assert (answer.status_code, answer.location) == (303, "/login")
    assert "You are signed out on every device." in ada.open("/login").text
    assert not ada.is_signed_in
    assert not phone.is_signed_in
    assert ben.is_signed_in


def test_a_session_does_not_come_back_when_its_user_is_switched_on_again(
    ben: Visitor, app: Flask
) -> None:
    with app.app_context():
        users.set_active(users.find_user("ben"), False, actor=COMMAND_LINE)
        users.set_active(users.find_user("ben"), True, actor=COMMAND_LINE)

    assert not ben.is_signed_in


@pytest.mark.parametrize(("days", "is_good"), [(89, True), (90, False)])
def test_a_session_ends_after_ninety_days_however_much_it_is_used(
    ada: Visitor, app: Flask, days: int, is_good: bool
) -> None:
    with app.app_context():
        began_at = utc_now() - timedelta(days=days)
        db.session.execute(db.update(UserSession).values(began_at=began_at))
        db.session.commit()

    assert ada.is_signed_in is is_good


def test_sessions_that_count_no_more_are_removed(ada: Visitor, app: Flask) -> None:
    with app.app_context():
        user, now = users.find_user("ben"), utc_now()
        epoch = current_settings().session_epoch
        for number in range(sessions.MAX_SESSIONS + 3):
            sessions.begin_session(user.id, epoch=epoch, now=now + timedelta(seconds=number))
        counted = db.select(db.func.count()).select_from(UserSession)
        assert db.session.scalar(counted) == sessions.MAX_SESSIONS + 1
        sessions.begin_session(user.id, epoch="after a restore")
        assert db.session.scalar(counted) == 1


def test_a_session_planted_before_sign_in_is_thrown_away(guest: Visitor, cast: object) -> None:
    guest.open("/login")
    with guest.client.session_transaction() as session:
        session["planted"] = "by a stranger"
        token = session["csrf_token"]

    guest.send("/login", username="ada", password=ADA.password)

    with guest.client.session_transaction() as session:
        assert "planted" not in session
        assert session.get("csrf_token") != token


def test_a_slow_answer_takes_no_message_away(ada: Visitor) -> None:
    ada.open("/")
    schedule = "/admin/backups/schedule"
    for path in ("/", schedule, f"{schedule}/preview?preset=daily&at=03:00"):
        slow = ada.open(path, HX_Request="true")
        assert "Set-Cookie" not in slow.headers, "it would replace the cookie of a faster answer"


def test_a_session_is_renewed_once_a_day(ada: Visitor) -> None:
    with ada.client.session_transaction() as session:
        session["renewed_on"] = (utc_now() - timedelta(days=1)).date().isoformat()

    assert "Expires=" in ada.open("/").headers["Set-Cookie"]
    assert "Set-Cookie" not in ada.open("/").headers


def test_a_new_epoch_signs_everybody_out(ada: Visitor, app: Flask) -> None:
    with app.app_context():
        db.session.get_one(SystemSettings, 1).session_epoch = "after a restore"
        db.session.commit()

    assert not ada.is_signed_in


def test_a_password_set_by_someone_else_ends_the_session(ada: Visitor, app: Flask) -> None:
    with app.app_context():
        user = users.find_user("ada")
        users.set_password(user, "quite another password", actor=COMMAND_LINE)

    assert not ada.is_signed_in


def test_a_user_who_is_switched_off_is_out_at_once(ben: Visitor, app: Flask) -> None:
    with app.app_context():
        users.set_active(users.find_user("ben"), False, actor=COMMAND_LINE)

    assert not ben.is_signed_in


def test_a_forged_session_is_no_one(guest: Visitor, cast: object) -> None:
    name, _ = guest.session_cookie
    guest.client.set_cookie(name, "eyJfdXNlcl9pZCI6IjEifQ.forged.signature")

    assert not guest.is_signed_in


def test_a_session_without_marks_is_no_one(guest: Visitor, cast: object) -> None:
    with guest.client.session_transaction() as session:
        session["_user_id"] = "1"

    assert not guest.is_signed_in


@pytest.mark.parametrize(
    ("scheme", "name", "is_secure"),
    [("http", "launcher-", False), ("https", "__Host-launcher-", True)],
)
def test_the_cookie_is_as_safe_as_the_road_it_came_by(
    app: Flask, cast: object, scheme: str, name: str, is_secure: bool
) -> None:
    answer = app.test_client().get("/login", base_url=f"{scheme}://localhost")

    cookie = answer.headers["Set-Cookie"]
    assert re.match(rf"{name}[0-9a-f]{{8}}=", cookie)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert ("Secure" in cookie) is is_secure


def test_two_installations_on_one_host_keep_their_sessions_apart(
    app: Flask, cast: object, data_dir: Path, tmp_path: Path, make_app: MakeApp
) -> None:
    shutil.copytree(data_dir, tmp_path / "copy")
    copy = create_app({"LAUNCHER_DATA_DIR": str(tmp_path / "copy")})
    browser = Visitor(app)
    browser.sign_in(ADA)
    at_the_copy = Visitor(copy)
    at_the_copy.take_session(browser)  # as a browser does, which ignores the port
    at_the_copy.sign_in(ADA)

    assert at_the_copy.is_signed_in
    assert at_the_copy.session_cookie[0] != browser.session_cookie[0]
    browser.take_session(at_the_copy)
    assert browser.is_signed_in
    after_a_restart = Visitor(make_app())
    assert after_a_restart.session_cookie[0] == browser.session_cookie[0]


def test_a_new_launcher_points_at_the_setup_link(guest: Visitor, app: Flask) -> None:
    with app.app_context():
        setup.ensure_setup_token(app.extensions["launcher.config"].setup_token_path)

    guest.open("/login")

    assert "This site has no admin yet" in guest.page


def test_the_page_speaks_the_language_of_the_browser(
    app: Flask, cast: object, set_site: Callable[..., None]
) -> None:
    assert "Anmelden" in _login_page(app, "de-AT,de;q=0.9,en;q=0.5")
    assert "Войти" in _login_page(app, "ru")
    assert "Sign in" in _login_page(app, "fr,en;q=0.1")
    set_site(default_locale="ru")
    assert "Войти" in _login_page(app, "fr")


def _login_page(app: Flask, language: str) -> str:
    visitor = Visitor(app, language=language)
    visitor.open("/login")
    return visitor.page
