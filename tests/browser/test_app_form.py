"""The form of an app in Chromium: a pasted URL, the keyboard, no script, a phone, two editors.

What a form answers is tested without a browser; here is what only a browser does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from launcher.app import create_app
from launcher.audit import Actor
from launcher.catalogue.apps import create_app as add_app
from launcher.catalogue.boards import create_board
from launcher.catalogue.entries import AppEntries, BoardEntries
from launcher.catalogue.sections import add_section
from launcher.extensions import db
from launcher.models import User
from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sample, Sessions
from tests.browser.test_users import tab_to
from tests.support import odd_servers
from tests.support.server import serving

LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">'
    b'<path d="M0 0h8v8z" fill="#07a"/></svg>'
)
PAGE = b'<!doctype html><title>Photos of the family</title><link rel="icon" href="/logo.svg">'

NAMES = (
    "x",
    "W" * 200,
    "A name of many short words " * 7,
    "קלידוסקופ של תמונות",
    "مكتبة الوسائط المنزلية " * 8,
    "👩‍👩‍👧‍👦🏳️‍🌈" * 12,
    "Ţ̷̢̛̤̤̪̺̘̹̐͂͊̄h̷̨̛͖̭̦̰̒̑̓e̶ zalgo",
    "<b>bold</b> & <script>alert(1)</script>",
    "日本語の名前がここにあります" * 10,
)

Open = Callable[..., Page]

BEYOND = """() => {
    const width = document.documentElement.clientWidth;
    const shown = (each) => each.checkVisibility() && getComputedStyle(each).clipPath === "none";
    const scrolls = (each) => each.closest(".tabs, .bar h1, .tile > *, .input") !== null;
    return [...document.querySelectorAll("body *")]
        .filter((each) => shown(each) && !scrolls(each)
            && each.getBoundingClientRect().right > width + 0.5)
        .map((each) => each.outerHTML.slice(0, 200))
        .concat(document.documentElement.scrollWidth > width ? ["the page scrolls sideways"] : []);
}"""


@dataclass(frozen=True, slots=True)
class Site:
    """A server, and the board of the odd names with their apps."""

    home: Home
    odd_slug: str
    odd_ids: tuple[int, ...]


@pytest.fixture(scope="module")
def site(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of its own: apps are added here, which the tests of other pages would count."""
    data_dir = sample.copy_to(tmp_path_factory.mktemp("apps"))
    with create_app({"LAUNCHER_DATA_DIR": str(data_dir)}).app_context():
        ben = db.session.scalars(db.select(User).where(User.username == "ben")).one()
        by = Actor.of(ben)
        board, _ = create_board(BoardEntries(name=NAMES[3][:80]), owner=ben, actor=by)
        add_section(board, NAMES[4].strip()[:80], actor=by)
        add_section(board, "W" * 80, actor=by)
        ids = []
        for name in NAMES:
            entries = AppEntries(
                name=name.strip(), url=f"https://{'long' * 15}.home.arpa/{'x' * 300}",
                tags=", ".join(["W" * 50, "שלום"]), description=name.strip() * 2,
            )  # fmt: skip
            ids.append(add_app(entries, board.sections[0], actor=by)[0].id)
        slug = board.slug
    with serving(data_dir) as server:
        yield Site(Home(server, sample.passwords), slug, tuple(ids))


@pytest.fixture(scope="module")
def sessions(site: Site, chromium: Browser) -> Sessions:
    return Sessions(chromium, site.home.server.url, site.home.passwords)


@pytest.fixture
def as_ben(site: Site, sessions: Sessions, open_page: OpenPage) -> Open:
    def open_one(path: str, *, who: str = "ben", **context: object) -> Page:
        return open_page(f"{site.home.server.url}{path}", storage_state=sessions[who], **context)

    return open_one


