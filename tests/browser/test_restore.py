"""A restore in a real browser: from the list to the outcome and back again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from launcher.app import create_app
from launcher.backup import BackupService
from launcher.backup.errors import RestoreError
from launcher.backup.operations import Operation
from launcher.backup.reasons import Reason
from launcher.backup.records.operation import Stage, Verb
from launcher.backup.restore import STAGES_RESTORE
from launcher.current import current_backups
from launcher.extensions import db
from launcher.models import App, User
from tests.browser.axe import findings
from tests.browser.conftest import OpenPage, Sample
from tests.support.server import Server, serving

WORDS = {"en": "restore", "de": "wiederherstellen", "ru": "восстановить"}
LATER = "Written after the backup"
ASKS = re.compile(r"Restore .+ to today, .+\?")

SignIn = Callable[..., Page]


@dataclass(frozen=True, slots=True)
class Site:
    """A server whose data a test may restore; each test signs in anew.

    `password_hash` is Ada's at the beginning.
    """

    server: Server
    app: Flask
    passwords: dict[str, str]
    backup_id: str
    password_hash: str

    @property
    def service(self) -> BackupService:
        kept: BackupService = self.app.extensions["launcher.background.service"]
        return kept

    @property
    def plan_path(self) -> str:
        return f"/admin/backups/{self.backup_id}/restore"

    def apps(self) -> set[str]:
        with self.app.app_context():
            return set(db.session.scalars(db.select(App.name)))

    def write_later(self) -> None:
        """Add an app that the backup does not have."""
        if LATER in self.apps():
            return
        with self.app.app_context():
            db.session.add(App(name=LATER, url="https://later.home.arpa"))
            db.session.commit()

    def reset_password(self) -> None:
        """Give Ada back the password that a test may have changed."""
        with self.app.app_context():
            db.session.execute(
                db.update(User).filter_by(username="ada").values(password_hash=self.password_hash)
            )
            db.session.commit()

    @contextmanager
    def running(self) -> Iterator[Operation]:
        """Hold a restore in the middle of the replacement."""
        with self.service._operations.run(
            Verb.RESTORE, by="ada", stages=STAGES_RESTORE
        ) as operation:
            operation.about(self.backup_id)
            for stage in STAGES_RESTORE[:4]:
                operation.stage(stage)
            operation.advance(7_200_000, 11_800_000)
            operation._send()
            yield operation


@pytest.fixture(scope="module")
def site(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data_dir = sample.copy_to(tmp_path_factory.mktemp("restored"))
    app = create_app({"LAUNCHER_DATA_DIR": str(data_dir)})
    with app.app_context():
        backup = current_backups().create(by="ada", note="Before the move")
        ada = db.session.scalars(db.select(User).filter_by(username="ada")).one()
        password_hash = ada.password_hash
    with serving(data_dir) as server:
        yield Site(server, app, sample.passwords, backup.id, password_hash)


@pytest.fixture
def sign_in(site: Site, open_page: OpenPage) -> SignIn:
    """Sign in, in a browser of one's own, and go to an address."""
    site.reset_password()

    def go(path: str, *, who: str = "ada", password: str = "", **how: object) -> Page:
        page = open_page(f"{site.server.url}/login?next={path}", **how)
        page.fill("#username", who)
        page.fill("#password", password or site.passwords[who])
        page.click("main button")
        page.wait_for_url(f"**{path}")
        return page

    return go


def restored(page: Page) -> None:
    """Wait until the outcome tells that it went well."""
    expect(page.locator("#outcome")).to_be_visible(timeout=60_000)
    expect(page.locator(".answer")).to_have_attribute("data-state", "ok")


def test_from_the_list_to_the_outcome_and_back(site: Site, sign_in: SignIn) -> None:
    site.write_later()
    ben = sign_in("/account", who="ben")
    ada = sign_in("/admin/backups")
    ada.locator(f'a[href="{site.plan_path}"]').first.click()
    expect(ada.get_by_role("heading", name=ASKS)).to_be_visible()
    expect(ada.locator(".names")).to_contain_text(LATER)

    ada.get_by_label("Enter “restore”").fill("restore")
    ada.get_by_role("button", name="Restore backup").click()
    restored(ada)

    assert LATER not in site.apps()
    expect(ada.locator("main")).to_contain_text("You are still signed in.")
    expect(ada.locator("#outcome")).to_be_focused()
    ben.goto("/account")
    expect(ben.get_by_role("heading", name="Sign in")).to_be_visible()

    ada.get_by_role("link", name="Undo this restore").click()
    expect(ada.locator(".answer")).to_contain_text("before the restore by ")
    ada.get_by_label("Enter “undo”").fill("undo")
    ada.get_by_role("button", name="Undo restore").click()
    restored(ada)
    assert LATER in site.apps()
    ada.get_by_role("link", name="Go to backups").click()
    ada.wait_for_url("**/admin/backups")


