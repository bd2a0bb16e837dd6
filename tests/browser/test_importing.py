"""A bookmark file comes in: with script and without, on a phone too, and goes again.

In Chromium: the preview keeps its ticks while another board is chosen, which is script, and its
button follows the ticks, which is style.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import OpenPage
from tests.support.server import Server, serving

LINKS = "".join(
    f'<DT><A HREF="https://{name.lower()}.old.lan/">{name}</A>\n'
    for name in ("Jellyfin", "Kavita", "Navidrome")
)
BOOKMARKS = f"""<!DOCTYPE NETSCAPE-Bookmark-file-1>
<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8">
<DL><p>
<DT><H3>Media</H3><DL><p>
{LINKS}<DT><A HREF="javascript:alert(1)">Dark mode</A>
</DL><p>
<DT><H3>Work</H3><DL><p><DT><A HREF="https://wiki.old.lan/">Wiki</A></DL><p>
</DL><p>
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "data") as server:
        yield server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bookmarks.html"
    path.write_text(BOOKMARKS)
    return path


def first_admin(page: Page) -> None:
    page.get_by_label("User name").fill("ada")
    page.get_by_label("Password").fill("a short sentence")
    page.get_by_role("button", name="Create first admin").click()


@pytest.mark.parametrize("script", [True, False])
def test_from_the_empty_board_to_imported_apps_and_back(
    server: Server, open_page: OpenPage, file: Path, *, script: bool
) -> None:
    how = (
        {} if script else {"java_script_enabled": False, "viewport": {"width": 390, "height": 844}}
    )
    page = open_page(server.setup_link, **how)
    first_admin(page)

    page.get_by_role("link", name="Import apps…").click()
    if script:
        assert findings(page) == []
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Preview import").click()

    expect(page.get_by_role("heading", name="4 apps can be imported")).to_be_visible()
    if script:
        assert findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.get_by_role("button", name="Import 4 apps")).to_be_visible()
    page.get_by_role("checkbox", name="Kavita").uncheck()
    page.get_by_role("checkbox", name="Import section Work").uncheck()
    page.get_by_role("button", name="Import ticked apps").click()

    expect(page.locator("main .tile")).to_have_count(2)
    assert page.locator("main .tile-name").all_inner_texts() == ["Jellyfin", "Navidrome"]
    expect(page.locator(".toast")).to_contain_text("2 apps imported to Home.")
    page.get_by_role("button", name="Undo import").click()
    expect(page.locator(".toast").first).to_contain_text("2 apps and 1 section removed.")
    expect(page.locator("main .tile")).to_have_count(0)


def test_another_choice_of_sections_keeps_the_ticks(
    server: Server, open_page: OpenPage, file: Path
) -> None:
    page = open_page(server.setup_link)
    first_admin(page)
    page.goto(f"{server.url}/import")
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Preview import").click()
    page.get_by_role("checkbox", name="Kavita").uncheck()

    page.get_by_label("Sections").focus()
    page.get_by_label("Sections").select_option("One section for all")

    expect(page.get_by_text("new section, 4 apps")).to_be_visible()
    expect(page.get_by_label("Sections")).to_be_focused()
    expect(page.get_by_role("checkbox", name="Kavita")).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="Jellyfin")).to_be_checked()
