"""The picker of icons, as a page without script."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from PIL import Image
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import encode_multipart

from launcher.extensions import db
from launcher.models import App, AuditEvent, Board, Media, SetIcon
from launcher.models.types import utc_now
from launcher.web.icons.picking import Picked, picked
from tests.web.visitor import Visitor

CHOICE = re.compile(r'type="radio" name="icon" value="([^"]+)"( checked)?')
LOGO = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9v9z"/></svg>'


def choices(page: str) -> list[str]:
    return [value for value, _ in CHOICE.findall(page) if not value.startswith("letters:")]


def chosen(page: str) -> list[str]:
    return [value for value, is_chosen in CHOICE.findall(page) if is_chosen]


def upload(visitor: Visitor, content: bytes, file_name: str = "logo.svg", **fields: str) -> int:
    """Send the picker's form with a file, from the page that is open; return the status."""
    token = re.search(
        r'name="csrf_token" value="([^"]+)"', visitor.page or visitor.open("/icons").text
    )
    assert token
    data = {"csrf_token": token[1], "file": FileStorage(io.BytesIO(content), file_name)} | fields
    boundary, body = encode_multipart(data)
    answer = visitor.client.post(
        "/icons", data=body, content_type=f"multipart/form-data; boundary={boundary}"
    )
    visitor.page = answer.text
    return answer.status_code


def test_without_a_search_common_icons_of_every_kind_are_shown(ben: Visitor) -> None:
    page = ben.open("/icons").text

    shown = choices(page)
    assert shown[0] == "brand:jellyfin"
    assert "symbol:tv" in shown
    assert len(shown) == 64
    assert "32 of 1,908" in page
    assert chosen(page) == ["letters:"]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("tv", "symbol:tv"),
        ("Jellyfín", "brand:jellyfin"),
        ("home assistant", "brand:homeassistant"),
        ("homeassistant", "brand:homeassistant"),
        ("nextc", "brand:nextcloud"),
        ("wi-fi", "symbol:wifi"),
        ("television", "symbol:tv"),
    ],
)
def test_the_best_match_comes_first(ben: Visitor, words: str, first: str) -> None:
    by_kind = {
        each.partition(":")[0]: each
        for each in reversed(choices(ben.open(f"/icons?q={words}").text))
    }

    assert first in by_kind.values()


def test_a_search_finds_every_kind(app: Flask, ben: Visitor, pictures: dict[str, str]) -> None:
    with app.app_context():
        db.session.add(SetIcon(name="jellyfin", mime="image/svg+xml", size_bytes=3, content=LOGO))
        db.session.commit()

    assert choices(ben.open("/icons?q=jellyfin").text) == ["brand:jellyfin", "set:2"]
    assert choices(ben.open("/icons?q=j.png").text) == [f"media:{pictures['png']}"]
    assert choices(ben.open("/icons?q=jellyfin&in=set").text) == ["set:2"]
    answer = ben.open("/icons/set/2")
    assert answer.data == LOGO
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_what_is_not_found_is_said_with_a_way_on(ben: Visitor) -> None:
    page = ben.open("/icons?q=jelyfn").text

    assert "No icons for “jelyfn”. Try another word, or use letters." in page
    assert '<button class="button" name="in" value="letters">Use letters</button>' in page


def test_all_of_a_kind_come_in_pages(ben: Visitor) -> None:
    first = choices(ben.open("/icons?in=symbols").text)
    second = choices(ben.open("/icons?in=symbols&page=2").text)

    assert len(first) == len(second) == 180
    assert not set(first) & set(second)
    assert "181 to 360 of 1,908" in ben.page


def test_a_choice_that_is_not_among_the_results_is_kept(ben: Visitor) -> None:
    page = ben.send("/icons", icon="brand:jellyfin", q="camera").text

    assert "brand:jellyfin" in choices(page)
    assert chosen(page) == ["brand:jellyfin"]


def test_the_fields_of_a_form_are_carried_and_sent_back(ben: Visitor) -> None:
    page = ben.send(
        "/icons", name='Je"llyfin', url="https://jellyfin", tag=["films", "family"],
        icon="letters:3", letters="Jf", return_to="/apps/7/edit", pick="open",
    ).text  # fmt: skip

    assert '<input type="hidden" name="name" value="Je&#34;llyfin">' in page
    assert page.count('type="hidden" name="tag"') == 2
    assert 'name="icon_before" value="letters:3"' in page
    assert page.count('formaction="/apps/7/edit"') == 2
    assert page.count('name="csrf_token"') == 1
    assert chosen(page) == ["letters:3"]
    again = ben.send("/icons", icon="symbol:tv", icon_before="letters:3", q="tv").text
    assert 'name="icon_before" value="letters:3"' in again


def test_what_the_picker_sends_back_is_read(ben: Visitor) -> None:
    sent = {"icon": "symbol:tv", "letters": "", "icon_before": "letters:3", "letters_before": "Jf"}

    assert picked(MultiDict(sent)) is None
    assert picked(MultiDict(sent | {"pick": "use"})) == Picked("symbol:tv", "")
    assert picked(MultiDict(sent | {"pick": "cancel"})) == Picked("letters:3", "Jf")


@pytest.mark.parametrize(
    "address",
    [
        "https://host/apps/7/edit", "//host/apps/7/edit", "/apps/7/delete", "/logout",
        "javascript:1",
        "/apps/new/../7/delete", "/apps/7/edit#x", "\\\\host", "/apps/7/edit?next=//host",
        "/apps/7/edit\n",
    ],
)  # fmt: skip
def test_the_form_is_sent_back_to_the_form_of_an_app_alone(ben: Visitor, address: str) -> None:
    page = ben.send("/icons", return_to=address).text

    assert "formaction" not in page
    assert 'name="return_to" value=""' in page


