"""The jobs are watched and run in real browsers, at a real server with several workers."""

from __future__ import annotations

import os
import re
import secrets
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from launcher.app import create_app
from launcher.current import current_backups
from launcher.extensions import db
from launcher.jobs.history import Book, RunOutcome, runs
from launcher.models import Media
from launcher.models.types import utc_now
from tests.browser.axe import findings
from tests.browser.conftest import Home, OpenPage, Sample, sign_in
from tests.support.operations import paused
from tests.support.server import serving

PAGE = "/admin/jobs"
JOBS = ("backup", "scrub", "restore-test")

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def house(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A server whose jobs have a past of every kind, and a database that takes a moment to pack."""
    data_dir = sample.copy_to(tmp_path_factory.mktemp("house"))
    app = create_app({"LAUNCHER_DATA_DIR": str(data_dir)})
    with app.app_context():
        for number in range(12):
            content = secrets.token_bytes(1 << 20)
            db.session.add(
                Media(
                    sha256=f"{number:064x}", name=f"{number}.png", mime="image/png",
                    size_bytes=len(content), content=content,
                )
            )  # fmt: skip
        db.session.commit()
        made = current_backups().create(by="ada")
    _make_past(Book(data_dir), made.id)
    with serving(data_dir, app="tests.support.pausable:app") as server:
        yield Home(server, sample.passwords)


def _make_past(book: Book, backup_id: str) -> None:
    facts = {
        "backup": {"backup_id": backup_id, "removed": ["a", "b"]},
        "scrub": {"verified": 3, "total": 40, "damaged": [backup_id], "failed": ["a"]},
        "restore-test": {"backup_id": backup_id, "rows": {"apps": 24, "boards": 3, "users": 2}},
    }
    for job_id in JOBS:
        for number, outcome in enumerate(RunOutcome):
            at = utc_now() - timedelta(days=6 - number)
            run = book.begin(job_id, by="schedule" if number % 2 else "ada", at=at)
            is_bad = outcome in {RunOutcome.FAILED, RunOutcome.PARTLY}
            ended = replace(
                run, ended_at=at + timedelta(seconds=75), outcome=outcome,
                error="it needs 3 GB and only 3 kB are free" if is_bad else "",
                error_code="insufficient_space" if is_bad else "",
                facts=facts[job_id] | {"slot": (at - timedelta(hours=9)).isoformat()},
            )  # fmt: skip
            book.end(job_id, ended)


@pytest.fixture(scope="module")
def who(house: Home, chromium: Browser) -> object:
    """The cookies of Ada."""
    return sign_in(chromium, house.server.url, "ada", house.passwords["ada"])


@pytest.fixture
def open_jobs(house: Home, who: object, open_page: OpenPage) -> Open:
    def open_one(**context: object) -> Page:
        page = open_page(f"{house.server.url}{PAGE}", storage_state=who, **context)
        # A worker that has just started needs a moment to take the schedule over.
        for _ in range(20):
            if page.locator("#answer").inner_text() != "Scheduler not running":
                break
            page.reload()
        return page

    return open_one


def run_now(page: Page, job_id: str):
    return page.locator(f"#run-now-{job_id}")


def row(page: Page, job_id: str):
    return page.locator(f"#job-{job_id} tr[id^=run-]").first


def toast(page: Page, words: str):
    return page.locator(".toast").filter(has_text=words)


def test_a_job_is_run_and_followed_to_its_end_in_two_tabs(house: Home, open_jobs: Open) -> None:
    mine, hers = open_jobs(), open_jobs()
    expect(mine.locator("#answer")).to_have_text("Scheduler running")
    expect(mine.locator(".answer p")).to_contain_text(
        re.compile(r"Jobs run in process \d+ on \S+,")
    )
    before = len(runs(house.server.data_dir)["backup"])

    with paused(house.server.data_dir) as reached:
        run_now(mine, "backup").click(no_wait_after=True)
        reached()
        expect(run_now(mine, "backup")).to_contain_text("Running…")
        expect(run_now(mine, "backup")).to_be_focused()
        expect(mine.locator("#job-progress")).to_contain_text("Compressing and computing checksum")
        expect(mine.locator("#job-progress progress")).to_have_attribute("max", re.compile(r"\d+"))
        expect(row(mine, "backup")).to_contain_text("Running")
        hers.reload()
        expect(row(hers, "backup")).to_contain_text("Ada")
        mine.locator("#earlier-scrub summary").click()
        mine.keyboard.press("Tab")
        assert findings(mine) == []

    for page in (mine, hers):
        expect(toast(page, "Back up: Succeeded")).to_have_count(1)
        expect(row(page, "backup")).to_contain_text("Succeeded")
        expect(run_now(page, "backup")).to_contain_text("Run now")
        expect(page.locator("[data-poll-s]")).to_have_count(0)
    expect(mine.locator("#earlier-scrub")).to_have_attribute("open", "")
    (run, *_) = runs(house.server.data_dir)["backup"]
    assert (run.by, run.outcome) == ("ada", RunOutcome.SUCCEEDED)
    assert len(runs(house.server.data_dir)["backup"]) == before + 1


def test_a_job_that_is_killed_is_said_as_interrupted(house: Home, open_jobs: Open) -> None:
    page = open_jobs()
    with paused(house.server.data_dir) as reached:
        run_now(page, "backup").click(no_wait_after=True)
        expect(row(page, "backup")).to_contain_text("Running")
        os.kill(reached(), signal.SIGKILL)

    expect(toast(page, "Back up: Interrupted")).to_have_count(1)
    expect(row(page, "backup")).to_contain_text("The process ended before the job did.")
    run_now(page, "scrub").click()
    expect(toast(page, "Verify older backups: Succeeded")).to_have_count(1)


def test_what_is_in_the_way_is_said_and_stays_said(house: Home, open_jobs: Open) -> None:
    page = open_jobs(expected_statuses={409})
    with paused(house.server.data_dir):
        run_now(page, "backup").click(no_wait_after=True)
        expect(row(page, "backup")).to_contain_text("Running")
        run_now(page, "restore-test").click()
        notice = page.locator("#problem .notice")
        expect(notice).to_contain_text("Creating a backup, started by ada")
        for _ in range(2):
            page.wait_for_event("response", lambda response: "/progress" in response.url)
        expect(notice).to_be_visible()
        expect(row(page, "backup")).to_contain_text("Running")
    expect(toast(page, "Back up: Succeeded")).to_have_count(1)


def test_the_keyboard_alone_runs_a_job_and_opens_the_older_runs(open_jobs: Open) -> None:
    page = open_jobs()
    run_now(page, "restore-test").focus()
    page.keyboard.press("Enter")
    expect(toast(page, "Restore test: Succeeded")).to_have_count(1)
    expect(run_now(page, "restore-test")).to_be_focused()
    expect(run_now(page, "restore-test")).to_contain_text("Run now")
    expect(row(page, "restore-test")).to_contain_text("From the backup of")

    page.locator("#earlier-restore-test summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#earlier-restore-test tr").last).to_be_visible()


def test_without_script_a_job_is_run_and_followed(house: Home, open_jobs: Open) -> None:
    page = open_jobs(java_script_enabled=False)
    with paused(house.server.data_dir):
        run_now(page, "backup").click(no_wait_after=True)
        expect(row(page, "backup")).to_contain_text("Running")
        assert page.locator("#job-progress").inner_text()
        run_now(page, "backup").click(force=True)  # it is not offered, and does nothing
        expect(page.locator("#answer")).to_be_visible()

    expect(toast(page, "Back up: Succeeded")).to_have_count(1)
    expect(row(page, "backup")).to_contain_text("Succeeded")
    assert page.url.endswith(PAGE)


def test_axe_finds_nothing_whatever_became_of_the_runs(open_jobs: Open) -> None:
    page = open_jobs()
    for job_id in JOBS:
        page.locator(f"#earlier-{job_id} summary").click()

    assert findings(page) == []


@pytest.mark.parametrize("language", ["en", "de", "ru"])
def test_nothing_lies_beyond_the_edge_of_a_phone(open_jobs: Open, language: str) -> None:
    page = open_jobs(locale=language, width=390)
    for job_id in JOBS:
        page.locator(f"#earlier-{job_id} summary").click()

    assert page.evaluate("document.documentElement.lang") == language
    for width in (390, 360):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        beyond = page.evaluate(
            "[...document.querySelectorAll('main *:not(.vh, .vh *)')]"
            ".filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
            ".map(e => e.outerHTML.slice(0, 99))"
        )
        assert beyond == []
