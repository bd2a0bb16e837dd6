"""A full disk is no damage, and nobody should be frightened by one."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from launcher.app import create_app
from launcher.current import current_backups
from tests.web.visitor import Visitor

from .conftest import SmallDisk


def test_the_pages_say_that_the_disk_is_full_and_come_back_when_there_is_room(
    small_disk: SmallDisk,
) -> None:
    app = create_app({"LAUNCHER_DATA_DIR": str(small_disk.path / "data")})
    with app.app_context():
        current_backups().initialise(by="test")
    visitor = Visitor(app)
    assert visitor.open("/login").status_code == 200
    small_disk.fill()
    assert visitor.open("/login").status_code == 507
    assert "The disk is too full" in visitor.page
    assert "damaged" not in visitor.page
    assert visitor.open("/healthz").status_code == 200
    small_disk.clear()
    assert visitor.open("/login").status_code == 200


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
    for words in ("backup create", "backup restore latest --yes", "backup prune",
                  "backup run-scheduled", "settings get", "user list"):  # fmt: skip
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
