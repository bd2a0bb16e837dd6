"""A backup is sent from a real browser, with its progress, and without script as well."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from launcher.backup.service import BackupService
from launcher.backups import build_backups
from tests.browser.conftest import Home, OpenPage
from tests.support.server import Server, serving

LIMIT_MB = 8


@pytest.fixture(scope="module")
def small(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same site on a copy of its data, with a limit of a few megabytes."""
    data_dir = tmp_path_factory.mktemp("small") / "data"
    shutil.copytree(home.server.data_dir, data_dir)
    with serving(data_dir, upload_limit_mb=str(LIMIT_MB)) as server:
        yield server


@pytest.fixture(scope="module")
def service(small: Server) -> BackupService:
    return build_backups(
        database_path=small.data_dir / "launcher.db",
        data_dir=small.data_dir,
        backup_dir=small.data_dir / "backups",
        compression=True,
    )


@pytest.fixture(scope="module")
def copy(service: BackupService, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of this Launcher, as it is downloaded."""
    made = service.create(by="test")
    return service.export(made.id, tmp_path_factory.mktemp("copy") / "old-server.db", by="test")


@pytest.fixture
def too_large(tmp_path: Path) -> Path:
    path = tmp_path / "large.db"
    path.write_bytes(bytes(LIMIT_MB * 3 * 1_000_000))
    return path


@pytest.fixture
def open_list(small: Server, open_page: OpenPage, home: Home):
    """Open the list as Ada."""

    def open_one(**context: object) -> Page:
        page = open_page(f"{small.url}/login", **context)
        page.fill("#username", "ada")
        page.fill("#password", home.passwords["ada"])
        page.click("main button")
        page.wait_for_url(f"{small.url}/")
        page.goto(f"{small.url}/admin/backups")
        return page

    return open_one


def left(server: Server) -> list[str]:
    folder = server.data_dir / "incoming"
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def test_a_chosen_file_is_sent_at_once_and_followed(open_list, copy: Path) -> None:
    page = open_list()

    page.set_input_files("#upload-file", copy)

    page.wait_for_url("**/admin/backups/operations/**")
    expect(
        page.get_by_text("It is a backup of Launcher").or_(page.get_by_text("in the list")).first
    ).to_be_visible()


def test_progress_is_shown_and_can_be_cancelled(open_list, small: Server, tmp_path: Path) -> None:
    page = open_list()
    # A line slow enough to look at what is shown meanwhile.
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000},
    )
    path = tmp_path / "slow.db"
    path.write_bytes(bytes(LIMIT_MB * 1_000_000))

    page.set_input_files("#upload-file", path)

    expect(page.locator(".upload-progress b")).to_have_text("slow.db")
    expect(page.locator(".upload-progress [data-figures]")).to_contain_text("of 8 MB")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-status]")).to_have_text("Cancelled. Nothing was stored.")
    expect(page.locator(".upload-progress")).to_be_hidden()
    expect(page.locator("#upload-file")).to_be_focused()
    page.wait_for_function("() => true")
    while left(small):
        page.wait_for_timeout(50)


def test_a_file_can_be_dropped(open_list, copy: Path) -> None:
    page = open_list()
    content = list(copy.read_bytes())

    page.evaluate(
        """(content) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(content)], "dropped.db"));
            const form = document.querySelector("form[data-uploads]");
            for (const name of ["dragover", "drop"]) form.dispatchEvent(
                new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        content,
    )

    page.wait_for_url("**/admin/backups/operations/**")


def test_what_is_over_the_limit_is_not_even_sent(open_list, too_large: Path) -> None:
    page = open_list()
    sent = []
    page.on("request", lambda request: sent.append(request.method))

    page.set_input_files("#upload-file", too_large)

    expect(page.get_by_role("heading", name="This file is larger than 8 MB")).to_be_visible()
    assert "POST" not in sent


def test_what_the_server_refuses_is_said_in_place_and_stays(open_list, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    page = open_list(expected_statuses={422})

    page.set_input_files("#upload-file", tmp_path / "empty.db")

    expect(page.locator("[data-problem]").get_by_text("This file is empty")).to_be_visible()
    assert page.url.endswith("/admin/backups")


def test_without_script_the_form_does_it(open_list, copy: Path) -> None:
    page = open_list(java_script_enabled=False)

    page.set_input_files("#upload-file", copy)
    page.get_by_role("button", name="Upload").click()

    page.wait_for_url("**/admin/backups/operations/**")


def test_without_script_too_large_a_file_leads_to_a_page_that_says_so(
    open_list, small: Server, too_large: Path
) -> None:
    page = open_list(java_script_enabled=False, expected_statuses={413})

    page.set_input_files("#upload-file", too_large)
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("heading", name="This file is larger than 8 MB")).to_be_visible()
    expect(page.get_by_text(str(small.data_dir / "backups"))).to_be_visible()
    assert left(small) == []


@pytest.mark.parametrize("encoding", ["", "?encoding=stored"])
def test_a_download_is_saved_whole(
    open_list, service: BackupService, tmp_path: Path, encoding: str
) -> None:
    made = service.create(by="test")
    page = open_list()
    page.goto(f"{page.url}/{made.id}")

    with page.expect_download() as waiting:
        page.locator(f'a[href$="{made.id}/download{encoding}"]').click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)

    assert made.file
    if encoding:
        assert path.name == made.file.name
        assert path.stat().st_size == made.file.size_bytes
        return
    assert path.name == f"launcher-{made.id}.db"
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT count(*) FROM apps").fetchone() == (27,)
    connection.close()


def test_a_download_of_a_damaged_file_fails_in_the_browser(
    open_list, small: Server, service: BackupService
) -> None:
    unpacked = build_backups(
        database_path=small.data_dir / "launcher.db",
        data_dir=small.data_dir,
        backup_dir=service.store_path,
        compression=False,
    )
    made = unpacked.create(by="test")
    assert made.file
    path = service.store_path / made.file.name
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    page = open_list()
    page.goto(f"{page.url}/{made.id}")

    with page.expect_download() as waiting:
        page.locator(f'a[href$="{made.id}/download"]').click()

    assert waiting.value.failure()
