"""The matrix of visibility: each kind of person at each door that could show a private board.

The private board Attic is Ben's. What one may not see does not exist: no page, no name, no count.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.accounts.groups import create_group
from launcher.accounts.users import create_user, find_user, set_active
from launcher.audit import COMMAND_LINE
from launcher.catalogue.places import add_place
from launcher.catalogue.tags import set_tags
from launcher.extensions import db
from launcher.models import (
    Access,
    App,
    Board,
    BoardGroup,
    BoardUser,
    Media,
    Placement,
    Role,
)
from tests.conftest import ADA, BEN, Person
from tests.web.addresses import address, parts_of, rules
from tests.web.visitor import Visitor

T = TypeVar("T", App, Board, Media)


class May(IntEnum):
    """What a person may do with the private board."""

    NOTHING = 0
    VIEW = 1
    EDIT = 2
    GOVERN = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of person: their role, None for a guest, and what they may."""

    role: Role | None
    may: May
    name: str = "dora"

    @property
    def edits_all(self) -> bool:
        return self.role in {Role.EDITOR, Role.ADMIN}


KINDS: Mapping[str, Kind] = {
    "a guest": Kind(None, May.NOTHING),
    "a viewer": Kind(Role.VIEWER, May.NOTHING),
    "a viewer it is shared with": Kind(Role.VIEWER, May.VIEW),
    "a viewer who may edit it": Kind(Role.VIEWER, May.EDIT),
    "a member of a group that may view it": Kind(Role.VIEWER, May.VIEW),
    "a member of a group that may edit it": Kind(Role.VIEWER, May.EDIT),
    "an editor": Kind(Role.EDITOR, May.NOTHING),
    "an editor it is shared with": Kind(Role.EDITOR, May.VIEW),
    "an editor who may edit it": Kind(Role.EDITOR, May.EDIT),
    "its owner": Kind(Role.EDITOR, May.GOVERN, "ben"),
    "an admin": Kind(Role.ADMIN, May.GOVERN, "ada"),
    "who is deactivated": Kind(None, May.NOTHING),
}
DORA = Person("dora", "dora's long password", "viewer")
PEOPLE = {"ada": ADA, "ben": BEN, "dora": DORA}
SECRETS = ("Attic", "attic", "Diary", "diary", "Trunk", "Kinfolk", "b" * 64)
"""Every word of the private board, its tag, the group it is shared with, and its picture."""


@dataclass(frozen=True, slots=True)
class Door:
    """One person at all doors, and what the private board is made of."""

    kind: Kind
    visitor: Visitor
    app_id: int
    jellyfin_id: int
    jellyfin_place: int
    section_id: int
    placement_id: int


@pytest.fixture(params=KINDS)
def door(
    request: pytest.FixtureRequest,
    app: Flask,
    pictures: dict[str, str],
    set_site: Callable[..., None],
) -> Door:
    set_site(guest_access=True)
    label, kind = request.param, KINDS[request.param]
    role = kind.role or Role.VIEWER
    with app.app_context():
        dora = create_user(DORA.username, DORA.password, role=role, actor=COMMAND_LINE)
        in_group = [dora.id] if "group" in label else []
        group = create_group("Kinfolk", in_group, actor=COMMAND_LINE)
        attic = _one(Board, slug="attic")
        access = Access.EDIT if kind.may is May.EDIT else Access.VIEW
        attic.groups.append(BoardGroup(group_id=group.id, access=access))
        if kind.may in {May.VIEW, May.EDIT} and not in_group:
            attic.users.append(BoardUser(user_id=dora.id, access=access))
        if kind.role is None and label != "a guest":
            attic.users.append(BoardUser(user_id=dora.id, access=Access.EDIT))
        diary, jellyfin = _one(App, name="Diary"), _one(App, name="Jellyfin")
        diary.icon_media = _one(Media, sha256=pictures["svg"])
        set_tags(diary, "diaries", actor=COMMAND_LINE)
        home = _one(Board, slug="home")
        place = sa.select(Placement.id).where(
            Placement.app_id == jellyfin.id, Placement.section_id == home.sections[0].id
        )
        trunk = diary.placements[0]
        found = (
            diary.id, jellyfin.id, db.session.scalars(place).one(), trunk.section_id, trunk.id,
        )  # fmt: skip
        db.session.commit()
        add_place(jellyfin, attic.sections[0], actor=COMMAND_LINE)
    visitor = Visitor(app)
    if label != "a guest":
        visitor.hold_session(PEOPLE[kind.name])
    if label == "who is deactivated":
        with app.app_context():
            set_active(find_user("dora"), active=False, actor=COMMAND_LINE)
    return Door(kind, visitor, *found)


def test_what_a_person_may_not_see_does_not_exist_for_them(door: Door, app: Flask) -> None:
    _try_addresses(door)
    _read_every_page(door, app)
    _change_it(door, app)
    _take_its_address(door)
    _read_lists(door)


