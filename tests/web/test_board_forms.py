"""Boards: created, changed by one or two at a time, ordered, deleted, in the browser."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.accounts import users
from launcher.audit import COMMAND_LINE
from launcher.extensions import db
from launcher.models import App, AuditEvent, Board, Density, Role, Visibility
from launcher.web.boards import form
from tests.web.visitor import Visitor

HTMX = {"HX-Request": "true"}


@pytest.fixture
def board(app: Flask) -> Callable[[str], Board]:
    """What is saved of a board now."""

    def read(slug: str) -> Board:
        with app.app_context():
            return db.session.scalars(sa.select(Board).where(Board.slug == slug)).one()

    return read


def _fields(page: str) -> dict[str, str]:
    """Return what the form sends as it is shown."""
    form = page.partition('id="board-form"')[2].partition("</form>")[0]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        is_chosen = attributes.get("type") not in {"radio", "checkbox"} or " checked" in tag
        if "name" in attributes and is_chosen and attributes["name"] != "csrf_token":
            found[attributes["name"]] = html.unescape(attributes.get("value", "on"))
    for name, options in re.findall(
        r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL
    ):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return found


def _text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(page)).split())


def test_a_new_board_gets_its_address_from_its_name_and_is_opened(
    ben: Visitor, boards: None, board: Callable[[str], Board]
) -> None:
    ben.open("/boards/new")
    fields = _fields(ben.page)
    assert fields == {
        "next": "", "name": "", "slug": "", "density": "comfortable", "columns": "0",
        "visibility": "members", "sharing_shown": "1", "add_share": "", "add_access": "",
    }  # fmt: skip
    answer = ben.send("/boards/new", **(fields | {"name": "Kids corner", "columns": "4"}))

    assert answer.status_code == 303
    assert answer.location.startswith("/b/kids-corner")
    made = board("kids-corner")
    assert (made.name, made.columns, made.visibility) == ("Kids corner", 4, Visibility.MEMBERS)
    ben.open("/b/kids-corner")
    assert "Board Kids corner added." in ben.page


def test_errors_stand_beside_their_fields_and_nothing_typed_is_lost(
    ben: Visitor, boards: None, board: Callable[[str], Board]
) -> None:
    ben.open("/boards/new")
    answer = ben.send("/boards/new", name="Work", slug="garden", columns="3", density="compact")
    assert answer.status_code == 422
    assert "Another board has this address. Choose a different one." in ben.page
    assert 'aria-describedby="board-slug-error board-slug-hint"' in ben.page
    assert _fields(ben.page) | {"next": ""} == {
        "next": "", "name": "Work", "slug": "garden", "density": "compact", "columns": "3",
        "visibility": "members", "sharing_shown": "1", "add_share": "", "add_access": "",
    }  # fmt: skip

    answer = ben.send("/boards/new", name=" ", slug="Mein Board!", columns="77")
    assert answer.status_code == 422
    assert "Enter a name." in ben.page
    assert "Use letters from a to z, digits and hyphens." in ben.page
    assert "Board not added 3 fields need a change: Name , Address , Columns" in _text(ben.page)
    assert 'value="Mein Board!"' in ben.page


def test_the_settings_are_saved_together_and_undone_together(
    ada: Visitor, boards: None, board: Callable[[str], Board], app: Flask
) -> None:
    ada.open("/b/home/settings")
    fields = _fields(ada.page)
    wanted = fields | {
        "name": "Start", "slug": "start", "density": "compact", "columns": "4",
        "visibility": "public", "after": str(board("attic").id), "is_home": "on",
        "is_own_home": "on",
    }  # fmt: skip
    answer = ada.send("/b/home/settings", **wanted)

    assert answer.status_code == 303
    assert answer.location.startswith("/b/start")
    saved = board("start")
    assert (saved.name, saved.density, saved.columns) == ("Start", Density.COMPACT, 4)
    assert (saved.visibility, saved.position, saved.is_home) == (Visibility.PUBLIC, 2, True)
    with app.app_context():
        assert users.find_user("ada").home_board_id == saved.id
        log = set(db.session.scalars(sa.select(AuditEvent.action)))
        assert log >= {"board.update", "board.move", "board.set_home", "user.set_start_page"}
    ada.open("/b/start/settings")
    assert _fields(ada.page)["after"] == str(board("attic").id)
    assert "Board Start saved." in ada.page

    ada.send("/undo", id=_step_in(ada.page))
    back = board("home")
    assert (back.name, back.position, back.is_home) == ("Home", 0, False)


def test_saving_without_a_change_changes_nothing(
    ada: Visitor, boards: None, board: Callable[[str], Board]
) -> None:
    before = board("home").revision
    ada.open("/b/home/settings")
    ada.send("/b/home/settings", **_fields(ada.page))

    assert board("home").revision == before


def test_of_two_editors_the_second_sees_what_the_first_saved_and_decides(
    ada: Visitor, ben: Visitor, boards: None, board: Callable[[str], Board]
) -> None:
    ada.open("/b/home/settings")
    of_ada = _fields(ada.page)
    ben.open("/b/home/settings")
    of_ben = _fields(ben.page)
    ben.send("/b/home/settings", **(of_ben | {"name": "Bens", "columns": "3"}))

    answer = ada.send("/b/home/settings", **(of_ada | {"name": "Adas", "density": "compact"}))
    assert answer.status_code == 409
    assert re.search(r"ben saved “Bens” at \d\d:\d\d\.", ada.page)
    assert 'value="Adas"' in ada.page
    assert board("home").name == "Bens"
    again = _fields(ada.page)
    assert (again["density"], again["columns"]) == ("compact", "3")

    assert ada.send("/b/home/settings", **again).status_code == 303
    saved = board("home")
    assert (saved.name, saved.columns, saved.density) == ("Adas", 3, Density.COMPACT)


def test_two_editors_of_different_fields_do_not_meet(
    ada: Visitor, ben: Visitor, boards: None, board: Callable[[str], Board]
) -> None:
    ada.open("/b/home/settings")
    of_ada = _fields(ada.page)
    ben.open("/b/home/settings")
    ben.send("/b/home/settings", **(_fields(ben.page) | {"columns": "3"}))

    assert ada.send("/b/home/settings", **(of_ada | {"density": "compact"})).status_code == 303
    assert (board("home").columns, board("home").density) == (3, Density.COMPACT)


def test_an_editor_who_is_not_the_owner_sees_why_some_controls_are_disabled(
    ada: Visitor, ben: Visitor, boards: None, board: Callable[[str], Board]
) -> None:
    ben.open("/b/home/settings")
    assert "Only an admin can change who can view this board, and delete it." in ben.page
    assert re.search(r'<fieldset[^>]*id="board-visibility"[^>]* disabled', ben.page)
    assert 'href="/b/home/delete' not in ben.page
    fields = _fields(ben.page)
    assert ben.send("/b/home/settings", **(fields | {"visibility": "public"})).status_code == 403
    assert "Your entries are still here." in ben.page
    assert ben.send("/b/home/settings", **(fields | {"is_home": "on"})).status_code == 403
    ben.open("/b/home/delete")
    assert "button-danger" not in ben.page
    assert ben.send("/b/home/delete").status_code == 403
    assert (board("home").visibility, board("home").is_home) == (Visibility.MEMBERS, False)

    ben.open("/b/attic/settings")
    assert "Only an admin" not in ben.page
    assert "Only you" in ben.page
    ada.open("/b/attic/settings")
    assert "Only Ben" in ada.page


def test_a_disabled_choice_that_is_not_sent_keeps_who_can_view(
    ben: Visitor, boards: None, board: Callable[[str], Board]
) -> None:
    ben.open("/b/garden/settings")
    fields = {k: v for k, v in _fields(ben.page).items() if k != "visibility"}
    assert ben.send("/b/garden/settings", **(fields | {"name": "Yard"})).status_code == 303
    assert (board("garden").name, board("garden").visibility) == ("Yard", Visibility.PUBLIC)


def test_a_board_is_deleted_after_a_question_that_counts_and_comes_back_by_undo(
    ada: Visitor, boards: None, board: Callable[[str], Board], app: Flask
) -> None:
    ada.open("/b/home/delete")
    said = "Delete board Home? Its 3 sections are removed. The apps remain in Apps."
    assert said in _text(ada.page)
    revision = re.search(r'name="revision" value="(\d+)"', ada.page)
    assert revision
    assert ada.send("/b/home/delete", revision="99").status_code == 409
    assert "It was changed after this page was shown." in ada.page
    assert ada.send("/b/home/delete", revision=revision[1]).location == "/"
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count(App.id))) == 7
    ada.open("/")
    assert "Board Home deleted. Its apps are still in Apps." in ada.page
    step = _step_in(ada.page)
    assert ada.open("/b/home").status_code == 404

    ada.send("/undo", id=step)
    assert ada.open("/b/home").status_code == 200


def test_in_a_dialog_the_form_is_a_part_and_says_where_to_go_when_saved(
    ada: Visitor, boards: None
) -> None:
    ada.open("/b/home/settings", **HTMX)
    assert "<html" not in ada.page
    assert 'action="/b/home/settings"' in ada.page
    fields = _fields(ada.page)
    ada.open("/")
    token = re.search(r'name="csrf_token" value="([^"]+)"', ada.page)
    assert token
    answer = ada.client.post(
        "/b/home/settings",
        data=fields | {"slug": "start", "csrf_token": token[1]},
        headers=HTMX | {"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 204
    assert answer.headers["Launcher-Done"].startswith("/b/start/edit?saved=")


def test_the_list_shows_who_views_each_board_and_orders_them(
    ada: Visitor, boards: None, board: Callable[[str], Board]
) -> None:
    ada.open("/admin/boards")
    assert _rows(ada.page) == [
        "Home /b/home · home board Everyone signed in Owner No owner Apps 4 Sections 3",
        "Garden /b/garden Guests as well Owner No owner Apps 2 Sections 1",
        "Attic /b/attic Only the owner and admins Owner Ben Apps 1 Sections 1",
    ]
    answer = ada.send("/b/attic/move", position="1", next="/admin/boards")
    assert answer.location == "/admin/boards"
    ada.open("/admin/boards")
    assert [row.split()[0] for row in _rows(ada.page)] == ["Attic", "Home", "Garden"]
    assert "Attic moved to position 1 of 3." in ada.page
    assert ada.send("/b/attic/move", position="x").status_code == 422


def test_who_loses_the_role_in_mid_edit_learns_so_and_keeps_the_name_that_they_typed(
    ben: Visitor, boards: None, board: Callable[[str], Board], app: Flask
) -> None:
    ben.open("/b/garden/settings")
    fields = _fields(ben.page)
    with app.app_context():
        users.set_role(users.find_user("ben"), Role.VIEWER, actor=COMMAND_LINE)
    answer = ben.send("/b/garden/settings", **(fields | {"name": "Yard and shed"}))

    assert answer.status_code == 403
    assert "You can no longer edit Garden." in ben.page
    assert "Yard and shed" in ben.page
    assert board("garden").name == "Garden"


def test_a_viewer_has_neither_the_list_nor_the_forms(chloe: Visitor, boards: None) -> None:
    assert chloe.open("/admin/boards").status_code == 403
    assert chloe.open("/boards/new").status_code == 403


def test_the_choices_of_who_can_view_say_when_guests_are_off(
    ada: Visitor, boards: None, set_site: Callable[..., None]
) -> None:
    set_site(guest_access=False)
    ada.open("/b/garden/settings")
    assert "Guest access is off in Settings" in ada.page
    assert set(form.VISIBILITIES) == set(Visibility)


def _rows(page: str) -> list[str]:
    rows = re.findall(r"<tr id=\"board-.*?</tr>", page, re.DOTALL)
    return [_text(row.partition('<td class="acts"')[0]) for row in rows]


def _step_in(page: str) -> str:
    """The id that the newest toast of a page sends to undo its step."""
    return re.findall(r'name="id" value="(\d+)"', page)[-1]
