"""A new API token in a real browser: copied by its button, and gone when the page is loaded again.

Only a browser has a clipboard, and sends a form again when its answer is loaded again.
"""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions


def test_a_token_is_created_copied_and_shown_no_more(
    home: Home, signed_in: Sessions, open_page: OpenPage
) -> None:
    page: Page = open_page(f"{home.server.url}/admin/tokens", storage_state=signed_in["ada"])
    expect(page.get_by_label("Last day")).to_be_hidden()
    page.get_by_label("Expires").select_option("On a date…")
    expect(page.get_by_label("Last day")).to_be_visible()
    page.get_by_label("Expires").select_option("In 30 days")
    page.get_by_label("Name").fill("Home Assistant")
    page.get_by_label("backups:read").check()
    page.get_by_role("button", name="Create token").click()

    secret = page.get_by_label("The new token").inner_text()
    assert secret.startswith("lch_")
    assert findings(page) == []
    page.get_by_role("button", name="Copy token").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.get_by_label("Name").focus()
    page.keyboard.press("Control+V")
    expect(page.get_by_label("Name")).to_have_value(secret)

    page.get_by_role("button", name="Copy request").click()
    command = page.evaluate("getSelection().toString()")
    assert command.startswith(f"export TOKEN={secret}\ncurl -H ")

    page.reload()
    expect(page.get_by_role("heading", name="No tokens")).to_be_hidden()
    assert secret not in page.content()
    expect(page.get_by_role("row", name="Home Assistant")).to_have_count(1)

    page.get_by_role("link", name="Revoke Home Assistant").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke token").click()
    expect(page.get_by_text("Token Home Assistant revoked.")).to_be_visible()
    expect(page.get_by_role("row", name="Home Assistant")).to_have_count(0)