def test_a_wrong_word_keeps_the_plan_and_takes_the_focus_back(site: Site, sign_in: SignIn) -> None:
    ada = sign_in(site.plan_path, expected_statuses={422})
    ada.get_by_label("Enter “restore”").fill("resotre")
    ada.get_by_role("button", name="Restore backup").click()

    expect(ada.locator("#word-error")).to_have_text("Enter “restore” to restore the backup.")
    expect(ada.locator("#word")).to_be_focused()
    expect(ada.get_by_role("heading", name="Now and afterwards")).to_be_visible()
    assert ada.url.endswith(site.plan_path)
    assert findings(ada) == []


def test_from_the_list_the_plan_opens_in_a_dialog(site: Site, sign_in: SignIn) -> None:
    ada = sign_in("/admin/backups", expected_statuses={422})
    opener = ada.locator(f'a.button[href="{site.plan_path}"]')
    opener.click()
    plan = ada.get_by_role("dialog")
    expect(plan.get_by_role("heading", name=ASKS)).to_be_visible()
    assert findings(ada) == []

    plan.get_by_label("Enter “restore”").fill("resotre")
    plan.get_by_role("button", name="Restore backup").click()
    expect(plan.locator("#word-error")).to_have_text("Enter “restore” to restore the backup.")
    expect(plan.locator("#word")).to_be_focused()

    ada.keyboard.press("Escape")
    expect(plan).to_be_hidden()
    expect(opener).to_be_focused()


def test_a_plan_that_is_out_of_date_is_shown_again(site: Site, sign_in: SignIn) -> None:
    ada = sign_in(site.plan_path, expected_statuses={409})
    name = f"Written meanwhile {len(site.apps())}"
    with site.app.app_context():
        db.session.add(App(name=name, url="https://late.home.arpa"))
        db.session.commit()
    ada.get_by_label("Enter “restore”").fill("restore")
    ada.get_by_role("button", name="Restore backup").click()

    expect(ada.get_by_role("alert").filter(has_text="Something changed")).to_be_visible()
    expect(ada.locator(".names")).to_contain_text(name)
    assert findings(ada) == []
    ada.get_by_label("Enter “restore”").fill("restore")
    ada.get_by_role("button", name="Restore backup").click()
    restored(ada)


def test_it_works_without_script(site: Site, sign_in: SignIn) -> None:
    site.write_later()
    ada = sign_in(site.plan_path, java_script_enabled=False, expected_statuses={422})
    ada.fill("#word", "no")
    ada.click("#confirm .button-primary")
    expect(ada.locator("#word-error")).to_be_visible()

    ada.fill("#word", "restore")
    ada.click("#confirm .button-primary")
    restored(ada)

    assert LATER not in site.apps()
    ada.goto("/account")
    assert ada.url.endswith("/account")


def test_it_works_with_the_keyboard_alone(site: Site, sign_in: SignIn) -> None:
    ada = sign_in(site.plan_path)
    for _ in range(60):
        ada.keyboard.press("Tab")
        if ada.evaluate("document.activeElement.id") == "word":
            break
    ada.keyboard.type("restore")
    ada.keyboard.press("Enter")
    restored(ada)

    expect(ada.locator("#outcome")).to_be_focused()
    for _ in range(10):
        ada.keyboard.press("Tab")
        if ada.evaluate("document.activeElement.textContent.trim()") == "Undo this restore…":
            break
    ada.keyboard.press("Enter")
    expect(ada.locator(".answer")).to_contain_text("Undo the last restore of")


@pytest.mark.parametrize("language", ["de", "ru"])
def test_it_works_on_a_phone_in_every_language(site: Site, sign_in: SignIn, language: str) -> None:
    ada = sign_in(site.plan_path, locale=language, width=390)
    assert _reaches(ada) <= 390
    ada.set_viewport_size({"width": 360, "height": 740})
    assert _reaches(ada) <= 360

    ada.fill("#word", WORDS[language].upper())
    ada.click("#confirm .button-primary")
    restored(ada)

    assert ada.evaluate("document.documentElement.lang") == language
    assert _reaches(ada) <= 360


