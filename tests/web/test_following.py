"""An operation that is followed: while it runs, when it has ended, and with whose session."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from launcher.accounts import users
from launcher.audit import COMMAND_LINE
from launcher.background import process
from launcher.backup import BackupService, Gate
from launcher.backup.errors import RestoreError, RevertFailedError
from launcher.backup.reasons import Reason
from launcher.backup.records.operation import Outcome, Stage, Verb
from launcher.backup.restore import STAGES_RESTORE
from launcher.backup.sqlite.connection import side_files
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.models import Role, Theme, User, UserSession
from launcher.models.types import utc_now
from tests.conftest import ADA, BEN
from tests.web.restoring import confirm, ended, operation_of, restore, text_of
from tests.web.visitor import Visitor

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/admin/backups"}
UNKNOWN = "0123456789abcdef"


@pytest.fixture
def service(app: Flask) -> BackupService:
    kept: BackupService = app.extensions["launcher.background.service"]
    return kept


@pytest.fixture
def live(app: Flask) -> Path:
    path: Path = app.extensions["launcher.config"].database_path
    return path


@pytest.fixture
def backup_id(service: BackupService, boards: None) -> str:
    return service.create(by="ada").id


@pytest.fixture
def running(
    ada: Visitor, service: BackupService, backup_id: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., object]:
    """Confirm a restore in Ada's browser and hold it where the block wants it.

    The block gets the operation, to go on with, and the address where it is followed.
    """
    begun: list[str] = []

    def start(_config: object, _request: object, *, by: str, operation_id: str) -> None:
        assert by == "ada"
        begun.append(operation_id)

    monkeypatch.setattr(process, "start", start)

    @contextmanager
    def hold():
        address = restore(ada, backup_id).location
        with service._operations.run(
            Verb.RESTORE, by="ada", stages=STAGES_RESTORE, operation_id=begun[-1]
        ) as operation:
            operation.about(backup_id)
            operation.stage(Stage.UNPACK)
            yield operation, address

    return hold


@pytest.fixture
def failed(running) -> Callable[..., str]:
    """Let a restore that Ada began fail at a stage; return the address where it was followed."""

    def fail(error: BaseException, *, at: Stage, **facts: str | float) -> str:
        with suppress(type(error)), running() as (operation, address):
            operation.facts.update(facts)
            operation.stage(at)
            raise error
        return str(address)

    return fail


# --- while it runs -----------------------------------------------------------------------


def test_the_stages_are_reported_with_true_bytes(ada: Visitor, running) -> None:
    with running() as (operation, address):
        operation.stage(Stage.PREPARE)
        operation.stage(Stage.SAFETY)
        operation.stage(Stage.REPLACE)
        operation.advance(7_200_000, 11_800_000)
        operation._send()

        page = text_of(ada.open(address).text)

    assert "Restoring to today, " in page
    assert "Started by ada today, " in page
    assert "Backup unpacked" in page
    assert "Replacing the data 7.2 MB of 11.8 MB 61 %" in page
    assert "Pages remain available. Changes wait for a moment." in page
    assert "Compare with the plan" in page
    assert '<progress value="61" max="100"' in ada.page


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (99_000_000, "Pages remain available. Changes wait for a moment."),
        (200_000_000, "Pages remain available. Changes wait for about 1 s."),
        (1_000_000_000, "Pages remain available. Changes wait for about 5 s."),
        (
            2_000_000_000,
            "Pages remain available. A change that waits longer than 20 s fails and can be sent"
            " again.",
        ),
    ],
)
def test_while_the_data_is_replaced_it_is_said_how_long_changes_wait(
    ada: Visitor, running, size_bytes: int, words: str
) -> None:
    with running() as (operation, address):
        operation.stage(Stage.SAFETY)
        operation.stage(Stage.REPLACE)
        operation.advance(1, size_bytes)
        operation._send()

        assert words in text_of(ada.open(address).text)


def test_while_a_file_is_replaced_no_page_is_said_to_remain_available(
    ada: Visitor, running
) -> None:
    """The safety backup was tried, and the database did not take the data."""
    with running() as (operation, address):
        operation.stage(Stage.SAFETY)
        operation.hold_readers()
        operation.stage(Stage.REPLACE)
        operation.advance(1, 99_000_000)
        operation._send()

        page = text_of(ada.open(address).text)

    assert "Pages pause for a moment." in page
    assert "Pages remain available" not in page


def test_it_goes_on_by_itself_with_script_and_without(ada: Visitor, running) -> None:
    with running() as (_, address):
        page = ada.open(address).text
        assert '<noscript><meta http-equiv="refresh" content="1"></noscript>' in page
        assert 'hx-trigger="every 1s"' in page
        assert f'hx-get="{address.replace("&", "&amp;")}"' in page

        part = ada.open(address, HX_Request="true")
        assert part.text.startswith('<div id="operation"')
        assert "HX-Refresh" not in part.headers

    assert ada.open(address, HX_Request="true").headers["HX-Refresh"] == "true"


def test_it_is_followed_while_the_gate_is_closed(
    ada: Visitor, running, app: Flask, set_site: Callable[..., None]
) -> None:
    set_site(site_name="Ada's house", time_zone="Asia/Tokyo", accent_hue=30)
    with app.app_context():
        ada_row = users.find_user("ada")
        ada_row.locale, ada_row.theme = "de", Theme.DARK
        db.session.commit()
    with running() as (_, address), Gate(app.extensions["launcher.config"].lock_dir).closed():
        answer = ada.open(address)

    assert answer.status_code == 200
    assert '<html lang="de" data-theme="dark">' in ada.page
    assert "Ada&#39;s house" in ada.page
    assert "JST" in ada.page


def test_it_is_followed_while_the_database_is_lost(ada: Visitor, running, live: Path) -> None:
    with running() as (_, address):
        lose(live)
        answer = ada.open(address)

        assert answer.status_code == 200
        assert "Unpacking the backup" in answer.text


def test_any_admin_may_watch_and_no_one_else(
    app: Flask, ada: Visitor, ben: Visitor, guest: Visitor, running
) -> None:
    with running() as (operation, _):
        path = f"/admin/backups/operations/{operation.id}"
        with app.app_context():
            users.create_user("zoe", BEN.password, role=Role.ADMIN, actor=COMMAND_LINE)
        assert ada.open(path).status_code == 200
        assert "Unpacking the backup" in ada.page
        assert ben.open(path).status_code == 403
        assert guest.open(path).location == f"/login?next={path}"


def test_the_page_that_watches_without_a_token_is_led_to_sign_in_at_the_end(
    app: Flask, service: BackupService, backup_id: str, cast: object
) -> None:
    other = Visitor(app)
    other.sign_in(ADA)
    outcome = service.restore(backup_id, by="ben")
    path = f"/admin/backups/operations/{outcome.operation_id}"

    answer = other.open(path, HX_Request="true", HX_Current_URL=f"http://localhost{path}")

    assert answer.headers["HX-Redirect"] == f"/login?next={path}"


@pytest.mark.parametrize("spoil", ["", "x", "x" * 5000, "last", "turned"])
def test_a_wrong_token_is_none(ada: Visitor, guest: Visitor, running, spoil: str) -> None:
    with running() as (_, address):
        path, token = address.split("?t=")
        wrong = f"{path}?t={ {'last': token[:-1], 'turned': token[::-1]}.get(spoil, spoil) }"

        assert guest.open(wrong).status_code == 302
        assert ada.open(wrong).status_code == 200


def test_a_token_is_good_for_one_operation_and_one_day(
    guest: Visitor, running, service: BackupService, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as (_, address):
        assert guest.open(address).status_code == 200
    token = address.split("?t=")[1]
    service.create(by="ada")
    other = service.journal(limit=1)[0].operation_id

    assert guest.open(f"/admin/backups/operations/{other}?t={token}").status_code == 302
    monkeypatch.setattr("launcher.background.follow_tokens.MAX_AGE_S", -1)
    assert guest.open(address).status_code == 302


@pytest.mark.parametrize("wanted", [UNKNOWN, "x", "latest", "..%2f..%2fetc"])
def test_an_unknown_operation_is_not_found(ada: Visitor, wanted: str) -> None:
    assert ada.open(f"/admin/backups/operations/{wanted}").status_code == 404


# --- when it has ended -------------------------------------------------------------------


def test_the_outcome_says_what_happened_and_how_to_undo_it(
    ada: Visitor, service: BackupService, backup_id: str
) -> None:
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))

    page = text_of(ada.open(answer.location).text)

    assert "Restored to today, " in page
    assert "match the plan: 7 apps, 3 boards and 3 users." in page
    assert "Kept as the safety backup of today, " in page
    assert (
        "Every day at 03:00 · retention: the last 10 · restore test every week. Next backup: "
        in page
    )
    assert re.search(r"Pages Available throughout\. Longest pause: \d+ ms\.", page)
    assert re.search(r"Changes Waited for up to \d+ ms\.", page)
    assert f'href="/admin/backups/{service.undo_id()}/restore"' in ada.page
    assert "Undo this restore" in page
    assert '<h1 id="outcome" tabindex="-1" autofocus>' in ada.page


@pytest.mark.parametrize(
    ("facts", "pages", "changes"),
    [
        ({"held_s": 0.012, "changes_held_s": 1.1},
         "Pages Available throughout. Longest pause: 12 ms.",
         "Changes Waited for up to 1.1 s."),
        ({"held_s": 0.3, "changes_held_s": 21.2},
         "Pages Paused for up to 300 ms.",
         "Changes Waited for up to 21.2 s. Changes that waited longer than 20 s failed."),
        ({"held_s": 21.2, "changes_held_s": 21.2},
         "Pages Paused for up to 21.2 s. Requests that waited longer than 20 s failed.", ""),
        ({"held_s": 0.012}, "Pages Paused for up to 12 ms.", ""),
        ({}, "", ""),
    ],
)  # fmt: skip
def test_the_outcome_says_how_long_pages_and_changes_waited(
    ada: Visitor, running, facts: dict[str, float], pages: str, changes: str
) -> None:
    with running() as (operation, address):
        operation.facts.update(facts)

    page = text_of(ada.open(address).text)

    assert pages in page
    assert changes in page
    assert ("Changes Waited" in page) == bool(changes)
    assert ("Longest pause" in page or "Paused for" in page) == bool(pages)
    assert "None failed" not in page
    assert "No request" not in page


def test_the_panel_offers_the_undo_until_the_next_good_backup(
    ada: Visitor, service: BackupService, backup_id: str
) -> None:
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))
    ada.open(answer.location)

    page = text_of(ada.open("/admin/backups").text)
    assert re.search(r"Data restored from the backup of today, \d\d:\d\d By Ada, ", page)
    assert "Changes since then are not backed up yet. Undo this restore…" in page
    assert f'href="/admin/backups/{service.undo_id()}/restore"' in ada.page

    later = service.create(by="ada")
    assert 'id="restored"' not in ada.open("/admin/backups").text

    damage(service, later.id)
    assert 'id="restored"' not in ada.open("/admin/backups").text, "the undo returned"


def damage(service: BackupService, backup_id: str) -> None:
    """Change a byte of a backup, and let a verification find it."""
    spoil(service, backup_id)
    service.verify(backup_id, by="test")


def spoil(service: BackupService, backup_id: str) -> None:
    """Change a byte of a backup."""
    name = service.get(backup_id).file.name  # type: ignore[union-attr]
    file = service.store_path / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


def test_an_undo_whose_safety_backup_is_damaged_is_not_offered(
    ada: Visitor, service: BackupService, backup_id: str
) -> None:
    older = service.create(by="ada")
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))
    safety_id = service.undo_id()
    damage(service, safety_id)

    page = text_of(ada.open(answer.location).text)
    assert "The safety backup is damaged, so you cannot undo this restore." in page
    assert "Instead, you can restore the last good backup from before it, of today, " in page
    assert re.search(r"The safety backup of today, [\d:]+ is damaged\.", page)
    assert f'href="/admin/backups/{safety_id}/restore"' not in ada.page
    assert f'href="/admin/backups/{older.id}/restore"' in ada.page

    page = text_of(ada.open("/admin/backups").text)
    assert "The safety backup is damaged, so you cannot undo this restore." in page
    assert f'href="/admin/backups/{safety_id}/restore"' not in ada.page


def test_the_plan_of_an_undo_whose_safety_backup_turns_out_damaged_offers_an_older_backup(
    ada: Visitor, service: BackupService, set_site: Callable[..., None], backup_id: str
) -> None:
    older = service.create(by="ada").id
    set_site(site_name="Another")
    restored = service.create(by="ada").id
    answer = restore(ada, restored)
    ended(service, operation_of(answer))
    ada.open(answer.location)
    spoil(service, service.undo_id())

    refused = ada.open(f"/admin/backups/{service.undo_id()}/restore")

    assert refused.status_code == 422
    page = text_of(refused.text)
    assert "You cannot undo the last restore" in page
    assert "Instead, you can restore the last good backup from before it" in page
    assert f'href="/admin/backups/{older}/restore"' in refused.text
    assert restored not in refused.text


def test_a_lost_undo_names_no_other_backup_where_none_is_good(
    ada: Visitor, service: BackupService, backup_id: str
) -> None:
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))
    damage(service, service.undo_id())

    page = text_of(ada.open(answer.location).text)

    assert "No good backup from before it is left. An undamaged copy can be uploaded." in page
    assert "Restore an older backup" not in page


def test_whose_form_was_ended_by_a_restore_reads_that_with_the_way_back_to_the_form(
    ada: Visitor, ben: Visitor, service: BackupService, backup_id: str
) -> None:
    page = ben.open("/apps/new").text
    ended(service, operation_of(restore(ada, backup_id)))

    sent = ben.send("/apps/new", name="Wiki")
    ben.page = page
    by_script = ben.send_with({"HX-Request": "true"}, "/apps/new", name="Wiki")

    for answer in (sent, by_script):
        assert answer.status_code == 401
        page = text_of(answer.text)
        assert "You were signed out by a restore An admin restored a backup" in page
        assert "Nothing was saved." in page
        assert "You are signed out" not in page


def test_who_was_signed_out_reads_why_on_the_sign_in_page(
    ada: Visitor, ben: Visitor, app: Flask, service: BackupService, backup_id: str
) -> None:
    ended(service, operation_of(restore(ada, backup_id)))

    page = text_of(ben.open("/login").text)
    assert "You were signed out by a restore An admin restored a backup" in page

    ben.sign_in(BEN)
    ben.send("/logout")
    assert "signed out by a restore" not in ben.open("/login").text
    assert "signed out by a restore" not in Visitor(app).open("/login").text


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe"])
def test_the_outcome_names_the_next_backup_by_the_clock_of_the_site(
    ada: Visitor, service: BackupService, set_site: Callable[..., None], zone: str
) -> None:
    set_site(time_zone=zone)
    answer = restore(ada, service.create(by="ada").id)
    ended(service, operation_of(answer))

    assert re.search(r"Next backup: [^.]*03:00\.", text_of(ada.open(answer.location).text))


def test_only_the_last_restore_can_be_undone(
    ada: Visitor, service: BackupService, backup_id: str
) -> None:
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))
    ada.open(answer.location)
    service.restore(backup_id, by="test")
    ada.sign_in(ADA)

    page = ada.open(answer.location).text

    assert "Restored to today" in page
    assert "Undo this restore" not in page


def test_a_restore_where_there_was_no_data_says_so(
    ada: Visitor, app: Flask, service: BackupService, backup_id: str
) -> None:
    path = app.extensions["launcher.config"].database_path
    for each in (path, *side_files(path)):
        each.unlink(missing_ok=True)
    restored = service.restore(backup_id, by="ada")
    ada.sign_in(ADA)

    page = text_of(ada.open(f"/admin/backups/operations/{restored.operation_id}").text)

    assert "Previous data There was no data before this restore." in page
    panel = text_of(ada.open("/admin/backups").text)
    assert "There was no data before this restore, so you cannot undo it." in panel


def test_an_undo_that_would_leave_no_admin_is_not_offered(
    ada: Visitor, service: BackupService, backup_id: str, app: Flask
) -> None:
    with app.app_context():
        db.session.execute(db.update(User).values(role=Role.VIEWER))
        db.session.commit()
    restored = service.restore(backup_id, by="ada")
    ada.sign_in(ADA)

    assert "Undo this restore" not in ada.open("/admin/backups").text
    page = ada.open(f"/admin/backups/operations/{restored.operation_id}").text
    assert "Undo this restore" not in page


def test_the_undo_brings_the_moment_before_back(
    ada: Visitor, app: Flask, service: BackupService, backup_id: str, set_site
) -> None:
    set_site(site_name="Before the restore")
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))
    assert "Launcher" in ada.open(answer.location).text

    answer = restore(ada, service.undo_id())

    assert ended(service, operation_of(answer)).outcome is Outcome.SUCCEEDED
    assert "Before the restore" in ada.open(answer.location).text


def test_an_undo_is_named_an_undo_from_the_plan_to_the_history(
    ada: Visitor, service: BackupService, backup_id: str
) -> None:
    ended(service, operation_of(answer := restore(ada, backup_id)))
    ada.open(answer.location)
    safety_id = service.undo_id()

    plan = text_of(ada.open(f"/admin/backups/{safety_id}/restore").text)
    assert "Undo the last restore of Launcher?" in plan
    assert "Enter “undo”" in plan
    assert confirm(ada, safety_id, word="restore").status_code == 422
    ada.open(f"/admin/backups/{safety_id}/restore")
    answer = confirm(ada, safety_id)
    ended(service, operation_of(answer))

    page = text_of(ada.open(answer.location).text)
    assert "Restore undone Your data is as it was before the restore, today, " in page
    assert "Undo this undo…" in page
    panel = text_of(ada.open("/admin/backups").text)
    assert "Restore undone By Ada, " in panel
    assert "Used by ada to undo a restore" in text_of(ada.open(f"/admin/backups/{safety_id}").text)
    assert "Undoing a restore" in ada.open("/admin/audit/operations").text
    assert "Undo the last undo of Launcher?" in text_of(
        ada.open(f"/admin/backups/{service.undo_id()}/restore").text
    )


def signed_in_later(app: Flask) -> Visitor:
    """Sign Ada in, a minute from now: sessions are dated in seconds."""
    visitor = Visitor(app)
    visitor.sign_in(ADA)
    with visitor.client.session_transaction() as cookie:
        session_id = cookie["id"]
    with app.app_context():
        db.session.get_one(UserSession, session_id).began_at += timedelta(minutes=1)
        db.session.commit()
    return visitor


def test_a_session_from_after_the_restore_reads_only_what_is_known(
    ada: Visitor, app: Flask, service: BackupService, backup_id: str
) -> None:
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))
    ada.open(answer.location)
    address = answer.location.split("?")[0]
    again = signed_in_later(app)
    assert "Everyone else was signed out. You have signed in since." in again.open(address).text

    service.restore(backup_id, by="root (command line)")
    again = signed_in_later(app)
    last = service.journal(limit=1)[0].operation_id
    page = again.open(f"/admin/backups/operations/{last}").text
    assert "Everyone was signed out. You have signed in since." in page


def test_the_address_says_of_another_browser_only_that_it_signed_in_since(
    app: Flask, ada: Visitor, service: BackupService, backup_id: str
) -> None:
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))
    assert "You are still signed in." in text_of(ada.open(answer.location).text)

    elsewhere = Visitor(app)
    elsewhere.sign_in(ADA)
    page = text_of(elsewhere.open(answer.location).text)

    assert "Everyone else was signed out. You have signed in since." in page
    assert "still signed in" not in page


def test_a_failure_says_where_it_stopped_and_that_nothing_changed(ada: Visitor, failed) -> None:
    address = failed(
        RestoreError(Reason.UNCLASSIFIED, sentence="no <b>room</b> for it"), at=Stage.SAFETY
    )

    page = text_of(ada.open(address).text)

    assert "The restore stopped. Nothing was changed" in page
    assert "No one was signed out." in page
    assert 'data-state="warn"' in ada.page
    assert "no &lt;b&gt;room&lt;/b&gt; for it" in ada.page
    assert 'data-stage="failed"' in ada.page
    assert "Replace the data: not started" in page
    assert "Back to the plan" in page
    assert "Code restore_failed , operation" in page
    assert ada.is_signed_in


def test_a_failure_says_for_how_long_others_could_read_the_restored_data(
    ada: Visitor, failed, backup_id: str
) -> None:
    error = RestoreError(Reason.NOT_CONFIRMED_SEEN, detail="4 apps", visible_ms=47)
    address = failed(error, at=Stage.CONFIRM, visible_s=0.047)

    page = text_of(ada.open(address).text)

    assert "The restore failed. Your data is back" in page
    assert "Your data is exactly as it was before." in page
    assert "The restored data did not pass its check: 4 apps." in page
    assert "Restored data Visible for 47 ms, then removed." in page
    assert "Nothing was changed" not in page
    assert "No one was signed out" not in page

    log = text_of(ada.open("/admin/audit/operations").text)
    assert "Failed The restore failed. Your data is back" in log
    assert "unchanged" not in log
    assert "A restore failed. The previous data was returned" in text_of(
        ada.open(f"/admin/backups/{backup_id}").text
    )

    unseen = failed(RestoreError(Reason.NOT_CONFIRMED, detail="4 apps"), at=Stage.CONFIRM)
    page = text_of(ada.open(unseen).text)
    assert "The restore stopped. Nothing was changed" in page
    assert "Visible for" not in page


def test_an_undo_whose_data_was_visible_has_a_title_and_a_line_of_its_own(
    ada: Visitor, failed, backup_id: str
) -> None:
    error = RestoreError(Reason.NOT_CONFIRMED_SEEN, detail="4 apps", visible_ms=47)
    address = failed(error, at=Stage.CONFIRM, visible_s=0.047, undoes="an-operation")

    assert "The undo failed. Your data is back" in text_of(ada.open(address).text)
    assert "The undo of a restore failed. The previous data was returned" in text_of(
        ada.open(f"/admin/backups/{backup_id}").text
    )


def test_the_toast_of_a_restore_whose_data_was_visible_says_that_the_data_is_back(
    ada: Visitor, failed, service: BackupService
) -> None:
    error = RestoreError(Reason.NOT_CONFIRMED_SEEN, detail="4 apps", visible_ms=47)
    seen = service.journal(limit=1)[0].operation_id
    failed(error, at=Stage.CONFIRM, visible_s=0.047)

    page = text_of(ada.client.get("/admin/backups", headers=HTMX | {"Launcher-Seen": seen}).text)

    assert page.count("The restore failed. Your data is back") == 1
    assert "unchanged" not in page


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "The restore was interrupted. Your data is back"),
        ({"undoes": "an-operation"}, "The undo was interrupted. Your data is back"),
    ],
    ids=["restore", "undo"],
)
def test_one_that_was_stopped_and_taken_back_says_for_how_long_its_data_was_visible(
    ada: Visitor, failed, facts: dict[str, str], words: str
) -> None:
    address = failed(
        KeyboardInterrupt(), at=Stage.REPLACE, epoch="another", visible_s=0.047, **facts
    )

    page = text_of(ada.open(address).text)

    assert words in page
    assert "Restored data Visible for 47 ms, then removed." in page
    assert "Nothing was changed" not in page


def test_data_that_could_not_be_put_back_is_said_without_a_database(
    ada: Visitor, failed, live: Path
) -> None:
    error = RevertFailedError(Reason.UNCLASSIFIED, sentence="all of it is in the safety backup")
    address = failed(error, at=Stage.CONFIRM, safety_id="20261122T130702Z-abcdef")
    lose(live)

    answer = ada.open(address)

    assert answer.status_code == 200
    assert 'data-state="bad"' in answer.text
    assert "the previous data could not be returned" in answer.text
    assert "all of it is in the safety backup" in answer.text
    assert "flask backup restore 20261122T130702Z-abcdef" in answer.text


KILLED = {
    "restored": "was interrupted after the data was replaced",
    "unchanged": "was interrupted. Nothing was changed",
    "unreadable": "was interrupted, and the database cannot be read",
}


@pytest.mark.parametrize("undoes", ["", "an-operation"], ids=["restore", "undo"])
@pytest.mark.parametrize("data", KILLED)
def test_a_restore_or_undo_whose_process_was_killed_says_what_that_means(
    ada: Visitor, app: Flask, running, live: Path, data: str, *, undoes: str
) -> None:
    state_path = live.with_name("operation.json")
    with running() as (operation, address):
        left = json.loads(state_path.read_bytes())
        operation.is_recorded = False
    with app.app_context():
        epoch = current_settings().session_epoch if data == "restored" else "another"
    left["facts"] = {"epoch": epoch, "safety_id": left["backup_id"], "undoes": undoes}
    state_path.write_text(json.dumps(left))
    if data == "unreadable":
        lose(live)

    answer = ada.open(address)

    assert answer.status_code == 200
    assert f"The {'undo' if undoes else 'restore'} {KILLED[data]}" in answer.text


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("protect", "Protecting a backup: Succeeded"),
        ("verify", "This backup is good"),
        ("test_restore", "Restore test passed"),
    ],
)
def test_every_kind_of_operation_has_an_outcome(
    ada: Visitor, service: BackupService, backup_id: str, deed: str, words: str
) -> None:
    getattr(service, deed)(backup_id, by="ben")
    operation_id = service.journal(limit=1)[0].operation_id

    answer = ada.open(f"/admin/backups/operations/{operation_id}")

    assert answer.status_code == 200
    assert words in answer.text
    assert "Go to backups" in answer.text


def test_an_uploaded_file_leads_to_its_plan(
    ada: Visitor, service: BackupService, backup_id: str, tmp_path: Path
) -> None:
    exported = service.export(backup_id, tmp_path / "old.db", by="ada")
    taken = service.import_(exported, by="ada", note="<script>alert(1)</script>")
    operation_id = service.journal(limit=1)[0].operation_id

    page = ada.open(f"/admin/backups/operations/{operation_id}").text

    assert "This is a good backup of Launcher" in page
    assert f'href="/admin/backups/{taken.id}"' in page
    assert f'href="/admin/backups/{taken.id}/restore"' in page


def test_a_file_that_was_refused_says_why(
    ada: Visitor, service: BackupService, backup_id: str, tmp_path: Path
) -> None:
    file = tmp_path / "holiday.jpg"
    file.write_bytes(b"\xff\xd8\xff" * 1000)
    with pytest.raises(Exception, match="database"):
        service.import_(file, by="ada")
    operation_id = service.journal(limit=1)[0].operation_id

    page = ada.open(f"/admin/backups/operations/{operation_id}").text

    assert "This is not a database" in page
    assert "upload_rejected" in page


# --- whose session goes on ---------------------------------------------------------------


@pytest.fixture
def others(app: Flask, ben: Visitor, chloe: Visitor) -> list[Visitor]:
    """Ada in another browser, Ben, and Chloé."""
    elsewhere = Visitor(app)
    elsewhere.sign_in(ADA)
    return [elsewhere, ben, chloe]


def test_who_restored_stays_signed_in_and_no_one_else_does(
    ada: Visitor, others: list[Visitor], service: BackupService, backup_id: str
) -> None:
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))
    assert not ada.is_signed_in

    page = ada.open(answer.location).text

    assert "You are still signed in. Everyone else was signed out." in page
    assert "Go to backups" in page
    assert ada.is_signed_in
    for other in others:
        assert not other.is_signed_in


def test_an_answer_that_comes_late_does_not_put_the_old_session_back(
    ada: Visitor, service: BackupService, backup_id: str
) -> None:
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))

    for path in ("/", "/login", answer.location.split("?")[0]):
        assert "Set-Cookie" not in ada.open(path).headers
    assert "Set-Cookie" not in ada.open(answer.location, HX_Request="true").headers
    assert "Set-Cookie" in ada.open(answer.location).headers


def test_a_token_alone_renews_nothing(
    ada: Visitor, ben: Visitor, guest: Visitor, service: BackupService, backup_id: str
) -> None:
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))

    ben_again = Visitor(ben.client.application)
    ben_again.sign_in(BEN)
    for thief in (guest, ben, ben_again):
        page = text_of(thief.open(answer.location).text)
        assert "Restored to today, " in page
        assert "Sign in" in page
        for told_to_the_admin in ("3 boards", "Schedule", "password", "safety backup", "Undo"):
            assert told_to_the_admin not in page
        assert thief is ben_again or not thief.is_signed_in


def test_a_session_alone_renews_nothing(
    ada: Visitor, service: BackupService, backup_id: str
) -> None:
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))

    assert ada.open(answer.location.split("?")[0]).status_code == 302
    assert not ada.is_signed_in


def test_a_session_of_a_password_that_was_changed_stays_void(
    ada: Visitor, app: Flask, service: BackupService, backup_id: str
) -> None:
    revoked = Visitor(app)
    revoked.sign_in(ADA)
    ada.open("/account")
    ada.send("/account/password", current_password=ADA.password, new_password="another sentence")
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))

    revoked.open(answer.location)
    page = ada.open(answer.location).text

    assert not revoked.is_signed_in
    assert "Sign in with your password from today, " in page
    assert not ada.is_signed_in


def test_the_address_to_follow_with_holds_no_secret(ada: Visitor, running) -> None:
    with running() as (_, address):
        token = address.split("?t=")[1]

    assert re.fullmatch(r"[\w-]{32}", token)


def test_who_signs_out_during_a_restore_is_not_signed_in_by_it(
    ada: Visitor, app: Flask, running
) -> None:
    copy = Visitor(app)
    copy.take_session(ada)
    with running() as (operation, address):
        ada.page = ""
        ada.send("/logout")
        with app.app_context():
            operation.facts["epoch"] = current_settings().session_epoch

    copy.open(address)

    assert not copy.is_signed_in


def test_who_signs_out_after_a_restore_is_not_signed_in_by_its_page(
    ada: Visitor, app: Flask, service: BackupService, backup_id: str
) -> None:
    copy = Visitor(app)
    copy.take_session(ada)
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))
    ada.open(answer.location)
    assert copy.is_signed_in  # it is the same session
    ada.page = ""
    ada.send("/logout")

    copy.open(answer.location)

    assert not copy.is_signed_in


def test_a_renewed_session_is_as_old_as_before(
    ada: Visitor, app: Flask, service: BackupService, backup_id: str
) -> None:
    began_at = utc_now() - timedelta(days=89)
    with app.app_context():
        db.session.execute(db.update(UserSession).values(began_at=began_at))
        db.session.commit()
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))
    ada.open(answer.location)

    assert ada.is_signed_in
    with app.app_context():
        kept = db.session.scalars(db.select(UserSession)).one()
        assert kept.began_at == began_at.replace(microsecond=0)


def test_another_restore_afterwards_ends_the_session_for_good(
    ada: Visitor, service: BackupService, backup_id: str
) -> None:
    answer = restore(ada, backup_id)
    ended(service, operation_of(answer))
    service.restore(backup_id, by="ben")

    ada.open(answer.location)

    assert not ada.is_signed_in


@pytest.mark.parametrize(
    "change", [("username", "zoe", "ada"), ("role", "editor", "admin"), ("is_active", "0", "1")]
)
def test_an_account_that_is_another_in_the_backup_is_not_signed_in(
    ada: Visitor, app: Flask, service: BackupService, live: Path, change: tuple[str, str, str]
) -> None:
    column, then, now = change
    with app.app_context():
        users.create_user("max", BEN.password, role=Role.ADMIN, actor=COMMAND_LINE)
    _write(live, f"UPDATE users SET {column} = ? WHERE username = 'ada'", then)
    backup = service.create(by="test")
    _write(live, f"UPDATE users SET {column} = ? WHERE id = 1", now)
    answer = restore(ada, backup.id)
    assert ended(service, operation_of(answer)).outcome is Outcome.SUCCEEDED

    page = ada.open(answer.location).text

    assert "Everyone was signed out, including you." in page
    assert "Sign in" in page
    assert not ada.is_signed_in


def test_a_failed_restore_signs_no_one_out(ada: Visitor, ben: Visitor, failed) -> None:
    address = failed(
        RestoreError(Reason.UNCLASSIFIED, sentence="no room"),
        at=Stage.UNPACK,
        epoch="never came to be",
    )

    ada.open(address)

    assert ada.is_signed_in
    assert ben.is_signed_in


def lose(live: Path) -> None:
    """Let the database be none any more."""
    live.write_bytes(b"not a database" * 1000)
    live.with_name("launcher.db-wal").unlink(missing_ok=True)


def _write(live: Path, statement: str, value: str) -> None:
    with closing(sqlite3.connect(live)) as connection, connection:
        connection.execute(statement, (value,))
