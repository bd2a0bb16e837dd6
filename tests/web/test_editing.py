"""Editing a board: each change by its form, with and without script, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask, url_for
from werkzeug.test import TestResponse

from launcher.audit import COMMAND_LINE
from launcher.catalogue.boards import create_board
from launcher.catalogue.entries import BoardEntries
from launcher.extensions import db
from launcher.models import App, Board, Placement, Section, UndoStep, User
from tests.web.visitor import Visitor

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/b/home/edit"}

LAYOUT = {"density": "comfortable", "columns": "0", "visibility": "members"}

pytestmark = pytest.mark.usefixtures("boards")


@pytest.fixture
def ids(app: Flask, boards: None) -> dict[str, int]:
    """The places on Home and the sections of all boards, by name."""
    with app.app_context():
        places = db.select(App.name, Placement.id).join(Placement).join(Section).join(Board)
        found = dict(db.session.execute(places.where(Board.slug == "home")).all())
        found |= dict(db.session.execute(db.select(Section.name, Section.id)).all())
        query = places.where(Board.slug == "attic")
        return found | {f"{name} in the attic": id_ for name, id_ in db.session.execute(query)}


@pytest.fixture
def send(ben: Visitor) -> Callable[..., TestResponse]:
    """Send a form of Ben's page in edit mode, without script."""

    def send(path: str, *, on: str = "home", **fields: str) -> TestResponse:
        seen = _seen(ben, on)
        return ben.send(f"/b/{on}{path}", **({"seen": seen} | fields))

    return send


def test_the_page_has_every_section_and_every_app_but_archived_ones(ben: Visitor) -> None:
    page = ben.open("/b/home/edit").text

    for text in ("Media", "Work", "Nothing yet", "No apps in this section", "Jellyfin"):
        assert text in page
    assert "Forgejo" not in page, "it is archived"
    assert page.count("Add app to") == 3
    for tab in ("Home", "Garden", "Attic"):
        assert f">{tab}</a>" in page


def test_addresses_in_the_page_are_those_of_the_routes(
    app: Flask, ben: Visitor, ids: dict[str, int]
) -> None:
    page = ben.open("/b/home/edit").text
    with app.test_request_context():
        for endpoint, values in (
            ("editing.ask_move_app", {"placement_id": ids["Jellyfin"]}),
            ("editing.rename", {"section_id": ids["Media"]}),
            ("editing.ask_move", {"section_id": ids["Media"]}),
            ("editing.ask_delete", {"section_id": ids["Media"]}),
            ("editing.add", {}),
        ):
            assert f'"{url_for(endpoint, slug="home", **values)}"' in page


def test_an_app_is_moved_within_its_section_and_to_another(
    app: Flask, ben: Visitor, send: Callable[..., TestResponse], ids: dict[str, int]
) -> None:
    answer = send(f"/apps/{ids['Home Assistant']}/move", position="1")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/b/home/edit#place-{ids['Home Assistant']}"
    assert _apps_of(app, "Media") == ["Home Assistant", "Jellyfin"]
    assert "Home Assistant moved to position 1 of 2 in Media." in ben.open("/b/home/edit").text

    send(f"/apps/{ids['Jellyfin']}/move", section=str(ids["Work"]), position="2")
    assert _apps_of(app, "Work") == ["Nextcloud", "Jellyfin", "Яблоко"]


def test_an_app_is_moved_to_another_board_by_its_page(
    app: Flask, ben: Visitor, send: Callable[..., TestResponse], ids: dict[str, int]
) -> None:
    path = f"/apps/{ids['Home Assistant']}/move-to"
    page = ben.open(f"/b/home{path}").text
    assert "After Jellyfin" in page
    assert '<optgroup label="Garden">' in page

    page = send(path, section=str(ids["Outside"]), choose="1").text
    assert "After Sprinkler" in page

    answer = send(path, section=str(ids["Outside"]), positions_of=str(ids["Outside"]), position="1")
    assert answer.headers["Location"].startswith("/b/garden/edit#place-")
    assert _apps_of(app, "Outside")[0] == "Home Assistant"
    assert "Home Assistant moved to Outside on Garden." in ben.open("/b/garden/edit").text


