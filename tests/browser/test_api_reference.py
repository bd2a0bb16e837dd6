"""The reference of the API in a real browser: its filter, its folds, its copy buttons.

Only a browser has a clipboard, the width of a phone, and keys.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions


def test_the_filter_finds_calls_by_keyboard_and_announces_how_many(
    home: Home, open_page: OpenPage
) -> None:
    page: Page = open_page(f"{home.server.url}/api/v1/")
    calls = page.locator(".door[data-filtered]")
    total = calls.count()
    page.get_by_label("Filter calls").focus()
    page.keyboard.type("post verify")
    expect(page.get_by_role("status").filter(has_text="calls")).to_have_text(f"1 of {total} calls")
    expect(calls.filter(visible=True)).to_have_count(1)
    expect(page.locator(".toc a:visible")).to_have_count(3)  # with tokens and problems
    assert findings(page) == []
    page.keyboard.press("Tab")
    expect(page.locator("summary:focus")).to_contain_text("/verify")

    page.get_by_label("Filter calls").fill("nothing like it")
    expect(page.locator("#filter [role=status]")).to_have_text("No call matches “nothing like it”.")
    page.get_by_role("link", name="Problems", exact=True).click()
    expect(calls.filter(visible=True)).to_have_count(total)
    page.get_by_label("Filter calls").fill("post verify")
    expect(calls.filter(visible=True)).to_have_count(1)
    page.goto(f"{home.server.url}/api/v1/#get_schedule")
    expect(page.locator("#get_schedule")).to_be_in_viewport()
    expect(calls.filter(visible=True)).to_have_count(total)


@pytest.mark.parametrize("who", ["ada", ""])
def test_each_command_has_a_button_that_copies_it(
    home: Home, signed_in: Sessions, open_page: OpenPage, who: str
) -> None:
    page: Page = open_page(f"{home.server.url}/api/v1/", storage_state=signed_in.get(who))
    commands = page.locator("code[id$=-curl], code[id$=-upload], #token-line")
    expect(page.get_by_role("button", name="Copy")).to_have_count(commands.count())
    for name in ("create_backup-upload", "token-line"):
        page.locator(f"[data-copies={name}]").click()
        expect(page.locator("#copied")).to_have_text("Copied")
        expect(page.locator("[data-copies] span", has_text="Copied")).to_have_count(1)
        copied = page.evaluate("getSelection().toString()")
        assert copied.strip() == page.locator(f"#{name}").inner_text().strip()


def test_on_a_phone_the_calls_are_folded_and_an_address_opens_its_own(
    home: Home, open_page: OpenPage
) -> None:
    page: Page = open_page(f"{home.server.url}/api/v1/#get_plan", width=390)
    expect(page.locator("#get_plan details").first).to_have_attribute("open", "")
    expect(page.locator("#get_plan")).to_be_in_viewport()
    expect(page.locator(".door > details[open]")).to_have_count(1)
    page.get_by_text("List operations", exact=True).locator("visible=true").click()
    expect(page.locator(".door > details[open]")).to_have_count(2)
    assert findings(page) == []


def test_without_script_all_of_it_is_there(home: Home, open_page: OpenPage) -> None:
    page: Page = open_page(f"{home.server.url}/api/v1/", width=390, java_script_enabled=False)
    expect(page.locator("#create_backup-curl")).to_be_visible()
    expect(page.get_by_role("navigation", name="On this page")).to_be_visible()
    expect(page.locator("[data-copies]:visible")).to_have_count(0)
    expect(page.locator("#filter")).to_be_hidden()
