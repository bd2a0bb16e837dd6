"""An open start page: it needs a browser, since the script renews it while one looks at it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Home, OpenPage, Sessions

_APP = "Jellyfin"


@pytest.fixture
def page(home: Home, signed_in: Sessions, open_page: OpenPage) -> Iterator[Page]:
    """The start page of the admin, with a clock that the test moves."""
    page = open_page(f"{home.server.url}/", storage_state=signed_in["ada"], expected_statuses={503})
    page.clock.install()
    page.add_init_script(
        "window.isAway = false;"
        "Object.defineProperty(document, 'hidden', { get: () => window.isAway })"
    )
    page.reload()
    yield page
    _set_state(home, "up")


def _set_state(home: Home, state: str) -> None:
    """Give the app a result of now: no check runs on this server, and an old one is overdue."""
    with closing(sqlite3.connect(home.server.data_dir / "launcher.db")) as database, database:
        database.execute(
            "UPDATE check_states SET state = ?, last_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')"
            " WHERE app_id = (SELECT id FROM apps WHERE name = ?)",
            (state, _APP),
        )


def test_an_app_that_goes_down_is_shown_and_said_where_one_is(home: Home, page: Page) -> None:
    tile = page.locator(".tile", has_text=_APP)
    tile.locator("a.state").focus()
    page.evaluate("scrollTo(0, 40)")
    before = page.evaluate("scrollY")
    _set_state(home, "down")

    page.clock.run_for(31_000)

    expect(tile.locator(".state")).to_contain_text("Down for")
    expect(page.locator("#board-said")).to_have_text(f"{_APP} is down.")
    expect(tile.locator("a.state")).to_be_focused()
    assert page.evaluate("scrollY") == before

    _set_state(home, "up")
    page.clock.run_for(31_000)
    expect(page.locator("#board-said")).to_have_text(f"{_APP} is up again.")


def test_the_state_of_a_tile_opens_its_health_in_short_and_gives_the_focus_back(
    home: Home, page: Page
) -> None:
    """Popovers and the focus are the browser's."""
    state = page.locator(".tile", has_text=_APP).locator("a.state")
    state.focus()
    page.keyboard.press("Enter")

    brief = page.get_by_role("dialog", name=_APP)
    expect(brief).to_be_focused()
    expect(brief).to_contain_text("Uptime, 24 h")
    page.clock.run_for(31_000)
    expect(brief).to_be_visible()
    page.keyboard.press("Escape")
    expect(brief).to_be_hidden()
    expect(state).to_be_focused()

    state.click()
    brief.get_by_role("link", name="Health").click()
    expect(page).to_have_url(re.compile(r"/apps/\d+/health$"))


def test_where_the_short_form_cannot_be_had_the_state_leads_to_the_page(page: Page) -> None:
    page.route("**/health/brief", lambda route: route.fulfill(status=503))

    page.locator(".tile", has_text=_APP).locator("a.state").click()

    expect(page).to_have_url(re.compile(r"/apps/\d+/health$"))


def test_a_page_that_no_one_sees_asks_for_nothing_and_is_fresh_once_it_is_seen(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.evaluate("isAway = true; document.dispatchEvent(new Event('visibilitychange'))")
    page.clock.run_for(300_000)
    assert [url for url in asked if url.endswith("/health")] == []

    with page.expect_request("**/health"):
        page.evaluate("isAway = false; document.dispatchEvent(new Event('visibilitychange'))")


def test_the_page_says_when_it_was_last_fresh_while_the_server_is_silent(page: Page) -> None:
    notice = page.locator("#board-notice")
    page.route("**/health", lambda route: route.fulfill(status=503))

    page.clock.run_for(31_000)

    expect(notice).to_contain_text("Launcher cannot be reached")
    expect(notice).to_contain_text("Last updated at ")
    page.unroute("**/health")
    page.clock.run_for(31_000)
    expect(notice).to_be_empty()
    expect(page.locator("#summary")).to_contain_text("Updated at ")
