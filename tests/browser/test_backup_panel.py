"""The panel in a real browser: every state, both themes, by keyboard, with and without script."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from launcher.accounts import users
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.backup.journal import Journal
from launcher.backup.manifest import write_manifest
from launcher.backup.records.backup import Backup, Kind, State, Verification
from launcher.backup.records.ids import new_backup_id, new_operation_id
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.current import current_backups
from launcher.db.settings import change_settings
from launcher.models import Role
from launcher.models.types import utc_now
from tests.browser.axe import findings
from tests.browser.conftest import OpenPage, sign_in
from tests.support.server import Server, serving

PANEL = "/admin/backups"
PASSWORD = "ada's long password"
STATES = ("empty", "good", "alarm", "away")

Appearance = Callable[..., Page]


def _put(folder: Path, sample: Backup, at: datetime, kind: Kind, **facts: object) -> Backup:
    assert sample.file
    backup_id = new_backup_id(at)
    name = f"launcher-{backup_id}.db.zst"
    os.link(folder / sample.file.name, folder / name)
    backup = replace(
        sample, id=backup_id, kind=kind, created_at=at, created_by="ada",
        file=replace(sample.file, name=name), verification=Verification(State.VERIFIED, at),
    )  # fmt: skip
    backup = replace(backup, **facts)  # type: ignore[arg-type]
    (folder / f"launcher-{backup_id}.json").write_bytes(write_manifest(backup))
    return backup


def _happened(
    at: datetime, outcome: Outcome, *, code: str = "", backup_id: str = ""
) -> JournalEntry:
    return JournalEntry(
        new_operation_id(), Verb.CREATE, "schedule", at, at, outcome, backup_id, code,
        facts={"kind": Kind.SCHEDULED},
    )  # fmt: skip


def _fill(state: str, data_dir: Path, sample: Backup) -> None:
    folder, now = data_dir / "backups", utc_now()
    journal = Journal(data_dir / "journal.jsonl")
    if state == "good":
        for hour in range(60):
            kind = Kind.MANUAL if hour % 7 == 0 else Kind.SCHEDULED
            _put(folder, sample, now - timedelta(hours=hour + 1), kind, protected=hour == 7)
        _put(
            folder, sample, now - timedelta(days=9), Kind.UPLOAD,
            note="a_name_without_any_place_to_break_it_" * 4 + "<b>.db",
            verification=Verification(State.UNVERIFIED),
        )  # fmt: skip
    if state == "alarm":
        for day in range(4, 20):
            made = _put(folder, sample, now - timedelta(days=day), Kind.SCHEDULED)
            journal.append(_happened(made.created_at, Outcome.SUCCEEDED, backup_id=made.id))
        broken = _put(folder, sample, now - timedelta(days=7), Kind.SAFETY).file
        assert broken
        (folder / broken.name).unlink()
        (folder / "foreign.db").write_bytes(b"not a database")
        os.utime(folder / "foreign.db", (0, (now - timedelta(days=8)).timestamp()))
        journal.append(_happened(now - timedelta(hours=3), Outcome.FAILED, code="source_database"))
    assert sample.file
    (folder / sample.file.name).unlink()
    (folder / f"launcher-{sample.id}.json").unlink()


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """A running server in each state, started when it is first asked for."""
    started: dict[str, Server] = {}
    with ExitStack() as stack:

        def start(state: str) -> Server:
            if state not in started:
                data_dir = tmp_path_factory.mktemp(state) / "data"
                app = create_app({"LAUNCHER_DATA_DIR": str(data_dir)})
                with app.app_context():
                    current_backups().initialise(by="test")
                    users.create_user(
                        "ada", PASSWORD, role=Role.ADMIN, display_name="Ada", actor=COMMAND_LINE
                    )
                    change_settings({"time_zone": "Europe/Berlin"}, actor=COMMAND_LINE)
                    sample = current_backups().create(by="ada")
                (data_dir / "journal.jsonl").unlink()
                _fill(state, data_dir, sample)
                away = {"backup_dir": "/nowhere/at/all"} if state == "away" else {}
                started[state] = stack.enter_context(serving(data_dir, **away))
            return started[state]

        yield start


@pytest.fixture(scope="module")
def cookies(chromium: Browser, places: Callable[[str], Server]) -> Callable[[str], object]:
    kept: dict[str, object] = {}

    def of(state: str) -> object:
        if state not in kept:
            kept[state] = sign_in(chromium, places(state).url, "ada", PASSWORD)
        return kept[state]

    return of


@pytest.fixture
def show(
    places: Callable[[str], Server], cookies: Callable[[str], object], open_page: OpenPage
) -> Appearance:
    def open_one(state: str, path: str = PANEL, **context: object) -> Page:
        return open_page(f"{places(state).url}{path}", storage_state=cookies(state), **context)

    return open_one


@pytest.fixture
def look(
    places: Callable[[str], Server], cookies: Callable[[str], object], look_at: OpenPage
) -> Appearance:
    def go(state: str, path: str = PANEL, **how: object) -> Page:
        return look_at(f"{places(state).url}{path}", storage_state=cookies(state), **how)

    return go


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_in_any_state(look: Appearance, state: str) -> None:
    for path in (PANEL, "/"):
        assert findings(look(state, path)) == []


def test_axe_finds_nothing_in_what_opens(show: Appearance) -> None:
    page = show("good")
    page.get_by_role("button", name="Back up now").click()
    expect(page.get_by_label("Note")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("Escape")

    page.get_by_role("button", name="More for the backup of").first.click()
    page.get_by_label("Select the backup of").first.check()
    expect(page.get_by_role("button", name="Protect the selected")).to_be_visible()
    assert findings(page) == []

    page.goto(f"{PANEL}?kind=upgrade")
    assert findings(page) == []


@pytest.mark.parametrize("language", ["en", "de", "ru"])
@pytest.mark.parametrize("state", STATES)
def test_nothing_lies_beyond_the_edge_of_a_phone(
    look: Appearance, state: str, language: str
) -> None:
    for path in (PANEL, "/"):
        page = look(state, path, locale=language, width=390)
        for width in (390, 360):
            page.set_viewport_size({"width": width, "height": 740})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            narrow = "each => each.filter(one => one.clientWidth < innerWidth / 2).length"
            assert page.locator(".problem > h3").evaluate_all(narrow) == 0
        assert page.evaluate("document.documentElement.lang") == language


@pytest.mark.parametrize("script", [True, False])
def test_the_list_is_filtered_and_paged_with_and_without_script(show, *, script: bool) -> None:
    page = show("good", java_script_enabled=script)
    rows = page.locator("tr[id^=row-]")
    expect(rows).to_have_count(20)

    page.get_by_role("link", name="Older").click()
    expect(page.get_by_text("21 to 40 of 61")).to_be_visible()
    page.get_by_role("link", name="Newer").click()
    expect(page.get_by_text("1 to 20 of 61")).to_be_visible()

    page.get_by_label("Type").select_option("Manual")
    if not script:
        page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("heading", name="9 of 61 backups")).to_be_visible()
    expect(rows).to_have_count(9)
    expect(page.get_by_label("Type")).to_have_value("manual")
    assert "kind=manual" in page.url


def test_a_filter_keeps_the_focus_and_a_reload_keeps_the_filter(show) -> None:
    page = show("good")

    page.get_by_label("Status").focus()
    page.keyboard.press("N")
    expect(page.get_by_role("heading", name="1 of 61 backups")).to_be_visible()
    expect(page.get_by_label("Status")).to_be_focused()

    page.reload()
    expect(page.get_by_role("heading", name="1 of 61 backups")).to_be_visible()


def test_back_and_forward_show_what_was_there(show) -> None:
    page = show("good")
    page.get_by_label("Type").select_option("Manual")
    expect(page.get_by_role("heading", name="9 of 61 backups")).to_be_visible()
    page.locator("tbody .self").first.click()
    expect(page.get_by_role("heading", name="Good")).to_be_visible()

    page.go_back()
    expect(page.get_by_role("heading", name="9 of 61 backups")).to_be_visible()
    expect(page.get_by_label("Type")).to_have_value("manual")
    page.go_forward()
    expect(page.get_by_role("heading", name="Good")).to_be_visible()

    page.goto(PANEL)
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_text("21 to 40 of 61")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("1 to 20 of 61")).to_be_visible()


def test_a_refresh_keeps_what_is_selected_open_and_focused(show) -> None:
    page = show("good")
    page.get_by_label("Select the backup of").nth(2).check()
    more = page.get_by_role("button", name="More for the backup of").nth(1)
    more.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".menu:popover-open")).to_have_count(1)

    with page.expect_response(lambda response: response.url.endswith(PANEL)):
        page.evaluate("htmx.trigger(document.body, 'backups-changed', {}, true)")

    expect(page.get_by_label("Select the backup of").nth(2)).to_be_checked()
    expect(page.locator(".menu:popover-open")).to_have_count(1)
    expect(more).to_be_focused()


def test_everything_is_reached_by_keyboard(show) -> None:
    page = show("good")
    page.locator("#list").focus()
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(e => e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent"
                " ?? e.textContent)(document.activeElement).trim().replace(/[:\\s].*/, '')"
            )
        )
    assert reached == ["Type", "Status", "Select", "1", "Restore", "More", "Select", "2"]


def test_a_mark_leads_to_its_backup(show) -> None:
    page = show("alarm")
    mark = page.locator(".plot a").first
    address = mark.get_attribute("href")

    mark.click()

    page.wait_for_url(f"**{address}")


def test_the_start_page_leads_to_the_panel(show) -> None:
    page = show("alarm", "/")
    strip = page.get_by_role("complementary", name="Backups need attention")
    for _ in range(20):  # it is left out where the folder takes longer than a page may wait
        if strip.count():
            break
        page.reload()
    expect(strip).to_contain_text("No good backup for 4 days.")

    strip.get_by_role("link", name="Show problem").click()

    expect(page.get_by_role("heading", name="No good backup for 4 days")).to_be_visible()


def test_a_folder_that_comes_back_is_seen_at_the_next_look(
    places: Callable[[str], Server], show
) -> None:
    page = show("good")
    folder = places("good").data_dir / "backups"
    away = folder.with_name("elsewhere")
    answer = page.locator("#the-answer")
    expect(answer).to_contain_text("Last good backup")

    shutil.move(folder, away)
    try:
        page.reload()
        expect(answer).not_to_contain_text("Last good backup")
    finally:
        shutil.move(away, folder)
    page.reload()
    expect(answer).to_contain_text("Last good backup")