def test_a_position_of_another_section_is_not_taken(
    app: Flask, send: Callable[..., TestResponse], ids: dict[str, int]
) -> None:
    send(
        f"/apps/{ids['Jellyfin']}/move-to", section=str(ids["Work"]), position="1",
        positions_of=str(ids["Media"]),
    )  # fmt: skip
    assert _apps_of(app, "Work")[-1] == "Jellyfin"


def test_an_app_that_is_there_already_is_not_moved_there(
    app: Flask, ben: Visitor, send: Callable[..., TestResponse], ids: dict[str, int]
) -> None:
    answer = send(f"/apps/{ids['Jellyfin']}/move-to", section=str(ids["Outside"]))
    assert answer.status_code == 422
    assert "Move not saved. Jellyfin is already in Outside." in answer.text
    send(f"/apps/{ids['Jellyfin']}/move", section=str(ids["Outside"]))
    assert "Jellyfin is already in Outside." in ben.open("/b/home/edit").text
    assert "Jellyfin" in _apps_of(app, "Media")


def test_an_app_is_duplicated_removed_and_archived(
    app: Flask, ben: Visitor, send: Callable[..., TestResponse], ids: dict[str, int]
) -> None:
    send(f"/apps/{ids['Jellyfin']}/duplicate")
    assert _apps_of(app, "Media") == ["Jellyfin", "Jellyfin copy", "Home Assistant"]
    assert "Jellyfin duplicated." in ben.open("/b/home/edit").text

    send(f"/apps/{ids['Jellyfin']}/remove")
    assert _apps_of(app, "Media") == ["Jellyfin copy", "Home Assistant"]
    page = ben.open("/b/home/edit").text
    assert "Jellyfin removed from Home. It is still in Apps." in page

    send(f"/apps/{ids['Home Assistant']}/archive")
    assert _apps_of(app, "Media") == ["Jellyfin copy"]
    assert "Home Assistant archived. It is hidden on 1 board." in ben.open("/b/home/edit").text


def test_a_section_is_added_renamed_moved_and_deleted(
    app: Flask, ben: Visitor, send: Callable[..., TestResponse], ids: dict[str, int]
) -> None:
    send("/sections", name="  Films ")
    assert _sections_of(app, "home") == ["Media", "Work", "Nothing yet", "Films"]
    send(f"/sections/{ids['Media']}/rename", name="Music")
    assert "Section renamed to Music." in ben.open("/b/home/edit").text
    send(f"/sections/{ids['Media']}/move", position="2")
    assert _sections_of(app, "home") == ["Work", "Music", "Nothing yet", "Films"]
    assert "Music moved to position 2 of 4." in ben.open("/b/home/edit").text

    page = ben.open(f"/b/home/sections/{ids['Media']}/delete").text
    assert "Delete section Music?" in page
    assert "Its 2 apps remain in Apps." in page
    send(f"/sections/{ids['Media']}/delete")
    assert _sections_of(app, "home") == ["Work", "Nothing yet", "Films"]
    page = ben.open("/b/home/edit").text
    assert "Section Music deleted. Its 2 apps are still in Apps." in page


