"""A backup is sent from a real browser, with its progress, and without script as well."""

from __future__ import annotations

import base64
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from launcher.background.service import Installation, build_backups
from launcher.backup.service import BackupService
from tests.browser.conftest import OpenPage, Sample, sign_in
from tests.support.operations import await_idle
from tests.support.server import Server, serving

LIMIT_MB = 8


@pytest.fixture(scope="module")
def small(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a limit of a few megabytes."""
    data_dir = sample.copy_to(tmp_path_factory.mktemp("small"))
    with serving(data_dir, upload_limit_mb=str(LIMIT_MB)) as server:
        yield server


@pytest.fixture(scope="module")
def service(small: Server) -> BackupService:
    return build_backups(
        Installation(
            database_path=small.data_dir / "launcher.db",
            data_dir=small.data_dir,
            backup_dir=small.data_dir / "backups",
            compression=True,
        )
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


@pytest.fixture(scope="module")
def who(small: Server, chromium: Browser, sample: Sample) -> object:
    """The cookies of Ada."""
    return sign_in(chromium, small.url, "ada", sample.passwords["ada"])


@pytest.fixture
def open_list(small: Server, service: BackupService, who: object, open_page: OpenPage):
    """Open the list as Ada. What an earlier test has sent is looked into by then, and gone."""
    await_nothing_left(small)
    await_idle(service)

    def open_one(**context: object) -> Page:
        return open_page(f"{small.url}/admin/backups", storage_state=who, **context)

    return open_one


def left(server: Server) -> list[str]:
    folder = server.data_dir / "incoming"
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def await_nothing_left(server: Server) -> None:
    deadline = time.monotonic() + 120
    while files := left(server):
        assert time.monotonic() < deadline, files
        time.sleep(0.02)


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
    expect(page.locator("[data-status]")).to_have_text("Cancelled. Nothing was uploaded.")
    expect(page.locator(".upload-progress")).to_be_hidden()
    expect(page.locator("#upload-file")).to_be_focused()
    await_nothing_left(small)


def test_a_file_can_be_dropped(open_list, copy: Path) -> None:
    page = open_list()

    page.evaluate(
        """(content) => {
            const data = new DataTransfer(), bytes = atob(content);
            const file = Uint8Array.from(bytes, (each) => each.charCodeAt(0));
            data.items.add(new File([file], "dropped.db"));
            const form = document.querySelector("form[data-uploads]");
            for (const name of ["dragover", "drop"]) form.dispatchEvent(
                new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        base64.b64encode(copy.read_bytes()).decode(),
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
        Installation(
            database_path=small.data_dir / "launcher.db",
            data_dir=small.data_dir,
            backup_dir=service.store_path,
            compression=False,
        )
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