def test_an_upload_is_chosen_at_once_and_kept_once(app: Flask, ben: Visitor) -> None:
    assert upload(ben, LOGO, "icons/logo.svg", name="Jellyfin", return_to="/apps/new") == 200
    (value,) = chosen(ben.page)
    assert value.startswith("media:")
    assert '<input type="hidden" name="name" value="Jellyfin">' in ben.page
    assert 'formaction="/apps/new"' in ben.page
    assert upload(ben, LOGO) == 200

    with app.app_context():
        (media,) = db.session.scalars(db.select(Media)).all()
        assert (media.name, media.content) == ("logo.svg", LOGO)
        uploads = db.select(AuditEvent).where(AuditEvent.action == "icon.upload")
        assert [each.actor_name for each in db.session.scalars(uploads)] == ["ben"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html></html>", "The file is not a PNG, JPEG, WebP, AVIF, GIF, SVG or ICO image."),
        (LOGO.replace(b"<path", b"<script/><path"), "The SVG contains scripts or external links."),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 3_000_000, "The file is larger than "),
    ],
)
def test_a_refused_image_loses_nothing_that_was_typed(
    app: Flask, ben: Visitor, content: bytes, words: str
) -> None:
    status = upload(ben, content, name="Jellyfin", icon="symbol:tv", return_to="/apps/new")

    assert status == 422
    assert f"Icon not uploaded. {words}" in ben.page
    assert '<input type="hidden" name="name" value="Jellyfin">' in ben.page
    assert chosen(ben.page) == ["symbol:tv"]
    with app.app_context():
        assert db.session.scalars(db.select(Media)).all() == []


def test_an_image_of_too_many_pixels_is_refused_with_its_size(ben: Visitor) -> None:
    target = io.BytesIO()
    Image.new("1", (3000, 20)).save(target, "PNG")

    assert upload(ben, target.getvalue(), "wide.png") == 422
    assert "The image is 3,000 \u00d7 20 pixels. The limit is 2,048 \u00d7 2,048." in ben.page


def test_uploads_of_a_board_that_is_not_shared_are_not_shown(
    ben: Visitor, app: Flask, cast: object, pictures: dict[str, str]
) -> None:
    with app.app_context():
        db.session.execute(db.text("UPDATE boards SET visibility = 'private', owner_id = 1"))
        db.session.commit()

    shown = choices(ben.open("/icons?in=uploads").text)

    assert f"media:{pictures['png']}" not in shown
    assert f"media:{pictures['svg']}" in shown


def test_who_uploads_an_icon_that_a_hidden_app_shows_may_use_it(
    app: Flask, ada: Visitor, ben: Visitor, chloe: Visitor, boards: None
) -> None:
    upload(ada, LOGO, "a secret name.svg")
    (icon,) = chosen(ada.page)
    _put_on_private_board(app, icon)
    address = f"/media/{icon.partition(':')[2]}"
    assert ben.open(address).status_code == 404

    ben.open("/icons")
    assert upload(ben, LOGO, "mine.svg") == 200
    assert chosen(ben.page) == [icon]
    assert "a secret name" not in ben.page
    assert ben.client.get(address).data == LOGO
    added = ben.send("/apps/new", name="Radio", url="http://radio.home.arpa", icon=icon)
    assert added.status_code == 303
    assert chloe.open("/b/home").status_code == 200, "she sees the new app with the icon"
    assert chloe.client.get(address).data == LOGO


def test_to_others_the_icon_of_a_hidden_app_stays_hidden(
    app: Flask, ada: Visitor, ben: Visitor, chloe: Visitor, boards: None
) -> None:
    upload(ada, LOGO, "a secret name.svg")
    (icon,) = chosen(ada.page)
    _put_on_private_board(app, icon)

    for visitor in (ben, chloe):
        assert visitor.open(f"/media/{icon.partition(':')[2]}").status_code == 404
    ben.open(f"/icons?icon={icon}")
    assert "a secret name" not in ben.page
    added = ben.send("/apps/new", name="Radio", url="http://radio.home.arpa", icon=icon)
    assert added.status_code == 422

    ben.open("/icons")
    upload(ben, LOGO)
    with app.app_context():
        long_ago = utc_now() - timedelta(days=2)
        db.session.execute(db.update(AuditEvent).values(at=long_ago))
        db.session.commit()
    assert ben.open(f"/media/{icon.partition(':')[2]}").status_code == 404


def _put_on_private_board(app: Flask, icon: str) -> None:
    """Let the one app of a board of Ada alone show an icon."""
    with app.app_context():
        board = db.session.scalars(db.select(Board).where(Board.slug == "attic")).one()
        board.owner_id = 1
        diary = db.session.scalars(db.select(App).where(App.name == "Diary")).one()
        sha256 = icon.partition(":")[2]
        diary.icon_media = db.session.scalars(db.select(Media).where(Media.sha256 == sha256)).one()
        db.session.commit()


def test_a_viewer_has_no_picker(chloe: Visitor) -> None:
    assert chloe.open("/icons").status_code == 403
    assert chloe.open("/icons/set/1").status_code == 403


def test_a_script_gets_the_form_alone(ben: Visitor) -> None:
    page = ben.open("/icons?q=tv", HX_Request="true").text

    assert page.lstrip().startswith("<form")
    assert "Use icon" in page