def test_a_section_is_moved_to_another_board(
    app: Flask, ben: Visitor, send: Callable[..., TestResponse], ids: dict[str, int]
) -> None:
    path = f"/sections/{ids['Work']}/move-to"
    page = ben.open(f"/b/home{path}").text
    garden = re.search(r'value="(\d+)">Garden', page)
    assert garden
    answer = send(path, board=garden[1])
    assert answer.headers["Location"] == f"/b/garden/edit#section-{ids['Work']}"
    assert _sections_of(app, "garden") == ["Outside", "Work"]
    assert "Work moved to Garden." in ben.open("/b/garden/edit").text


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "Enter a name."),
        ("\u200b", "Enter a name."),
        ("x" * 81, "Shorten the name to 80 characters."),
        ("a\x07b", "Remove line breaks and control characters."),
    ],
)
def test_a_name_that_is_refused_stays_in_the_form(
    app: Flask, send: Callable[..., TestResponse], ids: dict[str, int], name: str, reason: str
) -> None:
    answer = send("/sections", name=name)
    assert answer.status_code == 422
    assert f"Section not added. {reason}" in answer.text
    if len(name) > 2:
        assert f'value="{name}"' in answer.text
    answer = send(f"/sections/{ids['Media']}/rename", name=name)
    assert f"Section not renamed. {reason}" in answer.text
    assert _sections_of(app, "home") == ["Media", "Work", "Nothing yet"]


def test_with_script_each_answer_is_the_board_with_its_toasts(
    ben: Visitor, ids: dict[str, int]
) -> None:
    seen = _seen(ben)
    answer = ben.send_with(
        HTMX, f"/b/home/apps/{ids['Home Assistant']}/move", position="1", seen=seen
    )

    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div class="contents" id="board"')
    assert "<html" not in answer.text
    assert answer.text.index("Home Assistant") < answer.text.index("Jellyfin")
    assert '<div id="toasts" hx-swap-oob="beforeend">' in answer.text
    assert "moved to position 1 of 2 in Media." in answer.text
    now = re.search(r'name="seen" value="([^"]+)"', answer.text)
    assert now
    assert now[1] != seen
    assert now[1].split()[1:] == seen.split()[1:], "the other sections are as they were"

    step = re.search(r'name="id" value="(\d+)"', answer.text)
    assert step
    answer = ben.send_with(HTMX, "/undo", id=step[1])
    assert answer.status_code == 200
    assert answer.text.index("Jellyfin") < answer.text.index("Home Assistant")
    assert "Undone: Home Assistant moved." in answer.text
    assert 'id="tabs"' not in answer.text

    assert '<nav class="tabs" id="tabs"' in ben.open("/b/home/edit", **HTMX).text


def test_an_undo_renews_what_the_page_shows_of_its_board(app: Flask, ada: Visitor) -> None:
    """The bar has its name, the tabs have its place, and its address may be another."""
    here = {"HX-Request": "true", "HX-Current-URL": "http://localhost/b/start/edit"}
    ada.send("/b/home/settings", name="Start", slug="start", **LAYOUT)
    answer = ada.send_with(here, "/undo", id=_newest_step(app))
    assert re.fullmatch(r"/b/home/edit\?saved=\d+", answer.headers["Launcher-Done"])

    here["HX-Current-URL"] = "http://localhost/b/home/edit"
    ada.send("/b/home/move", position="2")
    answer = ada.send_with(here, "/undo", id=_newest_step(app))
    assert answer.headers["Launcher-Done"] == "/b/home/edit", "with the tabs"


def test_after_the_undo_of_a_new_board_its_page_leads_to_the_start_page(
    app: Flask, ada: Visitor, boards: None
) -> None:
    for page in ("/b/bare/edit", "/b/bare"):
        ada.send("/boards/new", name="Bare", slug="bare", **LAYOUT)
        answer = ada.send_with(
            {"Referer": f"http://localhost{page}"}, "/undo", id=_newest_step(app)
        )
        assert answer.headers["Location"] == "/"


def test_with_script_a_form_in_the_dialog_says_that_it_is_done(
    ben: Visitor, ids: dict[str, int]
) -> None:
    part = ben.open(f"/b/home/apps/{ids['Jellyfin']}/move-to", **HTMX).text
    assert part.lstrip().startswith("<form")
    answer = ben.send_with(
        HTMX, f"/b/home/apps/{ids['Jellyfin']}/move-to", section=str(ids["Work"])
    )
    assert (answer.status_code, answer.headers["Launcher-Done"]) == (204, "/b/home/edit")
    assert "Jellyfin moved to Work." in ben.open("/b/home/edit", **HTMX).text