def _try_addresses(door: Door) -> None:
    kind, visitor = door.kind, door.visitor
    sees, edits = kind.may >= May.VIEW, kind.may >= May.EDIT
    hidden = 302 if kind.role is None else 404

    def status(path: str) -> int:
        return visitor.open(path).status_code

    shown = 200 if sees else hidden
    # Who edits no board gets the same answer for each address, whether a board is there or not.
    refused = hidden if kind.role is None or kind.edits_all else 403
    changed = 200 if edits else 403 if sees else refused
    assert status("/b/attic") == shown
    assert status("/b/attic/edit") == changed
    assert status("/b/attic/settings") == changed
    assert status("/b/attic/delete") == changed
    assert status(f"/apps/{door.app_id}/edit") == changed
    assert status("/media/" + "b" * 64) == (200 if sees else 404)
    assert status("/b/attic/icons.svg") == (200 if sees else 404)

    visitor.open("/b/garden")
    tabs = visitor.page.partition('aria-label="Boards"')[2].partition("</nav>")[0]
    assert ("/b/attic" in tabs) is sees
    for words, found in (("dia", "Diary"), ("atti", "Attic"), ("diaries", "Diary")):
        visitor.open(f"/find?q={words}")
        text = re.sub(r"<[^>]+>", "", visitor.page.partition("<main")[2].partition("</main>")[0])
        assert (found in text) is sees, words


def _read_lists(door: Door) -> None:
    kind, visitor = door.kind, door.visitor
    sees, edits = kind.may >= May.VIEW, kind.may >= May.EDIT
    if kind.role is None:
        return
    assert ("Attic" in visitor.open("/account").text) is sees, "choices of the own home board"
    is_open = kind.edits_all or edits
    assert visitor.open("/apps/new").status_code == (200 if is_open else 403)
    assert ("Attic" in visitor.page) is edits, "places of a new app"
    visitor.open(f"/b/home/apps/{door.jellyfin_place}/move-to")
    assert ("Attic" in visitor.page) is (edits and kind.edits_all), "places to move to"
    if not kind.edits_all:
        for path in ("/admin/apps", "/admin/boards", "/admin/tags"):
            assert visitor.open(path).status_code == 403, path
        return
    visitor.open("/admin/boards")
    assert f">{3 if sees else 2} boards<" in visitor.page
    assert ("Attic" in visitor.page) is sees
    visitor.open("/admin/apps")
    assert f"{7 if sees else 6} apps" in visitor.page
    assert ("https://diary.home.arpa" in visitor.page) is sees
    assert ("Home, Garden, Attic" in visitor.page) is sees, "the boards of Jellyfin"
    assert (
        f"{1 if sees else 0} of {7 if sees else 6} apps" in visitor.open("/admin/apps?q=dia").text
    )
    assert ("diaries" in visitor.open("/admin/tags").text) is sees
    visitor.open(f"/apps/{door.jellyfin_id}/edit")
    assert ("Attic" in visitor.page) is sees, "the boards of an app"
    visitor.open("/boards/new")
    assert "Kinfolk" in visitor.page, "editors share boards with any group"
    visitor.open("/b/home/edit")
    visitor.send(f"/b/home/apps/{door.jellyfin_place}/archive")
    said = f"It is hidden on {3 if sees else 2} boards."
    assert said in html.unescape(visitor.open("/b/home/edit").text)


def _read_every_page(door: Door, app: Flask) -> None:
    kind, visitor = door.kind, door.visitor
    if kind.may is not May.NOTHING:
        return
    asked = 0
    for rule in rules(app):
        if parts_of(rule) or "GET" not in (rule.methods or ()):
            continue
        answer = visitor.open(rule.rule)
        if answer.status_code != 200 or answer.is_streamed:
            continue
        asked += 1
        page = html.unescape(visitor.page)
        words = [each for each in SECRETS if each in page]
        allowed = {"Kinfolk"} if kind.edits_all and rule.rule == "/boards/new" else set()
        assert not {*words} - allowed, rule.rule
    for path in ("/b/home", "/b/home/edit", "/b/home/settings", "/b/garden/settings",
                 f"/apps/{door.jellyfin_id}/edit", f"/apps/{door.jellyfin_id}/delete"):  # fmt: skip
        visitor.open(path)
        assert not [each for each in SECRETS if each in html.unescape(visitor.page)], path
    assert asked >= 3


def _change_it(door: Door, app: Flask) -> None:
    """Who only views the board changes nothing of it by any form; folding is for oneself."""
    if door.kind.may is not May.VIEW:
        return
    visitor = door.visitor
    here = {
        "slug": "attic", "section_id": str(door.section_id), "app_id": str(door.app_id),
        "placement_id": str(door.placement_id),
    }  # fmt: skip
    asked = 0
    visitor.open("/b/attic")
    for rule in rules(app):
        parts = {*parts_of(rule)}
        is_of_it = parts & {"slug", "app_id"} and parts <= here.keys()
        if is_of_it and "POST" in (rule.methods or ()) and not rule.endpoint.startswith("folding"):
            answer = visitor.send(address(rule, {name: here[name] for name in parts}))
            assert answer.status_code == 403, rule.rule
            asked += 1
    assert asked > 15


def _take_its_address(door: Door) -> None:
    """Two boards cannot have one address, so this much is known of it, and nothing more."""
    if not door.kind.edits_all:
        return
    visitor = door.visitor
    visitor.open("/boards/new")
    said = []
    for slug in ("attic", "home"):
        answer = visitor.send("/boards/new", name="Mine", slug=slug)
        assert answer.status_code == 422
        said.append(re.findall(r'id="board-slug-error">.*?<span>([^<]+)', visitor.page))
    assert said[0] == said[1] == ["Another board has this address. Choose a different one."]


def _one(model: type[T], **wanted: str) -> T:
    return db.session.scalars(sa.select(model).filter_by(**wanted)).one()
