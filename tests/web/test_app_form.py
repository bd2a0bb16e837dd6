"""The form of an app: adding, editing, what is wrong with an entry."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask

from launcher.extensions import db
from tests.conftest import BEN
from tests.web.app_forms import GOOD, Find, fields_of
from tests.web.visitor import Visitor


def test_an_app_is_added_to_the_board_that_the_form_was_opened_for(
    ben: Visitor, find: Find
) -> None:
    ben.open("/apps/new?board=garden")
    fields = fields_of(ben.page) | {
        "name": "Navidrome", "url": "https://music.home.arpa", "tags": "music, family",
        "description": "Songs", "keywords": "mp3", "opens": "new",
        "url_local": "http://10.0.0.9:4533", "icon": "brand:jellyfin",
    }  # fmt: skip
    answer = ben.send("/apps/new", **fields)
    assert (answer.status_code, answer.location) == (303, "/b/garden/edit")
    saved = find("Navidrome")
    del saved["id"]
    assert saved == {
        "url": "https://music.home.arpa", "url_local": "http://10.0.0.9:4533",
        "description": "Songs", "tags": ["family", "music"], "keywords": "mp3", "opens": "new",
        "icon": "brand:jellyfin", "places": ["Garden · Outside"],
    }  # fmt: skip
    assert "Navidrome added to Outside." in ben.open("/b/garden").text


def test_adding_goes_on_with_an_empty_form_for_the_same_section(ben: Visitor, boards: None) -> None:
    ben.open("/apps/new?board=garden")
    fields = fields_of(ben.page) | {"name": "Navidrome", "url": "https://music.home.arpa"}
    answer = ben.send("/apps/new", **fields, next_app="1")
    page = ben.open(answer.location).text
    assert "Navidrome added to Outside." in page
    again = fields_of(page)
    assert (again["name"], again["url"], again["section"]) == ("", "", fields["section"])
    assert re.search(r'id="app-url"[^>]* autofocus', page)


def test_the_first_app_of_a_site_brings_a_board_and_a_section(ada: Visitor, find: Find) -> None:
    with ada.client.application.app_context():
        db.session.execute(db.text("DELETE FROM boards"))
        db.session.commit()
    ada.open("/apps/new")
    answer = ada.send("/apps/new", **fields_of(ada.page) | GOOD)
    assert answer.location == "/b/home/edit"
    assert find("Navidrome")["places"] == ["Home · Apps"]


def test_an_app_of_no_board_goes_into_the_catalogue_alone(ada: Visitor, find: Find) -> None:
    ada.open("/apps/new")
    ada.send("/apps/new", **fields_of(ada.page) | GOOD | {"section": "none"})
    assert find("Navidrome")["places"] == []


def test_an_editor_is_offered_no_section_of_a_board_that_they_do_not_see(
    app: Flask, ada: Visitor, ben: Visitor, find: Find
) -> None:
    with app.app_context():
        db.session.execute(db.text("UPDATE boards SET owner_id = 1 WHERE slug = 'attic'"))
        trunk = db.session.scalar(db.text("SELECT id FROM sections WHERE name = 'Trunk'"))
        db.session.commit()
    assert "Attic" in ada.open("/apps/new").text
    assert "Attic" not in ben.open("/apps/new?board=attic").text
    answer = ben.send("/apps/new", **fields_of(ben.page) | GOOD | {"section": str(trunk)})
    assert answer.status_code == 422
    assert "This section is no longer there. Choose another one." in ben.page
    assert find("Navidrome") == {}


URL_SCHEME = "Launcher does not open javascript:, data: or file: URLs."
URL_FULL = "Enter a full URL that starts with http:// or https://."
CHARACTERS = "Remove line breaks and control characters."


@pytest.mark.parametrize(
    "case",
    [
        ("url", "", "Enter a URL, for example https://jellyfin.home.arpa."),
        ("url", "javascript:alert(1)", URL_SCHEME),
        ("url", " JavaScript:alert(1)", URL_SCHEME),
        ("url", "data:text/html,<script>alert(1)</script>", URL_SCHEME),
        ("url", "file:///etc/passwd", URL_SCHEME),
        ("url", "ftp://files.home.arpa", "Launcher opens http:// and https:// URLs only."),
        ("url", "jellyfin.home.arpa:8096", URL_FULL),
        ("url", "https://", URL_FULL),
        ("url", "http://[::1", URL_FULL),
        ("url", "http://a:99999", "Enter a port from 1 to 65535, or leave it out."),
        ("url", "http://a:0/", "Enter a port from 1 to 65535, or leave it out."),
        ("url", "http://a b", "Remove spaces and control characters from the URL."),
        ("url", "http://my\u200bbank", "Remove spaces and control characters from the URL."),
        ("url", "http://ada:secret@host", "Remove the user name and password from the URL."),
        ("url", "http://" + "x" * 2000, "Shorten this to 2000 characters."),
        ("url_local", "192.168.1.20:8096", URL_FULL),
        ("url_local", "javascript:alert(1)", URL_SCHEME),
        ("name", "", "Enter a name."),
        ("name", " \u200b ", "Enter a name."),
        ("name", "x" * 201, "Shorten the name to 200 characters."),
        ("name", "a\x00b", CHARACTERS),
        ("name", "a\x1b[31mb", CHARACTERS),
        ("name", "evil\u202egnp.exe", CHARACTERS),
        ("description", "x" * 501, "Shorten this to 500 characters."),
        ("description", "a\u2028b", CHARACTERS),
        ("keywords", "a\x07b", CHARACTERS),
        ("tags", "x" * 51, "Shorten each tag to 50 characters."),
        ("tags", ",".join(f"t{number}" for number in range(21)), "Enter at most 20 tags."),
        ("opens", "window", "Choose one of the options."),
        ("icon", "symbol:no-such", "This icon is no longer there. Choose another one."),
        ("icon", "media:" + "f" * 64, "This icon is no longer there. Choose another one."),
        ("icon", "../x", "This icon is no longer there. Choose another one."),
    ],
)
@pytest.mark.parametrize("form", ["new", "edit"])
def test_each_bad_entry_is_named_beside_its_field_and_nothing_typed_is_lost(
    ben: Visitor, find: Find, form: str, case: tuple[str, str, str]
) -> None:
    field, typed, words = case
    before = find("Jellyfin")
    path = "/apps/new" if form == "new" else f"/apps/{before['id']}/edit"
    ben.open(path)
    sent = fields_of(ben.page) | GOOD | {
        "description": "Songs", "tags": "music", "keywords": "mp3", field: typed,
    }  # fmt: skip
    answer = ben.send(path, **sent)
    assert answer.status_code == 422
    beside = re.search(rf'id="app-{field}-error">.*?<span>(.*?)</span>', ben.page)
    assert beside
    assert html.unescape(beside[1]).startswith(words)
    assert f'<a href="#app-{field}">' in ben.page
    assert f'id="app-{field}"' in ben.page
    title = "App not added" if form == "new" else "App not saved"
    assert title in ben.page
    assert "1 field needs a change:" in ben.page
    kept = {name: text for name, text in sent.items() if name != "opens" or field != "opens"}
    shown = fields_of(ben.page)
    # A browser drops NUL and line breaks of an input itself.
    assert {name: shown.get(name) for name in kept} == kept
    assert find("Navidrome") == {}
    assert find("Jellyfin") == before


def test_several_errors_are_counted_and_the_summary_has_the_focus(ben: Visitor, find: Find) -> None:
    ben.open("/apps/new")
    ben.send("/apps/new", **fields_of(ben.page) | {"url": "x", "url_local": "y"})
    assert "3 fields need a change:" in ben.page
    assert re.search(r'id="app-errors" tabindex="-1" autofocus', ben.page)
    assert re.search(
        r'id="app-url"[^>]* aria-invalid="true" aria-describedby="app-url-error', ben.page
    )
    assert re.search(r"<details[^>]* open>", ben.page)


def test_markup_in_a_name_is_text_everywhere(ben: Visitor, find: Find) -> None:
    name = '<script>alert(1)</script> & "quotes"'
    ben.open("/apps/new")
    ben.send("/apps/new", **fields_of(ben.page) | GOOD | {"name": name})
    id_ = find(name)["id"]
    for path in ("/", f"/apps/{id_}/edit", f"/apps/{id_}/delete"):
        page = ben.open(path).text
        assert "<script>alert" not in page
        assert html.escape(name, quote=False).replace('"', "&#34;") in page


def test_a_name_from_right_to_left_does_not_turn_the_sentence_around(
    ben: Visitor, find: Find
) -> None:
    ben.open("/apps/new?board=garden")
    ben.send("/apps/new", **fields_of(ben.page) | GOOD | {"name": "אבגד"})
    assert "\u2068אבגד\u2069 added to Outside." in ben.open("/b/garden").text
    assert "Edit \u2068אבגד\u2069" in ben.open(f"/apps/{find('אבגד')['id']}/edit").text


def test_the_same_app_twice_in_a_section_asks_first(ben: Visitor, find: Find) -> None:
    ben.open("/apps/new")
    fields = fields_of(ben.page) | GOOD
    assert ben.send("/apps/new", **fields).status_code == 303
    answer = ben.send("/apps/new", **fields)  # a double click, or the second tab
    assert answer.status_code == 409
    assert "Navidrome is already in Media" in ben.page
    again = fields_of(ben.page)
    assert again["again"] == "1"
    assert ben.send("/apps/new", **again).status_code == 303


def test_a_sound_edit_is_saved_with_its_values_in_the_log(
    app: Flask, ben: Visitor, find: Find
) -> None:
    id_ = find("Jellyfin")["id"]
    ben.open(f"/apps/{id_}/edit")
    fields = fields_of(ben.page)
    assert (fields["name"], fields["description"]) == ("Jellyfin", "Films and series")
    answer = ben.send(f"/apps/{id_}/edit", **fields | {"name": "Films", "opens": "same"})
    assert (answer.status_code, answer.location) == (303, "/b/home/edit")
    assert "Films saved." in ben.open(answer.location).text
    saved = find("Films")
    assert (saved["id"], saved["opens"], saved["places"]) == (
        id_, "same", ["Home · Media", "Garden · Outside"],
    )  # fmt: skip
    page = ben.open(f"/apps/{id_}/edit").text
    assert re.search(r"Last saved.*?today, \d\d:\d\d, by ben", page, re.DOTALL)


def test_the_form_leads_back_to_the_page_that_it_came_from(ben: Visitor, find: Find) -> None:
    id_ = find("Jellyfin")["id"]
    page = ben.open(f"/apps/{id_}/edit?next=/b/garden").text
    assert '<a class="button" href="/b/garden" data-closes-dialog>Cancel</a>' in page
    assert ben.send(f"/apps/{id_}/edit", **fields_of(page)).location == "/b/garden"
    page = ben.open(f"/apps/{id_}/edit?next=//evil.example/").text
    assert "evil" not in page


def test_only_boards_that_the_viewer_sees_are_named(app: Flask, ben: Visitor, find: Find) -> None:
    with app.app_context():
        db.session.execute(
            db.text("UPDATE boards SET owner_id = 1, visibility = 'private' WHERE slug = 'garden'")
        )
        db.session.commit()
    page = ben.open(f"/apps/{find('Jellyfin')['id']}/edit").text
    assert "Garden" not in page
    assert "It is removed from 1 board, with its check history." in page


# Buttons


def test_archiving_saves_the_form_first(ben: Visitor, find: Find) -> None:
    id_ = find("Jellyfin")["id"]
    ben.open(f"/apps/{id_}/edit")
    ben.send(f"/apps/{id_}/edit", **fields_of(ben.page) | {"name": "Films", "archive": "1"})
    assert "Films" not in ben.open("/b/garden").text.split('id="toasts"')[0]
    assert "Unarchive app" in ben.open(f"/apps/{id_}/edit").text
    ben.send(f"/apps/{id_}/unarchive")
    assert "Films" in ben.open("/b/garden").text


def test_a_duplicate_has_a_name_of_its_own_and_its_place_behind(ben: Visitor, find: Find) -> None:
    id_ = find("Jellyfin")["id"]
    ben.open("/apps/new")
    for _ in range(2):
        ben.send(f"/apps/{id_}/duplicate", board="garden")
    assert find("Jellyfin (copy)")["places"] == ["Garden · Outside"]
    assert find("Jellyfin (copy 2)")["places"] == ["Garden · Outside"]
    german = Visitor(ben.client.application, language="de")
    german.hold_session(BEN)
    german.send(f"/apps/{id_}/duplicate")
    assert find("Jellyfin (Kopie)")["places"] == []


def test_the_copy_of_the_longest_name_fits(app: Flask, ben: Visitor, find: Find) -> None:
    with app.app_context():
        db.session.execute(db.text(f"UPDATE apps SET name = '{'x' * 200}' WHERE name = 'Jellyfin'"))
        db.session.commit()
    ben.open("/apps/new")
    ben.send(f"/apps/{find('x' * 200)['id']}/duplicate")
    assert find("x" * 193 + " (copy)")


def test_deleting_asks_first_and_names_what_goes(ben: Visitor, find: Find) -> None:
    id_ = find("Jellyfin")["id"]
    page = ben.open(f"/apps/{id_}/delete").text
    assert "Delete Jellyfin?" in page
    assert "It is removed from 2 boards, with its check history. You cannot undo this." in page
    answer = ben.send(f"/apps/{id_}/delete")
    assert (answer.status_code, answer.location) == (303, "/b/home/edit")
    assert "Jellyfin deleted." in ben.open("/b/home").text
    assert find("Jellyfin") == {}


# In the dialog of an edit page

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/b/home/edit?x=1"}


def test_the_dialog_gets_the_same_form_as_a_part(ben: Visitor, find: Find) -> None:
    id_ = find("Jellyfin")["id"]
    whole = fields_of(ben.open(f"/apps/{id_}/edit").text)
    part = ben.open(f"/apps/{id_}/edit", **{k.replace("-", "_"): v for k, v in HTMX.items()}).text
    assert fields_of(part) == whole
    assert "<html" not in part
    assert '<h2 id="dialog-title">Edit Jellyfin</h2>' in part


def test_the_dialog_says_when_it_is_done_and_where(ben: Visitor, find: Find) -> None:
    path = f"/apps/{find('Jellyfin')['id']}/edit"
    fields = fields_of(ben.open(path).text)
    answer = ben.send_with(HTMX, path, **fields | {"name": "Films"})
    assert (answer.status_code, answer.headers["Launcher-Done"]) == (204, "/b/home/edit?x=1")
    answer = ben.send_with(HTMX, path, **fields | {"name": "Kino"})
    assert answer.status_code == 409
    assert "<html" not in ben.page


def test_the_dialog_goes_on_with_the_next_app(ben: Visitor, find: Find) -> None:
    fields = fields_of(ben.open("/apps/new?board=garden").text)
    answer = ben.send_with(HTMX, "/apps/new", **fields | GOOD, next_app="1")
    assert (answer.status_code, answer.headers["Launcher-Changed"]) == (200, "/b/home/edit?x=1")
    shown = fields_of(ben.page)
    assert (shown["name"], shown["section"]) == ("", fields["section"])
    assert "Navidrome added to Outside." in ben.page
