"""What holds on each page: no findings of axe, nothing beyond the edge, no tiny text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions

# Who opens it, its address, and its status.
PAGES = {
    "start": ("ada", "/", 200),
    "start of a guest": ("", "/", 200),
    "board": ("chloe", "/b/children", 200),
    "a new board": ("ben", "/boards/new", 200),
    "the settings of a board": ("ada", "/b/home/settings", 200),
    "the settings of a board of somebody else": ("ben", "/b/home/settings", 200),
    "a board to delete": ("ada", "/b/home/delete", 200),
    "the boards": ("ada", "/admin/boards", 200),
    "the boards of an editor": ("ben", "/admin/boards", 200),
    "a board in edit mode": ("ben", "/b/home/edit", 200),
    "an app to move": ("ben", "/b/home/apps/1/move-to", 200),
    "a section to move": ("ada", "/b/home/sections/1/move-to", 200),
    "a section to delete": ("ada", "/b/home/sections/1/delete", 200),
    "find": ("ada", "/find?q=fin", 200),
    "nothing found": ("ada", "/find?q=nothing+of+the+kind", 200),
    "keyboard shortcuts": ("ada", "/shortcuts", 200),
    "add app": ("ben", "/apps/new", 200),
    "edit app": ("ada", "/apps/2/edit", 200),
    "delete app": ("ben", "/apps/2/delete", 200),
    "account": ("ada", "/account", 200),
    "the password once more": ("ada", "/account/confirm?next=/admin/users", 200),
    "login": ("", "/login", 200),
    "setup refused": ("", "/setup", 403),
    "no such backup": ("ada", "/admin/backups/20990101T000000Z-aaaaaa", 404),
    "no such operation": ("ada", "/admin/backups/operations/0123456789abcdef", 404),
    "API tokens": ("ada", "/admin/tokens", 200),
    "not found": ("ada", "/nope", 404),
    "forbidden": ("chloe", "/admin/users", 403),
    "patterns": ("ada", "/admin/patterns", 200),
    "the reference of the API": ("ada", "/api/v1/", 200),
    "the reference of the API for a guest": ("", "/api/v1/", 200),
    "the schedule": ("ada", "/admin/backups/schedule", 200),
    "copies in other places": ("ada", "/admin/backups/off-site", 200),
    "a new destination": ("ada", "/admin/backups/off-site/new", 200),
    "the keys of copies": ("ada", "/admin/backups/off-site/keys", 200),
    "the rules for copies": ("ada", "/admin/backups/off-site/rules", 200),
    "one disk to accept": ("ada", "/admin/backups/off-site/one-disk", 200),
    "the jobs": ("ada", "/admin/jobs", 200),
    "the check of an app": ("ada", "/apps/1/check", 200),
    "the pause of a check": ("ada", "/apps/1/check/pause", 200),
    "the settings of checks": ("ada", "/admin/health/settings", 200),
    "the health of all apps": ("ada", "/admin/health", 200),
    "the health of an app": ("ada", "/apps/1/health", 200),
    "the health of an app for a viewer": ("chloe", "/apps/1/health?period=30d", 200),
    "the overview": ("ada", "/admin", 200),
    "users": ("ada", "/admin/users", 200),
    "a new user": ("ada", "/admin/users/new", 200),
    "the last admin": ("ada", "/admin/users/1", 200),
    "a user": ("ada", "/admin/users/2", 200),
    "a user to delete": ("ada", "/admin/users/2/delete", 200),
    "no such user": ("ada", "/admin/users/99", 404),
    "notifications": ("ada", "/admin/notifications", 200),
    "another notification": ("ada", "/admin/notifications/new", 200),
    "the heartbeat": ("ada", "/admin/notifications/heartbeat", 200),
    "the address of the site": ("ada", "/admin/notifications/site", 200),
    "no such notification": ("ada", "/admin/notifications/nobody", 404),
    "audit log": ("ada", "/admin/audit", 200),
    "nothing in the audit log": ("ada", "/admin/audit?who=nobody", 200),
    "operations": ("ada", "/admin/audit/operations", 200),
    "settings": ("ada", "/admin/settings", 200),
    "apps": ("ada", "/admin/apps", 200),
    "apps of an editor": ("ben", "/admin/apps?tag=family&sort=-boards", 200),
    "no such apps": ("ada", "/admin/apps?q=nothing+of+the+kind", 200),
    "import": ("ada", "/import", 200),
    "import of an editor": ("ben", "/import?board=home", 200),
    "a preview that is gone": ("ben", "/import/nothing-like-it", 404),
    "tags": ("ben", "/admin/tags", 200),
    "a tag to rename": ("ada", "/admin/tags/1/rename", 200),
}


Show = Callable[..., Page]


@pytest.fixture
def show(home: Home, signed_in: Sessions, look_at: OpenPage) -> Show:
    def go(name: str, **how: object) -> Page:
        who, path, status = PAGES[name]
        return look_at(
            f"{home.server.url}{path}",
            expected_statuses={status},
            storage_state=signed_in.get(who),
            **how,
        )

    return go


_TINY = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const tiny = [];
    while (texts.nextNode()) {
        const {data, parentElement: element} = texts.currentNode;
        const isText = data.trim() && !element.closest("script, style, template, noscript");
        const size = parseFloat(getComputedStyle(element).fontSize);
        if (isText && size < 12) tiny.push(`${size} px: ${data.trim()}`);
    }
    return tiny;
}"""


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_no_text_is_tiny(show: Show, name: str) -> None:
    page = show(name)

    assert findings(page) == []
    assert page.evaluate(_TINY) == []
    assert page.evaluate("getComputedStyle(document.body).fontSize") == "14px"