def test_two_editors_in_different_sections_never_refuse_each_other(
    app: Flask, ada: Visitor, ben: Visitor, ids: dict[str, int]
) -> None:
    seen = _seen(ben)
    ada.open("/b/home/edit")
    ada.send(f"/b/home/sections/{ids['Work']}/rename", name="Office", seen=seen)
    ada.send(f"/b/home/apps/{ids['Nextcloud']}/move", position="2", seen=_seen(ada))
    ada.send("/b/home/sections", name="Films", seen=_seen(ada))
    ada.send(f"/b/home/sections/{ids['Work']}/move", position="1", seen=_seen(ada))
    ben.open("/b/home")

    for path, fields in (
        (f"apps/{ids['Jellyfin']}/move", {"position": "2"}),
        (f"sections/{ids['Nothing yet']}/rename", {"name": "Soon"}),
        (f"apps/{ids['Jellyfin']}/duplicate", {}),
    ):
        assert ben.send(f"/b/home/{path}", seen=seen, **fields).status_code == 303, path
    assert _apps_of(app, "Media")[0] == "Home Assistant"
    assert _sections_of(app, "home") == ["Office", "Media", "Soon", "Films"]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_the_second_of_two_editors_in_one_section_gets_what_the_first_did(
    app: Flask, ada: Visitor, ben: Visitor, ids: dict[str, int], headers: dict[str, str]
) -> None:
    seen = _seen(ben)
    ada.open("/b/home/edit")
    ada.send(f"/b/home/apps/{ids['Home Assistant']}/move", position="1", seen=seen)
    ada.send(f"/b/home/sections/{ids['Work']}/move", position="1", seen=_seen(ada))

    answer = ben.send_with(
        headers, f"/b/home/apps/{ids['Jellyfin']}/move", section=str(ids["Work"]), seen=seen
    )

    assert answer.status_code == 409
    assert re.search(
        r"Move not saved\. ada changed Media at \d\d:\d\d\. The board now shows that change\."
        r" Move the app again if needed\.",
        answer.text,
    )
    assert _apps_of(app, "Media") == ["Home Assistant", "Jellyfin"]
    media, home = "ada changed Media at", "ada changed Home at"
    for path, refused, who, advice in (
        (f"apps/{ids['Nextcloud']}/move", "Move not saved.", media, "Move the app again"),
        (f"apps/{ids['Nextcloud']}/move-to", "Move not saved.", media, "Move the app again"),
        (f"apps/{ids['Jellyfin']}/remove", "App not removed.", media, "Remove the app again"),
        (
            f"sections/{ids['Media']}/rename",
            "Section not renamed.",
            media,
            "Rename the section again",
        ),
        (f"sections/{ids['Work']}/move", "Move not saved.", home, "Move the section again"),
        (
            f"sections/{ids['Media']}/delete",
            "Section not deleted.",
            media,
            "Delete the section again",
        ),
    ):
        answer = ben.send_with(
            headers, f"/b/home/{path}", name="x", position="2", section=str(ids["Media"]), seen=seen
        )
        assert answer.status_code == 409, path
        assert f"{refused} {who}" in answer.text, path
        assert f"{advice} if needed." in answer.text, path


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_another_removed_meanwhile_is_gone_from_the_board_that_comes_back(
    ada: Visitor, ben: Visitor, ids: dict[str, int], headers: dict[str, str]
) -> None:
    seen = _seen(ben)
    ada.open("/b/home/edit")
    ada.send(f"/b/home/apps/{ids['Jellyfin']}/remove", seen=seen)
    answer = ben.send_with(headers, f"/b/home/apps/{ids['Jellyfin']}/move", position="2", seen=seen)
    assert answer.status_code == 409
    assert "Move not saved. ada changed Media at" in answer.text
    assert "Jellyfin</a>" not in answer.text

    ada.open("/b/home/edit")
    ada.send(f"/b/home/sections/{ids['Work']}/delete")
    answer = ben.send_with(headers, f"/b/home/sections/{ids['Work']}/rename", name="x", seen=seen)
    assert answer.status_code == 409
    assert "Section not renamed. ada changed Home at" in answer.text


