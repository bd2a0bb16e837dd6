"""The setup link of a new server brings everything back from a backup of the old one."""

from __future__ import annotations

import io
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from launcher.accounts import setup, users
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.backup import BackupService
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.models import Role
from tests.conftest import ADA
from tests.web.restoring import ended, operation_of, text_of
from tests.web.visitor import Visitor


@pytest.fixture
def service(app: Flask) -> BackupService:
    kept: BackupService = app.extensions["launcher.background.service"]
    return kept


@pytest.fixture
def token_path(app: Flask) -> Path:
    path: Path = app.extensions["launcher.config"].setup_token_path
    return path


@pytest.fixture
def token(app: Flask, token_path: Path) -> str:
    with app.app_context():
        return setup.ensure_setup_token(token_path)


@pytest.fixture
def old_server(tmp_path: Path) -> Path:
    """The database of another Launcher, where Ada is an admin, as it was downloaded."""
    app = create_app({"LAUNCHER_DATA_DIR": str(tmp_path / "old")})
    service: BackupService = app.extensions["launcher.background.service"]
    with app.app_context():
        service.initialise(by="test")
        users.create_user("ada", ADA.password, role=Role.ADMIN, actor=COMMAND_LINE)
        return service.export(service.create(by="ada").id, tmp_path / "copy.db", by="ada")


def bring(visitor: Visitor, file: Path, token: str) -> TestResponse:
    """Send a file from the page of the setup link."""
    visitor.open(f"/setup?token={token}")
    found = re.search(r'name="csrf_token" value="([^"]+)"', visitor.page)
    return visitor.client.post(
        f"/setup/upload?token={token}",
        data={
            "csrf_token": found[1] if found else "",
            "file": (io.BytesIO(file.read_bytes()), file.name),
        },
    )


def link(page: str, words: str) -> str:
    """Return where a link leads."""
    found = re.search(rf'href="([^"]+)">(?:<svg.*?</svg>)?\s*{words}', page)
    assert found, page
    return found[1].replace("&amp;", "&")


def restores(service: BackupService) -> list[JournalEntry]:
    return [entry for entry in service.journal() if entry.verb is Verb.RESTORE]


def test_from_the_link_to_signing_in_with_an_account_of_the_backup(
    guest: Visitor, service: BackupService, token: str, token_path: Path, old_server: Path
) -> None:
    answer = bring(guest, old_server, token)
    assert ended(service, operation_of(answer)).outcome is Outcome.SUCCEEDED
    assert "This is a good backup of Launcher" in guest.open(answer.location).text

    plan = guest.open(link(guest.page, "Restore…"))
    assert "Users 1" in text_of(plan.text)
    assert "Admins who can sign in ada" in text_of(plan.text)
    assert "Nothing has changed yet." in plan.text
    assert not restores(service)

    action = re.search(r'action="([^"]+)"', plan.text)[1].replace("&amp;", "&")
    answer = guest.send(action)
    assert ended(service, operation_of(answer)).outcome is Outcome.SUCCEEDED
    outcome = text_of(guest.open(answer.location).text)
    assert "Sign in with an account from the backup." in outcome
    assert "Undo this restore" not in outcome

    assert guest.open(f"/setup?token={token}").status_code == 403
    assert not token_path.exists()
    assert "no admin yet" not in guest.open("/login").text
    assert guest.sign_in(ADA).status_code == 303
    assert guest.is_signed_in


def test_a_backup_that_lies_in_the_folder_is_offered(
    guest: Visitor, service: BackupService, token: str, old_server: Path
) -> None:
    taken = service.import_(old_server, by="test")

    page = guest.open(f"/setup?token={token}").text

    assert "Or use a backup in the backup folder" in page
    assert re.search(r"Uploaded · [\d.]+ .?B · Verified copy\.db", text_of(page))
    assert f"/setup/restore/{taken.id}?token={token}" in page
    assert guest.open(f"/setup/restore/{taken.id}?token={token}").status_code == 200