def test_a_pasted_url_brings_name_and_icon_and_the_app_is_on_the_board(as_ben: Open) -> None:
    def behave(visit: odd_servers.Visit) -> None:
        if visit.path == "/logo.svg":
            visit.answer(LOGO, mime="image/svg+xml")
        else:
            visit.answer(PAGE)

    with odd_servers.serving(behave) as shown:
        page = as_ben("/apps/new?board=home")
        expect(page.get_by_label("URL", exact=True)).to_be_focused()
        page.evaluate(
            """url => { const field = document.querySelector("#app-url"); field.value = url;
            field.dispatchEvent(new ClipboardEvent("paste", {bubbles: true})); }""",
            shown.url,
        )
        expect(page.get_by_label("Name")).to_have_value("Photos of the family")
        expect(page.locator("#app-proposal")).to_contain_text("Name and icon fetched from")
        expect(page.locator("#app-icon img.glyph")).to_be_visible()
        expect(page.locator("#app-preview img.glyph")).to_be_visible()
        assert findings(page) == []
        page.get_by_role("button", name="Add app").last.click()
        expect(page.get_by_text("Photos of the family added to")).to_be_visible()
        tile = page.locator(".tile", has_text="Photos of the family")
        expect(tile.locator("img.glyph")).to_be_visible()


def test_who_adds_an_app_at_once_gets_the_name_of_its_own_page(as_ben: Open) -> None:
    def titled(title: bytes) -> Callable[[odd_servers.Visit], None]:
        return lambda visit: visit.answer(b"<title>" + title + b"</title>")

    with (
        odd_servers.serving(titled(b"First wiki")) as first,
        odd_servers.serving(titled(b"Second wiki")) as second,
    ):
        page = as_ben("/apps/new?board=home")
        url = page.get_by_label("URL", exact=True)
        url.fill(first.url)
        url.press("Tab")
        expect(page.get_by_label("Name")).to_have_value("First wiki")
        url.fill(second.url)
        url.press("Enter")
        expect(page.get_by_text("Second wiki added to")).to_be_visible()
        page.goto(page.url.partition("/b/")[0] + "/apps/new?board=home")
        expect(url).to_be_focused()
        page.keyboard.type(first.url)
        page.get_by_role("button", name="Add app").last.click()
        expect(page.get_by_text("First wiki added to")).to_be_visible()


def test_a_name_that_was_typed_stays_and_a_url_without_answer_blocks_nothing(as_ben: Open) -> None:
    page = as_ben("/apps/new?board=home")
    page.get_by_label("Name").fill("My photos")
    page.get_by_label("URL", exact=True).fill("http://127.0.0.1:9")
    page.get_by_label("URL", exact=True).press("Tab")
    expect(page.locator("#app-proposal")).to_be_empty()  # nothing is asked for: there is a name
    page.get_by_role("button", name="Fetch name and icon").click()
    expect(page.locator("#app-proposal")).to_contain_text("Name and icon not fetched.")
    assert findings(page) == []
    expect(page.get_by_label("Name")).to_have_value("My photos")
    page.get_by_role("button", name="Add app").last.click()
    expect(page.get_by_text("My photos added to")).to_be_visible()


