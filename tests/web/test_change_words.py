"""After each change a sentence says what happened, with an undo that works or says why not."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from launcher.audit import Actor
from launcher.catalogue.actions import Action
from launcher.catalogue.bulk import archive_app, delete_apps
from launcher.catalogue.places import move_place, remove_place
from launcher.catalogue.sections import add_section, delete_section, rename_section
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.i18n.app import speaking
from launcher.i18n.locale import LOCALES
from launcher.models import App, Board, Placement, Section, User
from launcher.web.change_words import show_change, toast_of, words_of
from tests.web.visitor import Visitor

FACTS = {
    "app": "Jellyfin", "section": "Media", "board": "Home", "position": 2, "count": 8,
    "from_section": "Media", "from_board": "Home", "apps": 8, "boards": 2, "sections": 3,
    "tag": "family", "tags": "family", "before": "kin", "original": "Jellyfin",
    "action": "board.move_app",
}  # fmt: skip


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("action", Action)
def test_every_change_is_said_in_every_language(app: Flask, action: Action, language: str) -> None:
    with app.test_request_context(), speaking(language, "Europe/Berlin"):
        for count in (0, 1, 2, 5):
            words = words_of(Change(action, FACTS | {"count": count, "boards": count}))

            assert words.endswith("."), words
            assert "%(" not in words


@pytest.mark.parametrize(
    ("action", "facts", "words"),
    [
        (Action.APP_CREATE, {}, "Jellyfin added to Media."),
        (Action.PLACE_MOVE, {"from_section": "House"}, "Jellyfin moved to Media."),
        (
            Action.PLACE_MOVE,
            {"from_board": "Home", "board": "Children", "section": "Films"},
            "Jellyfin moved to Films on Children.",
        ),
        (Action.PLACE_MOVE, {}, "Jellyfin moved to position 2 of 8 in Media."),
        (Action.PLACE_REMOVE, {}, "Jellyfin removed from Home. It is still in Apps."),
        (Action.APP_ARCHIVE, {"count": 1}, "Jellyfin archived. It is hidden on 2 boards."),
        (Action.SECTION_MOVE, {"count": 4}, "Media moved to position 2 of 4."),
        (Action.SECTION_DELETE, {}, "Section Media deleted. Its 8 apps are still in Apps."),
        (Action.BOARD_MOVE, {"count": 3}, "Home moved to position 2 of 3."),
        (Action.APPS_TAG, {"count": 3}, "3 apps tagged “family”."),
        (Action.UNDO, {"action": "board.move_app"}, "Undone: Jellyfin moved."),
        (Action.REDO, {"action": "board.add_section"}, "Redone: Section Media added."),
        (Action.UNDO, {"action": "board.create"}, "Undone: Board Home added."),
    ],
)
def test_the_sentences_are_those_of_the_design(
    app: Flask, action: Action, facts: dict[str, object], words: str
) -> None:
    with app.test_request_context():
        assert words_of(Change(action, FACTS | facts)) == words


def test_what_cannot_be_undone_has_no_button(app: Flask) -> None:
    with app.test_request_context():
        assert toast_of(Change(Action.APP_DELETE, FACTS))["undo_path"] == ""
        assert toast_of(Change(Action.APP_UPDATE, FACTS, 7))["undo_ids"] == ["7"]


def test_undo_brings_an_app_back_to_its_place(app: Flask, ben: Visitor, boards: None) -> None:
    step = _remove_jellyfin(app)

    answer = ben.send_with({"Referer": "http://localhost/b/home?a=1"}, "/undo", id=step, undo="1")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/b/home?a=1")
    page = ben.open("/b/home").text
    assert "Undone: Jellyfin removed from Home." in page
    assert page.index("Jellyfin") < page.index("Home Assistant")


def test_an_undo_is_undone_by_its_redo_and_so_on(app: Flask, ben: Visitor, boards: None) -> None:
    ben.send("/undo", id=_remove_jellyfin(app))
    page = ben.open("/b/home").text
    assert ">Redo</button>" in page

    ben.send("/undo", id=_step_in(page))
    page = ben.open("/b/home").text
    assert "Redone: Jellyfin removed from Home." in page
    assert ">Undo</button>" in page
    assert "Jellyfin</" not in page.split('id="toasts"')[0]

    ben.send("/undo", id=_step_in(page))
    assert "Undone: Jellyfin removed from Home." in ben.open("/b/home").text


def test_a_step_whose_app_was_deleted_is_refused_with_that(
    app: Flask, ben: Visitor, boards: None
) -> None:
    with app.test_request_context():
        change = move_place(_place("Jellyfin"), _section("Work"), 1, actor=_actor("ben"))
        delete_apps([_place("Jellyfin").app], actor=_actor("ben"))

    ben.send("/undo", id=str(change.step_id))

    words = r"Launcher could not undo the move. ben deleted Jellyfin at \d\d:\d\d\."
    assert re.search(words, ben.open("/b/home").text)


def test_a_step_that_is_refused_names_who_deleted_its_section_though_others_came_later(
    app: Flask, ada: Visitor, ben: Visitor, boards: None
) -> None:
    with app.test_request_context():
        change = rename_section(_section("Media"), "Films", actor=_actor("ben"))
        delete_section(_section("Films"), actor=_actor("ada"))
        delete_section(_section("Work"), actor=_actor("ben"))
        add_section(_section("Nothing yet").board, "House", actor=_actor("ben"))

    ben.send("/undo", id=str(change.step_id))

    words = r"Launcher could not undo the renaming. ada deleted Films at \d\d:\d\d\."
    assert re.search(words, ben.open("/b/home").text)


@pytest.mark.parametrize("referrer", ["https://evil.example//evil.example/", "nonsense", ""])
def test_undo_leads_to_a_page_of_this_site_alone(
    app: Flask, ben: Visitor, boards: None, referrer: str
) -> None:
    assert ben.send_with({"Referer": referrer}, "/undo").headers["Location"] == "/"


@pytest.mark.parametrize("step", [None, "", "x", "-1", "9" * 30, "²", "999"])
def test_an_unknown_step_is_not_undone(ben: Visitor, boards: None, step: str | None) -> None:
    ben.send("/undo", **({} if step is None else {"id": step}))

    assert "This step was undone already" in ben.open("/").text


def test_the_step_of_another_is_not_undone(
    app: Flask, ada: Visitor, ben: Visitor, boards: None
) -> None:
    ada.send("/undo", id=_remove_jellyfin(app))

    assert "This step was undone already" in ada.open("/b/home").text


def test_an_undo_that_is_too_late_names_who_changed_the_section(
    app: Flask, ada: Visitor, ben: Visitor, boards: None
) -> None:
    with app.test_request_context():
        change = move_place(_place("Jellyfin"), _section("Work"), 1, actor=_actor("ben"))
        move_place(_place("Nextcloud"), _section("Work"), 1, actor=_actor("ada"))

    ben.send("/undo", id=str(change.step_id))

    words = r"Launcher could not undo the move. ada changed this section at \d\d:\d\d\."
    page = ben.open("/b/home").text
    assert re.search(words, page)
    assert 'data-state="warn"' in page


def test_an_editor_who_is_one_no_more_undoes_nothing(
    app: Flask, ben: Visitor, boards: None
) -> None:
    step = _remove_jellyfin(app)
    with app.app_context():
        db.session.execute(db.update(User).where(User.username == "ben").values(role="viewer"))
        db.session.commit()

    assert ben.send("/undo", id=step).status_code == 403


def test_a_change_that_changed_nothing_is_not_said(app: Flask, boards: None) -> None:
    with app.test_request_context() as context:
        place = _place("Jellyfin")
        show_change(move_place(place, place.section, 1, actor=_actor("ben")))
        assert "_flashes" not in context.session


def test_what_is_deleted_for_good_is_said_by_name(app: Flask, boards: None) -> None:
    with app.test_request_context():
        diary = db.session.scalars(db.select(App).where(App.name == "Diary")).one()
        archived = archive_app(diary, actor=_actor("ben"))
        assert words_of(archived) == "Diary archived. It is hidden on 1 board."
        assert words_of(delete_apps([diary], actor=_actor("ben"))) == "Diary deleted."


def _remove_jellyfin(app: Flask) -> str:
    with app.test_request_context():
        return str(remove_place(_place("Jellyfin"), actor=_actor("ben")).step_id)


def _actor(name: str) -> Actor:
    return Actor.of(db.session.scalars(db.select(User).where(User.username == name)).one())


def _place(name: str) -> Placement:
    query = db.select(Placement).join(App).join(Section).join(Board)
    return db.session.scalars(query.where(App.name == name, Board.slug == "home")).one()


def _section(name: str) -> Section:
    return db.session.scalars(db.select(Section).where(Section.name == name)).one()


def _step_in(page: str) -> str:
    """The id that the newest toast of a page sends."""
    return re.findall(r'name="id" value="(\d+)"', page)[-1]
