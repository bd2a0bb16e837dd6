"""What axe has to say of a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def findings(page: Page) -> list[str]:
    """Return every finding with the element it is about."""
    results = Axe().run(page)
    return [
        f"{each['id']}: {node['html']}" for each in results.response["violations"]
        for node in each["nodes"]
    ]  # fmt: skip
