"""The setup link."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from launcher.accounts import setup, users
from launcher.accounts.errors import UserNotFoundError
from launcher.db.settings import current_settings
from tests.web.visitor import Visitor

GOOD = {"username": "ada", "password": "a short sentence", "site_name": "Ada's house"}


@pytest.fixture
def token(app: Flask) -> str:
    with app.app_context():
        return setup.ensure_setup_token(app.extensions["launcher.config"].setup_token_path)


def test_the_link_makes_the_first_admin_and_signs_them_in(
    guest: Visitor, app: Flask, token: str
) -> None:
    guest.open(f"/setup?token={token}")
    answer = guest.send("/setup", token=token, **GOOD)

    assert (answer.status_code, answer.location) == (303, "/")
    guest.open("/")
    assert "Welcome, ada. You are the first admin." in guest.page
    assert "Ada&#39;s house" in guest.page
    assert "Home has no apps yet" in guest.page
    with app.app_context():
        assert users.find_user("ada").is_admin
        assert current_settings().site_name == "Ada's house"
    assert "Last sign-in" in guest.open("/admin/users").text
    assert "Never signed in" not in guest.page


def test_the_link_works_once(guest: Visitor, app: Flask, token: str, data_dir: Path) -> None:
    guest.open(f"/setup?token={token}")
    guest.send("/setup", token=token, **GOOD)
    late = Visitor(app)
    late.open("/login")

    assert late.open(f"/setup?token={token}").status_code == 403
    late.open("/login")
    answer = late.send("/setup", token=token, **(GOOD | {"username": "eve"}))
    assert answer.status_code == 403
    assert "flask database upgrade" in late.page
    with app.app_context(), pytest.raises(UserNotFoundError):
        users.find_user("eve")


@pytest.mark.parametrize("wrong", ["", "x", "ünïcode", "a" * 5000])
def test_a_wrong_link_shows_no_form(guest: Visitor, token: str, wrong: str) -> None:
    answer = guest.open("/setup", query=wrong) if not wrong else guest.open(f"/setup?token={wrong}")

    assert answer.status_code == 403
    assert "<form" not in guest.page


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("username", "", "letters a to z"),
        ("username", "Ада", "letters a to z"),
        ("password", "short", "too short"),
        ("site_name", "", "Enter a value"),
        ("site_name", "x" * 61, "at most 60 characters"),
    ],
)
def test_a_value_that_cannot_be_is_named_and_the_link_stays_good(
    guest: Visitor, token: str, field: str, value: str, reason: str
) -> None:
    guest.open(f"/setup?token={token}")
    answer = guest.send("/setup", token=token, **(GOOD | {field: value}))

    assert answer.status_code == 422
    assert reason in guest.page
    assert f'aria-describedby="{field}-error"' in guest.page
    assert "a short sentence" not in guest.page
    assert guest.send("/setup", token=token, **GOOD).status_code == 303
