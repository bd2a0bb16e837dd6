"""The database is lost while somebody looks at the site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.axe import findings
from tests.browser.conftest import OpenPage, Sample
from tests.support.server import Server, serving


@pytest.fixture
def server(sample: Sample, tmp_path: Path) -> Iterator[Server]:
    """Serve sample content for as long as a page of the test may ask for something."""
    with serving(sample.copy_to(tmp_path)) as server:
        yield server


def test_the_calm_page_names_the_way_back_and_goes_away_by_itself(
    server: Server, open_page: OpenPage
) -> None:
    server.command("backup", "create")
    for file in server.data_dir.glob("launcher.db*"):
        file.unlink()

    page = open_page(f"{server.url}/login", expected_statuses={503}, width=390)
    heading = page.get_by_role("heading", name="The database is missing. Restore a backup")
    expect(heading).to_be_visible()
    expect(page.get_by_text("27 apps, 3 boards and 3 users")).to_be_visible()
    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    command = page.locator(".command").inner_text()

    _, found, arguments = command.partition("flask backup restore ")
    assert found
    server.command("backup", "restore", *arguments.split(), "--yes")

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