def test_a_conflict_names_who_archived_or_deleted_an_app_of_the_section(
    ada: Visitor, ben: Visitor, ids: dict[str, int]
) -> None:
    for path in (f"/b/home/apps/{ids['Jellyfin']}/archive", "/apps/2/delete"):
        seen = _seen(ben)
        ada.open("/b/home/edit")
        ada.send(path)
        answer = ben.send(f"/b/home/sections/{ids['Media']}/rename", name="x", seen=seen)
        assert "Section not renamed. ada changed Media at" in answer.text, path


@pytest.mark.parametrize("seen", ["", "x", "1", ":", "9" * 40 + ":a", "\u0663:a", "1:a " * 9])
def test_an_odd_field_of_what_was_seen_is_a_conflict_and_no_failure(
    ben: Visitor, ids: dict[str, int], seen: str
) -> None:
    ben.open("/b/home/edit")
    answer = ben.send(f"/b/home/apps/{ids['Jellyfin']}/move", position="2", seen=seen)
    assert answer.status_code == 409
    assert "Move not saved." in answer.text


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_editor_who_is_one_no_more_gets_back_what_was_typed(
    app: Flask, ben: Visitor, ids: dict[str, int], headers: dict[str, str]
) -> None:
    ben.open("/b/home/edit")
    with app.app_context():
        db.session.execute(db.update(User).where(User.username == "ben").values(role="viewer"))
        db.session.commit()

    answer = ben.send_with(headers, "/b/home/sections", name="A long and careful name")

    assert answer.status_code == 403
    assert "Changes not saved" in answer.text
    assert "You can no longer edit Home. Your entries are still here to copy." in answer.text
    assert "A long and careful name" in answer.text
    assert _sections_of(app, "home") == ["Media", "Work", "Nothing yet"]
    assert ben.open("/b/home/edit").status_code == 403


def test_what_an_editor_does_not_see_is_not_found(
    app: Flask, ada: Visitor, ben: Visitor, ids: dict[str, int]
) -> None:
    with app.app_context():
        db.session.execute(db.update(Board).where(Board.slug == "attic").values(owner_id=1))
        db.session.commit()
    ben.open("/b/home/edit")
    assert "Attic" not in ben.page
    diary = ids["Diary in the attic"]
    for path in (
        "/b/attic/edit", f"/b/attic/apps/{diary}/move-to", f"/b/home/apps/{diary}/move-to",
        f"/b/attic/sections/{ids['Trunk']}/delete", f"/b/home/sections/{ids['Trunk']}/delete",
        "/b/home/apps/999/move-to", "/b/nowhere/edit",
    ):  # fmt: skip
        assert ben.client.get(path).status_code == 404, path
    ben.open("/b/home/edit")
    for path, fields in (
        ("/b/attic/sections", {"name": "x"}),
        ("/b/attic/move", {}),
        (f"/b/home/apps/{diary}/remove", {}),
        (f"/b/home/apps/{ids['Jellyfin']}/move", {"section": str(ids["Trunk"])}),
        (f"/b/home/apps/{ids['Jellyfin']}/move", {"board": "3"}),
        (f"/b/home/sections/{ids['Media']}/move-to", {"board": "3"}),
        (f"/b/home/apps/{ids['Forgejo']}/move", {"position": "1"}),
    ):
        ben.open("/b/home/edit")
        assert ben.send(path, **fields).status_code == 404, path
    assert _apps_of(app, "Trunk") == ["Diary"]


@pytest.mark.parametrize("position", ["", "x", "-5", "0", "9" * 40])
def test_an_odd_position_means_the_end(
    app: Flask, send: Callable[..., TestResponse], ids: dict[str, int], position: str
) -> None:
    assert send(f"/apps/{ids['Jellyfin']}/move", position=position).status_code == 303
    assert sorted(_apps_of(app, "Media")) == ["Home Assistant", "Jellyfin"]


