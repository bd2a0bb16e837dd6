"""Symbols and brands: the drawings that Launcher ships."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from flask import Flask, url_for

from launcher.extensions import db
from launcher.icons.drawn import Kind, drawn_set
from launcher.models import App
from launcher.web.pictures import drawing_address, picture_of
from tests.web.visitor import Visitor


def test_a_tile_uses_the_drawing_of_its_app(app: Flask, ada: Visitor, boards: None) -> None:
    with app.app_context():
        found = db.session.scalars(db.select(App).where(App.name == "Nextcloud")).one()
        found.icon = "brand:nextcloud"
        db.session.commit()

    page = ada.open("/").text

    ((url, element),) = re.findall(r'<use href="(/b/[^"]+/icons[^"]+)#([^"]+)"', page)
    answer = ada.open(url)
    assert answer.mimetype == "image/svg+xml"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    drawing = drawn_set(Kind.BRAND).drawings["nextcloud"].markup
    symbols = ElementTree.fromstring(answer.text)
    assert [each.get("id") for each in symbols] == [element]
    assert drawing in answer.text


def test_the_drawings_of_a_board_are_kept_until_one_of_them_is_another(
    app: Flask, ada: Visitor, guest: Visitor, boards: None
) -> None:
    def draw(name: str, icon: str) -> str:
        with app.app_context():
            db.session.scalars(db.select(App).where(App.name == name)).one().icon = icon
            db.session.commit()
        found = re.search(r'<use href="(/b/[^"]+/icons[^"]+)#', ada.open("/").text)
        return found[1] if found else ""

    first = draw("Nextcloud", "symbol:tv")
    second = draw("Nextcloud", "symbol:cloud")
    assert first != second
    assert ada.open(first).headers["Cache-Control"] == "no-store"
    assert ada.open(second).headers["Cache-Control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "icon", ["symbol:no-such-symbol", "brand:tv", "symbol:", "tv", "font:tv", "symbol:../tv", ":"]
)
def test_an_icon_that_launcher_does_not_have_is_letters(app: Flask, icon: str) -> None:
    with app.test_request_context():
        picture = picture_of(App(name="Home Assistant", icon=icon), None)

    assert (picture.image_url, picture.drawing_url, picture.letters) == ("", "", "Ha")


def test_an_upload_comes_before_a_drawing(app: Flask) -> None:
    with app.test_request_context():
        picture = picture_of(App(name="Jellyfin", icon="brand:jellyfin"), "a" * 64)

    assert picture.image_url.endswith("a" * 64)
    assert picture.drawing_url == ""


def test_the_address_of_an_image_has_the_prefix_of_the_site(app: Flask) -> None:
    with app.test_request_context(environ_overrides={"SCRIPT_NAME": "/start"}):
        expected = url_for("start.media", sha256="a" * 64)

        assert picture_of(App(name="Jellyfin"), "a" * 64).image_url == expected
        assert expected.startswith("/start/")


def test_the_address_of_a_drawing_has_the_prefix_of_the_site(app: Flask) -> None:
    with app.test_request_context(environ_overrides={"SCRIPT_NAME": "/start"}):
        version = drawn_set(Kind.SYMBOL).version
        expected = url_for("icons.symbol", name="tv", v=version, _anchor="i")

        assert drawing_address("symbol:tv") == expected
        assert expected.startswith("/start/")


def test_an_address_of_an_earlier_version_is_not_kept(guest: Visitor) -> None:
    answer = guest.open("/icons/symbol/tv.svg?v=0123456789ab")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize("path", ["symbol/nothing", "brand/tv", "symbol/..%2fbrands", "font/tv"])
def test_what_is_not_in_a_set_is_not_found(guest: Visitor, path: str) -> None:
    assert guest.open(f"/icons/{path}.svg").status_code == 404


@pytest.mark.parametrize("kind", Kind)
def test_every_drawing_is_well_formed_and_holds_shapes_alone(kind: Kind) -> None:
    shapes = {"circle", "ellipse", "g", "line", "path", "polygon", "polyline", "rect", "symbol"}
    for name in drawn_set(kind).drawings:
        assert re.fullmatch(r"[a-z0-9-]+", name)
        root = ElementTree.fromstring(drawn_set(kind).svg(name) or "")
        tags = {each.tag.rpartition("}")[2] for each in root.iter()} - {"svg", "use"}
        assert tags <= shapes, name
