"""From the printed link to five apps on the board, as a person with a keyboard would.

In a browser, since it counts what a person does: keys, and where the focus is after each page.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import OpenPage
from tests.support.server import Server, serving

APPS = ("Jellyfin", "Immich", "Forgejo", "Grafana", "Nextcloud")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "data") as server:
        yield server


class Person:
    """Somebody at the keyboard; `steps` counts each text typed and each key pressed."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.steps = 0

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.steps += 1

    def press(self, key: str, until: str = "") -> None:
        """Press a key once, or as often as it takes until the focus is on `until`."""
        for _ in range(40):
            self.page.keyboard.press(key)
            self.steps += 1
            if not until or self._focus() == until:
                return
        raise AssertionError(f"{key} never came to {until!r}")

    def _focus(self) -> str:
        return str(
            self.page.evaluate(
                "() => { const e = document.activeElement;"
                " return e.labels?.[0]?.innerText ?? e.innerText.trim(); }"
            )
        )


def test_five_apps_are_on_the_board_after_few_steps_without_a_mouse(
    server: Server, open_page: OpenPage
) -> None:
    page = open_page(server.setup_link)
    ada = Person(page)
    page.get_by_label("User name").focus()
    ada.type("ada")
    ada.press("Tab")
    ada.type("a short sentence")
    ada.press("Enter")

    expect(page.get_by_role("heading", name="Home has no apps yet")).to_be_visible()
    assert findings(page) == []
    ada.press("Tab", until="Add app")
    ada.press("Enter")
    for name in APPS:
        expect(page.get_by_label("URL", exact=True)).to_be_focused()
        ada.type(f"https://{name.lower()}.home.arpa")
        ada.press("Tab", until="Name")
        ada.type(name)
        if name == APPS[-1]:
            ada.press("Enter")
        else:
            ada.press("Tab", until="Add and continue")
            ada.press("Enter")
            expect(page.locator(".toast").filter(has_text=name)).to_be_visible()

    for name in APPS:
        expect(page.get_by_role("link", name=name)).to_be_visible()
    assert page.locator("main .tile-name").all_inner_texts() == list(APPS)
    assert ada.steps <= 60, ada.steps  # 12 texts, the rest keys


def test_sample_apps_come_and_go_with_one_click_each(server: Server, open_page: OpenPage) -> None:
    page = open_page(server.setup_link)
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill("a short sentence")
    page.get_by_role("button", name="Create first admin").click()

    page.get_by_role("button", name="Add sample apps").click()
    expect(page.locator("main .tile")).to_have_count(12)
    assert findings(page) == []
    page.get_by_role("button", name="Remove sample apps").click()
    expect(page.get_by_role("heading", name="Home has no apps yet")).to_be_visible()
    page.locator(".toast").get_by_role("button", name="Undo").first.click()
    expect(page.locator("main .tile")).to_have_count(12)
