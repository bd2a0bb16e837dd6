"""An admin sees the start page of another: the same boards, and nothing that changes them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.extensions import db
from launcher.models import Board, User
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
    apps = re.findall(r'href="([^"]+)"[^>]* class="tile-name"', own.page)
    page = ada.open(f"/admin/users/{user_id}/start").text
    assert f"as {name.title()} sees it" in page
    assert _boards(page) == _boards(own.page)
    assert re.findall(r'href="([^"]+)"[^>]* class="tile-name"', page) == apps
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


def _words(page: str) -> str:
    """The text of the page without its bar and what only its reader can do."""
    main = page.partition("<main")[2].partition("</main>")[0].partition(">")[2]
    main = re.sub(r'<p class="(?:later|fine" id="sick).*?</p>', "", main, flags=re.DOTALL)
    main = re.sub(
        r"<(form|a class=\"button|dialog|template)[\s\S]*?</(form|a|dialog|template)>", "", main
    )
    words = " ".join(re.sub(r"<[^>]+>", " ", main).split())
    return re.sub(r"checked .*? ago", "checked now", words)


@pytest.mark.parametrize("name", ["ben", "chloe", "guest"])
def test_a_preview_reads_as_the_page_of_that_person_board_by_board(
    ada: Visitor, app: Flask, boards: None, *, set_site: Callable[..., None],
    request: pytest.FixtureRequest, name: str,
) -> None:  # fmt: skip
    """In an order of their own, with a home board of their own, a fold, and an empty board."""
    set_site(guest_access=True)
    own: Visitor = request.getfixturevalue(name)
    with app.app_context():
        found = {each.slug: each for each in db.session.scalars(sa.select(Board))}
        found["garden"].position = -1
        db.session.add(Board(slug="empty", name="Empty", visibility="public", position=5))
        user = db.session.scalar(sa.select(User).where(User.username == name))
        if user:
            user.home_board_id = found["home"].id
            user.open_new_tab = True
        db.session.commit()
        start = f"/admin/users/{user.id}/start" if user else "/admin/guests/start"
    own.open("/")
    ada.open(start)
    assert _tabs(ada.page) == _tabs(own.page)
    assert ('aria-current="page">Home' in ada.page) is (name != "guest")
    assert ("_blank" in ada.page) is ("_blank" in own.page) is (name != "guest")
    for slug in ("", "home", "garden", "attic", "empty"):
        real = own.open(f"/b/{slug}" if slug else "/")
        ada.open(f"{start}/{slug}" if slug else start)
        if real.status_code == 200:
            assert _words(ada.page) == _words(own.page), slug
        else:
            seen_by = "Guests cannot view" if name == "guest" else "cannot view"
            assert seen_by in ada.page, slug


def test_a_preview_of_guests_who_see_nothing_says_what_they_see_instead(
    ada: Visitor, boards: None
) -> None:
    ada.open("/admin/guests/start")
    assert "Guests see the sign-in page." in ada.page
    assert "Ask an admin" not in ada.page


def _tabs(page: str) -> list[str]:
    tabs = page.partition('aria-label="Boards"')[2].partition("</nav>")[0]
    return re.findall(r">([^<]+)</a>", tabs)
