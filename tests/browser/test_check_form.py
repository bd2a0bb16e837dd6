"""The form of a check in Chromium: *Test now* by script, by keyboard and without script.

What the form answers is tested without a browser; here is that the result comes beside what was
typed, which stays with all of its fields, header values included.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions
from tests.support.checked import behave
from tests.support.odd_servers import Server
from tests.support.odd_servers import serving as odd_serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with odd_serving(behave) as server:
        yield server


def choose_other(page: Page, url: str) -> None:
    page.get_by_role("radio", name="Web (HTTP)").check()
    page.get_by_role("radio", name="Another address").check()
    page.get_by_label("Other address", exact=True).fill(url)


def test_what_is_typed_is_tested_beside_the_form(
    home: Home, open_page: OpenPage, signed_in: Sessions, server: Server
) -> None:
    page = open_page(home.server.url, storage_state=signed_in["ada"])
    page.goto(f"{home.server.url}/apps/1/check")
    bar = page.locator(".savebar")
    expect(bar).to_be_hidden()  # nothing to save yet
    kind = page.locator("[name=kind]:checked").locator("xpath=..").inner_text().strip()
    choose_other(page, f"{server.url}/500")
    expect(bar).to_contain_text("Changes not saved yet")
    page.get_by_role("heading", name="Headers").click()
    page.get_by_label("New header").first.fill("X-Key")
    page.get_by_label("Value", exact=True).first.fill("a secret")
    page.get_by_role("button", name="Test now").focus()
    page.keyboard.press("Enter")
    tests = page.locator("#tests")
    expect(tests).to_contain_text("500 Internal Server Error")
    expect(page.get_by_label("Value", exact=True).first).to_have_value("a secret")
    assert b"X-Key: a secret" in server.heads[-1]
    page.get_by_label("Other address", exact=True).fill(f"{server.url}/page")
    page.get_by_role("button", name="Test now").click()
    expect(tests).to_contain_text("200 OK in")
    expect(tests).to_contain_text("Test before")
    expect(page.get_by_role("button", name="Test now")).to_be_focused()
    page.get_by_label("Value", exact=True).first.fill("")
    page.get_by_label("New header").first.fill("")
    page.get_by_label("Other address", exact=True).fill("")
    page.get_by_role("radio", name="URL of the app").check()
    page.get_by_role("radio", name=kind).check()
    expect(bar).to_be_hidden()  # nor is anything left to save
    assert findings(page) == []


def test_a_second_click_tests_what_is_entered_by_then(
    home: Home, open_page: OpenPage, signed_in: Sessions, server: Server
) -> None:
    """Only a browser has two requests of one button, of which the later replaces the first."""
    page = open_page(home.server.url, storage_state=signed_in["ada"])
    page.goto(f"{home.server.url}/apps/1/check")
    button, old = page.locator("button[formaction]"), page.get_by_text("is of the test before")
    choose_other(page, f"{server.url}/500")
    button.click()
    expect(page.locator("#tests")).to_contain_text("500 Internal Server Error")
    expect(old).to_be_hidden()
    page.get_by_label("Other address", exact=True).fill(f"{server.url}/silent")
    button.click()
    expect(button).to_have_attribute("aria-busy", "true")
    expect(button).to_have_text("Testing…", use_inner_text=True)
    expect(old).to_be_visible()
    page.get_by_label("Other address", exact=True).fill(f"{server.url}/page")
    button.click()
    expect(page.locator("#tests")).to_contain_text("200 OK in")
    expect(button).not_to_have_attribute("aria-busy", "true")
    expect(button).to_have_text("Test now", use_inner_text=True)


def test_what_is_typed_is_tested_without_script(
    home: Home, open_page: OpenPage, signed_in: Sessions, server: Server
) -> None:
    page = open_page(home.server.url, storage_state=signed_in["ada"], java_script_enabled=False)
    page.goto(f"{home.server.url}/apps/1/check")
    choose_other(page, f"{server.url}/page")
    page.get_by_role("button", name="Test now").click()
    expect(page.locator("#tests")).to_contain_text("200 OK in")
    expect(page.locator("#tests")).to_be_focused()
    expect(page.locator("#tests")).to_be_in_viewport()
    expect(page.get_by_label("Other address", exact=True)).to_have_value(f"{server.url}/page")
