"""What holds on each page: no findings of axe, nothing beyond the edge."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage

# Who opens it, its address, and its status.
PAGES = {
    "start": ("ada", "/", 200),
    "start of a guest": ("", "/", 200),
    "board": ("chloe", "/b/children", 200),
    "find": ("ada", "/?q=fin", 200),
    "nothing found": ("ada", "/?q=nothing+of+the+kind", 200),
    "account": ("ada", "/account", 200),
    "login": ("", "/login", 200),
    "setup refused": ("", "/setup", 403),
    "not found": ("ada", "/nope", 404),
    "forbidden": ("chloe", "/admin/patterns", 403),
    "patterns": ("ada", "/admin/patterns", 200),
    "the schedule": ("ada", "/admin/backups/schedule", 200),
    "the jobs": ("ada", "/admin/jobs", 200),
    "users": ("ada", "/admin/users", 200),
    "a new user": ("ada", "/admin/users/new", 200),
    "the last admin": ("ada", "/admin/users/1", 200),
    "a user": ("ada", "/admin/users/2", 200),
    "a user to delete": ("ada", "/admin/users/2/delete", 200),
    "no such user": ("ada", "/admin/users/99", 404),
    "notifications": ("ada", "/admin/notices", 200),
    "another notification": ("ada", "/admin/notices/new", 200),
    "the heartbeat": ("ada", "/admin/notices/heartbeat", 200),
    "the address of the site": ("ada", "/admin/notices/site", 200),
    "no such notification": ("ada", "/admin/notices/nobody", 404),
    "audit log": ("ada", "/admin/audit", 200),
    "nothing in the audit log": ("ada", "/admin/audit?who=nobody", 200),
    "operations": ("ada", "/admin/audit/operations", 200),
}


@pytest.fixture
def show(home: Home, signed_in: dict[str, object], open_page: OpenPage):
    def open_one(name: str, **context: object) -> Page:
        who, path, status = PAGES[name]
        return open_page(
            f"{home.server.url}{path}",
            expected_statuses={status},
            storage_state=signed_in.get(who),
            **context,
        )

    return open_one


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(show, name: str, theme: str) -> None:
    page = show(name, color_scheme=theme)

    assert findings(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_what_opens(show, theme: str) -> None:
    page = show("start", color_scheme=theme)
    page.keyboard.press("Control+k")
    page.keyboard.type("a")
    page.locator("#find .tile").first.wait_for()
    assert findings(page) == []

    page.keyboard.press("Escape")
    page.get_by_role("button", name="Ada: your account").click()
    assert findings(page) == []


@pytest.mark.parametrize("language", ["en", "de", "ru"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_lies_beyond_the_edge_of_a_phone(show, name: str, language: str) -> None:
    page = show(name, locale=language, width=390)

    assert page.evaluate("document.documentElement.lang") == language
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
