"""A new server, and a file of the old one: from the printed link to signing in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from launcher.app import create_app
from launcher.current import current_backups, current_offsite
from launcher.offsite.copying import run_destination
from launcher.offsite.records import Destination, Place, Service
from launcher.settings.table import SiteSettings
from tests.browser.axe import findings
from tests.browser.conftest import OpenPage, Sample
from tests.support.server import Server, serving

LIMIT_MB = 8


@pytest.fixture(scope="module")
def copy(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of the old server, as it was downloaded."""
    folder = tmp_path_factory.mktemp("old")
    app = create_app({"LAUNCHER_DATA_DIR": str(sample.copy_to(folder))})
    with app.app_context():
        made = current_backups().create(by="test")
        return current_backups().export(made.id, folder / "old-server.db", by="test")


@pytest.fixture(scope="module")
def place(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an encrypted copy of the old server in `nas`, and its kit in `kit.txt`."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "nas" / "lost+found").mkdir(parents=True)
    data = sample.copy_to(folder)
    app = create_app({"LAUNCHER_DATA_DIR": str(data)})
    with app.app_context():
        current_backups().create(by="test")
        options = {"path": str(folder / "nas")}
        nas = Destination("", "NAS", Service.FOLDER, Place.THIS_SERVER, options)
        made = current_offsite().add(nas, by="test")
        run_destination(current_backups(), data, made.id, site=SiteSettings)
        (folder / "kit.txt").write_text(current_offsite().keys.kit(site_name="Home").text)
    shutil.rmtree(data)
    return folder


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Server]:
    """A server that nobody has claimed."""
    with serving(tmp_path / "data", upload_limit_mb=str(LIMIT_MB)) as server:
        yield server


def expect_good_looks(page: Page) -> None:
    """Expect that axe finds nothing and nothing lies beyond the edge, on a phone and on a desk."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert findings(page) == []


def test_everything_comes_back_from_a_file(
    fresh: Server, sample: Sample, copy: Path, open_page: OpenPage
) -> None:
    page = open_page(fresh.setup_link)
    expect_good_looks(page)

    page.set_input_files("#upload-file", copy)

    expect(page.get_by_role("heading", name="This is a good backup of Launcher")).to_be_visible()
    expect(page.locator("main")).to_contain_text("old-server.db")
    expect_good_looks(page)
    page.get_by_role("link", name="Restore…").click()
    expect(page.get_by_text("Nothing has changed yet.")).to_be_visible()
    expect_good_looks(page)

    page.get_by_role("button", name="Restore backup").click()
    expect(page.locator(".answer")).to_have_attribute("data-state", "ok", timeout=60_000)
    expect(page.locator("main")).to_contain_text("Sign in with an account from the backup.")
    expect_good_looks(page)
    page.get_by_role("link", name="Sign in").click()
    page.fill("#username", "ada")
    page.fill("#password", sample.passwords["ada"])
    page.click("main button")
    page.wait_for_url("**/admin/backups")
    page.goto("/")
    expect(page.locator("main .tile")).to_have_count(27)


@pytest.mark.parametrize("has_script", [True, False])
def test_everything_comes_back_from_another_place(
    fresh: Server, sample: Sample, place: Path, open_page: OpenPage, has_script: bool
) -> None:
    page = open_page(fresh.setup_link, java_script_enabled=has_script, expected_statuses={422})
    page.get_by_role("link", name="From another place").click()
    expect(page.get_by_label("Bucket", exact=True)).to_be_visible()
    page.get_by_text("Folder", exact=True).click()
    expect(page.get_by_label("Bucket", exact=True)).to_be_hidden()

    page.get_by_label("Path").fill(str(place))
    page.get_by_role("button", name="Look for copies").click()
    expect(page.get_by_role("alert")).to_contain_text("No copies found in this folder")
    if has_script:
        expect_good_looks(page)
    page.get_by_label("Path").fill(str(place / "nas"))
    page.get_by_label("Or the kit file").set_input_files(place / "kit.txt")
    page.get_by_role("button", name="Look for copies").click()
    expect(page.get_by_role("heading", name="1 copy of")).to_be_visible()
    if has_script:
        expect_good_looks(page)
    page.get_by_role("button", name="Download copy").click()
    if not has_script:
        page.wait_for_url("**/operations/*")
        for _ in range(600):
            if page.get_by_role("link", name="Restore…").count():
                break
            page.wait_for_timeout(100)
            page.reload()
    page.get_by_role("link", name="Restore…").click()
    page.get_by_role("button", name="Restore backup").click()
    if not has_script:
        return
    expect(page.locator(".answer")).to_have_attribute("data-state", "ok", timeout=60_000)
    page.get_by_role("link", name="Sign in").click()
    page.fill("#username", "ada")
    page.fill("#password", sample.passwords["ada"])
    page.click("main button")
    page.wait_for_url("**/admin/backups")


def test_a_long_transfer_shows_how_far_it_is_and_can_be_cancelled(
    fresh: Server, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(fresh.setup_link, expected_statuses={422})
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    session.send("Network.emulateNetworkConditions", slow)
    (tmp_path / "slow.db").write_bytes(bytes(LIMIT_MB * 1_000_000))
    (tmp_path / "large.db").write_bytes(bytes(LIMIT_MB * 1_100_000))
    (tmp_path / "empty.db").touch()

    page.set_input_files("#upload-file", tmp_path / "slow.db")
    expect(page.locator(".upload-progress b")).to_have_text("slow.db")
    expect(page.locator(".upload-progress [data-figures]")).to_contain_text("of 8 MB")
    assert findings(page) == []
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-status]")).to_have_text("Cancelled. Nothing was uploaded.")

    page.set_input_files("#upload-file", tmp_path / "large.db")
    expect(page.get_by_role("heading", name="This file is larger than 8 MB")).to_be_visible()
    page.set_input_files("#upload-file", tmp_path / "empty.db")
    expect(page.get_by_role("heading", name="This file is empty")).to_be_visible()
    assert findings(page) == []
    assert page.url == fresh.setup_link


def test_without_script_the_form_does_it(fresh: Server, copy: Path, open_page: OpenPage) -> None:
    page = open_page(fresh.setup_link, java_script_enabled=False)

    page.set_input_files("#upload-file", copy)
    page.get_by_role("button", name="Show details").click()

    expect(page.get_by_role("heading", name="This is a good backup of Launcher")).to_be_visible()


def test_a_backup_that_lies_in_the_folder_is_offered(
    fresh: Server, copy: Path, open_page: OpenPage
) -> None:
    shutil.copy(copy, fresh.data_dir / "backups" / "put-there.db")
    page = open_page(fresh.setup_link)

    page.locator("[aria-labelledby=found] a").click()

    expect(page.get_by_text("Nothing has changed yet.")).to_be_visible()