def test_the_keyboard_alone_adds_apps_one_after_the_other(as_ben: Open) -> None:
    page = as_ben("/apps/new?board=home", expected_statuses={422})
    expect(page.get_by_label("URL", exact=True)).to_be_focused()
    page.keyboard.type("https://one.home.arpa")
    tab_to(page, "Name")
    page.keyboard.press("Control+A")
    page.keyboard.type("One by keyboard")
    tab_to(page, "Add and continue")
    page.keyboard.press("Enter")
    expect(page.get_by_text("One by keyboard added to")).to_be_visible()
    expect(page.get_by_label("URL", exact=True)).to_be_focused()
    expect(page.get_by_label("URL", exact=True)).to_have_value("")
    page.keyboard.type("two.home.arpa")
    tab_to(page, "Name")
    page.keyboard.type("Two by keyboard")
    page.keyboard.press("Enter")  # in a field: the button is the one to add
    expect(page.locator("#app-errors")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("Two by keyboard")
    assert findings(page) == []
    tab_to(page, "URL")
    page.keyboard.press("Enter")
    expect(page.get_by_label("URL", exact=True)).to_be_focused()


def test_without_script_an_app_is_added_with_a_picked_icon(as_ben: Open) -> None:
    page = as_ben("/apps/new?board=home", java_script_enabled=False, expected_statuses={422})
    page.get_by_label("URL", exact=True).fill("javascript:alert(1)")
    page.get_by_label("Name").fill("Without script")
    page.get_by_role("button", name="Choose icon").click()
    page.get_by_label("Search icons").fill("jellyfin")
    page.get_by_role("button", name="Search").click()
    page.locator('.cell:has([value="brand:jellyfin"])').click()
    page.get_by_role("button", name="Use icon").click()
    expect(page.get_by_text("Jellyfin, from Brands")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Without script")
    page.get_by_role("button", name="Add app").last.click()
    expect(page.get_by_text("Launcher does not open javascript:")).to_be_visible()
    page.get_by_label("URL", exact=True).fill("https://plain.home.arpa")
    page.get_by_role("button", name="Add app").last.click()
    expect(page.get_by_text("Without script added to")).to_be_visible()


def test_the_picker_opens_over_the_form(as_ben: Open) -> None:
    page = as_ben("/apps/2/edit")
    page.get_by_label("Description").fill("Kept")
    page.get_by_role("button", name="Choose icon").click()
    with page.expect_response("**/icons"):
        page.get_by_label("Search icons").fill("nextcloud")
    expect(page.locator("#picker-results .cell").first).to_contain_text("Nextcloud")
    page.locator('.cell:has([value="brand:nextcloud"])').click()
    page.get_by_role("button", name="Use icon").click()
    expect(page.get_by_label("Description")).to_have_value("Kept")
    expect(page.locator("#app-preview use")).to_have_attribute(
        "href", page.locator("#app-icon use").get_attribute("href") or "-"
    )
    page.get_by_role("button", name="Save app").last.click()
    page.wait_for_url("**/b/home/edit")
    page.goto("/apps/2/edit")
    expect(page.get_by_text("Nextcloud, from Brands")).to_be_visible()


def test_two_editors_in_two_browsers_lose_nothing(as_ben: Open) -> None:
    path = "/apps/3/edit"
    ada = as_ben(path, who="ada", expected_statuses={409}, width=390)
    ben = as_ben(path)
    ben.get_by_label("Description").fill("What Ben wrote")
    ben.get_by_role("button", name="Save app").last.click()
    ben.wait_for_url("**/b/*/edit")
    ada.get_by_label("Description").fill("What Ada wrote")
    ada.get_by_label("Search words").fill("both")
    ada.get_by_role("button", name="Save app").last.click()
    expect(ada.get_by_role("heading", name="saved", exact=False).first).to_be_visible()
    assert findings(ada) == []
    assert ada.evaluate("document.documentElement.scrollWidth") == 390
    ada.get_by_role("button", name="Save app").last.click()  # not decided yet
    expect(ada.get_by_label("What Ben wrote")).to_be_visible()
    ada.get_by_label("What Ada wrote").check()
    ada.get_by_role("button", name="Save app").last.click()
    ada.wait_for_url("**/b/*/edit")
    ada.goto(path)
    expect(ada.get_by_label("Description")).to_have_value("What Ada wrote")
    expect(ada.get_by_label("Search words")).to_have_value("both")


@pytest.mark.parametrize("width", [390, 1280])
def test_an_app_is_edited_in_a_dialog_over_the_board(as_ben: Open, width: int) -> None:
    page = as_ben("/b/home/edit", width=width, expected_statuses={422})
    tile = page.locator('.tile-name[href$="/apps/4/edit"]')
    tile.click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_label("URL", exact=True)).to_be_focused()
    box = dialog.bounding_box() or {}
    if width == 390:
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 844)
    save = dialog.get_by_role("button", name="Save app").last
    foot = save.bounding_box() or {}
    assert foot["y"] + foot["height"] <= 844  # in view while the form scrolls
    assert findings(page) == []
    dialog.get_by_label("Home network URL").fill("192.168.1.20")
    save.click()
    expect(dialog.locator("#app-errors")).to_be_focused()
    assert findings(page) == []
    dialog.locator("#app-errors").get_by_role("link", name="Home network URL").click()
    expect(dialog.get_by_label("Home network URL")).to_be_focused()
    dialog.get_by_label("Home network URL").fill("http://192.168.1.20")
    dialog.get_by_label("Name").fill(f"Renamed at {width}")
    save.click()
    expect(page.get_by_text(f"Renamed at {width} saved.")).to_be_visible()
    expect(dialog).not_to_be_visible()
    expect(tile).to_have_text(f"Renamed at {width}")
    assert page.evaluate(BEYOND) == []


