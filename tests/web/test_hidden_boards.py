"""What somebody may not see does not exist for them: boards, by every address that takes one."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from launcher.accounts.users import create_user
from launcher.audit import COMMAND_LINE
from launcher.extensions import db
from launcher.models import App, Board, Media, Placement, Role, Section
from tests.conftest import Person
from tests.web.addresses import UNKNOWN, address, parts_of, rules
from tests.web.visitor import Visitor

EMIL = Person("emil", "emil's long password", "editor")

SEES = {
    "guest": {"garden"},
    "chloe": {"home", "garden"},
    "emil": {"home", "garden"},
    "ben": {"home", "garden", "attic"},
    "ada": {"home", "garden", "attic"},
}
"""Who sees which boards: a guest, a viewer, an editor, the owner of the attic, an admin."""

SECRETS = ("Attic", "attic", "Diary", "diary", "Trunk")
"""Every word of the private board."""

PAGES = ("/", "/find?q=a", "/account", "/b/home", "/b/garden", "/apps/new", "/boards/new",
         "/b/home/edit", "/b/home/settings", "/b/garden/settings", "/apps/1/edit",
         "/admin/boards", "/admin/apps", "/admin/tags", "/admin/icons", "/icons")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attic:
    """What is on the private board."""

    app_id: int
    section_id: int
    placement_id: int
    sha256: str


@pytest.fixture
def attic(app: Flask, pictures: dict[str, str], set_site: Callable[..., None]) -> Attic:
    set_site(guest_access=True)
    with app.app_context():
        create_user(EMIL.username, EMIL.password, role=Role.EDITOR, actor=COMMAND_LINE)
        svg = db.session.scalars(sa.select(Media).where(Media.sha256 == pictures["svg"])).one()
        diary = db.session.scalars(sa.select(App).where(App.name == "Diary")).one()
        diary.icon_media = svg
        board = db.session.scalars(sa.select(Board).where(Board.slug == "attic")).one()
        section = db.session.scalars(sa.select(Section).where(Section.board == board)).one()
        place = db.session.scalars(sa.select(Placement).where(Placement.app == diary)).one()
        db.session.commit()
        return Attic(diary.id, section.id, place.id, svg.sha256)


@pytest.fixture(params=SEES)
def who(request: pytest.FixtureRequest, app: Flask, attic: Attic) -> tuple[str, Visitor]:
    name = request.param
    if name == "emil":
        visitor = Visitor(app)
        visitor.hold_session(EMIL)
    else:
        visitor = request.getfixturevalue(name)
    return name, visitor


def test_each_sees_their_boards_and_no_other(who: tuple[str, Visitor]) -> None:
    name, visitor = who
    for slug in ("home", "garden", "attic"):
        answer = visitor.open(f"/b/{slug}")
        hidden = 302 if name == "guest" else 404
        assert answer.status_code == (200 if slug in SEES[name] else hidden), slug
    visitor.open("/b/garden")
    tabs = visitor.page.partition('aria-label="Boards"')[2].partition("</nav>")[0]
    assert set(re.findall(r"/b/(\w+)", tabs)) == SEES[name]


def test_the_hidden_board_answers_as_one_that_is_not_there(
    who: tuple[str, Visitor], attic: Attic, app: Flask
) -> None:
    name, visitor = who
    if "attic" in SEES[name]:
        return
    visitor.open("/" if name != "guest" else "/login")
    here = {
        "slug": "attic", "app_id": str(attic.app_id), "section_id": str(attic.section_id),
        "placement_id": str(attic.placement_id), "sha256": attic.sha256,
    }  # fmt: skip
    asked = 0
    for rule in rules(app):
        if not (set(parts_of(rule)) & here.keys()):
            continue
        for method in {"GET", "POST"} & set(rule.methods or ()):
            there = {part: here.get(part, UNKNOWN[part]) for part in parts_of(rule)}
            nowhere = {part: UNKNOWN[part] for part in parts_of(rule)}
            answers = [_ask(visitor, method, rule, parts) for parts in (there, nowhere)]
            assert answers[0] == answers[1], f"{method} {rule.rule}"
            asked += 1
    assert asked > 10


def test_no_page_names_or_counts_what_is_hidden(who: tuple[str, Visitor], attic: Attic) -> None:
    name, visitor = who
    for path in PAGES:
        answer = visitor.open(path)
        if answer.status_code != 200:
            continue
        page = html.unescape(visitor.page)
        if "attic" in SEES[name]:
            continue
        assert not [word for word in SECRETS if word in page], path
        assert attic.sha256 not in page, path
    if name == "emil":
        visitor.open("/admin/boards")
        assert ">2 boards<" in visitor.page
        visitor.open(f"/media/{attic.sha256}")
    if name == "ada":
        visitor.open("/admin/boards")
        assert ">3 boards<" in visitor.page


def test_a_hidden_board_is_no_target_of_a_move(app: Flask, attic: Attic) -> None:
    emil = Visitor(app)
    emil.hold_session(EMIL)
    with app.app_context():
        board = db.session.scalars(sa.select(Board.id).where(Board.slug == "attic")).one()
    emil.open("/b/home/edit")
    for path, fields in (
        ("/b/home/apps/1/move-to", {"section": str(attic.section_id), "board": str(board)}),
        ("/b/home/sections/1/move-to", {"board": str(board)}),
    ):
        emil.open(path)
        assert "Attic" not in emil.page
        assert emil.send(path, **fields).status_code in {404, 422}, path
    with app.app_context():
        on_attic = sa.select(sa.func.count(Section.id)).where(Section.board_id == board)
        assert db.session.scalar(on_attic) == 1
        here = sa.select(sa.func.count(Placement.id)).where(
            Placement.section_id == attic.section_id
        )
        assert db.session.scalar(here) == 1


def _ask(visitor: Visitor, method: str, rule: Rule, parts: dict[str, str]) -> tuple[int, str, str]:
    """Return the status, what is said, and where it leads, without the address itself."""
    path = address(rule, parts)
    answer = visitor.open(path) if method == "GET" else visitor.send(path)
    words = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    location = unquote(answer.headers.get("Location", "")).replace(path, "…")
    return answer.status_code, words.replace(path, "…"), location
