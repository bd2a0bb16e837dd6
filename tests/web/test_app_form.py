"""The form of an app: adding, editing, what is wrong with an entry, two editors."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest
from flask import Flask

from launcher.extensions import db
from launcher.models import App
from tests.web.visitor import Visitor

Find = Callable[[str], App]


@pytest.fixture
def find(app: Flask, boards: None) -> Callable[..., dict[str, object]]:
    """Read an app by its name, fresh from the database."""

    def read(name: str) -> dict[str, object]:
        with app.app_context():
            found = db.session.scalars(db.select(App).where(App.name == name)).first()
            if found is None:
                return {}
            return {
                "id": found.id, "url": found.url, "url_local": found.url_local,
                "description": found.description, "tags": [tag.name for tag in found.tags],
                "keywords": found.keywords, "opens": str(found.opens), "icon": found.icon,
                "places": [
                    f"{each.section.board.name} · {each.section.name}" for each in found.placements
                ],
            }  # fmt: skip

    return read


def fields_of(page: str) -> dict[str, str]:
    """Return the fields that the form of an app would send as it stands."""
    form = page[page.index('id="app-form"') :]
    form = form[: form.index("</form>")]
    fields: dict[str, str] = {}
    for tag in re.findall(r"<input [^>]*>", form):
        attributes = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        if attributes.get("type") == "radio" and " checked" not in tag:
            continue
        fields[attributes["name"]] = html.unescape(attributes["value"])
    if chosen := re.search(r'<option value="([^"]*)" selected', form):
        fields["section"] = chosen[1]
    del fields["csrf_token"]
    return fields


def test_an_app_is_added_to_the_board_that_the_form_was_opened_for(
    ben: Visitor, find: Callable[..., dict[str, object]]
) -> None:
    ben.open("/apps/new?board=garden")
    fields = fields_of(ben.page) | {
        "name": "Navidrome", "url": "https://music.home.arpa", "tags": "music, family",
        "description": "Songs", "keywords": "mp3", "opens": "new",
        "url_local": "http://10.0.0.9:4533", "icon": "brand:jellyfin",
    }  # fmt: skip
    answer = ben.send("/apps/new", **fields)
    assert (answer.status_code, answer.location) == (303, "/b/garden")
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
