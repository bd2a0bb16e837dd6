"""A full disk is no damage, and nobody should be frightened by one."""

from __future__ import annotations

import json
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from launcher.accounts import users
from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.current import current_backups
from launcher.models import Role
from tests.support.api import Program, new_token
from tests.support.operations import await_idle
from tests.web.visitor import Visitor

from .conftest import SmallDisk

PASSWORD = "a long enough password"


@pytest.fixture
def app(small_disk: SmallDisk) -> Flask:
    app = create_app({"LAUNCHER_DATA_DIR": str(small_disk.path / "data")})
    with app.app_context():
        current_backups().initialise(by="test")
        users.create_user("ada", PASSWORD, role=Role.ADMIN, actor=COMMAND_LINE)
    return app


def test_pages_can_be_read_and_forms_say_that_the_disk_is_full(
    app: Flask, small_disk: SmallDisk
) -> None:
    visitor = Visitor(app)
    visitor.open("/login")
    small_disk.fill()
    assert visitor.open("/login").status_code == 200
    assert visitor.open("/healthz").status_code == 200
    answer = visitor.send("/login", username="ada", password=PASSWORD)
    assert answer.status_code == 507
    assert "The disk is too full" in visitor.page
    assert "damaged" not in visitor.page
    assert "delete a backup with this command" in visitor.page
    assert "backup delete ID" in visitor.page
    small_disk.clear()
    visitor.open("/login")
    answer = visitor.send("/login", username="ada", password=PASSWORD)
    assert answer.status_code == 303


def test_no_page_waits_for_its_own_connection(
    app: Flask, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is alone with the file looks at the database twice."""
    for waits in ("launcher.db.connect", "launcher.backup.sqlite.connection"):
        monkeypatch.setattr(f"{waits}.BUSY_TIMEOUT_S", 100.0)
    visitor = Visitor(app)
    visitor.open("/login")
    visitor.send("/login", username="ada", password=PASSWORD)
    with app.app_context():
        backup = current_backups().create(by="test")
    small_disk.fill()
    began = time.monotonic()
    for path in ("/", "/admin", "/admin/backups", f"/admin/backups/{backup.id}"):
        assert visitor.open(path).status_code == 200, path
    assert time.monotonic() - began < 100, "less than one wait for a lock"


def test_a_program_can_look_download_and_delete_a_backup_to_make_room(
    app: Flask, small_disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        old, new = (current_backups().create(by="test") for _ in range(2))
    program = Program(app, new_token(app))
    small_disk.fill()

    assert program.get("/status")["problems"][0]["kind"] == "data_disk_full"
    assert len(program.get("/backups")["backups"]) == 2
    for path in ("/backups/latest", "/operations", "/schedule", "/jobs", "/recipients"):
        program.get(path)
    for form in ("plain", "stored"):
        answer = program("GET", f"/backups/{old.id}/download?encoding={form}", buffered=True)
        assert answer.status_code == 200
    change = program("PATCH", f"/backups/{old.id}", json={"note": "no room"})
    assert (change.status_code, change.json["code"]) == (507, "insufficient_space")

    assert program("DELETE", f"/backups/{old.id}").status_code == 204
    assert [each["id"] for each in program.get("/backups")["backups"]] == [new.id]
    small_disk.clear()
    assert program("PATCH", f"/backups/{new.id}", json={"note": "room"}).status_code == 200
    assert "audit entry not kept: database or disk is full" in caplog.text
    assert not any(record.exc_info for record in caplog.records)


def test_many_readers_of_a_full_disk_wait_for_each_other(app: Flask, small_disk: SmallDisk) -> None:
    secret = new_token(app)
    small_disk.fill()
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: Program(app, secret)("GET", "/backups"), range(24))
    assert {each.status_code for each in answers} == {200}


def test_commands_say_that_the_disk_of_the_data_is_full(
    small_disk: SmallDisk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a word of damage, a restore or a schedule that is off."""
    data = small_disk.path / "data"
    folder = tmp_path / "backups"
    folder.mkdir()
    app = create_app({"LAUNCHER_DATA_DIR": str(data), "LAUNCHER_BACKUP_DIR": str(folder)})
    runner = app.test_cli_runner()
    with app.app_context():
        current_backups().initialise(by="test")
        current_backups().create(by="test")
    journal = data / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(b"\n" * (-journal.stat().st_size % 4096))  # no room in its last page
    small_disk.fill()

    status = runner.invoke(args=["backup", "status"])
    assert status.exit_code == 14
    assert status.stdout.startswith("The disk of the database is full: 0 B are free.")
    assert "schedule off" not in status.stdout
    facts = json.loads(runner.invoke(args=["backup", "status", "--json"]).stdout)
    assert facts["problems"][0]["kind"] == "data_disk_full"
    for words in ("backup prune", "backup run-scheduled", "settings get", "user list"):
        assert runner.invoke(args=words.split()).exit_code == 0, "what only reads"
    for words in ("backup create", "backup restore latest --yes",
                  "settings set guest_access on"):  # fmt: skip
        done = runner.invoke(args=words.split())
        assert done.exit_code == 14, (words, done.stderr)
        assert "restore latest" not in done.stderr
        assert "ree some space" in done.stderr
        assert "Traceback" not in done.stderr
    assert any("is not in the journal: " in line for line in caplog.messages)
    assert not any(record.exc_info for record in caplog.records if record.levelno >= logging.ERROR)

    small_disk.clear()
    assert runner.invoke(args=["backup", "create"]).exit_code == 0
    assert "disk" not in runner.invoke(args=["backup", "status"]).stdout


@pytest.mark.parametrize("free_bytes", [0, 24_000])
def test_a_program_starts_nothing_of_which_nothing_could_be_recorded(
    app: Flask, small_disk: SmallDisk, free_bytes: int
) -> None:
    """An operation that cannot be found again is worse than one that is refused."""
    with app.app_context():
        backup = current_backups().create(by="test")
    program = Program(app, new_token(app))
    small_disk.fill(but_for_bytes=free_bytes)
    before = program.get("/operations")

    for path, body in (
        ("/backups", {}),
        (f"/backups/{backup.id}/verify", None),
        (f"/backups/{backup.id}/test-restore", None),
        (f"/backups/{backup.id}/restore", {"confirm": backup.id}),
        ("/jobs/backup/run", None),
        ("/jobs/scrub/run", None),
        ("/jobs/restore-test/run", None),
    ):
        answer = program("POST", path, json=body) if body is not None else program("POST", path)
        assert (answer.status_code, answer.json["code"]) == (507, "insufficient_space"), path
        assert not answer.headers.get("Location"), path

    assert program.get("/operations") == before
    assert not any(app.extensions["launcher.config"].following_dir.glob("*"))
    small_disk.clear()
    assert program("POST", f"/backups/{backup.id}/verify").json["follow_token"]
    with app.app_context():
        await_idle(current_backups())


def test_a_restore_without_room_says_how_much_is_needed(app: Flask, small_disk: SmallDisk) -> None:
    with app.app_context():
        backup = current_backups().create(by="test")
    program = Program(app, new_token(app))
    small_disk.fill(but_for_bytes=160_000)

    begun = program("POST", f"/backups/{backup.id}/restore", json={"confirm": backup.id})
    with app.app_context():
        await_idle(current_backups())
    error = program.get(f"/operations/{begun.json['id']}")["error"]

    assert (error["code"], error["reason"]) == ("insufficient_space", "no_space")
    assert re.search(r" and [1-9][0-9]{1,2} kB are free", error["detail"])
