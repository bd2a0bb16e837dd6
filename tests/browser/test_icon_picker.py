"""Picking an icon in Chromium: focus, arrows and the dialog exist in a browser alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'
MARK = "(results) => { results.dataset.old = ''; }"
# The fields that the form of an app shares with the picker.
FORM = """([picker, script]) => new Promise((loaded) => {
    document.querySelector("#main").innerHTML = `<form id="app" action="/nowhere">
        <input name="name" value="Jellyfin"><input type="hidden" name="icon" value="letters:3">
        <input type="hidden" name="letters" value=""><span data-icon-shown></span>
        <b data-icon-name></b>
        <button type="button" data-picks-icon="${picker}">Choose icon</button></form>`;
    document.head.append(Object.assign(document.createElement("script"),
        { src: script, onload: loaded }));
})"""


@pytest.fixture
def open_as_ben(open_page: OpenPage, home: Home, signed_in: Sessions) -> Callable[..., Page]:
    def open_one(path: str, **options: object) -> Page:
        url = f"{home.server.url}{path}"
        return open_page(url, storage_state=signed_in["ben"], **options)

    return open_one


def test_an_icon_is_found_and_chosen_by_keyboard(open_as_ben: Callable[..., Page]) -> None:
    page = open_as_ben("/icons?return_to=/apps/new&for=Films", expected_statuses={400, 404, 405})
    assert findings(page) == []

    page.get_by_role("searchbox").focus()
    page.keyboard.type("home assistant")
    expect(page.locator("#picker [role=status]")).to_have_text("2 icons")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    foot = page.locator(".picker-foot")
    expect(foot.locator("[data-icon-name]")).not_to_have_text("Films")
    assert page.evaluate("document.activeElement.value").startswith("brand:homeassistant")
    with page.expect_request("**/apps/new") as sent:
        page.keyboard.press("Enter")

    assert b"brand:homeassistant" in (sent.value.post_data_buffer or b"")
    assert b'name="pick"\r\n\r\nuse' in (sent.value.post_data_buffer or b"")


def test_the_picker_opens_over_a_form_and_sets_its_fields(
    open_as_ben: Callable[..., Page], home: Home
) -> None:
    page = open_as_ben("/icons")
    script = page.locator("script[src*=picker]").get_attribute("src")
    page = open_as_ben("/admin/icons")
    page.evaluate(FORM, ["/icons", script])
    opener = page.get_by_role("button", name="Choose icon")

    opener.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    expect(dialog.locator("[name=icon]:checked")).to_have_value("letters:3")
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    expect(page.locator("#app [name=icon]")).to_have_value("letters:3")

    opener.click()
    page.locator("#picker-results").evaluate(MARK)
    dialog.get_by_role("searchbox").fill("camera")
    expect(dialog.locator("#picker-results[data-old]")).to_have_count(0)
    dialog.get_by_role("radio", name="Camera", exact=True).check(force=True)
    dialog.get_by_role("button", name="Use icon").click()
    expect(page.locator("#app [name=icon]")).to_have_value("symbol:camera")
    expect(page.locator("#app [data-icon-name]")).to_have_text("Camera")
    expect(page.locator("#app [data-icon-shown] .glyph use")).to_have_count(1)

    opener.click()
    dialog.locator("[name=file]").set_input_files(
        {"name": "logo.svg", "mimeType": "image/svg+xml", "buffer": LOGO}
    )
    expect(dialog.locator(".picker-foot [data-icon-name]")).to_have_text("logo.svg")
    dialog.get_by_role("button", name="Use icon").click()
    expect(page.locator("#app [name=icon]")).to_have_value(re.compile("^media:"))


def test_an_icon_chosen_while_a_search_is_under_way_stays_chosen(
    open_as_ben: Callable[..., Page],
) -> None:
    page = open_as_ben("/icons")
    page.locator("#picker-results").evaluate(MARK)
    asked: list[Route] = []
    page.route("**/icons*", lambda route: asked.append(route))  # noqa: PLW0108 (Playwright asks for a function)
    with page.expect_request("**/icons*"):
        page.get_by_role("searchbox").fill("camera")
    page.get_by_role("radio", name="Camera", exact=True).check(force=True)
    asked[0].continue_()

    expect(page.locator("#picker-results[data-old]")).to_have_count(0)
    expect(page.get_by_role("radio", name="Camera", exact=True)).to_be_checked()
    expect(page.locator(".picker-foot [data-icon-name]")).to_have_text("Camera")


def test_a_page_asks_only_for_the_icons_that_it_shows(open_as_ben: Callable[..., Page]) -> None:
    page = open_as_ben("/icons?q=jellyfin&in=brands")
    asked: list[str] = page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")

    assert [each.split("?")[0].rpartition("/")[2] for each in asked if "/icons/" in each] == [
        "jellyfin.svg"
    ]
