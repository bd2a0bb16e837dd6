"""Before something grave the password is asked for again, unless it was given just now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from launcher.models.types import utc_now
from tests.conftest import ADA
from tests.web.visitor import Visitor


def test_who_signed_in_just_now_goes_on_at_once(ada: Visitor) -> None:
    answer = ada.open("/account/confirm?next=/account")

    assert (answer.status_code, answer.location) == (302, "/account")


def test_the_right_password_leads_on(tired: Visitor) -> None:
    assert "Confirm password" in tired.open("/account/confirm?next=/account").text

    answer = tired.send("/account/confirm", next="/account", password=ADA.password)

    assert (answer.status_code, answer.location) == (303, "/account")
    assert tired.open("/account/confirm?next=/account").status_code == 302


@pytest.mark.parametrize(
    ("password", "words"),
    [("", "Enter your password for this action."), ("wrong", "The password is not correct.")],
)
def test_a_wrong_password_is_said(tired: Visitor, password: str, words: str) -> None:
    tired.open("/account/confirm?next=/account")

    answer = tired.send("/account/confirm", next="/account", password=password)

    assert answer.status_code == 422
    assert words in answer.text
    assert tired.open("/account/confirm").status_code == 200


def test_a_borrowed_session_cannot_guess_for_long(tired: Visitor) -> None:
    tired.open("/account/confirm")
    for _ in range(5):
        tired.send("/account/confirm", password="wrong")

    answer = tired.send("/account/confirm", password=ADA.password)

    assert answer.status_code == 422
    assert "Too many tries" in answer.text


def test_no_stranger_keeps_a_signed_in_user_from_going_on(tired: Visitor, app: Flask) -> None:
    stranger = Visitor(app)
    for _ in range(6):
        stranger.send("/login", username="ada", password="wrong")

    tired.open("/account/confirm")
    answer = tired.send("/account/confirm", next="/account", password=ADA.password)

    assert answer.status_code == 303


def test_a_wrong_password_is_in_the_audit_log(tired: Visitor) -> None:
    tired.open("/account/confirm")
    tired.send("/account/confirm", password="wrong")
    tired.send("/account/confirm", password="wrong")
    tired.open("/admin/audit?kind=session")

    assert "Password confirmation failed" in tired.page
    assert "2 attempts since today" in tired.page


def test_it_never_leads_to_another_site(tired: Visitor) -> None:
    tired.open("/account/confirm?next=https://evil.example/")

    answer = tired.send("/account/confirm", next="//evil.example", password=ADA.password)

    assert answer.location == "/"


def test_a_session_from_the_future_is_not_recent(ada: Visitor) -> None:
    with ada.client.session_transaction() as session:
        session["password_at"] = (utc_now() + timedelta(days=1)).isoformat()

    assert ada.open("/account/confirm").status_code == 200


def test_a_script_of_a_guest_is_led_to_sign_in_with_its_whole_page(guest: Visitor) -> None:
    answer = guest.open(
        "/account", HX_Request="true", HX_Current_URL="http://localhost/admin/users?x=1"
    )

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?next=/admin/users"
