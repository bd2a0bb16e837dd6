"""The start page as a person uses it."""

from __future__ import annotations

import gzip
import re
import urllib.request

from playwright.sync_api import Page, expect

from tests.browser.conftest import Home, OpenPage, Sessions, Watch


def _focused(page: Page) -> str:
    return page.evaluate("document.activeElement.textContent.trim().replace(/\\s+/g, ' ')")


def test_it_is_light(
    home: Home, signed_in: Sessions, open_page: OpenPage, watches: list[Watch]
) -> None:
    page = open_page(f"{home.server.url}/", storage_state=signed_in["ada"])
    page.wait_for_load_state("networkidle")

    own = [url for url in watches[0].requests if not re.search(r"/(media/|icons/|icons\.svg)", url)]
    assert len(own) <= 6, own
    assert (
        sum(map(_compressed_bytes, own[1:])) + len(gzip.compress(page.content().encode())) < 35_000
    )


def test_signing_in_and_out_needs_the_keyboard_alone(home: Home, open_page: OpenPage) -> None:
    page = open_page(f"{home.server.url}/login")
    expect(page.locator("#username")).to_be_focused()
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type(home.passwords["ada"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{home.server.url}/")

    page.keyboard.press("Tab")
    assert _focused(page) == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert _focused(page) == "Media"  # folds the section
    page.keyboard.press("Tab")
    assert "Jellyfin" in _focused(page)
    page.get_by_role("button", name="Ada: your account").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert _focused(page) == "Your account"
    page.keyboard.press("Tab")
    assert _focused(page) == "Keyboard shortcuts"
    page.keyboard.press("Tab")
    assert _focused(page) == "Administration"
    page.keyboard.press("Tab")
    assert _focused(page) == "Sign out"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_everything_on_a_page_can_be_reached_by_tab(
    home: Home, signed_in: Sessions, open_page: OpenPage
) -> None:
    page = open_page(f"{home.server.url}/", storage_state=signed_in["ada"])
    wanted = page.locator(
        "a[href]:visible, button:visible, input:visible, select:visible, [tabindex='0']:visible"
    ).count()
    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)")
        )
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid" or page.evaluate("document.activeElement === document.body")

    assert len(reached) >= wanted


def test_every_form_works_without_script(home: Home, open_page: OpenPage) -> None:
    page = open_page(f"{home.server.url}/login", java_script_enabled=False)
    page.fill("#username", "ben")
    page.fill("#password", home.passwords["ben"])
    page.click("main button")
    expect(page.locator("main .tile")).to_have_count(27)
    expect(page.locator("kbd")).to_be_hidden()

    page.get_by_role("button", name="Elsewhere, automatic").click()
    page.get_by_role("button", name="Home network", exact=True).click()
    expect(page.get_by_role("button", name="Home network, chosen")).to_be_visible()
    assert page.locator("main .tile-name").first.get_attribute("href") == "http://10.0.0.4:8096"

    page.get_by_role("link", name="Find an app").click()
    page.get_by_label("Find apps, boards, settings and actions").fill("jelly")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("group", name="Apps").get_by_role("option")).to_have_count(2)
    page.goto(f"{home.server.url}/")

    page.get_by_role("button", name="Ben: your account").click()
    page.get_by_role("link", name="Your account").click()
    page.get_by_label("Language", exact=True).select_option("de")
    page.get_by_label("Appearance", exact=True).select_option("dark")
    page.get_by_role("button", name="Save language and appearance").click()
    expect(page.get_by_text("Sprache und Darstellung gespeichert")).to_be_visible()
    page.get_by_label("Sprache", exact=True).select_option("")
    page.get_by_role("button", name="Sprache und Darstellung speichern").click()
    page.get_by_role("button", name="Ben: your account").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_times_go_on_counting_in_an_open_page(
    home: Home, signed_in: Sessions, open_page: OpenPage
) -> None:
    page = open_page(f"{home.server.url}/", storage_state=signed_in["ada"])
    page.clock.install()
    page.reload()
    counted = page.locator("#summary time")
    expect(counted).not_to_contain_text("5 minutes ago")

    before = counted.text_content()
    page.clock.run_for(5 * 60_000)

    expect(counted).not_to_have_text(before or "")
    expect(counted).to_have_text(re.compile(r"^\d+ minutes ago$"))


def test_a_guest_chooses_language_and_theme(home: Home, open_page: OpenPage) -> None:
    page = open_page(f"{home.server.url}/")
    page.get_by_role("button", name="Language and appearance").click()
    page.get_by_label("Language", exact=True).select_option("ru")
    page.get_by_label("Appearance", exact=True).select_option("dark")
    page.get_by_role("button", name="Apply").click()

    expect(page.get_by_role("link", name="Войти")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def _compressed_bytes(url: str) -> int:
    asked = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked) as answer:
        return len(answer.read())
