"""The settings of a board over its edit page: what the script of the dialog does with them."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions


def test_settings_are_saved_in_a_dialog_and_the_bar_has_the_new_name(
    home: Home, signed_in: Sessions, look_at: OpenPage
) -> None:
    page = look_at(
        f"{home.server.url}/b/workshop/edit",
        storage_state=signed_in.get("ada"),
        expected_statuses={422},
    )
    page.get_by_role("link", name="Board settings").click()
    dialog = page.get_by_role("dialog", name="Board settings")
    expect(dialog).to_be_visible()
    assert findings(page) == []
    dialog.get_by_label("Address").fill("home")
    dialog.get_by_role("button", name="Save board").click()
    expect(dialog.get_by_text("Another board has this address.")).to_be_visible()
    dialog.get_by_label("Address").fill("workshop")
    dialog.get_by_label("Name").fill("Cellar")
    dialog.get_by_role("button", name="Save board").click()

    expect(page.get_by_role("heading", name="Editing Cellar")).to_be_visible()
    expect(page.locator(".toast").filter(has_text="Board Cellar saved.")).to_have_count(1)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").filter(has_text="Undone: Board ")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Editing Workshop")).to_be_visible()
