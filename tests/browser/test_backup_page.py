"""The page of a backup in each of its states: no findings of axe, nothing beyond the edge."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions


@pytest.fixture(scope="module")
def ids(home: Home) -> dict[str, str]:
    """A good backup that was rehearsed, a damaged one, and a file that was put into the folder."""
    folder = home.server.data_dir / "backups"
    good, bad = (home.server.command("backup", "create").strip() for _ in range(2))
    home.server.command("backup", "test-restore", good)
    (folder / f"launcher-{bad}.db.zst").unlink()
    found = folder / "a-file-with-quite-a-long-name-from-the-old-server-in-the-attic.db"
    home.server.command("backup", "export", good, str(found))
    os.utime(found, (0, found.stat().st_mtime - 3600))
    listed = json.loads(home.server.command("backup", "list", "--json"))
    backups = listed if isinstance(listed, list) else listed["backups"]
    external = next(each["id"] for each in backups if each["note"] == found.name)
    return {"good": good, "bad": bad, "found": external}


@pytest.fixture
def look(
    home: Home, signed_in: Sessions, look_at: OpenPage, ids: dict[str, str]
) -> Callable[..., Page]:
    """Show the page of a backup in a certain state as Ada, with all that it can unfold."""

    def go(state: str, path: str = "", **how: object) -> Page:
        address = f"{home.server.url}/admin/backups/{ids[state]}{path}"
        page = look_at(address, storage_state=signed_in["ada"], **how)
        for summary in page.locator("summary").all():
            summary.click()
        return page

    return go


@pytest.mark.parametrize("state", ["good", "bad", "found"])
def test_axe_finds_nothing(look: Callable[..., Page], state: str) -> None:
    page = look(state)

    assert findings(page) == []


# Pages beneath it that stand alone when they are opened without script, and their status.
BENEATH = {
    "delete": ("good", "/delete", 200),
    "delete a damaged one": ("bad", "/delete", 200),
    "plan": ("good", "/restore", 200),
    "plan of a damaged one": ("bad", "/restore", 422),
}


@pytest.mark.parametrize("name", BENEATH)
def test_axe_finds_nothing_beneath_it(look: Callable[..., Page], name: str) -> None:
    state, path, status = BENEATH[name]
    page = look(state, path, expected_statuses={status}, width=390)

    assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_axe_finds_nothing_where_an_operation_is_reported(
    home: Home, signed_in: Sessions, look_at: OpenPage, ids: dict[str, str]
) -> None:
    page = look_at(
        f"{home.server.url}/admin/audit/operations", storage_state=signed_in["ada"], width=390
    )
    addresses = {
        link.locator("xpath=ancestor::tr/td[2]").inner_text(): link.get_attribute("href")
        for link in page.locator("th a.self").all()
    }
    assert len(addresses) > 1  # one of each kind that happened
    for address in addresses.values():
        page.goto(f"{home.server.url}{address}")
        assert findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("language", ["en", "de", "ru"])
@pytest.mark.parametrize("state", ["good", "bad", "found"])
def test_nothing_lies_beyond_the_edge_of_a_phone(
    look: Callable[..., Page], state: str, language: str
) -> None:
    page = look(state, locale=language, width=390)

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    bar = page.locator(".bar")
    assert bar.locator("h1").evaluate("it => it.scrollWidth <= it.clientWidth"), "the title is cut"
    for button in bar.locator(".button-primary").all():
        lines = "it => { const range = new Range(); range.selectNodeContents(it.lastChild);"
        assert button.evaluate(f"{lines} return range.getClientRects().length }}") == 1, "it wraps"
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