def test_apps_are_added_one_after_the_other_in_the_dialog(as_ben: Open) -> None:
    page = as_ben("/b/home/edit")
    page.get_by_role("link", name="Add app").first.click()
    dialog = page.locator("#dialog")
    for name in ("First in dialog", "Second in dialog"):
        expect(dialog.get_by_label("URL", exact=True)).to_have_value("")
        dialog.get_by_label("Name").fill(name)
        dialog.get_by_label("URL", exact=True).fill("https://dialog.home.arpa")
        dialog.get_by_role("button", name="Add and continue").click()
        expect(page.locator(".toast", has_text=name)).to_be_visible()
    expect(dialog.get_by_label("URL", exact=True)).to_be_focused()
    page.keyboard.press("Escape")  # nothing is typed: it closes without a question
    expect(dialog).not_to_be_visible()
    expect(page.locator(".tile-name", has_text="in dialog")).to_have_count(2)


def test_two_editors_decide_in_the_dialog_too(as_ben: Open) -> None:
    page = as_ben("/b/home/edit", expected_statuses={409})
    page.locator('.tile-name[href$="/apps/5/edit"]').click()
    dialog = page.locator("#dialog")
    dialog.get_by_label("Description").fill("In the dialog")
    ada = as_ben("/apps/5/edit", who="ada")
    ada.get_by_label("Description").fill("By Ada")
    ada.get_by_role("button", name="Save app").last.click()
    ada.wait_for_url("**/b/*/edit")
    dialog.get_by_role("button", name="Save app").last.click()
    expect(dialog.get_by_label("By Ada")).to_be_visible()
    assert findings(page) == []
    dialog.get_by_label("In the dialog").check()
    dialog.get_by_role("button", name="Save app").last.click()
    expect(dialog).not_to_be_visible()
    page.goto("/apps/5/edit")
    expect(page.get_by_label("Description")).to_have_value("In the dialog")


def test_going_back_in_the_browser_shows_what_was_typed(as_ben: Open) -> None:
    page = as_ben("/apps/2/edit")
    page.get_by_label("Description").fill("Typed, not saved")
    page.goto("/")
    page.go_back()
    expect(page.get_by_label("Description")).to_have_value("Typed, not saved")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_name_however_odd_leads_beyond_the_edge(as_ben: Open, site: Site, width: int) -> None:
    page = as_ben(f"/b/{site.odd_slug}", width=width, expected_statuses={409})
    assert page.locator(".tile").count() >= len(NAMES)
    assert page.evaluate(BEYOND) == []
    for id_ in site.odd_ids:
        for path in (f"/apps/{id_}/edit", f"/apps/{id_}/delete"):
            page.goto(path)
            assert page.evaluate(BEYOND) == [], path
    for name in NAMES:  # a toast with the name, or the question whether to add it again
        page.goto(f"/apps/new?board={site.odd_slug}")
        page.get_by_label("URL", exact=True).fill(f"https://x{width}.home.arpa")
        page.get_by_label("Name").fill(name)
        page.get_by_role("button", name="Add and continue").click()
        page.locator(".toast").wait_for()
        assert page.evaluate(BEYOND) == [], name
    assert findings(page) == []
