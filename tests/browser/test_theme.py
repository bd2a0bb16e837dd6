"""No page is painted in the other theme first, whatever the system prefers.

Only a browser paints: every picture from one page to the next is looked at.
"""

from __future__ import annotations

import io
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page

from launcher.accounts.users import find_user
from launcher.app import create_app
from launcher.extensions import db
from launcher.models import Theme
from launcher.web.frame import THEME_COOKIE
from tests.browser.conftest import Home, OpenPage, Sessions

Choose = Callable[[Theme], None]
OPPOSITE = {"light": "dark", "dark": "light"}


def paints(page: Page, path: str) -> list[int]:
    """Return the brightness of each picture that the screen shows on the way to a page.

    That of the corner, which nothing but the background covers.
    """
    pictures: list[str] = []
    devtools = page.context.new_cdp_session(page)

    def keep(frame: dict[str, Any]) -> None:
        pictures.append(frame["data"])
        devtools.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    devtools.on("Page.screencastFrame", keep)
    devtools.send("Page.startScreencast", {"format": "png", "everyNthFrame": 1})
    page.goto(path)
    page.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")
    page.screenshot()  # the last frame has been sent when this one is taken
    devtools.send("Page.stopScreencast")
    devtools.detach()
    return [brightness(each) for each in pictures]


def brightness(picture: str) -> int:
    image = Image.open(io.BytesIO(b64decode(picture))).convert("L")
    found = image.getpixel((image.width - 2, image.height - 2))
    assert isinstance(found, int)
    return found


def is_light(brightness: int) -> bool:
    assert brightness < 60 or brightness > 200
    return brightness > 200


def set_theme(home: Home, username: str, theme: Theme) -> None:
    with create_app({"LAUNCHER_DATA_DIR": str(home.server.data_dir)}).app_context():
        find_user(username).theme = theme
        db.session.commit()


@pytest.fixture
def chosen(home: Home) -> Iterator[Choose]:
    yield lambda theme: set_theme(home, "ada", theme)
    set_theme(home, "ada", Theme.SYSTEM)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_first_paint_of_a_user_has_the_chosen_theme(
    home: Home,
    signed_in: Sessions,
    open_page: OpenPage,
    chosen: Callable[[Theme], None],
    theme: str,
) -> None:
    chosen(Theme(theme))
    page = open_page(
        f"{home.server.url}/account", storage_state=signed_in["ada"], color_scheme=OPPOSITE[theme]
    )
    for path in ("/", "/admin/users"):
        assert {is_light(each) for each in paints(page, path)} == {theme == "light"}, path


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_first_paint_of_a_guest_has_the_chosen_theme(
    home: Home, open_page: OpenPage, theme: str
) -> None:
    cookie = {"name": THEME_COOKIE, "value": theme, "url": home.server.url}
    page = open_page(
        f"{home.server.url}/login", storage_state={"cookies": [], "origins": []},
        color_scheme=OPPOSITE[theme],
    )  # fmt: skip
    page.context.add_cookies([cookie])
    page.reload()
    for path in ("/", "/login"):
        assert {is_light(each) for each in paints(page, path)} == {theme == "light"}, path


@pytest.mark.parametrize("system", ["light", "dark"])
def test_who_chose_none_gets_the_theme_of_the_system(
    home: Home, open_page: OpenPage, system: str
) -> None:
    page = open_page(f"{home.server.url}/login", color_scheme=system)
    assert {is_light(each) for each in paints(page, "/")} == {system == "light"}
