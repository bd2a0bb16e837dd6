"""Copies in other places in a real browser: a folder is tested and added, the kit confirmed, a copy
made by the server itself, and a backup that is only there restored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from launcher.app import create_app
from launcher.current import current_backups, current_offsite
from launcher.offsite.records import Destination, Place, Service
from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sessions
from tests.browser.test_users import tab_to

PAGE = "/admin/backups/off-site"


@pytest.fixture
def app(home: Home) -> Iterator[Flask]:
    """The data directory of the server, without destinations before and after."""
    app = create_app({"LAUNCHER_DATA_DIR": str(home.server.data_dir)})
    yield app
    with app.app_context():
        for each in current_offsite().settings().destinations:
            current_offsite().remove(each.id, by="ada")
    for name in ("destinations.json", "recovery_key"):
        (home.server.data_dir / name).unlink(missing_ok=True)


@pytest.fixture
def as_ada(home: Home, signed_in: Sessions, open_page: OpenPage, app: Flask) -> Callable[..., Page]:
    def open_one(path: str = PAGE, **context: object) -> Page:
        return open_page(f"{home.server.url}{path}", storage_state=signed_in["ada"], **context)

    return open_one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "second disk"
    path.mkdir()
    return path


def add_folder(app: Flask, folder: Path, *, encrypt: bool = False) -> Destination:
    with app.app_context():
        return current_offsite().add(
            Destination(
                "", "Second disk", Service.FOLDER, place=Place.THIS_SERVER, encrypt=encrypt,
                options={"path": str(folder)},
            ),
            by="ada",
        )  # fmt: skip


def copies_in(folder: Path) -> list[Path]:
    """Return the manifests of the copies in a folder: each is written last."""
    return sorted(folder.glob("launcher-*/launcher-*.json"))


def test_the_keyboard_alone_adds_a_folder_whose_first_test_fails(
    as_ada: Callable[..., Page], app: Flask, folder: Path
) -> None:
    page = as_ada()
    tab_to(page, "Add destination")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Add destination")).to_be_visible()

    tab_to(page, "Name")
    page.keyboard.type("Second disk")
    tab_to(page, "Place")
    page.keyboard.type("On this")
    tab_to(page, "Path")
    (folder / "a file").touch()
    page.keyboard.type(f"{folder}/a file/launcher")
    page.get_by_role("switch", name="Encrypt before copying").check()
    page.get_by_role("button", name="Test now").press("Enter")
    expect(page.locator(".result[data-state=bad]")).to_be_visible()
    assert findings(page) == []

    page.get_by_label("Path").fill(str(folder))
    page.get_by_role("button", name="Test now").press("Enter")
    expect(page.get_by_role("heading", name="This destination works")).to_be_visible()
    expect(page.locator("summary", has_text="Test before")).to_be_visible()
    assert findings(page) == []

    page.get_by_role("button", name="Add destination").last.press("Enter")
    expect(page.get_by_role("heading", name="Recovery kit for")).to_be_visible()
    assert findings(page) == []
    with app.app_context():
        key = current_offsite().keys.kit(site_name="Home").secret_key
    page.get_by_label("Last 4 characters of the key").fill(key[-4:])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Second disk")).to_be_visible()
    expect(page.get_by_text("Not confirmed yet")).to_have_count(0)
    assert findings(page) == []


def test_the_kit_is_printed_on_one_page(
    as_ada: Callable[..., Page], app: Flask, folder: Path
) -> None:
    add_folder(app, folder, encrypt=True)
    page = as_ada(f"{PAGE}/keys")
    page.get_by_role("button", name="Create new key").click()
    expect(page.get_by_role("heading", name="Older keys")).to_be_visible()

    printed = page.pdf(prefer_css_page_size=True)

    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    page.emulate_media(media="print")
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.locator("#toasts")).to_have_css("display", "none")  # "New key created…"
    page.emulate_media(media="screen")


def test_a_copy_appears_by_the_server_itself_and_the_kit_turns_the_page_green(
    as_ada: Callable[..., Page], app: Flask, folder: Path
) -> None:
    with app.app_context():
        backup = current_backups().create(by="ada")
    add_folder(app, folder, encrypt=True)
    page = as_ada()
    expect(page.locator("#offsite .answer")).to_have_attribute("data-state", "warn")
    expect(page.get_by_role("heading", name="Confirm the recovery kit")).to_be_visible()

    # The page asks again while something is waiting, so it shows the copy without a reload.
    expect(page.get_by_text("Up to date")).to_be_visible(timeout=60_000)
    (manifest,) = [each for each in copies_in(folder) if backup.id in each.name]
    assert "BEGIN AGE ENCRYPTED FILE" in manifest.read_text()
    with app.app_context():
        key = current_offsite().keys.kit(site_name="Home").secret_key
        current_offsite().keys.confirm_kit(key[-4:], by="ada")
        current_offsite().accept_one_disk("The folder of a test", until=None, by="ada")
    page.reload()
    expect(page.locator("#offsite .answer")).to_have_attribute("data-state", "ok")

    page.goto("/admin/backups")
    row = page.locator(f"#row-{backup.id}")
    expect(row.get_by_text("Second disk")).to_be_visible()
    assert findings(page) == []


def test_a_backup_that_is_only_elsewhere_is_downloaded_and_leads_to_its_plan(
    as_ada: Callable[..., Page], app: Flask, home: Home, folder: Path
) -> None:
    with app.app_context():
        backup = current_backups().create(by="ada", note="Gone here")
        current_backups().create(by="ada")
    known = add_folder(app, folder)
    home.server.command("destination", "copy", known.id, "--wait")
    with app.app_context():
        current_backups().delete([backup.id], by="ada")

    page = as_ada("/admin/backups")
    expect(page.get_by_role("heading", name="only at Second disk")).to_be_visible()
    page.locator(f"#only-{backup.id}").get_by_role("link", name="Restore").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nothing is restored yet.")
    assert findings(page) == []
    dialog.get_by_role("button", name="Download backup").click()

    expect(page.get_by_role("heading", name="Backup downloaded and verified")).to_be_visible()
    page.get_by_role("link", name="Restore…").click()
    expect(page.locator("#restore")).to_be_visible()
    with app.app_context():
        assert backup.id in current_backups().listing().by_id


def test_a_long_name_of_a_place_fits_on_a_telephone(
    as_ada: Callable[..., Page], app: Flask, home: Home, folder: Path
) -> None:
    with app.app_context():
        backup = current_backups().create(by="ada")
        current_backups().create(by="ada")
    known = add_folder(app, folder)
    home.server.command("destination", "copy", known.id, "--wait")
    with app.app_context():
        current_backups().delete([backup.id], by="ada")
        long = replace(known, name="Other disk, second folder and SeaweedFS")
        current_offsite().change(long, by="ada")

    page = as_ada("/admin/backups", width=390, locale="de")

    expect(page.locator(f"#only-{backup.id} .state")).to_contain_text("Nur noch bei")
    assert page.locator(f"#only-{backup.id} .state").evaluate(
        "each => each.getBoundingClientRect().right <= innerWidth"
    )


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("locale", ["de", "ru"])
def test_every_page_fits_in_other_languages(
    as_ada: Callable[..., Page], app: Flask, folder: Path, width: int, locale: str
) -> None:
    add_folder(app, folder, encrypt=True)
    page = as_ada(width=width, locale=locale)
    for path in ("", "/new", "/second-disk/edit", "/kit", "/keys", "/rules", "/one-disk"):
        page.goto(f"{PAGE}{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert findings(page) == [], path


def test_what_is_gone_at_the_destination_is_said(
    as_ada: Callable[..., Page], app: Flask, home: Home, folder: Path
) -> None:
    with app.app_context():
        current_backups().create(by="ada")
    known = add_folder(app, folder)
    folder.rmdir()
    folder.write_text("a file is where the folder was")
    page = as_ada()
    page.get_by_role("button", name="Test Second disk").click()
    expect(page.get_by_text("The test of Second disk failed")).to_be_visible()
    assert known.id == "second-disk"
