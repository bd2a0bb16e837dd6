"""The database is lost while somebody looks at the site."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.support.server import serving
from tests.support.words import compile_words


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_calm_page_names_the_way_back_and_goes_away_by_itself(
    tmp_path: Path, open_page: OpenPage, theme: str
) -> None:
    compile_words()
    with serving(tmp_path / "data") as server:
        server.command("demo")
        server.command("backup", "create")
        for file in server.data_dir.glob("launcher.db*"):
            file.unlink()

        page = open_page(
            f"{server.url}/login", expected_statuses={503}, width=390, color_scheme=theme
        )
        heading = page.get_by_role("heading", name="The database is damaged. Your backups are not")
        expect(heading).to_be_visible()
        expect(page.get_by_text("27 apps, 3 boards and 3 users")).to_be_visible()
        assert Axe().run(page).response["violations"] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        command = page.locator(".command").inner_text()

        server.command(*command.removeprefix("flask ").split(), "--yes")

        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
