"""Administration → Apps in a browser: selecting, the bar for the selected, the filter.

What the list holds and what a change does is asked without a browser; here are focus, keys, places
and the swaps. Every change is undone, since other tests use the same site.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions

As = Callable[..., Page]


@pytest.fixture
def as_(home: Home, signed_in: Sessions, open_page: OpenPage) -> As:
    def go(who: str, path: str, **how: object) -> Page:
        return open_page(f"{home.server.url}{path}", storage_state=signed_in[who], **how)

    return go


def test_apps_are_selected_and_tagged_by_keyboard_alone(as_: As) -> None:
    page = as_("ben", "/admin/apps")
    first = page.get_by_role("row", name=re.compile("Actual Budget"))
    before = first.bounding_box()
    heading = page.locator("thead tr").bounding_box()
    assert before
    assert heading
    assert heading["x"] == before["x"]
    assert heading["y"] < before["y"]
    page.get_by_role("checkbox", name="Select Actual Budget").focus()
    page.keyboard.press("Space")
    expect(page.locator("#picked")).to_have_text("1 selected")
    page.get_by_role("checkbox", name="Select Forgejo").focus()
    page.keyboard.press("Space")
    expect(page.locator("#picked")).to_have_text("2 selected")
    assert first.bounding_box() == before, "the list moved when the bar appeared"

    page.get_by_role("button", name="Add tag…").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Add tags to 2 apps")
    expect(dialog.get_by_label("Tags")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Add tag…")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Tags")).to_be_focused()
    page.keyboard.type("weekend")
    page.keyboard.press("Enter")

    expect(page.locator("#toasts")).to_contain_text("2 apps tagged “weekend”.")
    expect(dialog).to_be_hidden()
    expect(first).to_contain_text("weekend")
    expect(page.locator("td.pick :checked")).to_have_count(0)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(first).not_to_contain_text("weekend")


def test_all_and_a_range_are_selected(as_: As) -> None:
    page = as_("ada", "/admin/apps")
    boxes = page.locator("td.pick input")
    boxes.nth(1).click()
    boxes.nth(4).click(modifiers=["Shift"])
    expect(page.locator("#picked")).to_have_text("4 selected")
    page.get_by_role("checkbox", name="Select all apps on this page").check()
    expect(page.locator("td.pick :checked")).to_have_count(boxes.count())
    page.get_by_role("checkbox", name="Select all apps on this page").uncheck()
    expect(page.locator("td.pick :checked")).to_have_count(0)
    expect(page.get_by_text("27 apps")).to_be_visible()


def test_on_a_phone_the_bar_is_at_the_bottom_edge(as_: As) -> None:
    page = as_("ben", "/admin/apps", width=390, has_touch=True)
    row = page.locator("tbody tr").nth(1)
    before = row.bounding_box()
    row.get_by_role("checkbox").tap()
    archive = page.get_by_role("button", name="Archive", exact=True)
    box = archive.bounding_box()
    assert box
    assert box["y"] + box["height"] <= 844
    assert box["y"] > 700
    assert box["height"] >= 44
    assert row.bounding_box() == before
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert findings(page) == []

    archive.tap()
    expect(page.locator("#toasts")).to_contain_text("archived.")
    expect(row).to_contain_text("Archived")
    page.locator("#toasts").get_by_role("button", name="Undo").tap()
    expect(row).not_to_contain_text("Archived")


def test_the_list_follows_the_filter_as_it_is_typed_and_so_does_the_address(as_: As) -> None:
    page = as_("ada", "/admin/apps")
    page.get_by_role("searchbox").press_sequentially("jelly")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"\?q=jelly$"))
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("searchbox").press_sequentially("nothing")
    expect(page.get_by_text("No apps match this filter")).to_be_visible()
    page.get_by_role("link", name="Clear filter").click()
    expect(page.get_by_text("27 apps")).to_be_visible()


def test_with_apps_selected_and_in_a_question_axe_has_nothing_to_say(as_: As) -> None:
    page = as_("ada", "/admin/apps")
    for number in (0, 2):
        page.locator("td.pick input").nth(number).check()
    assert findings(page) == []
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("dialog", name="Delete 2 apps?")).to_be_visible()
    assert findings(page) == []
    expect(page.get_by_role("link", name="Keep apps")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("td.pick :checked")).to_have_count(2)


def test_without_script_the_selection_is_carried_to_a_page_that_asks(as_: As) -> None:
    page = as_("ben", "/admin/apps", java_script_enabled=False)
    for name in ("Grafana", "Grocy"):
        page.get_by_role("checkbox", name=f"Select {name}").check()
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete 2 apps?")).to_be_visible()
    expect(page.get_by_text("Grafana")).to_be_visible()
    page.get_by_role("link", name="Keep apps").click()
    page.get_by_role("checkbox", name="Select Grocy").check()
    page.get_by_role("button", name="Archive", exact=True).click()
    expect(page.get_by_text("Grocy archived.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("row", name=re.compile("Grocy"))).not_to_contain_text("Archived")