def test_an_app_goes_to_a_board_without_sections_and_one_is_made_with_it(
    app: Flask, ben: Visitor, send: Callable[..., TestResponse], ids: dict[str, int]
) -> None:
    with app.app_context():
        empty, _ = create_board(BoardEntries(name="Empty"), owner=None, actor=COMMAND_LINE)
        empty_id = str(empty.id)
    path = f"/apps/{ids['Jellyfin']}/move"

    send(path, board=empty_id)
    assert _sections_of(app, "empty") == ["Apps"]
    page = ben.open("/b/home/edit").text
    assert "Jellyfin moved to Apps on Empty." in page
    step = re.search(r'name="id" value="(\d+)"', page)
    assert step
    ben.send("/undo", id=step[1])
    assert _sections_of(app, "empty") == [], "undo takes the section back as well"
    assert "Jellyfin" in _apps_of(app, "Media")

    page = ben.open(f"/b/home{path}-to").text
    assert f'<option value="new-{empty_id}">Apps</option>' in page
    page = send(f"{path}-to", section=f"new-{empty_id}", choose="1").text
    assert f'<option value="new-{empty_id}" selected>Apps</option>' in page
    send(f"{path}-to", section=f"new-{empty_id}", position="1")
    assert _apps_of(app, "Apps") == ["Jellyfin"]


def test_a_board_without_sections_offers_to_add_an_app_and_undo_takes_both_back(
    app: Flask, ben: Visitor
) -> None:
    with app.app_context():
        create_board(BoardEntries(name="Empty"), owner=None, actor=COMMAND_LINE)
    assert 'href="/apps/new?board=empty"' in ben.open("/b/empty/edit").text
    chosen = re.search(r'value="(new-\d+)" selected', ben.open("/apps/new?board=empty").text)
    assert chosen
    ben.send("/apps/new", name="Grocy", url="https://grocy.test", section=chosen[1])
    assert _apps_of(app, "Apps") == ["Grocy"]
    step = re.search(r'name="id" value="(\d+)"', ben.open("/b/empty/edit").text)
    assert step
    ben.send("/undo", id=step[1])
    assert _sections_of(app, "empty") == []


def test_a_board_that_is_created_in_the_browser_has_a_section(app: Flask, ben: Visitor) -> None:
    ben.open("/boards/new")
    ben.send("/boards/new", name="Attic 2", visibility="members")
    assert _sections_of(app, "attic-2") == ["Apps"]


@pytest.mark.parametrize("section", ["new-", "new-x", "new-99", "new-" + "9" * 30, "x"])
def test_a_section_of_no_board_is_not_found_and_nothing_moves(
    app: Flask, ben: Visitor, ids: dict[str, int], section: str
) -> None:
    ben.open("/b/home/edit")
    answer = ben.send(f"/b/home/apps/{ids['Jellyfin']}/move", section=section, position="1")
    assert answer.status_code in {303, 404}
    assert _apps_of(app, "Media") == ["Jellyfin", "Home Assistant"]


def _seen(visitor: Visitor, slug: str = "home") -> str:
    """What the page shows of its sections now, as its forms send it."""
    found = re.search(r'name="seen" value="([^"]*)"', visitor.open(f"/b/{slug}/edit").text)
    assert found
    return found[1]


def _apps_of(app: Flask, section: str) -> list[str]:
    query = (
        db.select(App.name).join(Placement).join(Section)
        .where(Section.name == section, App.archived_at.is_(None)).order_by(Placement.position)
    )  # fmt: skip
    with app.app_context():
        return list(db.session.scalars(query))


def _sections_of(app: Flask, slug: str) -> list[str]:
    query = db.select(Section.name).join(Board).where(Board.slug == slug)
    with app.app_context():
        return list(db.session.scalars(query.order_by(Section.position)))


def _newest_step(app: Flask) -> str:
    with app.app_context():
        return str(db.session.scalar(sa.select(sa.func.max(UndoStep.id))))
