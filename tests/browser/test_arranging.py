"""Arranging a board in Chromium: by mouse, touch and keyboard, by two editors, and on a phone.

Where a tile lands under a pointer, where the focus is, and what is announced, only a browser knows.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import findings
from tests.browser.conftest import OpenPage, Sample, Sessions
from tests.support.server import Server, serving

TABLES = ("boards", "sections", "apps", "placements", "undo_steps")
MEDIA = [
    "Jellyfin", "Immich", "Navidrome", "Audiobookshelf", "Kavita", "Jellyseerr", "TubeArchivist",
    "Calibre-Web",
]  # fmt: skip


@pytest.fixture(scope="module")
def data_dir(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample.copy_to(tmp_path_factory.mktemp("arranged"))


@pytest.fixture(scope="module")
def server(data_dir: Path) -> Iterator[Server]:
    """A server of its own: its boards are changed."""
    with serving(data_dir) as running:
        yield running


@pytest.fixture(scope="module")
def people(server: Server, sample: Sample, chromium: Browser) -> Sessions:
    return Sessions(chromium, server.url, sample.passwords)


@pytest.fixture
def edit(
    server: Server, people: Sessions, open_page: OpenPage, data_dir: Path
) -> Iterator[OpenPage]:
    """Open Home in edit mode; the boards are as they were at the end."""

    def open_it(name: str = "ada", path: str = "/b/home/edit", **context: object) -> Page:
        return open_page(f"{server.url}{path}", storage_state=people[name], **context)

    with closing(sqlite3.connect(data_dir / "launcher.db")) as database:
        before = {each: database.execute(f"SELECT * FROM {each}").fetchall() for each in TABLES}
    yield open_it
    with closing(sqlite3.connect(data_dir / "launcher.db")) as database, database:
        for table, rows in before.items():
            database.execute(f"DELETE FROM {table}")
            if not rows:
                continue
            marks = ", ".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def test_forced_colours_show_the_dots_to_drag_by_and_of_the_menus(edit: OpenPage) -> None:
    page = edit(forced_colors="active")

    for dots in (".grip", ".tile-more"):
        drawn = "(each) => getComputedStyle(each, '::before').backgroundImage"
        assert "gradient" in page.locator(f"#board {dots}").first.evaluate(drawn)


def test_a_tile_is_dragged_by_mouse_and_the_step_is_undone(edit: OpenPage) -> None:
    page = edit()
    _drag(page, "Navidrome", "Immich")
    expect(page.locator("#moving")).to_contain_text("Position 2 of 8 in Media.")
    assert _apps(page) == ["Jellyfin", "Navidrome", "Immich", *MEDIA[3:]], "others move aside"
    assert findings(page) == []
    page.mouse.up()
    toast = page.locator("#toasts .toast")
    expect(toast).to_contain_text("Navidrome moved to position 2 of 8 in Media.")
    assert _focus(page) == "Move Navidrome"
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("Undone: Navidrome moved.")
    assert _apps(page) == MEDIA
    page.reload()
    assert _apps(page) == MEDIA

    _drag(page, "Jellyfin", "Mealie")
    page.mouse.up()
    expect(toast).to_contain_text("Jellyfin moved to House.")
    assert "Jellyfin" in _apps(page, 1)
    page.keyboard.press("Control+z")
    expect(page.locator("#toasts")).to_contain_text("Undone: Jellyfin moved.")
    assert _apps(page) == MEDIA

    _drag(page, "Immich", "Kavita")
    page.keyboard.press("Escape")
    page.mouse.up()
    assert _apps(page) == MEDIA


def test_nothing_moves_up_under_the_pointer_when_a_tile_leaves_its_section(edit: OpenPage) -> None:
    page = edit(width=1000)
    page.locator(".grip").first.wait_for()
    heads = "[...document.querySelectorAll('#board .section')].map(each => each.offsetTop)"
    before = page.evaluate(heads)
    name = page.locator("#board .tiles").first.locator(".tile-name").last.inner_text()
    _grab(page, name)
    house = _slot(page, "Mealie")
    page.mouse.move(house["x"] + 40, house["y"] + 30, steps=10)
    expect(page.locator("#moving")).to_contain_text("in House.")
    assert page.evaluate(heads)[1] == before[1], "Media keeps its height"
    add = page.locator("#board .tiles").nth(2).locator(".tile-add").bounding_box()
    assert add
    page.mouse.move(add["x"] + 40, add["y"] + 30, steps=10)
    grown = page.evaluate(heads)[2]
    page.mouse.move(add["x"] + 44, add["y"] + 32, steps=4)
    assert page.evaluate(heads)[2] == grown, "and House, which it left again"
    page.keyboard.press("Escape")
    page.mouse.up()
    assert page.evaluate(heads) == before


def test_a_section_is_added_once_and_control_z_in_its_field_undoes_that(edit: OpenPage) -> None:
    page = edit()
    field = page.get_by_label("Name of the new section")
    field.fill("Films")
    field.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Section Films added.")
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    field.press("Enter")
    field.press("x")
    field.press("Control+z")
    expect(page.get_by_label("Name of section Films")).to_have_count(1)
    page.reload()
    field.fill("Music")
    field.press("Enter")
    expect(field).to_have_value("")
    field.press("Control+z")
    expect(page.locator("#toasts")).to_contain_text("Undone: Section Music added.")
    expect(page.get_by_label("Name of section Music")).to_have_count(0)


def test_after_a_tile_is_gone_the_focus_is_on_the_next(edit: OpenPage) -> None:
    page = edit()
    for name, item, said, then in (
        ("Immich", "Remove from board", "Immich removed", "Navidrome"),
        ("Navidrome", "Archive", "Navidrome archived", "Audiobookshelf"),
        ("Calibre-Web", "Archive", "Calibre-Web archived", "TubeArchivist"),
    ):
        page.get_by_role("link", name=f"Actions for {name}").click()
        page.locator("#tile-menu").get_by_text(item).click()
        expect(page.locator("#toasts")).to_contain_text(said)
        assert _focus(page) == f"Actions for {then}"
    page.get_by_role("link", name="Actions for Kavita").click()
    page.locator("#tile-menu").get_by_text("Delete…").click()
    expect(page.locator("#dialog")).to_contain_text("Delete Kavita?")
    page.get_by_role("button", name="Delete app").click()
    expect(page.locator("#toasts")).to_contain_text("Kavita deleted.")
    page.wait_for_function("document.activeElement.ariaLabel === 'Actions for Jellyseerr'")
    page.keyboard.press("Control+z")
    expect(page.locator("#toasts")).to_contain_text("You cannot undo the deletion of an app")
    _key_right(page, "Jellyfin")
    expect(page.locator("#toasts")).to_contain_text("Jellyfin moved")
    page.keyboard.press("Control+z")
    expect(page.locator("#toasts")).to_contain_text("Undone: Jellyfin moved.")
    page.keyboard.press("Control+z")
    expect(page.locator("#toasts")).to_contain_text("nor the steps before it.")


def test_keys_are_those_of_their_letters_on_a_russian_keyboard(edit: OpenPage) -> None:
    page = edit(path="/b/home")
    _press(page, "у", "KeyE")  # noqa: RUF001
    page.wait_for_url("**/edit")
    _key_right(page, "Jellyfin")
    expect(page.locator("#toasts")).to_contain_text("Jellyfin moved")
    _press(page, "я", "KeyZ", ctrlKey=True)
    expect(page.locator("#toasts")).to_contain_text("Undone: Jellyfin moved.")
    _press(page, "Я", "KeyZ", ctrlKey=True, shiftKey=True)
    expect(page.locator("#toasts")).to_contain_text("Redone: Jellyfin moved.")
    _press(page, "y", "KeyZ", ctrlKey=True)
    page.keyboard.press("Control+z")  # a German Y is no Z
    expect(page.locator("#toasts")).to_contain_text("Undone: Jellyfin moved.")


def test_a_refused_form_and_saved_settings_leave_the_console_quiet(edit: OpenPage) -> None:
    page = edit(expected_statuses={422})
    for _ in range(2):
        page.get_by_role("link", name="Add app to Media").click()
        page.locator("#app-url").fill("nonsense")
        for _again in range(2):
            page.locator("#dialog .form-foot .button-primary").click()
            expect(page.locator("#app-errors")).to_be_visible()
        page.locator("#dialog [data-closes-dialog]").first.click()
        expect(page.locator("#dialog")).to_be_visible()
        page.get_by_role("button", name="Discard changes").click()
        expect(page.locator("#dialog")).to_be_hidden()
    page.get_by_role("link", name="Board settings").click()
    page.locator("#dialog input[name=name]").fill("Start")
    page.locator("#dialog .button-primary").click()
    expect(page.locator("h1")).to_contain_text("Start")
    page.keyboard.press("Control+z")
    expect(page.locator("#toasts")).to_contain_text("Undone: Board ")
    expect(page.locator("h1")).to_contain_text("Home")
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("h1")).to_contain_text("Start")


def test_the_page_takes_the_pointer_at_once(edit: OpenPage) -> None:
    page = edit(path="/b/home")
    page.keyboard.press("e")
    page.wait_for_url("**/edit")
    # While it fades, a page is a picture: no pointer reaches it.
    assert page.evaluate(_FADING) == []


@pytest.mark.parametrize(("locale", "width"), [("ru", 390), ("ru", 320), ("de", 320)])
def test_the_line_about_a_lifted_tile_is_whole_on_a_phone(
    edit: OpenPage, locale: str, width: int
) -> None:
    page = edit(locale=locale, width=width)
    page.locator(".grip").first.focus()
    page.keyboard.press("Space")
    expect(page.locator("#moving [data-how]")).to_be_visible()
    assert page.locator("#moving span").evaluate_all(_CUT_OFF) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("Escape")


def test_a_tile_is_dropped_on_the_tab_of_another_board(edit: OpenPage) -> None:
    page = edit()
    page.locator("#board").wait_for()
    _grab(page, "Kavita")
    tab = page.locator("#tabs").get_by_text("Workshop").bounding_box()
    assert tab
    page.mouse.move(tab["x"] + 20, tab["y"] + 15, steps=6)
    expect(page.locator("#moving")).to_contain_text("Drop to move to Workshop.")
    page.mouse.up()
    expect(page.locator("#toasts")).to_contain_text(re.compile("Kavita moved to .* on Workshop."))
    assert "Kavita" not in _apps(page)


def test_a_tile_is_moved_by_keyboard_and_each_move_is_announced_once(edit: OpenPage) -> None:
    page = edit()
    _listen(page)
    page.get_by_role("button", name="Move Jellyfin", exact=True).focus()
    for key in ("Space", "ArrowRight", "ArrowDown", "End", "ArrowRight", "Home", "ArrowLeft"):
        page.keyboard.press(key)
    page.keyboard.press("Escape")
    assert _heard(page) == [
        "Jellyfin lifted. Position 1 of 8 in Media.",
        "Position 2 of 8 in Media.",
        "Position 6 of 8 in Media.",
        "Position 8 of 8 in Media.",
        "Position 1 of 8 in House.",
        "Position 8 of 8 in Media.",
        "Move cancelled. Jellyfin is back at position 1 of 8 in Media.",
    ]
    assert _apps(page) == MEDIA
    assert _focus(page) == "Move Jellyfin"
    for key in ("Enter", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#toasts")).to_contain_text("Jellyfin moved to position 2 of 8 in Media.")
    page.wait_for_function("window.heard.at(-1).includes('dropped')")
    assert _heard(page)[-1] == "Jellyfin dropped at position 2 of 8 in Media."
    assert _focus(page) == "Move Jellyfin"


def test_sections_and_the_board_are_moved_by_keyboard(edit: OpenPage) -> None:
    page = edit()
    page.get_by_role("button", name="Move section Media").focus()
    for key in ("Space", "ArrowDown", "Space"):
        page.keyboard.press(key)
    expect(page.locator("#toasts")).to_contain_text("Media moved to position 2 of 4.")
    assert page.locator("#board h2").all_inner_texts()[:2] == ["House", "Media"]
    assert _focus(page) == "Move section Media"

    page.get_by_role("button", name="Move board Home").focus()
    for key in ("Space", "ArrowRight", "Space"):
        page.keyboard.press(key)
    expect(page.locator("#toasts")).to_contain_text("Home moved to position 2 of 3.")
    assert page.locator("#tabs [data-slug]").all_inner_texts() == ["Children", "Home", "Workshop"]
    page.keyboard.press("Control+z")
    expect(page.locator("#toasts")).to_contain_text("Undone: Board Home moved.")
    expect(page.locator("#tabs [data-slug]")).to_have_text(["Home", "Children", "Workshop"])


def test_menus_and_forms_need_the_keyboard_alone(edit: OpenPage) -> None:
    page = edit(path="/b/home")
    first = page.locator(".tile").first.bounding_box()
    page.keyboard.press("e")
    page.wait_for_url("**/edit")
    assert page.locator(".tile").first.bounding_box() == pytest.approx(first, abs=0.5)

    more = page.get_by_role("link", name="Actions for Immich")
    more.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#tile-menu")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("Escape")
    assert _focus(page) == "Actions for Immich"
    page.keyboard.press("Enter")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog")).to_contain_text("Move Immich")
    assert findings(page) == []
    page.select_option("#move-section", label="House")
    expect(page.locator("#dialog")).to_contain_text("After Home Assistant")
    page.keyboard.press("Escape")
    expect(page.get_by_text("Discard changes?")).to_be_visible()
    page.get_by_role("button", name="Keep editing").click()
    page.get_by_role("button", name="Move app").click()
    expect(page.locator("#toasts")).to_contain_text("Immich moved to House.")
    expect(page.locator("#dialog")).to_be_hidden()
    assert "Immich" in _apps(page, 1)

    page.get_by_label("Name of section Work").fill("Office")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Section renamed to Office.")
    page.locator("#main").focus()
    page.keyboard.press("e")
    page.wait_for_url("**/b/home")


def test_control_z_undoes_the_steps_of_this_page_and_none_before(edit: OpenPage) -> None:
    page = edit()
    _key_right(page, "Jellyfin")
    expect(page.locator("#toasts")).to_contain_text("Jellyfin moved to position 2")
    page.reload()
    page.locator(".grip").first.wait_for()
    page.keyboard.press("Control+z")
    expect(page.locator("#toasts")).to_contain_text("Nothing to undo.")
    assert _apps(page)[:2] == ["Immich", "Jellyfin"], "that step was of the page before"

    _key_right(page, "Jellyfin")
    expect(page.locator("#toasts")).to_contain_text("Jellyfin moved to position 3")
    _key_right(page, "Kavita")
    expect(page.locator("#toasts")).to_contain_text("Kavita moved")
    before = _apps(page)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.locator("#toasts")).to_contain_text("Undone: Jellyfin moved.")
    assert _apps(page) == ["Immich", "Jellyfin", *MEDIA[2:]]
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("#toasts")).to_contain_text("Redone: Kavita moved.")
    assert _apps(page) == before
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("Undone: Kavita moved.")
    page.get_by_role("button", name="Redo").click()
    expect(page.locator("#toasts")).to_contain_text("Redone: Kavita moved.")
    assert _apps(page) == before
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("#toasts")).to_contain_text("Nothing to redo.")


def test_the_second_of_two_editors_sees_what_the_first_did(edit: OpenPage) -> None:
    ada, ben = edit(expected_statuses={409}), edit("ben", expected_statuses={409})
    _key_right(ada, "Jellyfin")
    expect(ada.locator("#toasts")).to_contain_text("Jellyfin moved")
    _key_right(ben, "Kavita")
    expect(ben.locator("#toasts")).to_contain_text(
        re.compile(r"Move not saved\. ada changed Media at .* Move the app again if needed\.")
    )
    assert _apps(ben) == ["Immich", "Jellyfin", *MEDIA[2:]]
    _key_right(ben, "Immich")
    expect(ben.locator("#toasts")).to_contain_text("Immich moved to position 2")
    ada.get_by_role("button", name="Undo").click()
    expect(ada.locator("#toasts")).to_contain_text("Launcher could not undo the move. ben changed")
    ben.keyboard.press("Control+z")
    expect(ben.locator("#toasts")).to_contain_text("Undone: Immich moved.")


def test_a_server_that_is_silent_puts_the_tile_back(edit: OpenPage) -> None:
    page = edit(expected_statuses={504})
    _listen(page)
    page.route("**/move", lambda route: route.fulfill(status=504))
    _key_right(page, "Jellyfin")
    expect(page.locator("#toasts")).to_contain_text(
        "Move not saved. Launcher did not answer. The tile is back in its place."
    )
    assert _apps(page) == MEDIA
    assert not [each for each in _heard(page) if "dropped" in each]
    page.unroute("**/move")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#toasts")).to_contain_text("Jellyfin moved to position 2")
    assert _apps(page)[:2] == ["Immich", "Jellyfin"]


def test_on_a_phone_one_thumb_drags_by_the_handle(edit: OpenPage) -> None:
    page = edit(width=390, has_touch=True, is_mobile=True)
    page.locator(".grip").first.wait_for()
    assert page.locator("#board .grip, .tile-more, .bar .button").evaluate_all(_SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert findings(page) == []
    grip = page.get_by_role("button", name="Move Jellyfin", exact=True).bounding_box()
    over = page.locator(".slot").nth(2).bounding_box()
    assert grip
    assert over
    touch = page.context.new_cdp_session(page)

    def send(kind: str, x: float = 0, y: float = 0) -> None:
        points = [{"x": x, "y": y}] if kind in {"touchStart", "touchMove"} else []
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = grip["x"] + 20, grip["y"] + 20
    send("touchStart", x, y)
    for step in range(1, 9):
        send("touchMove", x + 4, y + (over["y"] - grip["y"]) * step / 8)
    expect(page.locator("#moving")).to_contain_text("Position 3 of 8 in Media.")
    send("touchEnd")
    expect(page.locator("#toasts")).to_contain_text("Jellyfin moved to position 3 of 8 in Media.")

    send("touchStart", x, y)
    send("touchMove", x, y + 100)
    send("touchCancel")
    expect(page.locator(".tile-lifted")).to_have_count(0)
    assert _apps(page)[:3] == ["Immich", "Navidrome", "Jellyfin"]

    before = page.evaluate("scrollY")
    send("touchStart", 200, 500)
    for step in range(1, 9):
        send("touchMove", 200, 500 - 40 * step)
    send("touchEnd")
    # The page scrolls by all but the handles.
    page.wait_for_function("(before) => scrollY > before", arg=before)


def test_without_script_all_is_done_by_forms(edit: OpenPage) -> None:
    edit()
    page = edit(java_script_enabled=False)
    expect(page.locator(".grip")).to_have_count(0)
    page.get_by_role("link", name="Actions for Immich").click()
    page.get_by_role("button", name="Duplicate").click()
    expect(page.locator("#toasts")).to_contain_text("Immich duplicated.")
    assert _apps(page)[1:3] == ["Immich", "Immich copy"]
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#toasts")).to_contain_text("Undone: Immich duplicated.")
    page.get_by_role("button", name="Actions for section House").click()
    page.get_by_role("button", name="Move section up").click()
    expect(page.locator("#toasts")).to_contain_text("House moved to position 1 of 4.")


_SMALL = """each => each
    .filter((one) => Math.min(one.offsetWidth, one.offsetHeight) < 44)
    .map((one) => one.outerHTML)"""
"""What is less than a thumb needs."""


_FADING = """document.getAnimations()
    .map((each) => each.effect.pseudoElement)
    .filter((each) => each?.startsWith("::view-transition"))"""
"""The parts of a page that fade in."""


_CUT_OFF = """each => each
    .filter((one) => {
        const box = one.getBoundingClientRect();
        const toast = one.closest(".toast").getBoundingClientRect();
        return box.right > Math.min(innerWidth, toast.right) || box.left < toast.left
            || one.scrollWidth > one.clientWidth + 1;
    })
    .map((one) => one.textContent)"""
"""What is not whole in the toast of a move."""


def _slot(page: Page, name: str) -> dict[str, float]:
    link = page.locator(".slot").filter(has=page.get_by_role("link", name=name, exact=True))
    box = link.bounding_box()
    assert box
    return box


def _press(page: Page, key: str, code: str, **modifiers: bool) -> None:
    pressed = {"key": key, "code": code, "bubbles": True, "cancelable": True} | modifiers
    page.locator("body").dispatch_event("keydown", pressed)


def _grab(page: Page, name: str) -> None:
    page.locator(".grip").first.wait_for()
    box = _slot(page, name)
    page.mouse.move(box["x"] + 12, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 30, box["y"] + 36, steps=3)


def _drag(page: Page, name: str, over: str) -> None:
    _grab(page, name)
    box = _slot(page, over)
    page.mouse.move(box["x"] + 40, box["y"] + 30, steps=10)


def _key_right(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Move {name}", exact=True).focus()
    for key in ("Space", "ArrowRight", "Space"):
        page.keyboard.press(key)


def _apps(page: Page, section: int = 0) -> list[str]:
    return page.locator("#board .tiles").nth(section).locator(".tile-name").all_inner_texts()


def _focus(page: Page) -> str:
    return page.evaluate("document.activeElement.getAttribute('aria-label')")


def _listen(page: Page) -> None:
    """Note what the live region says, as a screen reader does."""
    page.evaluate(
        """() => {
            window.heard = [];
            const region = document.querySelector("#moving [data-says]");
            new MutationObserver(() => window.heard.push(region.textContent)).observe(
                region, {childList: true, characterData: true, subtree: true});
        }"""
    )


def _heard(page: Page) -> list[str]:
    return page.evaluate("window.heard")
