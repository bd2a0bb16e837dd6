"""An operation in a process of its own begins before `start` returns, and ends by itself."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from launcher.background import process
from launcher.background.process import (
    CreateRequest,
    OperationRequest,
    RestoreRequest,
    RestoreTestRequest,
    UploadRequest,
    VerifyRequest,
)
from launcher.backup.codec import encode
from launcher.backup.errors import (
    NotStartedError,
    OperationInProgressError,
    StoreUnavailableError,
)
from launcher.backup.locks import try_lock
from launcher.backup.ports import utc_now
from launcher.backup.records.ids import new_operation_id
from launcher.backup.records.operation import JournalEntry, Outcome, Progress, Stage, Verb
from launcher.backup.service import BackupService
from launcher.cli.output import moment
from launcher.config import Config
from launcher.current import current_backups
from tests.support.hostile import slow_statistics
from tests.support.operations import ended

Start = Callable[..., str]


@pytest.fixture
def service(app: Flask) -> BackupService:
    with app.app_context():
        return current_backups()


@pytest.fixture
def config(app: Flask) -> Config:
    config: Config = app.extensions["launcher.config"]
    return config


@pytest.fixture
def start(config: Config) -> Start:
    def begin(request: OperationRequest) -> str:
        operation_id = new_operation_id()
        process.start(config, request, by="ada", operation_id=operation_id)
        return operation_id

    return begin


@pytest.mark.parametrize(
    "request_",
    [
        CreateRequest("Before the move", protected=True),
        VerifyRequest("an id"),
        RestoreTestRequest("an id"),
        RestoreRequest("an id", keep_schedule=False, carry_account="ada", expected_live="v1"),
        UploadRequest(Path("/data/incoming/one"), "old-server.db"),
    ],
)
def test_the_other_process_is_asked_for_the_same(request_: OperationRequest) -> None:
    sent = json.loads(json.dumps(encode(request_)))

    assert process._decode(request_.verb, sent) == request_


def test_a_backup_is_made_while_the_caller_goes_on(service: BackupService, start: Start) -> None:
    operation_id = start(CreateRequest("Before the move", protected=True))

    entry = ended(service, operation_id)
    assert (entry.outcome, entry.by) == (Outcome.SUCCEEDED, "ada")
    backup = service.get(entry.backup_id)
    assert (backup.note, backup.protected, backup.is_good) == ("Before the move", True, True)


def test_the_journal_says_how_long_each_stage_took(service: BackupService, start: Start) -> None:
    entry = ended(service, start(CreateRequest()))

    took_s = entry.facts["took_s"]
    assert isinstance(took_s, dict)
    assert {"copy", "check", "compress", "publish"} >= set(took_s)
    assert "publish" in took_s
    assert all(seconds >= 0 for seconds in took_s.values())


def write_state(config: Config, operation_id: str) -> None:
    """Leave `operation.json` as a restore by Ben does while it runs."""
    state = {
        "operation_id": operation_id, "verb": "restore", "by": "ben",
        "started_at": "2026-11-22T12:03:00+00:00", "stages": ["unpack"], "stage": "unpack",
        "done": 0, "total": 0, "backup_id": "", "took_s": {}, "facts": {},
    }  # fmt: skip
    (config.data_dir / "operation.json").write_text(json.dumps(state))


def test_what_cannot_begin_says_so_to_the_caller(config: Config, start: Start) -> None:
    write_state(config, "0" * 16)
    lock = try_lock(config.lock_dir / "operation", exclusive=True)
    assert lock is not None
    try:
        with pytest.raises(OperationInProgressError) as busy:
            start(CreateRequest())
    finally:
        os.close(lock)
    assert (busy.value.verb, busy.value.by) == ("restore", "ben")


def test_a_process_that_is_killed_before_it_replies_is_said_to_the_caller(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process.sys, "executable", "/bin/false")
    with pytest.raises(NotStartedError):
        start(CreateRequest())


def test_a_data_directory_that_cannot_be_written_is_said_to_the_caller(
    config: Config, start: Start
) -> None:
    (config.lock_dir / "operation").unlink(missing_ok=True)
    (config.lock_dir / "operation").mkdir()

    with pytest.raises(StoreUnavailableError):
        start(CreateRequest())


def test_what_fails_under_way_is_read_in_the_journal(service: BackupService, start: Start) -> None:
    entry = ended(service, start(VerifyRequest("20261122T170000Z-k3f9q2")))

    assert (entry.outcome, entry.error_code) == (Outcome.FAILED, "backup_not_found")


def test_a_received_file_is_imported_and_removed(
    service: BackupService, start: Start, tmp_path: Path
) -> None:
    made = ended(service, start(CreateRequest())).backup_id
    received = service.export(made, tmp_path / "received.db", by="test")

    entry = ended(service, start(UploadRequest(received, "old-server.db")))

    assert entry.outcome is Outcome.SUCCEEDED
    assert service.get(entry.backup_id).note == "old-server.db"
    deadline = time.monotonic() + 120
    while received.exists():  # the journal is written a moment before
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.usefixtures("cast")
def test_backups_and_restores_go_on_while_a_hostile_upload_is_checked(
    service: BackupService, config: Config, start: Start, tmp_path: Path
) -> None:
    """With three processes, of which one is killed: threads hold no locks against each other."""
    made = ended(service, start(CreateRequest())).backup_id
    received = service.export(made, tmp_path / "received.db", by="test")
    slow_statistics(received)
    upload = start(UploadRequest(received, "old-server.db"))
    while not (checking := _children_of(_pid_of(config))):
        time.sleep(0.01)

    assert ended(service, start(CreateRequest())).outcome is Outcome.SUCCEEDED
    assert service.create_scheduled(utc_now(), by="schedule")
    assert service.plan("latest", by="ada").admins
    assert ended(service, start(RestoreRequest(made))).outcome is Outcome.SUCCEEDED
    assert isinstance(service.operation(upload), Progress)
    assert [each.verb for each in service.checks()] == [Verb.UPLOAD]

    os.kill(_pid_of(config), signal.SIGKILL)
    while any(Path(f"/proc/{pid}/exe").exists() for pid in checking):  # one that is dead has none
        time.sleep(0.01)
    entry = ended(service, upload)
    assert (entry.outcome, entry.facts["stage"]) == (Outcome.INTERRUPTED, "unpack")
    assert service.checks() == []
    assert os.listdir(service.store_path / "staging") == []


def _pid_of(config: Config) -> int:
    """Return the process of the operation beside the lock."""
    state = json.loads((config.data_dir / "operation-aside-1.json").read_bytes())
    return int(state["pid"])


def _children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for path in tasks for child in path.read_text("ascii").split()]


def test_who_follows_a_killed_operation_learns_that_it_was_interrupted(
    service: BackupService, config: Config
) -> None:
    write_state(config, "0" * 16)  # and nobody holds the lock

    found = service.operation("0" * 16)

    assert isinstance(found, JournalEntry)
    assert (found.outcome, found.facts["data"]) == (Outcome.INTERRUPTED, "unchanged")
    assert not (config.data_dir / "operation.json").exists()


@pytest.mark.parametrize("name", ["operation", "operation-aside-1"])
def test_status_names_a_killed_operation_at_once_with_its_own_time(
    service: BackupService, config: Config, runner: FlaskCliRunner, name: str
) -> None:
    service.create(by="ada")
    write_state(config, "0" * 16)  # and nobody holds the lock
    left = config.data_dir / "operation.json"
    begun = utc_now() - timedelta(hours=3)
    state = json.loads(left.read_bytes()) | {"started_at": begun.isoformat()}
    left.unlink()
    left.with_name(f"{name}.json").write_text(json.dumps(state))

    for _ in range(2):
        said = runner.invoke(args=["backup", "status"]).output
        expected = f"last operation (restore, started {moment(begun)})"
        assert expected in said, said
    killed = json.loads(runner.invoke(args=["backup", "status", "--json"]).output)["problems"]
    since = next(each["since"] for each in killed if each["kind"] == "interrupted")
    assert datetime.fromisoformat(since) == begun


def test_what_runs_is_followed_by_its_id(service: BackupService, config: Config) -> None:
    write_state(config, "0" * 16)
    lock = try_lock(config.lock_dir / "operation", exclusive=True)
    assert lock is not None
    try:
        found = service.operation("0" * 16)
    finally:
        os.close(lock)

    assert isinstance(found, Progress)
    assert (found.verb, found.stage) == (Verb.RESTORE, Stage.UNPACK)


def test_an_operation_that_never_was_is_not_made_up(service: BackupService) -> None:
    assert service.operation("f" * 16) is None
