"""A program begins work once, however often it asks with the same key."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.backup.service import BackupService
from launcher.config import Config
from launcher.current import current_backups
from launcher.http import start as starting
from tests.conftest import MakeApp
from tests.support.api import Program, new_token
from tests.support.operations import ended

KEY = {"Idempotency-Key": "upgrade-2026-11-22"}


@pytest.fixture
def service(app: Flask) -> BackupService:
    with app.app_context():
        return current_backups()


@pytest.fixture
def config(app: Flask) -> Config:
    config: Config = app.extensions["launcher.config"]
    return config


def created(service: BackupService) -> list[JournalEntry]:
    return list(service.journal(verbs=(Verb.CREATE,)))


def test_a_backup_is_created_and_followed_to_its_end(
    program: Program, service: BackupService
) -> None:
    answer = program("POST", "/backups", json={"note": "Before the upgrade", "protect": True})

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/operations/{answer.json['id']}"
    assert answer.json["verb"] == "create"
    assert answer.json["by"] == "ada (token script)"
    entry = ended(service, answer.json["id"])
    backup = service.get(entry.backup_id)
    assert (backup.note, backup.protected) == ("Before the upgrade", True)
    assert backup.created_by == "ada (token script)"


@pytest.mark.parametrize(("path", "verb"), [("verify", "verify"), ("test-restore", "test_restore")])
def test_the_latest_is_checked(
    program: Program, service: BackupService, path: str, verb: str
) -> None:
    backup = service.create(by="ada")
    answer = program("POST", f"/backups/latest/{path}")
    assert (answer.status_code, answer.json["verb"]) == (202, verb)
    entry = ended(service, answer.json["id"])
    assert (entry.backup_id, entry.outcome) == (backup.id, Outcome.SUCCEEDED)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[]", "bad_json"),
        (b'{"note": "a", "note": "b"}', "invalid_field"),
        (b'{"note": 5}', "invalid_field"),
        (b'{"protected": true}', "invalid_field"),
        (b'{"note": "\\u0000"}', "invalid_field"),
        (b'{"note": 1e999}', "invalid_field"),
        (b'{"note": NaN}', "bad_json"),
        (b'{"note": "\xff"}', "bad_json"),
        (b"[" * 10_000 + b"]" * 10_000, "bad_json"),
        (b" " * 10_000_000, "too_large"),
    ],
)
def test_a_wrong_body_begins_nothing(
    program: Program, service: BackupService, body: bytes, code: str
) -> None:
    answer = program("POST", "/backups", data=body, content_type="application/json", headers=KEY)
    assert answer.json["code"] == code
    assert created(service) == []


def test_the_same_key_gets_the_same_operation(program: Program, service: BackupService) -> None:
    first = program("POST", "/backups", json={"note": "x"}, headers=KEY)
    ended(service, first.json["id"])
    again = program("POST", "/backups", json={"note": "x"}, headers=KEY)

    assert again.status_code == 202
    assert again.json["id"] == first.json["id"]
    assert again.headers["Location"] == first.headers["Location"]
    assert again.json["state"] == "succeeded", "as it stands now"
    assert len(created(service)) == 1


def test_it_does_so_in_another_worker_and_after_a_restart(
    program: Program, make_app: MakeApp, service: BackupService
) -> None:
    first = program("POST", "/backups", json={}, headers=KEY)
    ended(service, first.json["id"])
    other = Program(make_app(scheduler="off"), program.secret)
    assert other("POST", "/backups", json={}, headers=KEY).json["id"] == first.json["id"]


def test_it_does_so_after_a_restore(program: Program, service: BackupService) -> None:
    before = service.create(by="ada")
    first = program("POST", "/backups", json={}, headers=KEY)
    ended(service, first.json["id"])
    service.restore(before.id, by="ada")

    assert program("POST", "/backups", json={}, headers=KEY).json["id"] == first.json["id"]
    assert len([each for each in created(service) if each.by != "ada"]) == 1


def test_a_restore_that_is_sent_again_is_one_restore(
    program: Program, service: BackupService
) -> None:
    backup = service.create(by="ada")
    path, body = f"/backups/{backup.id}/restore", {"confirm": backup.id}
    first = program("POST", path, json=body, headers=KEY)
    ended(service, first.json["id"])
    service.delete([backup.id], by="ada")

    again = program("POST", path, json=body, headers=KEY)

    assert (again.status_code, again.json["id"]) == (202, first.json["id"])
    assert again.json["follow_token"] != first.json["follow_token"], "each can be followed"
    assert len(service.journal(verbs=(Verb.RESTORE,))) == 1


def test_it_does_so_when_the_history_has_forgotten_it(
    program: Program, service: BackupService, config: Config
) -> None:
    first = program("POST", "/backups", json={}, headers=KEY)
    ended(service, first.json["id"])
    (config.data_dir / "journal.jsonl").unlink()

    again = program("POST", "/backups", json={}, headers=KEY)
    assert (again.json["id"], again.json["verb"]) == (first.json["id"], "create")


@pytest.mark.parametrize(
    ("path", "body"), [("/backups", {"note": "y"}), ("/backups/latest/verify", None)]
)
def test_the_same_key_with_another_request_is_refused(
    program: Program, service: BackupService, path: str, body: dict[str, object] | None
) -> None:
    first = program("POST", "/backups", json={"note": "x"}, headers=KEY)
    ended(service, first.json["id"])
    answer = program("POST", path, headers=KEY, **({"json": body} if body else {}))
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_mismatch")
    assert len(created(service)) == 1
    assert service.journal(verbs=(Verb.VERIFY,)) == []


def test_each_token_has_keys_of_its_own(
    app: Flask, program: Program, service: BackupService
) -> None:
    first = program("POST", "/backups", json={}, headers=KEY)
    ended(service, first.json["id"])
    other = Program(app, new_token(app))
    second = other("POST", "/backups", json={}, headers=KEY)
    assert second.json["id"] != first.json["id"]
    ended(service, second.json["id"])


def test_a_key_whose_work_was_refused_is_free_again(
    program: Program, service: BackupService, config: Config
) -> None:
    with service._operations.run(Verb.CREATE, by="ben"):
        answer = program("POST", "/backups", json={}, headers=KEY)
        assert (answer.status_code, answer.json["code"]) == (409, "operation_in_progress")
    assert os.listdir(config.idempotency_dir) == []

    answer = program("POST", "/backups", json={"note": "another"}, headers=KEY)
    assert answer.status_code == 202
    ended(service, answer.json["id"])


def test_of_two_at_once_the_second_is_asked_to_wait(
    program: Program, service: BackupService, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()
    begin = starting.process.start

    def held(*args: object, **named: object) -> None:
        reached.set()
        assert go_on.wait(120)
        begin(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(starting.process, "start", held)
    answers: list[str] = []
    first = threading.Thread(
        target=lambda: answers.append(program("POST", "/backups", json={}, headers=KEY).json["id"])
    )
    first.start()
    assert reached.wait(120)
    second = program("POST", "/backups", json={}, headers=KEY)
    go_on.set()
    first.join()

    assert (second.status_code, second.json["code"]) == (409, "idempotency_in_progress")
    assert second.headers["Retry-After"] == "1"
    again = program("POST", "/backups", json={}, headers=KEY)
    assert [again.json["id"]] == answers
    ended(service, answers[0])
    assert len(created(service)) == 1


@pytest.fixture
def killed(program: Program, service: BackupService, config: Config) -> str:
    """The id of an operation whose worker was killed before it answered."""
    answer = program("POST", "/backups", json={}, headers=KEY)
    ended(service, answer.json["id"])
    [name] = os.listdir(config.idempotency_dir)
    path = config.idempotency_dir / name
    kept = json.loads(path.read_bytes())
    path.write_text(json.dumps({each: kept[each] for each in ("request", "operation_id")}))
    return str(answer.json["id"])


def test_an_operation_whose_worker_was_killed_is_found_again(
    program: Program, service: BackupService, killed: str
) -> None:
    assert program("POST", "/backups", json={}, headers=KEY).json["id"] == killed
    assert len(created(service)) == 1


def test_one_that_never_began_is_begun(
    program: Program, service: BackupService, config: Config, killed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("launcher.api.idempotency._SETTLES_S", 0.0)
    (config.data_dir / "journal.jsonl").unlink()
    answer = program("POST", "/backups", json={}, headers=KEY)
    assert answer.status_code == 202
    assert answer.json["id"] != killed
    ended(service, answer.json["id"])


def test_a_key_is_kept_for_a_day(program: Program, service: BackupService, config: Config) -> None:
    first = program("POST", "/backups", json={}, headers=KEY)
    ended(service, first.json["id"])
    program("POST", "/backups", json={}, headers={"Idempotency-Key": "another"})
    [*names] = os.listdir(config.idempotency_dir)
    assert len(names) == 2
    yesterday = time.time() - 86_401
    for name in names:
        os.utime(config.idempotency_dir / name, (yesterday, yesterday))
    while service.progress() is not None:
        time.sleep(0.02)

    second = program("POST", "/backups", json={}, headers=KEY)

    assert second.json["id"] != first.json["id"]
    ended(service, second.json["id"])
    assert len(os.listdir(config.idempotency_dir)) == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "ключ", "tab\there", "one,two"])
def test_a_key_that_is_none_is_named(program: Program, key: str) -> None:
    encoded = key.encode().decode("latin-1")
    answer = program("POST", "/backups", json={}, headers={"Idempotency-Key": encoded})
    assert (answer.status_code, answer.json["field"]) == (422, "Idempotency-Key")


def test_nothing_begins_where_no_key_can_be_kept(
    program: Program, service: BackupService, config: Config
) -> None:
    config.idempotency_dir.write_text("a file in its place")
    answer = program("POST", "/backups", json={}, headers=KEY)
    assert (answer.status_code, answer.json["code"]) == (503, "store_unavailable")
    assert created(service) == []


def test_an_upload_that_is_sent_again_is_one_backup(
    program: Program, service: BackupService, tmp_path: Path
) -> None:
    made = service.create(by="test")
    content = service.export(made.id, tmp_path, by="test").read_bytes()
    service.delete([made.id], by="test")

    def send(body: bytes) -> Any:
        return program(
            "POST", "/backups", data=body, content_type="application/octet-stream", headers=KEY
        ).json

    first = send(content)
    ended(service, first["id"])
    again = send(content)
    assert again["id"] == first["id"]
    assert len(service.list()) == 1
    other = send(content[:-1] + b"x")
    assert other["code"] == "idempotency_mismatch"
