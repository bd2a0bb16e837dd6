"""Find as a dialog over any page, and the keys that need no dialog.

In a browser, since all of it is the script's: focus, keys, and answers that come late.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

from playwright.sync_api import Page, Route, expect

from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions, Watch

FIELD = ".palette input"
LATE = """<div id="found"><div id="hits" role="listbox" aria-label="Results">
    <a class="match" role="option" id="hit-1" href="/" aria-selected="false"><b>Late</b></a>
    </div></div>"""


def _selected(page: Page) -> str:
    """Return the name of the result that a screen reader is led to."""
    id_ = page.locator(FIELD).get_attribute("aria-activedescendant")
    option = page.locator(f"#{id_}[aria-selected=true]")
    return option.locator("b").inner_text()


def test_finding_needs_the_keyboard_alone_on_every_page(
    home: Home, signed_in: Sessions, open_page: OpenPage
) -> None:
    page = open_page(f"{home.server.url}/", storage_state=signed_in["ada"])
    page.locator("#edit-board").focus()
    page.keyboard.press("/")
    expect(page.locator(".palette .match").first).to_be_visible()
    expect(page.locator(FIELD)).to_be_focused()
    page.keyboard.type("jelly")
    expect(page.locator(".palette .match")).to_have_count(2)
    assert _selected(page) == "Jellyfin"
    expect(page.locator(".palette [role=status]")).to_have_text("2 results for jelly")
    page.keyboard.press("ArrowDown")
    assert _selected(page) == "Jellyseerr"
    page.keyboard.press("ArrowDown")
    assert _selected(page) == "Jellyfin"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    assert _selected(page) == "Jellyseerr"
    assert page.locator(FIELD).evaluate("(field) => field.selectionStart") == 0
    expect(page.locator(FIELD)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".palette")).to_be_hidden()
    expect(page.locator("#edit-board")).to_be_focused()

    # Again it begins with what is used most, and an input method takes Enter for itself.
    page.keyboard.press("Control+k")
    expect(page.locator(".palette .match").nth(2)).to_be_visible()
    page.keyboard.type("children")
    expect(page.locator(".palette .match").first).to_contain_text("Children")
    is_taken = page.locator(FIELD).evaluate(
        """(field) => !field.dispatchEvent(new KeyboardEvent(
            "keydown", {key: "Enter", isComposing: true, bubbles: true, cancelable: true}))"""
    )
    assert not is_taken
    with page.context.expect_page() as opened:
        page.keyboard.press("Control+Enter")
    expect(opened.value).to_have_url(f"{home.server.url}/b/children")
    opened.value.close()
    expect(page.locator(FIELD)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/b/children")

    page.goto("/admin/backups")
    page.get_by_role("link", name="Find").click()
    page.keyboard.type("audit log")
    expect(page.locator(".palette .match").first).to_contain_text("Audit log")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/audit")


def test_an_answer_that_comes_late_is_waited_for_or_dropped(
    home: Home, signed_in: Sessions, open_page: OpenPage
) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.url.endswith(("q=jelly", "q=workshop")):
            held.append(route)
        else:
            route.continue_()

    page = open_page(
        f"{home.server.url}/", storage_state=signed_in["ada"], expected_statuses={401, 503}
    )
    page.route("**/find?q=*", hold)
    page.keyboard.press("/")
    expect(page.locator(".palette .match").first).to_be_visible()
    page.locator(FIELD).fill("jelly")
    expect(page.locator(".palette[aria-busy]")).to_be_visible()
    page.locator(FIELD).fill("grafana")
    expect(page.locator(".palette .match")).to_have_count(1)
    held.pop().fulfill(body=LATE, content_type="text/html")
    page.evaluate("fetch('/find?q=after').then((answer) => answer.text())")
    assert _selected(page) == "Grafana"
    expect(page.locator(".palette[aria-busy]")).to_have_count(0)

    page.locator(FIELD).fill("workshop")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.palette[aria-busy]')")
    held.pop().continue_()
    page.wait_for_url("**/b/workshop")

    # A server that does not answer, then one that asks to sign in.
    page.unroute("**/find?q=*")
    page.route("**/find?q=*", lambda route: route.fulfill(status=503))
    page.keyboard.press("/")
    expect(page.get_by_text("No results shown. Launcher did not answer.")).to_be_visible()
    assert findings(page) == []
    page.unroute("**/find?q=*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".palette .match").first).to_be_visible()
    expect(page.locator(FIELD)).to_be_focused()
    page.route(
        "**/find?q=*",
        lambda route: route.fulfill(status=401, headers={"HX-Redirect": "/login?next=/b/workshop"}),
    )
    page.keyboard.type("g")
    page.wait_for_url("**/b/workshop")  # signed in still, so sign-in leads back


def test_without_a_network_the_dialog_says_so(
    home: Home, signed_in: Sessions, open_page: OpenPage, watches: list[Watch]
) -> None:
    page = open_page(f"{home.server.url}/", storage_state=signed_in["ada"])
    page.context.set_offline(True)
    page.keyboard.press("Control+k")
    expect(page.get_by_text("No results shown. Launcher did not answer.")).to_be_visible()
    page.context.set_offline(False)
    page.keyboard.type("g")
    expect(page.locator(".palette .match").first).to_be_visible()
    expect(page.get_by_text("No results shown. Launcher did not answer.")).to_be_hidden()
    assert [each for each in watches[0].complaints if "DISCONNECTED" not in each] == []
    watches[0].complaints.clear()


def test_a_finger_finds_too(home: Home, signed_in: Sessions, open_page: OpenPage) -> None:
    """With the keyboard of a phone open, which leaves half of the screen."""
    for language, find in (("de", "App suchen"), ("ru", "Найти приложение")):
        page = open_page(
            f"{home.server.url}/", storage_state=signed_in["chloe"], width=390, locale=language,
            has_touch=True,
        )  # fmt: skip
        page.set_viewport_size({"width": 390, "height": 420})
        page.get_by_role("link", name=find).tap()
        last = page.locator(".palette .match").last
        last.wait_for()
        last.scroll_into_view_if_needed()
        for each in (last, page.locator(FIELD)):
            box = each.bounding_box()
            assert box
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= 420
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert findings(page) == []
        last.tap()
        page.wait_for_url("**/b/*")


def test_keys_open_boards_and_pages_in_any_script(
    home: Home, signed_in: Sessions, open_page: OpenPage
) -> None:
    press = """([key, code]) => document.body.dispatchEvent(
        new KeyboardEvent("keydown", {key, code, bubbles: true, cancelable: true}))"""
    page = open_page(f"{home.server.url}/", storage_state=signed_in["ada"])
    page.keyboard.press("2")
    page.wait_for_url("**/b/children")
    page.evaluate(press, ["у", "KeyE"])  # noqa: RUF001 (a Cyrillic letter)
    page.wait_for_url("**/b/children/edit")
    page.keyboard.press("1")
    page.wait_for_url("**/b/home/edit")
    page.evaluate(press, ["п", "KeyG"])
    page.evaluate(press, ["и", "KeyB"])
    page.wait_for_url("**/admin/backups")
    page.keyboard.press("?")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shortcuts.get_by_text("Audit log")).to_be_visible()
    page.keyboard.press("/")  # nothing over a dialog
    expect(page.locator(".palette")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(shortcuts).to_be_hidden()

    page.goto("/account")
    page.get_by_label("Current password").focus()
    page.keyboard.type("e/?1gb")
    expect(page.get_by_label("Current password")).to_have_value("e/?1gb")
    expect(page).to_have_url(f"{home.server.url}/account")


def test_each_way_to_open_an_app_is_counted(
    home: Home, signed_in: Sessions, open_page: OpenPage
) -> None:
    page = open_page(f"{home.server.url}/", storage_state=signed_in["ben"])
    # The apps are samples: their addresses must not be asked.
    page.evaluate(
        """() => {
            const stay = (event) => { if (event.target.closest("a")) event.preventDefault(); };
            for (const kind of ["click", "auxclick"]) addEventListener(kind, stay, true);
            window.open = () => {};
        }"""
    )

    def count(act: Callable[[], None]) -> str:
        with page.expect_response("**/launches") as answer:
            act()
        assert answer.value.status == 204
        return parse_qs(answer.value.request.post_data or "")["app"][0]

    tile = page.locator("a.tile-name", has_text="Grafana").first
    grafana = tile.get_attribute("data-app")
    assert count(tile.click) == grafana
    assert count(lambda: tile.click(button="middle")) == grafana
    tile.focus()
    assert count(lambda: page.keyboard.press("Enter")) == grafana
    tile.click(button="right")
    page.keyboard.press("/")
    page.keyboard.type("grafana")
    expect(page.locator(".palette .match")).to_have_count(1)
    assert count(lambda: page.keyboard.press("Control+Enter")) == grafana
    assert count(lambda: page.keyboard.press("Enter")) == grafana
    expect(page.locator(".palette")).to_be_hidden()

    page.goto("/account")
    expect(page.get_by_text("5 launches were counted in the last 90 days.")).to_be_visible()
    page.get_by_role("button", name="Clear counts").click()
    expect(page.get_by_text("Counts cleared.")).to_be_visible()


def test_a_key_that_is_held_acts_once_and_types_nothing(
    home: Home, signed_in: Sessions, open_page: OpenPage
) -> None:
    page = open_page(f"{home.server.url}/", storage_state=signed_in["ada"])

    def hold(key: str, *, times: int = 4) -> None:
        for _time in range(times):  # the second and later ones are repetitions
            page.keyboard.down(key)

    hold("/")
    expect(page.locator(FIELD)).to_be_focused()
    hold("/")
    expect(page.locator(FIELD)).to_have_value("")
    page.keyboard.up("/")
    hold("a")
    expect(page.locator(FIELD)).to_have_value("aaaa")
    page.keyboard.up("a")
    page.keyboard.press("Escape")
    expect(page.locator(FIELD)).to_be_hidden()

    # The control key is let go first.
    page.keyboard.down("Control")
    hold("k")
    page.keyboard.up("Control")
    hold("k")
    page.keyboard.up("k")
    expect(page.locator(FIELD)).to_have_value("")
    page.keyboard.press("Escape")
    expect(page.locator(FIELD)).to_be_hidden()

    # The next page has the focus in a field.
    page.keyboard.press("g")
    page.keyboard.down("b")
    page.wait_for_url("**/admin/backups")
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('input'), {id: 'typed'}))"
    )
    page.locator("#typed").focus()
    hold("b")
    expect(page.locator("#typed")).to_have_value("")
    page.keyboard.up("b")
    hold("b", times=2)
    expect(page.locator("#typed")).to_have_value("bb")


def test_single_keys_can_be_switched_off(home: Home, open_page: OpenPage) -> None:
    page = open_page(f"{home.server.url}/shortcuts")
    page.get_by_label("Single-key shortcuts").uncheck()
    page.get_by_role("button", name="Save keyboard shortcuts").click()
    expect(page.get_by_text("Keyboard shortcuts saved.")).to_be_visible()
    page.goto("/")
    for key in "/?2gh":
        page.keyboard.press(key)
    page.keyboard.press("Control+k")
    expect(page.locator("dialog[open]")).to_have_count(1)
    expect(page.locator(FIELD)).to_be_focused()
    expect(page.locator(FIELD)).to_have_value("")
    expect(page).to_have_url(f"{home.server.url}/")


def test_a_mac_has_its_own_key(home: Home, open_page: OpenPage) -> None:
    page = open_page(f"{home.server.url}/login")
    page.add_init_script("Object.defineProperty(navigator, 'platform', {value: 'MacIntel'})")
    page.goto("/")
    expect(page.locator("kbd").first).to_have_text("⌘ K")
    page.keyboard.press("Control+k")
    expect(page.locator(".palette")).to_have_count(0)
    page.keyboard.press("Meta+k")
    expect(page.locator(".palette kbd", has_text="⌘")).to_be_visible()
