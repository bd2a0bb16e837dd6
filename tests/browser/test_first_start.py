"""From an empty directory to a start page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.axe import findings
from tests.browser.conftest import OpenPage
from tests.support.server import Server, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Serve an empty directory for as long as a page of the test may ask for something."""
    with serving(tmp_path / "data") as server:
        yield server


def test_the_printed_link_leads_to_a_start_page(server: Server, open_page: OpenPage) -> None:
    page = open_page(server.setup_link)
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill("a short sentence")
    page.get_by_label("Site name").fill("Ada's house")
    page.get_by_role("button", name="Create first admin").click()

    expect(page.get_by_text("Home has no apps yet")).to_be_visible()
    expect(page).to_have_title("Home · Ada's house")
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".toast")).to_have_count(0)

    page.get_by_role("button", name="ada: your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "no admin yet" not in page.content()

    server.command("demo")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("a short sentence")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Jellyfin")).to_be_visible()
    expect(page.locator("main .tile")).to_have_count(27)

    # From the start page to the first backup, reported as it is created.
    page.get_by_role("button", name="ada: your account").click()
    page.get_by_role("link", name="Administration").click()
    expect(page.get_by_role("heading", name="No backup yet")).to_be_visible()
    page.get_by_role("button", name="Back up now").click()
    expect(page.locator(".toast").filter(has_text="Backup created")).to_be_visible()
    expect(page.locator("tbody tr[id^=row-]")).to_have_count(1)
    expect(page.locator("tbody tr[id^=row-]")).to_contain_text("27 apps, 3 boards")
    expect(page.locator(".answer")).to_contain_text("Last good backup")
    expect(page.locator(".answer")).to_have_attribute("data-state", "warn")
    expect(page.get_by_text("All copies are on one disk")).to_be_visible()
    assert findings(page) == []