def test_the_folder_is_listed_newest_first_with_what_tells_its_backups_apart(
    guest: Visitor, service: BackupService, token: str, old_server: Path
) -> None:
    first = service.import_(old_server, by="test")
    others = [service.create(by="ada", note=f"number {n}") for n in range(6)]
    broken = others[-1]
    (service.store_path / broken.file.name).unlink()  # type: ignore[union-attr]

    page = guest.open(f"/setup?token={token}").text

    assert f"/setup/restore/{broken.id}" not in page
    assert "Damaged number 5" in text_of(page)
    assert re.search(r"Manual · [\d.]+ .?B · Launcher \S+ · Verified number 4", text_of(page))
    assert list(re.findall(r"number \d", page)) == [f"number {n}" for n in range(5, -1, -1)]
    seconds = re.findall(r", \d\d:\d\d:\d\d\b", text_of(page))
    assert len(seconds) >= 6  # at most one of them is alone in its minute
    assert "2 older backups" in text_of(page)
    assert page.index("2 older backups") < page.index(f"/setup/restore/{first.id}")


@pytest.mark.parametrize("wrong", ["", "x", "a" * 5000])
def test_without_the_link_nothing_is_received_shown_or_restored(
    guest: Visitor, service: BackupService, token: str, old_server: Path, wrong: str
) -> None:
    taken = service.import_(old_server, by="test")

    assert bring(guest, old_server, wrong).status_code == 403
    assert guest.open(f"/setup/restore/{taken.id}?token={wrong}").status_code == 403
    answer = guest.send(f"/setup/restore/{taken.id}?token={wrong}")
    assert answer.status_code == 403
    assert len(service.list()) == 1
    assert not restores(service)


def test_once_there_is_an_admin_the_link_restores_nothing(
    guest: Visitor, app: Flask, service: BackupService, token: str, old_server: Path
) -> None:
    taken = service.import_(old_server, by="test")
    with app.app_context():
        users.create_user("zoe", ADA.password, role=Role.ADMIN, actor=COMMAND_LINE)

    assert guest.open(f"/setup/restore/{taken.id}?token={token}").status_code == 403
    assert guest.send(f"/setup/restore/{taken.id}?token={token}").status_code == 403
    assert not restores(service)


def test_a_form_of_another_site_restores_nothing(
    guest: Visitor, service: BackupService, token: str, old_server: Path
) -> None:
    taken = service.import_(old_server, by="test")

    answer = guest.client.post(f"/setup/restore/{taken.id}?token={token}")

    assert answer.status_code == 400
    assert guest.client.post(f"/setup/upload?token={token}", data={}).status_code == 400
    assert not restores(service)


def test_a_file_that_is_no_backup_leads_back_to_the_link(
    guest: Visitor, service: BackupService, token: str, tmp_path: Path
) -> None:
    picture = tmp_path / "holiday.jpg"
    picture.write_bytes(b"\xff\xd8\xff" * 1000)

    answer = bring(guest, picture, token)

    assert ended(service, operation_of(answer)).outcome is Outcome.FAILED
    page = guest.open(answer.location).text
    assert "This is not a database" in page
    assert guest.open(link(page, "Back to setup")).status_code == 200


def test_a_backup_in_which_no_one_could_sign_in_is_refused(
    guest: Visitor, service: BackupService, token: str, old_server: Path
) -> None:
    with closing(sqlite3.connect(old_server)) as connection, connection:
        connection.execute("UPDATE users SET role = 'viewer'")
    taken = service.import_(old_server, by="test")

    answer = guest.open(f"/setup/restore/{taken.id}?token={token}")

    assert answer.status_code == 422
    assert "no one could sign in after the restore" in answer.text
    assert "Back to setup" in answer.text


def test_an_unknown_backup_leads_back_to_the_link(guest: Visitor, token: str) -> None:
    answer = guest.open(f"/setup/restore/20200101T000000Z-aaaaaa?token={token}")

    assert answer.status_code == 404
    assert "Back to setup" in answer.text


@pytest.mark.parametrize("door", ["page", "command", "start"])
def test_secrets_of_a_search_end_with_the_first_admin(
    app: Flask, guest: Visitor, token: str, data_dir: Path, door: str
) -> None:
    (folder := data_dir / "recovering").mkdir()
    (folder / "search.json").write_text("AGE-SECRET-KEY-1")
    if door == "page":
        guest.open(f"/setup?token={token}")
        guest.send("/setup", token=token, username="ada", password=ADA.password, site_name="Home")
    elif door == "command":
        args = ["user", "create", "ada", "--role", "admin", "--password-stdin"]
        said = app.test_cli_runner().invoke(args=args, input=f"{ADA.password}\n")
        assert said.exit_code == 0, said.output
    else:
        with app.app_context():
            users.create_user("ada", ADA.password, role=Role.ADMIN, actor=COMMAND_LINE)
        said = app.test_cli_runner().invoke(args=["database", "upgrade"])
        assert said.exit_code == 0, said.output
    assert not folder.exists()