def test_axe_finds_nothing_on_the_way(site: Site, sign_in: SignIn) -> None:
    ada = sign_in(site.plan_path)
    assert findings(ada) == []

    with site.running() as operation:
        ada.goto(f"/admin/backups/operations/{operation.id}")
        expect(ada.locator("[aria-current=step]")).to_contain_text("7.2 MB of 11.8 MB")
        expect(ada.get_by_role("status").first).to_have_text("Replacing the data")
        assert findings(ada) == []
    restored(ada)
    assert findings(ada) == []


def test_a_failure_is_amber_and_leads_back_to_the_plan(site: Site, sign_in: SignIn) -> None:
    ada = sign_in("/account", width=390)
    with suppress(RestoreError), site.running() as operation:
        ada.goto(f"/admin/backups/operations/{operation.id}")
        operation.stage(Stage.CONFIRM)
        expect(ada.get_by_role("status").first).to_have_text("Comparing with the plan")
        raise RestoreError(Reason.UNCLASSIFIED, sentence="it did not pass its check")

    expect(ada.locator(".answer")).to_have_attribute("data-state", "warn")
    expect(ada.locator("#outcome")).to_have_text("The restore stopped. Nothing was changed")
    expect(ada.locator('[data-stage="failed"]')).to_contain_text("it did not pass its check")
    assert findings(ada) == []
    assert _reaches(ada) <= 390
    ada.get_by_role("link", name="Back to the plan").click()
    ada.wait_for_url(f"**{site.plan_path}")


def test_with_another_password_in_the_backup_one_signs_in_with_that(
    site: Site, sign_in: SignIn
) -> None:
    ada = sign_in("/account")
    ada.fill("#current_password", site.passwords["ada"])
    ada.fill("#new_password", "quite another sentence")
    ada.get_by_role("button", name="Change password").click()
    expect(ada.locator(".toast")).to_be_visible()

    ada.goto(site.plan_path)
    expect(ada.locator("main")).to_contain_text("Your password is different in this backup.")
    ada.fill("#word", "restore")
    ada.click("#confirm .button-primary")
    restored(ada)

    expect(ada.locator("main")).to_contain_text("Sign in with your password from today, ")
    ada.get_by_role("link", name="Sign in").click()
    ada.fill("#username", "ada")
    ada.fill("#password", site.passwords["ada"])
    ada.click("main button")
    expect(ada.locator("main")).to_contain_text("You have signed in since.")
    ada.get_by_role("link", name="Go to backups").click()
    ada.wait_for_url("**/admin/backups")


def test_a_file_is_brought_in_restored_and_undone_by_way_of_signing_in(
    site: Site, sign_in: SignIn, tmp_path: Path
) -> None:
    kept = site.service.create(by="test")
    file = site.service.export(kept.id, tmp_path / "from-the-attic.db", by="test")
    site.write_later()
    ada = sign_in("/account")
    ada.fill("#current_password", site.passwords["ada"])
    ada.fill("#new_password", "a sentence of today")
    ada.get_by_role("button", name="Change password").click()
    expect(ada.locator(".toast")).to_be_visible()

    ada.goto("/admin/backups")
    ada.set_input_files("#upload-file", file)
    expect(ada.get_by_role("heading", name="This is a good backup of Launcher")).to_be_visible()
    expect(ada.locator("main")).to_contain_text("from-the-attic.db")
    ada.get_by_role("link", name="Restore").click()
    expect(ada.locator(".names")).to_contain_text(LATER)
    expect(ada.locator("main")).to_contain_text("Your password is different in this backup.")
    ada.fill("#word", "restore")
    ada.click("#confirm .button-primary")
    restored(ada)
    assert LATER not in site.apps()

    expect(ada.locator("main")).to_contain_text("Everyone was signed out, including you.")
    ada.get_by_role("link", name="Sign in").click()
    ada.fill("#username", "ada")
    ada.fill("#password", site.passwords["ada"])
    ada.click("main button")
    expect(ada.locator("#outcome")).to_be_visible()
    expect(ada.locator("main")).to_contain_text("You have signed in since.")

    ada.get_by_role("link", name="Undo this restore").click()
    expect(ada.locator(".answer")).to_contain_text("before the restore by ")
    ada.fill("#word", "undo")
    ada.click("#confirm .button-primary")
    restored(ada)
    assert LATER in site.apps()
    expect(ada.locator("main")).to_contain_text("Everyone was signed out, including you.")
    sign_in("/admin/backups", password="a sentence of today")


def _reaches(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width