def test_axe_finds_nothing_in_what_opens(show: Show) -> None:
    page = show("start")
    page.keyboard.press("Control+k")
    page.keyboard.type("a")
    page.locator(".palette .match").first.wait_for()
    assert findings(page) == []

    page.keyboard.press("Escape")
    expect(page.locator(".palette")).to_be_hidden()
    page.keyboard.press("?")
    page.locator("#shortcuts").wait_for()
    assert findings(page) == []

    page.keyboard.press("Escape")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.get_by_role("button", name="Ada: your account").click()
    assert findings(page) == []


@pytest.mark.parametrize("language", ["en", "de", "ru"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_lies_beyond_the_edge_of_a_phone(show: Show, name: str, language: str) -> None:
    page = show(name, locale=language, width=390)

    assert page.evaluate("document.documentElement.lang") == language
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_long_word_before_a_value_is_not_broken_on_a_phone(show: Show) -> None:
    page = show("the overview", locale="de", width=390)
    name = page.locator("#overview dt", has_text="Benachrichtigungen")

    lines = "(each) => new Set([...each.getClientRects()].map((line) => line.top)).size"
    link = name.locator("a")
    assert link.evaluate(lines) == 1
    assert link.bounding_box()["height"] < 40
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_right_to_left_everything_changes_sides_but_time(show: Show) -> None:
    """Until there is such a language, a page is turned around by hand."""
    page = show("patterns")
    page.evaluate("document.documentElement.dir = 'rtl'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    side, plot = page.locator("#nav").bounding_box(), page.locator(".plot").bounding_box()
    now, label = (page.locator(f".{each}").bounding_box() for each in ("now", "now-label"))
    assert side["x"] > plot["x"] + plot["width"]
    assert label["x"] + label["width"] <= now["x"] + 1
    assert now["x"] > plot["x"] + plot["width"] / 2

    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="Open navigation").click()
    drawer = page.locator("#nav").bounding_box()
    assert drawer["x"] + drawer["width"] == 390
    page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_nothing_moves_for_those_who_want_no_motion(show: Show) -> None:
    moving = """() => [...document.querySelectorAll("*")].filter((each) => {
        const style = getComputedStyle(each);
        return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
    }).length"""

    page = show("patterns")
    assert page.evaluate(moving) > 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == 0
    page.emulate_media(reduced_motion="no-preference")
