"""A dialog whose session ends: what its script keeps, and how it goes on after sign-in."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Home, OpenPage

TEXT = "Фильмы и сериалы для всей семьи " * 15


def test_a_dialog_keeps_what_was_typed_until_its_person_has_signed_in_again(
    home: Home, open_page: OpenPage
) -> None:
    """In a browser, since what is kept is the dialog."""
    page = open_page(f"{home.server.url}/login", expected_statuses={400, 401})
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill(home.passwords["ada"])
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{home.server.url}/b/workshop/edit")
    page.locator(".tile-name").first.click()
    dialog = page.locator("#dialog")
    dialog.get_by_label("Description").fill(TEXT)
    page.context.clear_cookies()  # as another tab does that signs out

    dialog.get_by_role("button", name="Save app").last.click()

    expect(dialog.get_by_text("You are signed out")).to_be_visible()
    expect(dialog.get_by_label("Description")).to_have_value(TEXT)
    with page.context.expect_page() as opened:
        dialog.get_by_role("link", name="Sign in").click()
    other = opened.value
    other.get_by_label("User name").fill("ada")
    other.get_by_label("Password").fill(home.passwords["ada"])
    other.get_by_role("button", name="Sign in").click()
    expect(other.locator("#username")).to_have_count(0)
    other.close()
    dialog.get_by_role("button", name="Save app").last.click()

    expect(page.locator(".toast").filter(has_text="saved.")).to_have_count(1)
    expect(dialog).to_be_hidden()
    page.locator(".tile-name").first.click()
    expect(dialog.get_by_label("Description")).to_have_value(TEXT.strip())
