"""Groups in Administration, and a board shared with people and groups in its settings."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.accounts.groups import create_group
from launcher.accounts.users import create_user
from launcher.audit import COMMAND_LINE
from launcher.catalogue.entries import BoardEntries
from launcher.catalogue.places import add_place
from launcher.extensions import db
from launcher.fetching.proposed import Proposal
from launcher.models import Access, App, Board, BoardUser, Group, Placement, Role, User, Visibility
from tests.conftest import Person
from tests.web.visitor import Visitor

FRED = Person("fred", "fred's long password", "viewer")


@pytest.fixture
def fred(app: Flask, boards: None) -> Visitor:
    with app.app_context():
        create_user(FRED.username, FRED.password, role=Role.VIEWER, actor=COMMAND_LINE)
    visitor = Visitor(app)
    visitor.hold_session(FRED)
    return visitor


def _id(app: Flask, username: str) -> int:
    with app.app_context():
        return db.session.scalars(sa.select(User.id).where(User.username == username)).one()


def _shared_with(app: Flask, slug: str = "attic") -> tuple[str, str]:
    with app.app_context():
        board = db.session.scalars(sa.select(Board).where(Board.slug == slug)).one()
        entries = BoardEntries.of(board)
        return entries.visibility, entries.shared_with


def test_an_admin_adds_renames_fills_and_deletes_a_group(
    ada: Visitor, fred: Visitor, app: Flask
) -> None:
    assert "No groups yet" in ada.open("/admin/groups").text
    ada.open("/admin/groups/new")
    ada.send("/admin/groups", name="Family", member=str(_id(app, "fred")))
    assert "fred" in ada.open("/admin/groups").text
    assert "Family" in ada.page
    assert ada.send("/admin/groups", name="family").status_code == 422
    assert "Another group has this name" in ada.page
    ada.open("/admin/groups/1")
    ada.send("/admin/groups/1", name="Children", shown=str(_id(app, "fred")))
    with app.app_context():
        group = db.session.get(Group, 1)
        assert group
        assert (group.name, group.members) == ("Children", [])
    assert "Shared boards" not in ada.page
    ada.open("/b/attic/settings")
    sent = {"sharing_shown": "1", "visibility": "chosen"}
    ada.send("/b/attic/settings", **sent, add_share="group:1", add_access="edit")
    assert re.search(r"Attic</bdi></a></th><td>Can edit", ada.open("/admin/groups/1").text)
    assert "Delete" in ada.open("/admin/groups/1/delete").text
    ada.send("/admin/groups/1/delete")
    assert "No groups yet" in ada.open("/admin/groups").text


def test_who_joined_while_the_form_was_open_stays(ada: Visitor, fred: Visitor, app: Flask) -> None:
    fred_id, chloe_id = _id(app, "fred"), _id(app, "chloe")
    with app.app_context():
        create_group("Family", [fred_id, chloe_id], actor=COMMAND_LINE)
    ada.open("/admin/groups/1")
    ada.send("/admin/groups/1", name="Family", shown=str(fred_id), member=str(fred_id))
    with app.app_context():
        group = db.session.get(Group, 1)
        assert group
        assert [each.username for each in group.members] == ["chloe", "fred"]


def test_the_owner_shares_a_board_and_the_person_sees_and_then_edits_it(
    ben: Visitor, fred: Visitor, app: Flask
) -> None:
    who = f"user:{_id(app, 'fred')}"
    assert fred.open("/b/attic").status_code == 404
    ben.open("/b/attic/settings")
    assert "People and groups you choose" in ben.page
    sent = {"sharing_shown": "1", "visibility": "chosen", "name": "Attic"}
    ben.send("/b/attic/settings", **sent, add_share=who, add_access="view")
    assert _shared_with(app) == ("private", f"{who}:view")
    assert fred.open("/b/attic").status_code == 200
    assert "/b/attic/edit" not in fred.page
    assert fred.open("/b/attic/edit").status_code == 403
    assert fred.open("/b/attic/settings").status_code == 403
    assert fred.send("/b/attic/sections", name="Mine").status_code == 403
    assert fred.send("/b/attic/samples").status_code == 403

    ben.open("/b/attic/settings")
    assert re.search(rf'value="{who}:view" selected', ben.page)
    ben.send("/b/attic/settings", **sent, share=f"{who}:edit")
    assert fred.open("/b/attic").status_code == 200
    assert "/b/attic/edit" in fred.page
    assert fred.open("/b/attic/edit").status_code == 200
    assert fred.send("/b/attic/sections", name="Mine").status_code == 303
    assert fred.open("/boards/new").status_code == 403, "boards are added by editors"
    assert fred.open("/admin/apps").status_code == 403
    fred.open("/apps/new")
    assert "No board, only in Apps" not in fred.page
    assert "Home" not in re.findall(r"<option[^>]*>([^<]*)", fred.page)

    assert "board-add-share" not in fred.open("/b/attic/settings").text, "who may not share"
    assert "They see this board" not in fred.page
    ben.open("/admin/boards")
    assert 'Chosen people and groups <span class="sub"><bdi>fred</bdi>' in ben.page
    ben.open("/b/attic/settings")
    ben.send("/b/attic/settings", sharing_shown="1", visibility="private", share=f"{who}:edit")
    assert _shared_with(app) == ("private", "")
    assert fred.open("/b/attic").status_code == 404


def test_a_person_is_added_to_the_form_before_it_is_saved(
    ben: Visitor, fred: Visitor, app: Flask
) -> None:
    who = f"user:{_id(app, 'fred')}"
    ben.open("/b/attic/settings")
    answer = ben.send(
        "/b/attic/settings", sharing_shown="1", visibility="chosen", name="Loft",
        step="share", add_share=who, add_access="edit",
    )  # fmt: skip
    assert answer.status_code == 200
    assert 'value="Loft"' in ben.page
    assert re.search(rf'value="{who}:edit" selected', ben.page)
    assert _shared_with(app) == ("private", "")


@pytest.mark.parametrize("with_add", [True, False])
def test_who_is_added_to_a_board_for_its_owner_alone_gets_access(
    ben: Visitor, fred: Visitor, app: Flask, *, with_add: bool
) -> None:
    who = f"user:{_id(app, 'fred')}"
    sent = {"sharing_shown": "1", "visibility": "private", "add_share": who, "add_access": "view"}
    ben.open("/b/attic/settings")
    assert "Adding someone changes “Who can view”" in ben.page
    if with_add:
        answer = ben.send("/b/attic/settings", **sent, step="share")
        assert answer.status_code == 200
        assert re.search(rf'value="{who}:view" selected', ben.page)
        assert re.search(r'value="chosen" checked', ben.page)
        assert 'id="board-share-note">“Who can view” is now “People and groups you ch' in ben.page
        assert _shared_with(app) == ("private", "")
        sent = {"sharing_shown": "1", "visibility": "chosen", "share": f"{who}:view"}
    ben.send("/b/attic/settings", **sent)
    ben.open("/b/attic")
    assert ("“Who can view” is now “People and" in ben.page) is not with_add, "said once"
    assert _shared_with(app) == ("private", f"{who}:view")
    assert fred.open("/b/attic").status_code == 200


@pytest.mark.parametrize("with_add", [True, False])
def test_a_new_board_is_shared_with_who_is_added(
    ben: Visitor, fred: Visitor, app: Flask, *, with_add: bool
) -> None:
    who = f"user:{_id(app, 'fred')}"
    sent = {"sharing_shown": "1", "visibility": "private", "add_share": who, "add_access": "edit"}
    ben.open("/boards/new")
    if with_add:
        ben.send("/boards/new", name="Den", step="share", **sent)
        assert re.search(r'value="chosen" checked', ben.page)
        sent = {"sharing_shown": "1", "visibility": "chosen", "share": f"{who}:edit"}
    ben.send("/boards/new", name="Den", **sent)
    assert _shared_with(app, "den") == ("private", f"{who}:edit")
    assert fred.open("/b/den/edit").status_code == 200


def test_only_you_takes_the_shares_away_and_the_list_says_so_before(
    ben: Visitor, fred: Visitor, app: Flask
) -> None:
    fred_id, chloe_id = _id(app, "fred"), _id(app, "chloe")
    sent = {"sharing_shown": "1", "share": f"user:{fred_id}:view"}
    ben.open("/b/attic/settings")
    assert "saving removes these people" not in ben.page
    ben.send("/b/attic/settings", **sent, visibility="chosen")
    ben.open("/b/attic/settings")
    assert "While “Only you” is chosen, saving removes these people and groups." in ben.page
    more = {"add_share": f"user:{chloe_id}", "add_access": "view"}
    ben.send("/b/attic/settings", **sent, visibility="private", **more)
    assert set(_shared_with(app)[1].split()) == {f"user:{fred_id}:view", f"user:{chloe_id}:view"}
    ben.open("/b/attic/settings")
    ben.send("/b/attic/settings", **sent, visibility="private")
    assert _shared_with(app) == ("private", "")


def test_add_with_no_one_picked_asks_for_a_person_or_group(ben: Visitor, fred: Visitor) -> None:
    ben.open("/b/attic/settings")
    ben.send("/b/attic/settings", sharing_shown="1", visibility="chosen", step="share")
    assert "Choose a person or group to add." in ben.page


def test_of_two_who_share_a_board_the_second_sees_with_whom(
    ada: Visitor, ben: Visitor, fred: Visitor, app: Flask
) -> None:
    fred_id, chloe_id = _id(app, "fred"), _id(app, "chloe")
    ada.open("/b/attic/settings")
    ben.open("/b/attic/settings")
    sent = {"sharing_shown": "1", "visibility": "chosen"}
    ben.send("/b/attic/settings", **sent, add_share=f"user:{fred_id}", add_access="view")
    answer = ada.send(
        "/b/attic/settings", **sent, seen_shared_with="", seen_visibility="private",
        add_share=f"user:{chloe_id}", add_access="edit",
    )  # fmt: skip
    assert answer.status_code == 409
    assert "fred" in ada.page
    assert _shared_with(app)[1] == f"user:{fred_id}:view"


@pytest.mark.parametrize("share", ["user:x:view", "user:1:own", "' OR 1=1", "group:9:view"])
def test_a_share_that_is_none_changes_nothing(
    ben: Visitor, fred: Visitor, app: Flask, share: str
) -> None:
    ben.open("/b/attic/settings")
    ben.send("/b/attic/settings", sharing_shown="1", visibility="chosen", share=share)
    assert _shared_with(app) == ("private", "")


def test_an_editor_is_offered_nothing_for_what_they_only_view(
    app: Flask, ada: Visitor, ben: Visitor, chloe: Visitor, boards: None
) -> None:
    with app.app_context():
        db.session.execute(
            sa.update(Board).where(Board.slug == "attic").values(owner_id=_id(app, "ada"))
        )
        db.session.commit()
    ada.open("/b/attic/settings")
    who = f"user:{_id(app, 'ben')}"
    ada.send(
        "/b/attic/settings", sharing_shown="1", visibility="chosen",
        add_share=who, add_access="view",
    )  # fmt: skip
    page = ben.open("/admin/apps").text
    assert "Diary" in page
    assert "Select Diary" not in page
    assert "/b/attic/settings" not in ben.open("/admin/boards").text
    assert "/b/home/settings" in ben.page


def test_who_may_edit_a_shared_board_gets_proposals_and_no_button_for_boards(
    ben: Visitor, fred: Visitor, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "launcher.fetching.proposal.propose", lambda *_, **__: Proposal(name="Wiki", host="w")
    )
    ben.open("/b/attic/settings")
    who = f"user:{_id(app, 'fred')}"
    ben.send(
        "/b/attic/settings", sharing_shown="1", visibility="chosen",
        add_share=who, add_access="edit",
    )  # fmt: skip
    fred.open("/b/attic/edit")
    assert "/boards/new" not in fred.page
    answer = fred.send("/apps/propose", url="http://wiki.home.arpa")
    assert answer.status_code == 200
    assert "Wiki" in answer.text
    page = fred.open("/b/attic/delete").text
    assert "You can undo this" not in page


def test_shares_of_users_and_groups_that_are_not_there_break_no_page(
    ada: Visitor, ben: Visitor, fred: Visitor, app: Flask, data_dir: Path
) -> None:
    """As a program other than Launcher leaves the rows, which deletes without their links."""
    fred_id = _id(app, "fred")
    with app.app_context():
        create_group("Family", [fred_id, _id(app, "chloe")], actor=COMMAND_LINE)
        create_group("Friends", actor=COMMAND_LINE)
    ben.open("/b/attic/settings")
    share = [f"user:{fred_id}:view", "group:1:edit", "group:2:view"]
    ben.send("/b/attic/settings", sharing_shown="1", visibility="chosen", share=share)
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database, database:
        database.execute("DELETE FROM users WHERE username = 'fred'")
        database.execute("DELETE FROM user_groups WHERE name = 'Friends'")
        assert database.execute("SELECT count(*) FROM board_groups").fetchone() == (2,)
    for visitor, path in (
        (ben, "/b/attic/settings"), (ben, "/b/attic"), (ada, "/admin/groups"),
        (ada, "/admin/groups/1"), (ada, "/admin/groups/1/delete"), (ada, "/admin/boards"),
        (ada, "/admin/audit"), (ada, "/admin/users"),
    ):  # fmt: skip
        assert visitor.open(path).status_code == 200, path
    ben.open("/b/attic/settings")
    assert "Family" in ben.page
    assert "Friends" not in ben.page
    answer = ben.send("/b/attic/settings", sharing_shown="1", visibility="chosen", share=share)
    assert answer.status_code == 303
    assert _shared_with(app)[1] == "group:1:edit"


@pytest.fixture
def jellyfin(app: Flask, ben: Visitor, fred: Visitor) -> str:
    """The place of Jellyfin on the attic, which Fred may edit; it is on boards for all as well."""
    with app.app_context():
        attic = db.session.scalars(sa.select(Board).where(Board.slug == "attic")).one()
        found = db.session.scalars(sa.select(App).where(App.name == "Jellyfin")).one()
        add_place(found, attic.sections[0], actor=COMMAND_LINE)
        here = sa.select(Placement.id).where(Placement.section_id == attic.sections[0].id)
        place = str(db.session.scalars(here.where(Placement.app_id == found.id)).one())
    ben.open("/b/attic/settings")
    ben.send(
        "/b/attic/settings", sharing_shown="1", visibility="chosen",
        add_share=f"user:{_id(app, 'fred')}", add_access="edit",
    )  # fmt: skip
    return place


def test_an_app_that_is_elsewhere_too_is_only_moved_and_removed_by_who_may_edit_one_board(
    fred: Visitor, ben: Visitor, jellyfin: str
) -> None:
    fred.open("/b/attic/edit")
    names = re.findall(r'<(a|span) class="tile-name"[^>]*>([^<]+)<', fred.page)
    assert sorted(names) == [("a", "Diary"), ("span", "Jellyfin")]
    assert "Only editors can change this app." in fred.page
    for act in ("archive", "duplicate"):
        assert fred.send(f"/b/attic/apps/{jellyfin}/{act}").status_code == 403, act
    assert fred.open("/apps/1/edit").status_code == 403
    assert fred.send(f"/b/attic/apps/{jellyfin}/move", position="1").status_code == 303
    fred.open(f"/b/attic/apps/{jellyfin}/move-to")
    assert f'formaction="/b/attic/apps/{jellyfin}/remove"' in fred.page, "without script as well"
    assert fred.send(f"/b/attic/apps/{jellyfin}/remove").status_code == 303
    fred.open("/b/attic/edit")
    assert "Jellyfin removed from Attic.<" in fred.page, "viewers have no page of all apps"
    assert (
        "Jellyfin" not in fred.open("/b/attic").text.partition("<main")[2].partition("</main>")[0]
    )
    ben.open("/b/attic/edit")
    assert 'span class="tile-name"' not in ben.page, "editors need one board"


def test_who_may_edit_one_board_does_not_order_the_bar_of_all(
    fred: Visitor, app: Flask, jellyfin: str
) -> None:
    fred.open("/b/attic/edit")
    assert "data-sorts" not in fred.page
    assert 'name="after"' not in fred.open("/b/attic/settings").text
    fred.send("/b/attic/settings", after="", seen_after="2", name="Loft")
    with app.app_context():
        order = db.session.scalars(sa.select(Board.name).order_by(Board.position)).all()
    assert order == ["Home", "Garden", "Loft"]


def test_an_editor_orders_the_boards_of_the_bar_where_they_only_view_one_between(
    app: Flask, ben: Visitor, boards: None
) -> None:
    """The bar of edit mode leaves out what they may not edit: positions count what it shows."""
    ada_id, ben_id = _id(app, "ada"), _id(app, "ben")
    with app.app_context():
        garden = db.session.scalars(sa.select(Board).where(Board.slug == "garden")).one()
        garden.visibility, garden.owner_id = Visibility.PRIVATE, ada_id
        garden.users.append(BoardUser(user_id=ben_id, access=Access.VIEW))
        db.session.commit()
    ben.open("/b/attic/edit")
    assert re.findall(r'data-slug="(\w+)" data-id', ben.page) == ["home", "attic"]
    ben.send("/b/home/move", position="2", among="edited")
    with app.app_context():
        order = db.session.scalars(sa.select(Board.name).order_by(Board.position)).all()
    assert order == ["Garden", "Attic", "Home"]


def test_the_log_says_in_words_with_whom_a_board_is_shared(
    ada: Visitor, ben: Visitor, fred: Visitor, app: Flask
) -> None:
    ben.open("/b/attic/settings")
    ben.send(
        "/b/attic/settings", sharing_shown="1", visibility="members",
        add_share=f"user:{_id(app, 'fred')}", add_access="view",
    )  # fmt: skip
    page = ada.open("/admin/audit").text
    assert "fred (Can view)" in page
    assert "Everyone signed in" in page
