"""A new server, and a file of the old one: from the printed link to signing in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage
from tests.support.server import Server, serving

LIMIT_MB = 8


@pytest.fixture(scope="module")
def copy(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the old server, as it was downloaded."""
    made = home.server.command("backup", "create").strip()
    path = tmp_path_factory.mktemp("copy") / "old-server.db"
    home.server.command("backup", "export", made, str(path))
    return path


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    """A server that nobody has claimed."""
    with serving(tmp_path / "data", upload_limit_mb=str(LIMIT_MB)) as server:
        yield server


def _is_within(page: Page, width: int) -> bool:
    reaches: int = page.evaluate("document.documentElement.scrollWidth")
    return reaches <= width


@pytest.mark.parametrize("look", [("light", 1280), ("dark", 390)])
def test_everything_comes_back_from_a_file(
    fresh: Server, home: Home, copy: Path, open_page: OpenPage, look: tuple[str, int]
) -> None:
    theme, width = look
    page = open_page(fresh.setup_link, color_scheme=theme, width=width)
    assert findings(page) == []
    assert _is_within(page, width)

    page.set_input_files("#upload-file", copy)

    expect(page.get_by_role("heading", name="It is a backup of Launcher")).to_be_visible()
    expect(page.locator("main")).to_contain_text("old-server.db")
    assert findings(page) == []
    page.get_by_role("link", name="Look inside").click()
    expect(page.get_by_text("Nothing is restored yet.")).to_be_visible()
    assert findings(page) == []
    assert _is_within(page, width)

    page.get_by_role("button", name="Restore this backup").click()
    expect(page.locator(".answer")).to_have_attribute("data-state", "ok", timeout=60_000)
    expect(page.locator("main")).to_contain_text("Sign in with an account from the backup.")
    assert findings(page) == []
    page.get_by_role("link", name="Sign in").click()
    page.fill("#username", "ada")
    page.fill("#password", home.passwords["ada"])
    page.click("main button")
    page.wait_for_url("**/admin/backups")
    page.goto("/")
    expect(page.locator("main .tile")).to_have_count(27)


def test_a_long_transfer_shows_how_far_it_is_and_can_be_cancelled(
    fresh: Server, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(fresh.setup_link, expected_statuses={422})
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    session.send("Network.emulateNetworkConditions", slow)
    (tmp_path / "slow.db").write_bytes(bytes(LIMIT_MB * 1_000_000))
    (tmp_path / "large.db").write_bytes(bytes(LIMIT_MB * 1_100_000))
    (tmp_path / "empty.db").touch()

    page.set_input_files("#upload-file", tmp_path / "slow.db")
    expect(page.locator(".upload-progress b")).to_have_text("slow.db")
    expect(page.locator(".upload-progress [data-figures]")).to_contain_text("of 8 MB")
    assert findings(page) == []
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-status]")).to_have_text("Cancelled. Nothing was stored.")

    page.set_input_files("#upload-file", tmp_path / "large.db")
    expect(page.get_by_role("heading", name="This file is larger than 8 MB")).to_be_visible()
    page.set_input_files("#upload-file", tmp_path / "empty.db")
    expect(page.get_by_role("heading", name="This file is empty")).to_be_visible()
    assert findings(page) == []
    assert page.url == fresh.setup_link


def test_without_script_the_form_does_it(fresh: Server, copy: Path, open_page: OpenPage) -> None:
    page = open_page(fresh.setup_link, java_script_enabled=False)

    page.set_input_files("#upload-file", copy)
    page.get_by_role("button", name="Look inside").click()

    expect(page.get_by_role("heading", name="It is a backup of Launcher")).to_be_visible()


def test_a_backup_that_lies_in_the_folder_is_offered(
    fresh: Server, copy: Path, open_page: OpenPage
) -> None:
    shutil.copy(copy, fresh.data_dir / "backups" / "put-there.db")
    page = open_page(fresh.setup_link)

    page.locator("[aria-labelledby=found] a").click()

    expect(page.get_by_text("Nothing is restored yet.")).to_be_visible()
