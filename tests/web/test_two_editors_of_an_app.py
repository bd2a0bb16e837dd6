"""Two editors of one app, and an app or a role that is gone meanwhile."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask

from launcher.accounts.users import find_user, set_role
from launcher.audit import COMMAND_LINE
from launcher.catalogue.bulk import delete_apps
from launcher.extensions import db
from launcher.models import App, Role
from tests.web.app_forms import Find, fields_of
from tests.web.visitor import Visitor


@pytest.fixture
def both(ada: Visitor, ben: Visitor, find: Find) -> tuple[str, dict[str, str], dict[str, str]]:
    """The form of Jellyfin, open in the browsers of Ada and Ben."""
    path = f"/apps/{find('Jellyfin')['id']}/edit"
    ada.open(path)
    ben.open(path)
    return path, fields_of(ada.page), fields_of(ben.page)


def test_the_second_editor_decides_between_both_entries(
    ada: Visitor, ben: Visitor, find: Find, both: tuple[str, dict[str, str], dict[str, str]]
) -> None:
    path, of_ada, of_ben = both
    ben.send(path, **of_ben | {
        "url": "https://media.home.arpa", "description": "Films, series and live TV", "tags": "tv",
    })  # fmt: skip
    answer = ada.send(path, **of_ada | {
        "url": "https://jellyfin.home.arpa/web",
        "description": "Films and series for the family", "opens": "new",
    })  # fmt: skip
    assert answer.status_code == 409
    assert "ben saved Jellyfin while you were editing" in ada.page
    assert ada.page.index("https://jellyfin.home.arpa<mark>/web</mark>") < ada.page.index(
        "https://<mark>media</mark>.home.arpa"
    )
    legends = re.findall(r"<legend>(.*?)</legend>", ada.page)
    assert legends == ["URL", "Description"]
    taken = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", ada.page)
    plain = [(name, re.sub(r"<[^>]*>", "", words)) for name, words in taken]
    assert plain == [
        ("Tags", "tv changed by ben"), ("Opens in", "New tab changed by you"),
        ("Other fields", "Not changed"),
    ]  # fmt: skip
    assert find("Jellyfin")["url"] == "https://media.home.arpa"  # nothing of Ada's is saved yet

    decided = fields_of(ada.page) | {"keep_url": "theirs", "keep_description": "mine"}
    assert ada.send(path, **decided).status_code == 303
    saved = find("Jellyfin")
    assert (saved["url"], saved["description"], saved["tags"], saved["opens"]) == (
        "https://media.home.arpa", "Films and series for the family", ["tv"], "new",
    )  # fmt: skip


def test_the_decision_can_be_made_in_the_form_too(
    ada: Visitor, ben: Visitor, find: Find, both: tuple[str, dict[str, str], dict[str, str]]
) -> None:
    path, of_ada, of_ben = both
    ben.send(path, **of_ben | {"name": "Films"})
    ada.send(path, **of_ada | {"name": "Cinema"})
    ada.send(path, **fields_of(ada.page) | {"keep_name": "mine", "back": "1"})
    back = fields_of(ada.page)
    assert back["name"] == "Cinema"
    assert ada.send(path, **back | {"name": "Movies"}).status_code == 303
    assert find("Movies")


def test_a_third_editor_in_between_is_asked_about_again(
    ada: Visitor, ben: Visitor, find: Find, both: tuple[str, dict[str, str], dict[str, str]]
) -> None:
    path, of_ada, of_ben = both
    ben.send(path, **of_ben | {"name": "Films"})
    ada.send(path, **of_ada | {"name": "Cinema"})
    decision = fields_of(ada.page) | {"keep_name": "mine"}
    ben.open(path)
    ben.send(path, **fields_of(ben.page) | {"name": "Kino"})
    assert ada.send(path, **decision).status_code == 409
    assert "Kino" in ada.page
    assert find("Kino")


def test_changes_of_different_fields_are_both_saved_after_a_look(
    ada: Visitor, ben: Visitor, find: Find, both: tuple[str, dict[str, str], dict[str, str]]
) -> None:
    path, of_ada, of_ben = both
    ben.send(path, **of_ben | {"keywords": "movies"})
    assert ada.send(path, **of_ada | {"tags": "tv"}).status_code == 409
    assert "You changed different fields, so both changes can be saved." in ada.page
    ada.send(path, **fields_of(ada.page))
    saved = find("Jellyfin")
    assert (saved["keywords"], saved["tags"]) == ("movies", ["tv"])


def test_icon_and_letters_are_one_decision_with_one_picture(
    ada: Visitor, ben: Visitor, find: Find, both: tuple[str, dict[str, str], dict[str, str]]
) -> None:
    path, of_ada, of_ben = both
    ben.send(path, **of_ben | {"icon": "letters:3", "letters": "Be"})
    ada.send(path, **of_ada | {"icon": "letters:5", "letters": "Ad"})
    assert re.findall(r"<legend>(.*?)</legend>", ada.page) == ["Icon"]
    assert "keep_letters" not in ada.page
    pictures = re.findall(r'class="glyph" data-hue="(\d)"[^>]*>(..)<', ada.page)
    assert pictures == [("5", "Ad"), ("3", "Be")]
    ada.send(path, **fields_of(ada.page) | {"keep_icon": "theirs"})
    ada.open(path)
    shown = fields_of(ada.page)
    assert (shown["icon"], shown["letters"]) == ("letters:3", "Be")


def test_the_same_change_of_both_is_no_conflict(
    ada: Visitor, ben: Visitor, both: tuple[str, dict[str, str], dict[str, str]]
) -> None:
    path, of_ada, of_ben = both
    ben.send(path, **of_ben | {"name": "Films"})
    assert ada.send(path, **of_ada | {"name": "Films"}).status_code == 303


# What cannot be saved is not lost


def test_an_app_deleted_meanwhile_is_offered_as_a_new_one(
    app: Flask, ada: Visitor, ben: Visitor, find: Find
) -> None:
    id_ = find("Jellyfin")["id"]
    ada.open(f"/apps/{id_}/edit")
    fields = fields_of(ada.page) | {"description": "Films of the family", "tags": "tv"}
    ben.open(f"/apps/{id_}/delete")
    ben.send(f"/apps/{id_}/delete")
    answer = ada.send(f"/apps/{id_}/edit", **fields)
    assert answer.status_code == 404
    assert re.search(r"ben deleted Jellyfin at \d\d:\d\d\.", ada.page)
    assert "Films of the family" in ada.page
    hidden = {
        name: html.unescape(text)
        for name, text in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', ada.page)
        if name != "csrf_token"
    }
    ada.send("/apps/new", **hidden)
    ada.send("/apps/new", **fields_of(ada.page))
    assert find("Jellyfin")["description"] == "Films of the family"


def test_who_deleted_an_app_is_named_only_to_whom_had_it_open(app: Flask, ben: Visitor) -> None:
    with app.app_context():
        secret = App(name="Diary of Ada", url="https://x")
        radio = App(name="Radio", url="https://x")
        db.session.add_all((radio, secret))
        db.session.commit()
        id_, radio_id = secret.id, radio.id
        delete_apps([secret], actor=COMMAND_LINE)
    for guess in ("Guess", "Diary of Ada"):
        ben.open(f"/apps/{radio_id}/edit")
        other = fields_of(ben.page)["proof"]
        answer = ben.send(f"/apps/{id_}/edit", seen_name=guess, name=guess, proof=other)
        assert answer.status_code == 404
        assert f"{guess} was deleted, or is no longer shared with you." in ben.page


def test_an_editor_whose_role_is_taken_away_can_copy_what_they_typed(
    app: Flask, ben: Visitor, find: Find
) -> None:
    id_ = find("Jellyfin")["id"]
    ben.open(f"/apps/{id_}/edit")
    fields = fields_of(ben.page) | {"description": "Films of the family"}
    with app.app_context():
        set_role(find_user("ben"), Role.VIEWER, actor=COMMAND_LINE)
    answer = ben.send(f"/apps/{id_}/edit", **fields)
    assert answer.status_code == 403
    assert "You can no longer edit Jellyfin. Your entries are still here to copy." in ben.page
    assert "Films of the family" in ben.page
    assert find("Jellyfin")["description"] == "Films and series"
