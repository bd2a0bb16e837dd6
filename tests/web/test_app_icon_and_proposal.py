"""Icon, picker and proposal in the form of an app."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask

from launcher.extensions import db
from launcher.fetching.problems import Problem
from launcher.fetching.proposed import Proposal
from tests.web.app_forms import GOOD, Find, fields_of
from tests.web.visitor import Visitor


def test_letters_replace_the_icon_without_saving(ben: Visitor, find: Find) -> None:
    id_ = find("Sprinkler")["id"]
    ben.open(f"/apps/{id_}/edit")
    assert "Timer, from Symbols" in ben.page
    ben.send(f"/apps/{id_}/edit", **fields_of(ben.page) | {"use_letters": "1", "name": "Water"})
    shown = fields_of(ben.page)
    assert (shown["icon"], shown["name"]) == ("letters:", "Water")
    assert find("Sprinkler")["icon"] == "symbol:timer"
    ben.send(f"/apps/{id_}/edit", **shown)
    assert find("Water")["icon"] == ""


def test_the_picker_gives_back_the_form_with_all_that_was_typed(ben: Visitor, find: Find) -> None:
    id_ = find("Jellyfin")["id"]
    ben.open(f"/apps/{id_}/edit")
    typed = fields_of(ben.page) | {"description": "Films of the family"}
    ben.send("/icons", **typed, pick="open")
    assert 'id="picker"' in ben.page
    carried = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', ben.page))
    del carried["csrf_token"]
    answer = ben.send(f"/apps/{id_}/edit", **carried | {"icon": "brand:jellyfin", "pick": "use"})
    assert answer.status_code == 200
    shown = fields_of(ben.page)
    assert (shown["icon"], shown["description"]) == ("brand:jellyfin", "Films of the family")
    assert find("Jellyfin")["description"] == "Films and series"
    ben.send(f"/apps/{id_}/edit", **shown)
    assert find("Jellyfin")["icon"] == "brand:jellyfin"


def test_an_upload_that_the_editor_may_not_see_is_no_icon(
    app: Flask, ben: Visitor, find: Find, pictures: dict[str, str]
) -> None:
    with app.app_context():
        db.session.execute(db.text("UPDATE boards SET owner_id = 1, visibility = 'private'"))
        db.session.commit()
    ben.open("/apps/new")
    fields = fields_of(ben.page) | GOOD | {"icon": f"media:{pictures['png']}"}
    assert ben.send("/apps/new", **fields).status_code == 422
    assert "This icon is no longer there." in ben.page


@pytest.fixture
def propose(monkeypatch: pytest.MonkeyPatch) -> Callable[[Proposal], None]:
    """Let each fetch end with this proposal; the requests have their own tests."""

    def answer(made: Proposal) -> None:
        monkeypatch.setattr("launcher.fetching.proposal.propose", lambda *_, **__: made)

    return answer


def test_name_and_icon_are_fetched_into_the_form_without_script(
    ben: Visitor, find: Find, propose: Callable[[Proposal], None]
) -> None:
    propose(Proposal(name="Jellyfin", host="j.home.arpa"))
    ben.open("/apps/new")
    fields = fields_of(ben.page) | {"url": "https://j.home.arpa", "tags": "tv", "fetch": "1"}
    assert ben.send("/apps/new", **fields).status_code == 200
    shown = fields_of(ben.page)
    assert (shown["name"], shown["icon"], shown["tags"]) == ("Jellyfin", "brand:jellyfin", "tv")
    assert "Name fetched from j.home.arpa." in ben.page

    propose(Proposal(name="Nextcloud", host="n.home.arpa"))  # another URL: both follow
    ben.send("/apps/new", **shown | {"url": "https://n.home.arpa", "fetch": "1"})
    shown = fields_of(ben.page)
    assert (shown["name"], shown["icon"]) == ("Nextcloud", "brand:nextcloud")


def test_a_proposal_does_not_replace_what_was_entered(
    ben: Visitor, find: Find, propose: Callable[[Proposal], None]
) -> None:
    propose(Proposal(name="Jellyfin", host="j.home.arpa"))
    ben.open("/apps/new")
    entered = fields_of(ben.page) | GOOD | {"name": "Films", "icon": "symbol:tv", "fetch": "1"}
    ben.send("/apps/new", **entered)
    shown = fields_of(ben.page)
    assert (shown["name"], shown["icon"]) == ("Films", "symbol:tv")


def test_a_failed_fetch_blocks_nothing(
    ben: Visitor, find: Find, propose: Callable[[Proposal], None]
) -> None:
    propose(Proposal(problem=Problem.NO_ANSWER, name="Music", host="music.home.arpa"))
    ben.open("/apps/new")
    ben.send("/apps/new", **fields_of(ben.page) | {"url": GOOD["url"], "fetch": "1"})
    assert "music.home.arpa did not answer within 5 seconds." in ben.page
    assert fields_of(ben.page)["name"] == "Music"
    assert ben.send("/apps/new", **fields_of(ben.page)).status_code == 303
    assert find("Music")
