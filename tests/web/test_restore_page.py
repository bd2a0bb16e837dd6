"""A restore before it happens: the plan, and everything that must hold before it begins."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from launcher.accounts import tokens, users
from launcher.audit import COMMAND_LINE
from launcher.backup import BackupService
from launcher.backup.errors import InsufficientSpaceError
from launcher.backup.locks import try_lock
from launcher.backup.reasons import Reason
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.cli.backup.plan import FIELDS
from launcher.db.plan_values import SECTION, read_values
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.models import (
    Access,
    ApiToken,
    App,
    Board,
    BoardUser,
    CheckKind,
    ChecksRun,
    Density,
    HealthCheck,
    MaintenanceWindow,
    Role,
    SystemSettings,
    Tag,
    Theme,
    TokenScope,
)
from launcher.models.health import CheckTarget, CheckVerify
from launcher.models.types import utc_now
from launcher.settings.table import SETTINGS
from launcher.web.operations.plan_changes import CHANGED_WORDS
from tests.conftest import ADA, Person
from tests.web.restoring import confirm, ended, operation_of, text_of, version_of
from tests.web.visitor import Visitor

ANNA = Person("anna", "anna's long password", Role.ADMIN)


@pytest.fixture
def service(app: Flask) -> BackupService:
    kept: BackupService = app.extensions["launcher.background.service"]
    return kept


@pytest.fixture
def backup_id(service: BackupService, boards: None) -> str:
    """A backup of three boards with seven apps, and of Ada, Ben and Chloé."""
    return service.create(by="ada", note="<script>alert(1)</script>").id


@pytest.fixture
def change(app: Flask) -> Callable[..., None]:
    """Add and take away apps as an editor would."""

    def do(*, add: str = "", remove: str = "") -> None:
        with app.app_context():
            if add:
                db.session.add(App(name=add, url="https://new.home.arpa"))
            if remove:
                db.session.execute(db.delete(App).where(App.name == remove))
            db.session.commit()

    return do


def plan_of(visitor: Visitor, backup_id: str, query: str = "") -> str:
    """Open the plan and return its text, without tags."""
    answer = visitor.open(f"/admin/backups/{backup_id}/restore{query}")
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


def test_what_differs_inside_an_app_or_a_board_is_named(
    ada: Visitor, app: Flask, service: BackupService, backup_id: str
) -> None:
    with app.app_context():
        jellyfin = db.session.scalars(db.select(App).where(App.name == "Jellyfin")).one()
        jellyfin.url, jellyfin.icon = "https://films.home.arpa", "brand:jellyfin"
        home = db.session.scalars(db.select(Board).where(Board.slug == "home")).one()
        home.name = "Our home"
        db.session.delete(home.sections[0].placements[0])
        db.session.commit()

    page = plan_of(ada, backup_id)

    films = "URL: https://films.home.arpa → https://jellyfin.home.arpa"
    icon = "Icon: Jellyfin, from Brands → Je Letters “Je”"
    assert f"Jellyfin App {films} {icon}" in page
    places = "Apps in section “Media”: Jellyfin is added"
    assert f"Our home Board Name: Our home → Home {places}" in page
    assert "Vanishes" not in page
    assert "Comes back" not in page


def test_an_upload_is_shown_while_it_is_here_and_named_in_any_case(
    ada: Visitor, app: Flask, service: BackupService, boards: None, pictures: dict[str, str]
) -> None:
    backup_id = service.create(by="ada").id
    with app.app_context():
        jellyfin = db.session.scalars(db.select(App).where(App.name == "Jellyfin")).one()
        upload, jellyfin.icon_media, jellyfin.hue = jellyfin.icon_media, None, 3
        assert upload is not None
        db.session.commit()
    words = "Icon: Je Letters “Je”, tint Yellow → Uploaded icon “j.png”"
    picture = f'src="/media/{pictures["png"]}"'

    assert words in plan_of(ada, backup_id)
    assert picture in ada.page

    with app.app_context():
        db.session.delete(upload)
        db.session.commit()

    assert words in plan_of(ada, backup_id)
    assert picture not in ada.page


def test_sharing_tags_layout_settings_and_users_are_named_with_their_values(
    ada: Visitor, app: Flask, backup_id: str
) -> None:
    with app.app_context():
        home = db.session.scalars(db.select(Board).where(Board.slug == "home")).one()
        home.columns, home.density = 4, Density.COMPACT
        home.sections[0].is_collapsed = True
        ben = users.find_user("ben")
        home.users.append(BoardUser(user=ben, access=Access.EDIT))
        home.sections[0].placements[0].app.tags.append(Tag(name="films"))
        ben.theme = Theme.DARK
        db.session.execute(db.update(SystemSettings).values(guest_access=True))
        db.session.commit()

    page = plan_of(ada, backup_id)

    assert "Tags: films → none" in page
    shared = "Shared with: ben (Can edit) → none"
    layout = "Density: Compact → Comfortable Columns: 4 → Automatic"
    assert f"Home Board {layout} {shared} Folded sections: Media → none" in page
    assert "Settings Guest access: yes → no" in page
    assert "ben User Appearance: Dark → Same as device" in page


def test_access_that_comes_back_is_marked_as_a_risk(
    ada: Visitor, app: Flask, service: BackupService, boards: None
) -> None:
    with app.app_context():
        eve = users.create_user("eve", "eve's long password", role=Role.ADMIN, actor=COMMAND_LINE)
        tokens.create_token(
            eve, "Nightly", [TokenScope.STATUS], expires_at=None, actor=COMMAND_LINE
        )
    backup_id = service.create(by="ada").id
    assert "Risk" not in plan_of(ada, backup_id)
    with app.app_context():
        for name in ("eve", "ben"):
            users.find_user(name).is_active = False
        db.session.commit()

    page = plan_of(ada, backup_id)

    risk = "Risk: removed access will be restored eve will be an active admin again."
    assert f"{risk} ben will be able to sign in again. This API token will work again: N" in page


def test_of_each_kind_the_first_changes_are_shown(
    ada: Visitor, app: Flask, service: BackupService, boards: None
) -> None:
    with app.app_context():
        db.session.add_all(App(name=f"A {n:02}", url="https://a.home.arpa") for n in range(35))
        db.session.commit()
    backup_id = service.create(by="ada").id
    with app.app_context():
        db.session.execute(db.update(App).values(description="New"))
        db.session.execute(db.update(Board).values(columns=2))
        db.session.commit()

    page = plan_of(ada, backup_id)

    assert "A 11 App Description: New → none and 30 more App" in page
    assert "Home Board Columns: 2 → Automatic" in page


def test_what_differs_in_a_check_is_named_in_words_and_without_header_values(
    ada: Visitor, app: Flask, service: BackupService, boards: None
) -> None:
    with app.app_context():
        jellyfin = db.session.scalars(db.select(App).where(App.name == "Jellyfin")).one()
        jellyfin.check = HealthCheck(headers={"X-Key": "an old secret", "X-Site": "home"})
        db.session.commit()
        backup_id = service.create(by="ada").id
        check, tomorrow = jellyfin.check, utc_now() + timedelta(days=1)
        check.kind, check.target = CheckKind.TCP, CheckTarget.OTHER
        check.verify, check.interval_s = CheckVerify.NEVER, 300
        check.headers = {"X-Key": "a new secret", "X-Site": "home"}
        check.paused_until = db.session.get_one(ChecksRun, 1).paused_until = tomorrow
        db.session.add_all(
            MaintenanceWindow(app_id=app_id, days="06", starts_at_min=180, minutes=60)
            for app_id in (jellyfin.id, None)
        )
        db.session.commit()

    page = plan_of(ada, backup_id)

    for words in (
        "Maintenance: Monday and Sunday, 03:00 to 04:00 → none Paused until: tomorrow, ",
        "Kind of check: TCP port → Web (HTTP)",
        "Address to check: Another address → URL of the app",
        "Seconds between checks: 300 → as for all apps",
        "Verify the certificate: Never → For public addresses",
        "Headers: Header values differ",
        "Checks of all apps paused until: tomorrow, ",
        "Maintenance for all apps: Monday and Sunday, 03:00 to 04:00 → none",
    ):
        assert words in page
    assert "secret" not in ada.page
    assert "X-Site" not in ada.page


def test_every_field_has_words_on_the_page_and_in_the_shell(app: Flask, boards: None) -> None:
    path: Path = app.extensions["launcher.config"].database_path
    with closing(sqlite3.connect(path)) as connection:
        values = read_values(connection)
    names = {name for kind in values.values() for thing in kind.values() for name in thing}
    plain = {name for name in names if not name.startswith(SECTION)}
    assert plain - {*CHANGED_WORDS} == set()
    assert plain - {*SETTINGS} - {*FIELDS} == set()


def test_the_plan_of_a_file_says_what_its_newest_entry_is(
    ada: Visitor, service: BackupService, backup_id: str, tmp_path: Path
) -> None:
    file = service.export(backup_id, tmp_path / "copy.db", by="ada")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE audit_events SET at = '2024-05-17 08:30:00.000000'")
    uploaded = service.import_(file, by="ada")

    assert "The newest entry in this file is from Friday, 17 May 2024, 08:30." in plan_of(
        ada, uploaded.id
    )
    assert "Uploaded" in text_of(ada.open(f"/admin/backups/{uploaded.id}").text)
    assert "newest entry in this file" not in plan_of(ada, backup_id)


def names_of_apps(app: Flask) -> set[str]:
    with app.app_context():
        return set(db.session.scalars(db.select(App.name)))


@contextmanager
def busy(app: Flask, *names: str) -> Iterator[None]:
    """Let another process hold locks of operations."""
    locks: Path = app.extensions["launcher.config"].lock_dir
    taken = [try_lock(locks / name, exclusive=True) for name in names]
    assert None not in taken
    yield
    for descriptor in taken:
        os.close(descriptor or 0)


# --- what the plan says ------------------------------------------------------------------


def test_the_plan_says_what_goes_and_what_comes_back(
    ada: Visitor, backup_id: str, change: Callable[..., None]
) -> None:
    change(add="Frigate", remove="Jellyfin")

    plan = plan_of(ada, backup_id)

    assert "Restore Launcher to today, " in plan
    assert ") will be removed. A safety backup of the current data is created first" in plan
    assert "Apps 7 7 \N{MINUS SIGN}1 +1" in plan
    assert "Boards 3 3 same" in plan
    assert "Will be removed Frigate App Will be restored Jellyfin App" in plan
    assert "Everyone else: ben and chloe. You, in all other browsers." in plan
    assert "You will stay signed in" in plan
    assert "Backup verified" in plan
    assert "Restored to a temporary copy" in plan
    assert "Pages remain available. Changes wait for a moment." in plan
    assert "placements" not in ada.page


def test_an_uploaded_file_is_not_said_to_be_as_old_as_its_upload(
    ada: Visitor, backup_id: str, service: BackupService, tmp_path: Path
) -> None:
    taken = service.import_(service.export(backup_id, tmp_path / "old.db", by="ada"), by="ada")

    plan = plan_of(ada, taken.id)

    assert "Restore Launcher from an uploaded file?" in plan
    assert "The file was uploaded today, " in plan
    assert "The newest entry in this file is from " in plan
    assert "File uploaded today at " in text_of(ada.open(f"/admin/backups/{taken.id}").text)
    assert "Everything that is not in the file will be removed." in plan
    assert "since then" not in plan


def test_the_plan_says_which_tokens_stop_stay_revoked_and_are_removed(
    ada: Visitor, app: Flask, service: BackupService, tmp_path: Path
) -> None:
    def create(name: str) -> ApiToken:
        owner = users.find_user("ada")
        token, _ = tokens.create_token(
            owner, name, [TokenScope.STATUS], expires_at=None, actor=COMMAND_LINE
        )
        return token

    with app.app_context():
        gone = create("Gone")
        create("Kept")
        db.session.remove()
        backup_id = service.create(by="ada").id
        taken = service.import_(service.export(backup_id, tmp_path / "b.db", by="ada"), by="ada")
        tokens.revoke([db.session.merge(gone)], actor=COMMAND_LINE)
        db.session.commit()
        create("Later")

    plan = plan_of(ada, backup_id)
    assert re.search(r"API tokens 1 will stop working: Later \(lch_\S+\)\.", plan)
    assert re.search(r"They will remain revoked: Gone \(lch_\S+\)\.", plan)
    with app.app_context():
        kept = [each for each in tokens.all_tokens() if each.name == "Kept"]
        db.session.execute(db.delete(ApiToken).where(ApiToken.id == kept[0].id))
        db.session.commit()
    plan = plan_of(ada, taken.id)
    assert re.search(r"not valid on this site\. They will be removed: Kept \(lch_\S+\)\.", plan)


def test_many_names_are_cut_short(ada: Visitor, backup_id: str, app: Flask) -> None:
    with app.app_context():
        db.session.add_all(App(name=f"App {n:02}", url="https://new.home.arpa") for n in range(52))
        db.session.commit()

    plan = plan_of(ada, backup_id)

    assert "App 11" in plan
    assert "App 12" not in plan
    assert "and 40 more" in plan
    assert "Apps 59 7 \N{MINUS SIGN}52" in plan


def test_hostile_names_and_notes_stay_text(
    ada: Visitor, backup_id: str, change: Callable[..., None]
) -> None:
    change(add="<img src=x onerror=alert(1)>")

    plan_of(ada, backup_id)

    assert "&lt;img src=x onerror=alert(1)&gt;" in ada.page
    assert "<script>alert" not in ada.page
    assert "<img" not in ada.page


def test_it_says_whose_password_counts_afterwards(ada: Visitor, backup_id: str, app: Flask) -> None:
    with app.app_context():
        users.set_password(users.find_user("ben"), "another sentence", actor=COMMAND_LINE)

    plan = plan_of(ada, backup_id)

    assert "ben changed their password since and will need the old one." in plan


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("password", "Your password is different in this backup."),
        ("role", "Your account is not an active admin in this backup."),
        ("new", "Your account is not in this backup."),
    ],
)
def test_it_says_what_becomes_of_your_own_account(
    app: Flask, service: BackupService, cast: object, deed: str, words: str
) -> None:
    with app.app_context():
        if deed != "new":
            role = Role.EDITOR if deed == "role" else Role.ADMIN
            users.create_user("anna", "the first password", role=role, actor=COMMAND_LINE)
        backup = service.create(by="ada")
        if deed == "new":
            users.create_user("anna", ANNA.password, role=Role.ADMIN, actor=COMMAND_LINE)
        else:
            users.set_role(users.find_user("anna"), Role.ADMIN, actor=COMMAND_LINE)
            users.set_password(users.find_user("anna"), ANNA.password, actor=COMMAND_LINE)
    anna = Visitor(app)
    anna.sign_in(ANNA)

    assert words in plan_of(anna, backup.id)


def test_the_two_schedules_are_a_choice_where_they_differ(
    ada: Visitor, backup_id: str, set_site: Callable[..., None]
) -> None:
    plan = plan_of(ada, backup_id)
    assert (
        "The same here and in the backup: "
        "Every day at 03:00 · retention: the last 10 · restore test every week." in plan
    )
    assert "Which backup schedule" not in plan

    set_site(backup_cron_expression="30 4 * * 0", backup_keep_weekly=5)
    plan = plan_of(ada, backup_id)

    assert (
        "Keep the current schedule Every week, on Sunday at 04:30 ·"
        " retention: the last 10 and 5 weekly" in plan
    )
    assert "Use the schedule from the backup Every day at 03:00 · retention: the last 10" in plan
    assert re.search(r'value="keep" checked', ada.page)


def test_a_backup_without_an_admin_offers_to_carry_yours(
    ada: Visitor, app: Flask, service: BackupService
) -> None:
    with app.app_context():
        live = app.extensions["launcher.config"].database_path
        _set_roles(live, "editor")
        backup = service.create(by="test")
        _set_roles(live, "admin")

    answer = ada.open(f"/admin/backups/{backup.id}/restore")
    assert answer.status_code == 422
    assert "Copy my account into the restored data" in answer.text

    plan = plan_of(ada, backup.id, "?carry=1")
    assert "Your account will be copied into the restored data" in plan
    answer = confirm(ada, backup.id, carry="1")
    assert ended(service, operation_of(answer)).outcome is Outcome.SUCCEEDED
    assert ada.open(answer.location).status_code == 200
    assert ada.is_signed_in


def test_the_plan_of_an_undo_says_so_and_takes_the_old_schedule(
    ada: Visitor, backup_id: str, service: BackupService, set_site: Callable[..., None]
) -> None:
    set_site(backup_cron_expression="@hourly")
    service.restore(backup_id, by="ben", keep_schedule=False)
    ada.sign_in(ADA)

    plan = plan_of(ada, service.undo_id())

    assert "Undo the last restore of Launcher?" in plan
    assert re.search(r"as it was today, \d\d:\d\d, before the restore by ben\.", plan)
    assert re.search(r'value="backup" checked', ada.page)


def test_a_plan_of_data_that_cannot_be_read_is_shown(
    ada: Visitor, backup_id: str, service: BackupService, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = service._content.survey
    calls = []

    def survey(connection: sqlite3.Connection, **how: object) -> object:
        calls.append(connection)
        if len(calls) == 1:
            raise ValueError("rows that make no sense")
        return usual(connection, **how)

    monkeypatch.setattr(service._content, "survey", survey, raising=False)

    plan = plan_of(ada, backup_id)

    assert "The current data cannot be read" in plan
    assert "Apps unknown 7 unknown" in plan
    assert "Pages pause for a moment." in plan


def test_a_plan_promises_no_pages_where_the_database_has_no_log(
    ada: Visitor, backup_id: str, app: Flask
) -> None:
    with closing(sqlite3.connect(app.extensions["launcher.config"].database_path)) as database:
        database.execute("PRAGMA journal_mode=DELETE")

    plan = plan_of(ada, backup_id)

    assert "Pages pause for a moment." in plan
    assert "Pages remain available" not in plan


def test_a_script_gets_the_plan_alone(ada: Visitor, backup_id: str) -> None:
    answer = ada.open(f"/admin/backups/{backup_id}/restore", HX_Request="true")

    assert answer.text.startswith('<div class="stack stack-l" id="restore">')
    assert "<html" not in answer.text


@pytest.mark.parametrize(
    ("language", "words"),
    [("de", "wiederherstellen"), ("ru", "восстановить")],
)
def test_the_word_to_type_is_in_the_readers_language(
    app: Flask, backup_id: str, service: BackupService, language: str, words: str
) -> None:
    reader = Visitor(app, language=language)
    reader.sign_in(ADA)
    page = reader.open(f"/admin/backups/{backup_id}/restore").text
    assert re.search(rf'for="word">[^<]*[„«]{words}[“»]', page)

    assert confirm(reader, backup_id, word="restore").status_code == 422
    answer = confirm(reader, backup_id, word=f" {words.upper()} ")
    assert ended(service, operation_of(answer)).outcome is Outcome.SUCCEEDED


# --- what is in the way ------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted", ["20200101T000000Z-aaaaaa", "..%2f..%2fetc", "latest", "x" * 300]
)
def test_an_unknown_backup_is_not_found(ada: Visitor, boards: None, wanted: str) -> None:
    answer = ada.open(f"/admin/backups/{wanted}/restore")

    assert answer.status_code == 404
    assert ada.send(f"/admin/backups/{wanted}/restore", word="restore").status_code == 404


def test_a_damaged_backup_is_refused_with_a_way_out(
    ada: Visitor, backup_id: str, service: BackupService
) -> None:
    stored = service.store_path / service.get(backup_id).file.name
    stored.chmod(0o600)
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.write_bytes(content)

    other = service.create(by="ada")
    answer = ada.open(f"/admin/backups/{backup_id}/restore")

    assert answer.status_code == 422
    assert "This backup is damaged" in answer.text
    assert f"{other.id} · Manual" in answer.text
    assert "Go to backups" in answer.text


def test_a_plan_waits_for_no_operation(ada: Visitor, backup_id: str, app: Flask) -> None:
    with busy(app, "operation"):
        assert ada.open(f"/admin/backups/{backup_id}/restore").status_code == 200


def test_when_many_plans_are_made_at_once_it_says_so(
    ada: Visitor, backup_id: str, app: Flask
) -> None:
    with busy(app, "aside-1", "aside-2", "aside-3", "aside-4"):
        answer = ada.open(f"/admin/backups/{backup_id}/restore")

    assert answer.status_code == 409
    assert "Another operation is running" in answer.text
    assert "another process" in answer.text


def test_a_full_disk_is_said(
    ada: Visitor, backup_id: str, service: BackupService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan(*_: object, **__: object) -> None:
        raise InsufficientSpaceError(Reason.UNCLASSIFIED, sentence="17 MB needed, 9 MB free")

    monkeypatch.setattr(BackupService, "plan", plan)

    answer = ada.open(f"/admin/backups/{backup_id}/restore")

    assert answer.status_code == 507
    assert "The disk is too full. Nothing was changed" in answer.text
    assert "17 MB needed" in answer.text


def test_only_admins_come_near(
    ben: Visitor, chloe: Visitor, guest: Visitor, backup_id: str
) -> None:
    path = f"/admin/backups/{backup_id}/restore"
    for visitor in (ben, chloe):
        assert visitor.open(path).status_code == 403
        assert visitor.send(path, word="restore").status_code == 403
    assert guest.open(path).location.startswith("/login?next=")
    assert guest.send(path, word="restore").status_code == 302


# --- confirming --------------------------------------------------------------------------


def test_the_word_restores_and_leads_to_where_it_is_followed(
    ada: Visitor, backup_id: str, app: Flask, service: BackupService, change: Callable[..., None]
) -> None:
    change(add="Frigate", remove="Jellyfin")
    plan_of(ada, backup_id)

    answer = confirm(ada, backup_id)

    assert answer.status_code == 303
    assert answer.location.startswith("/admin/backups/operations/")
    assert "?t=" in answer.location
    assert ended(service, operation_of(answer)).outcome is Outcome.SUCCEEDED
    assert "Jellyfin" in names_of_apps(app)
    assert "Frigate" not in names_of_apps(app)


def test_the_chosen_schedule_is_the_one_afterwards(
    ada: Visitor, backup_id: str, app: Flask, service: BackupService, set_site: Callable[..., None]
) -> None:
    set_site(backup_cron_expression="@hourly")
    plan_of(ada, backup_id)
    answer = confirm(ada, backup_id, schedule="keep")
    assert ended(service, operation_of(answer)).outcome is Outcome.SUCCEEDED
    assert _cron(app) == "@hourly"
    ada.open(answer.location)

    plan_of(ada, backup_id)
    answer = confirm(ada, backup_id, schedule="backup")
    assert ended(service, operation_of(answer)).outcome is Outcome.SUCCEEDED
    assert _cron(app) == "0 3 * * *"


@pytest.mark.parametrize("word", ["", "delete", "restor", "r" * 10_000])
def test_another_word_restores_nothing(
    ada: Visitor, backup_id: str, service: BackupService, word: str
) -> None:
    plan_of(ada, backup_id)

    answer = confirm(ada, backup_id, word=word)

    assert answer.status_code == 422
    assert "Enter “restore” to restore the backup." in answer.text
    assert re.search(r'id="word"[^>]*aria-invalid="true"[^>]*autofocus', answer.text)
    assert "Now and afterwards" in answer.text
    assert not _restores(service)


def test_to_a_script_only_the_form_is_sent_again(ada: Visitor, backup_id: str) -> None:
    plan_of(ada, backup_id)
    token = re.search(r'name="csrf_token" value="([^"]+)"', ada.page)[1]

    answer = ada.client.post(
        f"/admin/backups/{backup_id}/restore",
        data={"csrf_token": token, "word": "no", "version": version_of(ada.page)},
        headers={"HX-Request": "true"},
    )

    assert answer.status_code == 422
    assert answer.text.startswith('<section class="confirm" id="confirm"')


def test_after_a_while_the_password_is_asked_for(
    ada: Visitor, backup_id: str, service: BackupService
) -> None:
    _grow_tired(ada)
    plan_of(ada, backup_id)
    assert "You last entered your password more than 15 minutes ago." in ada.page

    answer = confirm(ada, backup_id, password="wrong")
    assert answer.status_code == 422
    assert "The password is not correct." in answer.text
    assert re.search(r'id="password"[^>]*aria-invalid="true"[^>]*autofocus', answer.text)
    assert not _restores(service)

    answer = confirm(ada, backup_id, password=ADA.password)
    assert ended(service, operation_of(answer)).outcome is Outcome.SUCCEEDED


def test_a_borrowed_session_cannot_guess_the_password_for_long(
    ada: Visitor, backup_id: str, service: BackupService
) -> None:
    _grow_tired(ada)
    plan_of(ada, backup_id)
    for _ in range(5):
        confirm(ada, backup_id, password="wrong")

    answer = confirm(ada, backup_id, password=ADA.password)

    assert answer.status_code == 422
    assert "Too many tries" in answer.text
    assert not _restores(service)


def test_a_plan_that_is_out_of_date_is_shown_again(
    ada: Visitor, backup_id: str, app: Flask, service: BackupService, change: Callable[..., None]
) -> None:
    plan_of(ada, backup_id)
    old_mark = version_of(ada.page)
    change(add="Written meanwhile")

    answer = confirm(ada, backup_id)

    assert answer.status_code == 409
    assert "Something changed since you opened this plan." in answer.text
    assert "Written meanwhile" in answer.text
    assert version_of(answer.text) != old_mark
    assert not _restores(service)
    answer = confirm(ada, backup_id)
    assert ended(service, operation_of(answer)).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("version", ["", "0" * 64])
def test_a_form_without_a_plan_restores_nothing(
    ada: Visitor, backup_id: str, service: BackupService, version: str
) -> None:
    plan_of(ada, backup_id)

    assert confirm(ada, backup_id, version=version).status_code == 409
    assert not _restores(service)


def test_a_backup_that_was_deleted_meanwhile_is_not_found(
    ada: Visitor, backup_id: str, service: BackupService
) -> None:
    plan_of(ada, backup_id)
    service.delete([backup_id], by="ben")

    answer = confirm(ada, backup_id)

    assert answer.status_code == 404
    assert "There is no such backup" in answer.text
    assert "Go to backups" in answer.text


def test_who_is_second_learns_so_and_can_watch_the_first(
    ada: Visitor, backup_id: str, service: BackupService, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_of(ada, backup_id)
    with service._operations.run(Verb.RESTORE, by="ben") as first:
        answer = confirm(ada, backup_id)

        assert answer.status_code == 409
        assert "Restoring a backup" in answer.text
        assert f"/admin/backups/operations/{first.id}" in answer.text
        assert "Show progress" in answer.text


def test_a_form_of_another_browser_restores_nothing(
    ada: Visitor, backup_id: str, service: BackupService
) -> None:
    plan_of(ada, backup_id)
    answer = ada.client.post(
        f"/admin/backups/{backup_id}/restore",
        data={"word": "restore", "version": version_of(ada.page)},
    )

    assert answer.status_code == 400
    assert not _restores(service)


def test_a_session_that_ended_meanwhile_restores_nothing(
    ada: Visitor, backup_id: str, app: Flask, service: BackupService
) -> None:
    plan_of(ada, backup_id)
    with app.app_context():
        users.set_password(users.find_user("ada"), "another sentence", actor=COMMAND_LINE)

    answer = confirm(ada, backup_id)

    assert answer.status_code == 401
    assert "Sign in to continue with your entries." in ada.page
    assert not _restores(service)


def _restores(service: BackupService) -> list[JournalEntry]:
    return [entry for entry in service.journal() if entry.verb is Verb.RESTORE]


def _grow_tired(visitor: Visitor) -> None:
    with visitor.client.session_transaction() as session:
        session["password_at"] = (utc_now() - timedelta(minutes=16)).isoformat()


def _cron(app: Flask) -> str:
    with app.app_context():
        return current_settings().backup_cron_expression


def _set_roles(live: Path, role: str) -> None:
    with closing(sqlite3.connect(live)) as connection, connection:
        connection.execute("UPDATE users SET role = ? WHERE username = 'ada'", (role,))
