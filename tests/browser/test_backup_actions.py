"""What an admin does to backups, in real browsers at a real server with several workers."""

from __future__ import annotations

import os
import re
import secrets
import signal
from collections.abc import Callable, Iterator, Sequence

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from launcher.accounts import users
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.background.service import Installation, build_backups
from launcher.backup.records.backup import Backup
from launcher.backup.service import BackupService
from launcher.extensions import db
from launcher.models import Media, Role
from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sample, sign_in
from tests.support.operations import await_idle, paused
from tests.support.server import serving

LIST = "/admin/backups"
EDITH = ("edith", "edith's long password")

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def house(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A server with two admins, and a database that takes a moment to pack."""
    data_dir = sample.copy_to(tmp_path_factory.mktemp("house"))
    app = create_app({"LAUNCHER_DATA_DIR": str(data_dir)})
    with app.app_context():
        users.create_user(*EDITH, role=Role.ADMIN, display_name="Edith", actor=COMMAND_LINE)
        for number in range(12):
            content = secrets.token_bytes(1 << 20)
            db.session.add(
                Media(
                    sha256=f"{number:064x}", name=f"{number}.png", mime="image/png",
                    size_bytes=len(content), content=content,
                )
            )  # fmt: skip
        db.session.commit()
    with serving(data_dir, app="tests.support.pausable:app") as server:
        yield Home(server, sample.passwords | dict([EDITH]))


@pytest.fixture(scope="module")
def cookies(house: Home, chromium: Browser) -> dict[str, object]:
    return {
        name: sign_in(chromium, house.server.url, name, house.passwords[name])
        for name in ("ada", "edith")
    }


@pytest.fixture
def service(house: Home) -> BackupService:
    data_dir = house.server.data_dir
    return build_backups(
        Installation(
            database_path=data_dir / "launcher.db",
            data_dir=data_dir,
            backup_dir=data_dir / "backups",
            compression=False,
        )
    )


@pytest.fixture
def three(service: BackupService) -> Sequence[Backup]:
    """Three good backups and no other, newest first."""
    await_idle(service)
    for backup in service.list():
        if backup.protected:
            service.unprotect(backup.id, by="test")
    service.delete([backup.id for backup in service.list()], by="test")
    for note in ("first", "second", "third"):
        service.create(by="ada", note=note)
    return service.list()


@pytest.fixture
def open_panel(house: Home, cookies: dict[str, object], open_page: OpenPage) -> Open:
    def open_one(who: str = "ada", path: str = LIST, **context: object) -> Page:
        return open_page(f"{house.server.url}{path}", storage_state=cookies[who], **context)

    return open_one


def row_of(page: Page, backup: Backup) -> Locator:
    return page.locator(f"#row-{backup.id}")


def menu_button(page: Page, backup: Backup) -> Locator:
    return page.locator(f"[popovertarget=menu-{backup.id}]")


def choose(page: Page, backup: Backup, words: str) -> None:
    """Open the menu of a backup and choose from it."""
    menu_button(page, backup).click()
    page.locator(f"#menu-{backup.id}").get_by_text(words, exact=True).click()


def back_up(page: Page, *, note: str = "") -> None:
    page.get_by_role("button", name="Back up now").click()
    page.fill("#note", note)
    page.locator("#create button").click(no_wait_after=True)


def toast(page: Page, words: str | re.Pattern[str]) -> Locator:
    return page.locator(".toast").filter(has_text=words)


# --- create ------------------------------------------------------------------------------


def test_a_backup_is_watched_in_two_tabs_and_after_a_reload(
    house: Home, three: Sequence[Backup], open_panel: Open
) -> None:
    mine, hers = open_panel("ada"), open_panel("edith")

    with paused(house.server.data_dir) as reached:
        back_up(mine, note="From <the> panel")
        reached()
        for page in (mine, hers):
            expect(page.locator("#operation h3")).to_contain_text(
                "Creating a backup, started by Ada"
            )
            expect(page.locator("#operation [aria-current=step]")).to_have_text(
                "Compressing and computing checksum"
            )
            expect(page.locator("#operation [data-stage=done]")).to_have_text("Database copied")
        mine.reload()
        expect(mine.locator("#operation h3")).to_contain_text("Creating a backup")
        assert mine.locator("#operation progress").get_attribute("max") is not None
        expect(mine.get_by_role("button", name="Backing up…")).to_be_disabled()

    for page in (mine, hers):  # both first: a toast leaves after a while
        expect(toast(page, re.compile(r"Backup created: [\d.]+ MB in [\d.]+"))).to_be_visible()
    for page in (mine, hers):
        expect(page.locator("tbody tr[id^=row-]")).to_have_count(4)
        expect(page.locator("tbody tr[id^=row-]").first).to_contain_text("From <the> panel")
        expect(page.locator("#operation")).to_be_hidden()
    expect(mine.get_by_role("button", name="Back up now").first).to_be_enabled()


def test_a_killed_backup_is_said_as_interrupted_and_leaves_nothing(
    house: Home, three: Sequence[Backup], open_panel: Open
) -> None:
    mine, hers = open_panel("ada"), open_panel("edith")

    with paused(house.server.data_dir) as reached:
        back_up(mine)
        expect(mine.locator("#operation h3")).to_be_visible()
        os.kill(reached(), signal.SIGKILL)

    for page in (mine, hers):
        told = toast(page, "The backup was interrupted, because the process was stopped.")
        expect(told).to_contain_text("No partial files remain.")
        expect(told).to_have_attribute("data-state", "bad")
        expect(page.locator("tbody tr[id^=row-]")).to_have_count(3)
        expect(page.locator("#operation")).to_be_hidden()
    assert list((house.server.data_dir / "backups" / "staging").iterdir()) == []


def test_a_second_admin_sees_who_is_busy(
    house: Home, three: Sequence[Backup], open_panel: Open
) -> None:
    mine, hers = open_panel("ada"), open_panel("edith", expected_statuses={409})

    hers.get_by_role("button", name="Back up now").click()
    with paused(house.server.data_dir):
        back_up(mine)
        expect(hers.locator("#operation h3")).to_be_visible()
        choose(hers, three[0], "Verify again")

        notice = hers.locator("#problem .notice")
        expect(notice).to_contain_text("Another operation is running")
        expect(notice).to_contain_text("Creating a backup, started by ada")
        expect(notice).to_be_in_viewport()
    expect(toast(hers, "Backup created")).to_be_visible()
    choose(hers, three[0], "Protect")
    expect(notice).to_have_count(0)


def test_no_one_asks_for_a_page_that_no_one_sees(
    three: Sequence[Backup], house: Home, open_panel: Open
) -> None:
    page = open_panel("ada", path="/account")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.install()
    page.goto(LIST)
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.isAway})")

    def polls() -> int:
        return sum("/progress" in url for url in asked)

    page.evaluate("isAway = true")
    page.clock.run_for(60_000)
    assert polls() == 0

    with page.expect_response(re.compile("/progress")):
        page.evaluate("isAway = false; document.dispatchEvent(new Event('visibilitychange'))")
    assert polls() == 1
    with page.expect_response(re.compile("/progress")):
        page.clock.run_for(6_000)
    assert polls() == 2


# --- verify and test restore -------------------------------------------------------------


def test_verifying_and_testing_say_what_was_found(
    three: Sequence[Backup], open_panel: Open, service: BackupService
) -> None:
    page = open_panel()

    choose(page, three[1], "Verify again")
    good = toast(page, re.compile(r"Backup of .* verified: good"))
    expect(good).to_be_visible()

    choose(page, three[1], "Test restore")
    passed = toast(page, re.compile(r"passed: \d+ apps, .*was not changed"))
    expect(passed).to_be_visible()

    file = three[1].file
    assert file
    path = service.store_path / file.name
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-9])
    choose(page, three[1], "Verify again")
    expect(toast(page, re.compile(r"The backup of .* is damaged"))).to_be_visible()
    for success in (good, passed):
        expect(success).to_be_hidden()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_menu_of_a_row_at_the_lower_edge_opens_inside_the_window(
    three: Sequence[Backup], open_panel: Open, width: int
) -> None:
    page = open_panel(width=width)
    page.set_viewport_size({"width": width, "height": 640})

    for backup in three:
        menu_button(page, backup).evaluate("each => each.scrollIntoView(false)")
        menu_button(page, backup).click()
        menu = page.locator(f"#menu-{backup.id}")
        box = menu.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 640
        expect(menu.get_by_text("Delete…")).to_be_in_viewport(ratio=1)
        page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [390, 1280])
def test_no_row_moves_when_the_first_one_is_selected(
    three: Sequence[Backup], open_panel: Open, width: int
) -> None:
    page = open_panel(width=width)
    row = row_of(page, three[1])
    delete = page.get_by_role("button", name="Delete the selected…")
    expect(delete).to_be_hidden()
    place = "each => each.getBoundingClientRect().y + scrollY"
    before = row.evaluate(place)

    row.get_by_role("checkbox").check()

    expect(delete).to_be_visible()
    assert row.evaluate(place) == before


# --- protect -----------------------------------------------------------------------------


def test_protecting_can_be_undone_from_the_toast(
    three: Sequence[Backup], open_panel: Open, service: BackupService
) -> None:
    page = open_panel()

    choose(page, three[1], "Protect")
    expect(row_of(page, three[1])).to_contain_text("Protected")
    expect(menu_button(page, three[1])).to_be_focused()
    expect(page.locator(".menu:popover-open")).to_have_count(0)

    toast(page, "protected").get_by_role("button", name="Undo").click()
    expect(toast(page, "Protection removed from")).to_be_visible()
    expect(row_of(page, three[1])).not_to_contain_text("Protected")
    assert not service.get(three[1].id).protected


def test_the_keyboard_undoes_while_the_toast_is_there(
    three: Sequence[Backup], open_panel: Open, service: BackupService
) -> None:
    """Arrows lead through the menu, Ctrl+Z stands for the button at the end of the page."""
    page = open_panel()
    menu_button(page, three[1]).focus()
    page.keyboard.press("Enter")
    protect = page.locator(f"#menu-{three[1].id}").get_by_text("Protect", exact=True)
    for _ in range(10):
        page.keyboard.press("ArrowDown")
        if protect.evaluate("each => each === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(row_of(page, three[1])).to_contain_text("Protected")

    page.keyboard.press("Control+z")
    expect(row_of(page, three[1])).not_to_contain_text("Protected")
    assert not service.get(three[1].id).protected


def test_a_toast_of_success_leaves_and_one_with_undo_stays_longer(
    three: Sequence[Backup], open_panel: Open
) -> None:
    page = open_panel()
    page.clock.install()
    choose(page, three[1], "Protect")
    undo = toast(page, "protected")
    expect(undo).to_be_visible()
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")

    page.clock.run_for(25_000)
    expect(undo).to_be_visible()
    page.clock.run_for(10_000)
    expect(undo).to_be_hidden()


def test_the_focus_is_never_lost_when_a_backup_is_created_by_keyboard(
    house: Home, three: Sequence[Backup], open_panel: Open
) -> None:
    page = open_panel()
    # A backup that had ended before the answer is drawn would leave the focus on its button.
    with paused(house.server.data_dir) as reached:
        page.get_by_role("button", name="Back up now").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#note")).to_be_visible()
        page.locator("#note").focus()
        page.keyboard.press("Enter")
        reached()
        expect(page.locator("#operation")).to_be_visible()
        expect(page.locator("#list")).to_be_focused()

    expect(page.locator("#backups tr[data-state=verified]")).to_have_count(len(three) + 1)
    expect(page.locator("#list")).to_be_focused()


# --- delete ------------------------------------------------------------------------------


def test_a_backup_is_deleted_by_keyboard_alone_and_focus_is_never_lost(
    three: Sequence[Backup], open_panel: Open
) -> None:
    page = open_panel()
    press = page.keyboard.press

    def ask() -> None:
        menu_button(page, three[1]).focus()
        press("Enter")
        delete = page.locator(f"#menu-{three[1].id} .destructive")
        expect(delete).to_be_visible()
        for _ in range(10):
            press("Tab")
            if delete.evaluate("each => each === document.activeElement"):
                break
        press("Enter")
        expect(page.get_by_role("link", name="Keep backup")).to_be_focused()

    ask()
    press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(menu_button(page, three[1])).to_be_focused()

    ask()
    press("Enter")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(menu_button(page, three[1])).to_be_focused()

    ask()
    press("Tab")
    press("Enter")
    expect(toast(page, "deleted")).to_be_visible()
    expect(page.locator("#dialog")).to_be_hidden()
    expect(row_of(page, three[1])).to_have_count(0)
    expect(page.locator("#list")).to_be_focused()


def test_a_click_beside_the_dialog_keeps_the_backup(
    three: Sequence[Backup], open_panel: Open
) -> None:
    page = open_panel()
    choose(page, three[0], "Delete…")
    expect(page.get_by_role("heading", name="Delete the backup of")).to_be_visible()

    page.mouse.click(10, 10)

    expect(page.locator("#dialog")).to_be_hidden()
    expect(menu_button(page, three[0])).to_be_focused()
    expect(row_of(page, three[0])).to_be_visible()


def test_what_another_admin_deleted_meanwhile_is_said(
    three: Sequence[Backup], open_panel: Open, service: BackupService
) -> None:
    page = open_panel(expected_statuses={404})
    choose(page, three[1], "Delete…")
    expect(page.locator("#dialog")).to_be_visible()
    service.delete([three[1].id], by="edith")

    page.get_by_role("button", name="Delete backup").click()

    expect(page.locator("#problem")).to_contain_text("There is no such backup")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(row_of(page, three[1])).to_have_count(0)
    expect(toast(page, "edith deleted the backup of")).to_be_visible()


def test_the_last_good_ones_go_only_with_the_word(
    three: Sequence[Backup], open_panel: Open
) -> None:
    page = open_panel(expected_statuses={422})
    for box in page.locator(".pick input").all():
        box.check()
    page.get_by_role("button", name="Delete the selected…").click()

    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("Delete the last good backups?")
    page.fill("#word", "yes")
    dialog.get_by_role("button", name="Delete 3 backups").click()
    expect(dialog.locator("#word-error")).to_be_visible()
    expect(page.locator("#word")).to_be_focused()

    page.fill("#word", "delete")
    dialog.get_by_role("button", name="Delete 3 backups").click()
    expect(toast(page, "3 backups deleted")).to_be_visible()
    expect(dialog).to_be_hidden()
    expect(page.locator("tbody tr[id^=row-]")).to_have_count(0)


BROKEN_WORDS = r"""(rows) => {
    const broken = [];
    const texts = document.createTreeWalker(rows, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode;
        if (text.parentElement.closest(".vh, [popover]")) continue;
        for (const word of text.data.matchAll(/[\p{L}\p{N}]+/gu)) {
            const range = document.createRange();
            range.setStart(text, word.index);
            range.setEnd(text, word.index + word[0].length);
            if (range.getClientRects().length > 1) broken.push(word[0]);
        }
    }
    return broken;
}"""


def test_on_a_phone_rows_keep_words_whole_and_boxes_are_wide_enough_for_a_finger(
    three: Sequence[Backup], open_panel: Open
) -> None:
    """Where words break and what a finger hits, only the layout of a browser knows."""
    page = open_panel(locale="ru", width=390, has_touch=True)
    rows = page.locator("#backups")
    expect(rows.locator(".detail")).to_have_count(3)
    assert rows.evaluate(BROKEN_WORDS) == []

    box = row_of(page, three[1]).locator(".pick input")
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    page.touchscreen.tap(place["x"] + place["width"] + 12, place["y"] + place["height"] + 12)
    expect(box).to_be_checked()


def test_a_toast_leaves_the_end_of_the_page_free(three: Sequence[Backup], open_panel: Open) -> None:
    """What lies over what, only the layout of a browser knows."""
    page = open_panel(width=390, has_touch=True)
    row_of(page, three[0]).locator(".pick input").check()
    page.get_by_role("button", name="Protect the selected").click()
    told = toast(page, "1 backup protected")
    expect(told).to_be_visible()

    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last = page.locator("#bring-in").bounding_box()
    assert last["y"] + last["height"] <= told.bounding_box()["y"]


def test_the_selected_are_protected_and_that_is_undone(
    three: Sequence[Backup], open_panel: Open, service: BackupService
) -> None:
    page = open_panel()
    row_of(page, three[0]).locator(".pick input").check()
    row_of(page, three[2]).locator(".pick input").check()
    page.get_by_role("button", name="Protect the selected").click()

    told = toast(page, "2 backups protected")
    expect(told).to_be_visible()
    assert [backup.protected for backup in service.list()] == [True, False, True]
    told.get_by_role("button", name="Undo").click()
    expect(toast(page, "Protection removed from 2 backups")).to_be_visible()
    assert not any(backup.protected for backup in service.list())


# --- without script ----------------------------------------------------------------------


def test_everything_works_without_script(
    three: Sequence[Backup], open_panel: Open, service: BackupService
) -> None:
    page = open_panel(java_script_enabled=False)

    choose(page, three[0], "Protect")
    expect(toast(page, "protected")).to_be_visible()
    toast(page, "protected").get_by_role("button", name="Undo").click()
    expect(toast(page, "Protection removed from")).to_be_visible()

    choose(page, three[0], "Delete…")
    expect(page.get_by_role("heading", name="Delete the backup of")).to_be_visible()
    page.get_by_role("link", name="Keep backup").click()
    choose(page, three[0], "Delete…")
    page.get_by_role("button", name="Delete backup").click()
    expect(toast(page, "deleted")).to_be_visible()
    expect(page.locator("tbody tr[id^=row-]")).to_have_count(2)

    back_up(page, note="without script")
    expect(toast(page, "Backup created")).to_be_visible()
    expect(page.locator("tbody tr[id^=row-]")).to_have_count(3)

    page.get_by_label("Select the backup").nth(1).check()
    page.get_by_label("Select the backup").nth(2).check()
    page.get_by_role("button", name="Delete the selected…").click()
    page.get_by_role("button", name="Delete 2 backups").click()
    expect(toast(page, "2 backups deleted")).to_be_visible()
    assert len(service.list()) == 1


# --- looks -------------------------------------------------------------------------------


def test_axe_finds_nothing_in_what_opens(
    house: Home, three: Sequence[Backup], open_panel: Open
) -> None:
    page = open_panel(reduced_motion="reduce")
    menu_button(page, three[0]).click()
    assert findings(page) == []

    page.locator(f"#menu-{three[0].id}").get_by_text("Delete…").click()
    expect(page.locator("#dialog")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("Escape")

    for box in page.locator(".pick input").all():
        box.check()
    page.get_by_role("button", name="Delete the selected…").click()
    expect(page.locator("#word")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("Escape")

    with paused(house.server.data_dir):
        back_up(page)
        expect(page.locator("#operation h3")).to_be_visible()
        assert findings(page) == []
    expect(toast(page, "Backup created")).to_be_visible()
    assert findings(page) == []


@pytest.mark.parametrize("language", ["en", "de", "ru"])
def test_nothing_lies_beyond_the_edge_of_a_phone(
    house: Home, three: Sequence[Backup], open_panel: Open, service: BackupService, language: str
) -> None:
    page = open_panel(locale=language, width=360)

    def is_within() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))

    menu_button(page, three[0]).click()
    assert is_within()
    page.locator(f"#menu-{three[0].id} .destructive").click()
    expect(page.locator("#dialog")).to_be_visible()
    assert is_within()
    page.keyboard.press("Escape")
    page.locator("[popovertarget=create]").click()
    with paused(house.server.data_dir):
        page.locator("#create button").click(no_wait_after=True)
        expect(page.locator("#operation h3")).to_be_visible()
        assert is_within()
    expect(page.locator(".toast")).to_be_visible()
    assert is_within()
