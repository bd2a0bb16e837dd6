"""Sharing a board on a phone by keyboard: only a browser knows focus, fit and contrast."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions

PHONE = 390


def test_an_owner_shares_a_board_and_takes_it_back_and_others_see_it_come_and_go(
    home: Home, signed_in: Sessions, look_at: OpenPage
) -> None:
    def go(path: str, who: str, **more: object) -> Page:
        state = signed_in[who]
        return look_at(home.server.url + path, storage_state=state, width=PHONE, **more)

    page = go("/admin/groups/new", "ada")
    expect(page.get_by_label("Name of the group")).to_be_focused()
    page.keyboard.type("Friends of the house")
    _press(page, page.get_by_role("checkbox", name="Chloe"), "Space")
    assert findings(page) == []
    _press(page, page.get_by_role("button", name="Add group"), "Enter")
    expect(page.get_by_role("link", name="Friends of the house")).to_be_visible()
    for who in ("ben", "chloe"):
        expect(_tab(go("/", who))).to_have_count(0)

    page = go("/b/workshop/edit", "ada")
    _press(page, page.get_by_role("link", name="Board settings"), "Enter")
    dialog = page.get_by_role("dialog", name="Board settings")
    _press(page, dialog.get_by_role("radio", name="Only you"), "ArrowDown")
    expect(dialog.get_by_role("radio", name="People and groups you choose")).to_be_checked()
    whom = dialog.get_by_label("Add a person or group")
    _press(page, whom, "B")
    _press(page, dialog.get_by_role("button", name="Add", exact=True), "Enter")
    expect(dialog.get_by_label("Ben")).to_be_visible()
    expect(whom).to_be_focused()
    page.keyboard.press("F")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Friends of the house")).to_have_value("group:1:edit")
    assert findings(page) == []
    assert _fits(page)
    _press(page, dialog.get_by_role("button", name="Save board"), "Enter")
    expect(page.locator(".toast").filter(has_text="Board Workshop saved.")).to_be_visible()

    for locale in ("de", "ru"):
        for path in ("/b/workshop/settings", "/admin/groups", "/admin/groups/1"):
            assert _fits(go(path, "ada", locale=locale)), f"{path} in {locale}"
    for who, may_edit in (("ben", False), ("chloe", True)):
        page = go("/", who)
        _tab(page).click()
        expect(page.get_by_role("heading", name="Machines")).to_be_visible()
        expect(page.locator("#edit-board")).to_have_count(int(may_edit))

    page = go("/b/workshop/settings", "ada")
    for name in ("Friends of the house", "Ben"):
        _press(page, page.get_by_label(name), "N")
    _press(page, page.get_by_role("button", name="Save board"), "Enter")
    expect(page.locator(".toast").filter(has_text="Board Workshop saved.")).to_be_visible()
    for who in ("ben", "chloe"):
        expect(_tab(go("/", who))).to_have_count(0)
    page = go("/admin/groups/1/delete", "ada")
    expect(page.get_by_text("No board is shared with this group.")).to_be_visible()
    _press(page, page.get_by_role("button", name="Delete group"), "Enter")
    expect(page.get_by_text("No groups yet")).to_be_visible()


def _press(page: Page, wanted: Locator, key: str) -> None:
    """Go on with the Tab key to an element, and press a key there."""
    wanted.wait_for()
    for _ in range(80):
        if wanted.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(wanted).to_be_focused()
    page.keyboard.press(key)


def _tab(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Boards").get_by_role("link", name="Workshop")


def _fits(page: Page) -> bool:
    return bool(
        page.evaluate(
            "[document.documentElement, ...document.querySelectorAll('dialog[open]')]"
            ".every((each) => each.scrollWidth <= each.clientWidth)"
        )
    )
