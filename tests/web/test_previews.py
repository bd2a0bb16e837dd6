"""An admin sees the start page of another: the same boards, and nothing that changes them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.extensions import db
from launcher.models import User
from tests.web.visitor import Visitor


def _boards(page: str) -> set[str]:
    tabs = page.partition('aria-label="Boards"')[2].partition("</nav>")[0]
    return set(re.findall(r'/(\w+)"', tabs))


@pytest.mark.parametrize("name", ["ben", "chloe"])
def test_a_preview_shows_the_boards_and_apps_of_that_user(
    ada: Visitor, app: Flask, boards: None, request: pytest.FixtureRequest, name: str
) -> None:
    own: Visitor = request.getfixturevalue(name)
    with app.app_context():
        user_id = db.session.scalars(sa.select(User.id).where(User.username == name)).one()
    own.open("/")
    apps = re.findall(r'class="tile[^>]*href="([^"]+)"', own.page)
    page = ada.open(f"/admin/users/{user_id}/start").text
    assert f"as {name.title()} sees it" in page
    assert _boards(page) == _boards(own.page)
    assert re.findall(r'class="tile[^>]*href="([^"]+)"', page) == apps
    main = page.partition("<main")[2].partition("</main>")[0]
    assert "<form" not in main
    assert "edit-board" not in page
    attic = ada.open(f"/admin/users/{user_id}/start/attic").text
    assert ("Diary" in attic) is (name == "ben")
    assert ada.open(f"/admin/users/{user_id}/start/nowhere").status_code == 404


def test_guests_see_what_the_preview_of_guests_shows(
    ada: Visitor, guest: Visitor, boards: None, set_site: Callable[..., None]
) -> None:
    assert "No boards to show" in ada.open("/admin/guests/start").text
    set_site(guest_access=True)
    guest.open("/")
    page = ada.open("/admin/guests/start").text
    assert "as guests see it" in page
    assert _boards(page) == _boards(guest.page) == {"garden"}
    assert "Diary" not in ada.open("/admin/guests/start/attic").text
    assert "Preview as guest" in ada.open("/b/garden/settings").text
