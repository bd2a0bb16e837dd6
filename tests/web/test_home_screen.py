"""Launcher on a home screen: the manifest, its icons and colours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image

from launcher.db.session import db
from launcher.icons.home_screen import FOLDER, draw_icons
from launcher.models import User
from launcher.web.assets import STATIC_PATH
from launcher.web.colours import grounds
from tests.support.colours import oklch
from tests.web.visitor import Visitor

ADDRESS = "/manifest.webmanifest"
SetSite = Callable[..., None]


def test_the_manifest_is_that_of_the_site(guest: Visitor, set_site: SetSite) -> None:
    set_site(site_name="Household", accent_hue=150, guest_access=False)

    answer = guest.open(ADDRESS)

    assert answer.status_code == 200
    assert answer.mimetype == "application/manifest+json"
    assert answer.headers["Cache-Control"] == "private, max-age=3600"
    assert answer.json["name"] == answer.json["short_name"] == "Household"
    assert answer.json["background_color"] == answer.json["theme_color"] == grounds(150).light
    assert answer.json["display"] == "standalone"
    assert answer.json["lang"] == "en"
    assert {answer.json[name] for name in ("id", "start_url", "scope")} == {"/"}


def test_the_manifest_has_the_language_and_the_theme_of_the_person(
    app: Flask, ada: Visitor
) -> None:
    with app.app_context():
        user = db.session.get_one(User, 1)
        user.locale, user.theme = "de", "dark"
        db.session.commit()

    described = ada.open(ADDRESS).json

    assert described["lang"] == "de"
    assert described["theme_color"] == grounds(256).dark
    assert described["shortcuts"][0]["name"] == "Suche"


def test_the_shortcut_of_the_app_opens_without_a_redirect(ada: Visitor) -> None:
    (shortcut,) = ada.open(ADDRESS).json["shortcuts"]

    assert ada.open(shortcut["url"]).status_code == 200
    assert ada.open(shortcut["icons"][0]["src"]).mimetype == "image/png"


def test_every_icon_has_the_size_that_is_promised(guest: Visitor) -> None:
    icons = guest.open(ADDRESS).json["icons"]

    assert {(each["sizes"], each["purpose"]) for each in icons} >= {
        ("192x192", "any"), ("512x512", "any"), ("192x192", "maskable"), ("512x512", "maskable"),
    }  # fmt: skip
    for each in icons:
        answer = guest.open(each["src"])
        assert answer.mimetype == each["type"]
        assert "immutable" in answer.headers["Cache-Control"]
        image = Image.open(io.BytesIO(answer.data))
        assert f"{image.width}x{image.height}" == each["sizes"]


def test_the_shipped_icons_are_those_that_are_drawn() -> None:
    drawn = draw_icons()

    assert sorted(drawn) == sorted(path.name for path in FOLDER.iterdir())
    for name, image in drawn.items():
        with Image.open(FOLDER / name) as shipped:
            assert shipped.mode == image.mode, name
            assert shipped.tobytes() == image.tobytes(), name


@pytest.mark.parametrize("name", ["maskable-192.png", "maskable-512.png", "touch-180.png"])
def test_no_shape_that_a_phone_cuts_out_takes_a_piece_of_the_mark(name: str) -> None:
    with Image.open(FOLDER / name) as opened:
        image = opened.convert("RGBA")
    side = image.width
    middle = (side - 1) / 2
    ground = image.getpixel((0, 0))

    assert image.getextrema()[3] == (255, 255), "it has to fill its square"
    beyond = [
        (x, y)
        for x in range(side)
        for y in range(side)
        if (x - middle) ** 2 + (y - middle) ** 2 > (0.4 * side) ** 2
        and image.getpixel((x, y)) != ground
    ]
    assert beyond == []


def test_the_link_to_the_manifest_is_on_every_page(ada: Visitor, guest: Visitor) -> None:
    for visitor, address in ((ada, "/"), (ada, "/admin/settings"), (guest, "/login")):
        visitor.open(address)
        assert f'<link rel="manifest" href="{ADDRESS}" crossorigin="use-credentials">' in (
            visitor.page
        )
        assert re.search(r'<link rel="apple-touch-icon" href="/assets/touch-180-', visitor.page)


def test_the_bars_around_a_page_have_its_colour(ada: Visitor, app: Flask) -> None:
    ada.open("/")
    assert _theme_colours(ada.page) == {
        "(prefers-color-scheme: light)": grounds(256).light,
        "(prefers-color-scheme: dark)": grounds(256).dark,
    }
    for theme in ("light", "dark"):
        with app.app_context():
            db.session.get_one(User, 1).theme = theme
            db.session.commit()
        ada.open("/")
        assert _theme_colours(ada.page) == {"": getattr(grounds(256), theme)}


@pytest.mark.parametrize("hue", range(0, 360, 15))
def test_the_colours_are_those_of_the_style_sheet(hue: int) -> None:
    tokens = (STATIC_PATH / "css" / "tokens.css").read_text()
    chromas = dict(re.findall(r"--([ndi]): (\.\d+) var\(--hue\)", tokens))
    found = re.search(
        r"--bg: light-dark\(oklch\(([\d.]+)% var\(--(\w)\)\), oklch\(([\d.]+)% var\(--(\w)\)\)\)",
        tokens,
    )
    assert found
    light, of_light, dark, of_dark = found.groups()
    for name, lightness, chroma in (("light", light, of_light), ("dark", dark, of_dark)):
        expected = oklch(float(lightness) / 100, float(chromas[chroma]), hue, cut=True)
        assert getattr(grounds(hue), name) == _as_hex(expected)


def _as_hex(light: tuple[float, float, float]) -> str:
    curved = (
        12.92 * each if each <= 0.0031308 else 1.055 * each ** (1 / 2.4) - 0.055 for each in light
    )
    return "#" + "".join(f"{round(each * 255):02x}" for each in curved)


def _theme_colours(page: str) -> dict[str, str]:
    return {
        found[3] or "": found[1]
        for found in re.finditer(
            r'<meta name="theme-color" content="(#[0-9a-f]{6})"( media="([^"]+)")?>', page
        )
    }


def test_the_script_for_a_silent_server_is_asked_for_again_each_time(
    guest: Visitor, data_dir: Path
) -> None:
    answer = guest.open("/service-worker.js")

    assert answer.status_code == 200
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "worker-src 'self'" in answer.headers["Content-Security-Policy"]
    again = guest.open("/service-worker.js", If_None_Match=answer.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")

    (data_dir / "launcher.db").unlink()
    assert guest.open("/service-worker.js").data == answer.data


def test_nothing_of_a_person_is_on_the_pages_that_a_browser_keeps(
    ada: Visitor, guest: Visitor, boards: None
) -> None:
    with ada.client.session_transaction() as session:
        session["_flashes"] = [("message", "Jellyfin saved.")]
    for address in ("/offline", "/offline/waiting"):
        page = ada.open(address).text
        assert page == guest.open(address).text
        assert "Jellyfin" not in page
        assert "csrf" not in page
    with ada.client.session_transaction() as session:
        assert session["_flashes"], "the message is for the next page"


def test_a_kept_page_names_no_host_where_the_request_has_none(guest: Visitor) -> None:
    assert "There is no connection to localhost." in guest.open("/offline").text
    assert "There is no connection to the server." in guest.open("/offline", Host="").text
    waiting = guest.open("/offline/waiting", Host="").text
    assert "The server did not answer within 5 seconds." in waiting


def test_a_kept_page_needs_nothing_that_is_not_kept(guest: Visitor) -> None:
    page = guest.open("/offline").text

    # A browser has the icon of its tab already, and asks no service worker for it.
    needed = re.findall(r'<(?:link(?! rel="icon")|script|use|img)[^>]+(?:href|src)="([^"#]+)', page)
    assert len(needed) == 4
    assert '<link rel="icon"' in page, "or it asks for one of its own"
    for address in needed:
        assert address.endswith("?offline")
        assert guest.open(address).status_code == 200


def test_a_browser_keeps_other_pages_when_they_look_different(
    ada: Visitor, guest: Visitor, set_site: SetSite, app: Flask
) -> None:
    addresses = [_worker(guest), _worker(ada)]
    assert addresses[0] == addresses[1]

    set_site(site_name="Household")
    addresses.append(_worker(guest))
    set_site(accent_hue=17)
    addresses.append(_worker(guest))
    with app.app_context():
        db.session.get_one(User, 1).locale = "ru"
        db.session.commit()
    addresses.append(_worker(ada))
    guest.client.set_cookie("theme", "dark")
    addresses.append(_worker(guest))

    assert len(set(addresses)) == len(addresses) - 1


def test_a_page_without_the_database_installs_nothing(guest: Visitor, data_dir: Path) -> None:
    (data_dir / "launcher.db").unlink()
    guest.open("/")

    assert "data-worker" not in guest.page
    assert "manifest" not in guest.page


def test_errors_of_launcher_are_not_taken_for_those_of_a_proxy(
    guest: Visitor, data_dir: Path
) -> None:
    assert "Launcher-Error" not in guest.open("/nope").headers
    (data_dir / "launcher.db").unlink()
    for address in ("/", "/healthz"):
        assert guest.open(address).headers["Launcher-Error"] == "503"


def _worker(visitor: Visitor) -> str:
    visitor.open("/login?next=/")
    if not (found := re.search(r'data-worker="([^"]+)"', visitor.page)):
        visitor.open("/")
        found = re.search(r'data-worker="([^"]+)"', visitor.page)
    assert found
    return found[1]


def test_the_page_of_a_missing_database_is_in_the_language_of_the_reader(
    guest: Visitor, data_dir: Path
) -> None:
    (data_dir / "launcher.db").unlink()

    page = guest.open("/", Accept_Language="de").text

    assert "launcher.db fehlt" in page
    assert "legt keine leere Datenbank anstelle Ihrer Daten an." in page
