"""A program sees what runs on a schedule, runs a job at once, and sees who is notified."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta

import pytest
from flask import Flask

from launcher.backup.locks import try_lock
from launcher.config import Config
from launcher.current import current_backups
from launcher.jobs.registry import JOBS
from launcher.models import TokenScope
from launcher.models.types import utc_now
from launcher.notifications import recipients, sender
from launcher.notifications.memory import DeliveryState, Memory, read_memory, save_memory
from launcher.notifications.recipients import SETTINGS_FILE
from tests.support.api import Program, new_token
from tests.support.operations import await_idle

SECRET = "sesame-open-wide"


@pytest.fixture
def config(app: Flask) -> Config:
    found: Config = app.extensions["launcher.config"]
    return found


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take any address, for tests that are about something else; to check one takes a second."""
    shown = sender.Delivery(shown="ntfys://ntfy.example/…")
    monkeypatch.setattr(sender, "check", lambda _url: shown)


def await_end(program: Program, path: str) -> dict[str, object]:
    deadline = time.monotonic() + 120
    while (run := program.get(path)["runs"][0])["outcome"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    found: dict[str, object] = run
    return found


def test_it_lists_the_jobs_with_the_next_run_of_each(program: Program) -> None:
    found = program.get("/jobs")
    assert [each["id"] for each in found["jobs"]] == list(JOBS)
    assert found["is_led"] is False
    assert all(each["next_run_at"] > utc_now().isoformat()[:16] for each in found["jobs"])
    assert found["jobs"][0]["schedule"] == "0 3 * * *"


def test_the_list_is_what_the_command_prints(app: Flask, program: Program) -> None:
    printed = json.loads(app.test_cli_runner().invoke(args=["jobs", "list", "--json"]).stdout)
    for told, listed in zip(program.get("/jobs")["jobs"], printed["jobs"], strict=True):
        for facts in (told, listed):
            facts["next_run_at"] = datetime.fromisoformat(facts["next_run_at"])
        assert told == {name: listed[name] for name in told}


def test_a_job_runs_at_once_and_is_followed_to_its_end(app: Flask, program: Program) -> None:
    answer = program("POST", "/jobs/backup/run")
    assert answer.status_code == 202
    assert answer.json["job"] == "backup"
    path = answer.headers["Location"].removeprefix("/api/v1")
    run = await_end(program, path)
    with app.app_context():
        await_idle(current_backups())
    assert run["id"] == answer.json["run"]["id"]
    assert (run["outcome"], run["by"]) == ("succeeded", "ada (token script)")
    assert program.get(path)["last_success_at"] == run["started_at"]


def test_the_same_key_runs_a_job_once(app: Flask, program: Program) -> None:
    key = {"Idempotency-Key": "tonight"}
    first, second = (program("POST", "/jobs/scrub/run", headers=key) for _ in range(2))
    await_end(program, "/jobs/scrub")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json == second.json
    assert first.headers["Location"] == second.headers["Location"]
    assert len(program.get("/jobs/scrub")["runs"]) == 1


def test_a_job_is_refused_while_another_operation_runs(program: Program, config: Config) -> None:
    held = try_lock(config.lock_dir / "operation", exclusive=True)
    assert held is not None
    answer = program("POST", "/jobs/backup/run")
    assert (answer.status_code, answer.json["code"]) == (409, "operation_in_progress")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("job", ["dishes", "backup-", "restore_test", "..", "%2e%2e%2fbackup"])
def test_no_other_job_can_be_run(program: Program, job: str) -> None:
    assert program("POST", f"/jobs/{job}/run").status_code == 404
    assert program("GET", f"/jobs/{job}").status_code == 404


def test_to_see_the_jobs_is_not_to_run_them(app: Flask, program: Program) -> None:
    viewer = Program(app, new_token(app, scopes={TokenScope.STATUS}))
    assert viewer("GET", "/jobs").status_code == 200
    assert viewer("POST", "/jobs/backup/run").json["code"] == "scope_missing"


def test_a_run_takes_no_body(program: Program) -> None:
    assert program("POST", "/jobs/backup/run?now=1").json["field"] == "now"


@pytest.mark.usefixtures("unasked")
def test_it_lists_who_is_notified_without_the_secrets_of_their_urls(
    program: Program, config: Config
) -> None:
    phone = recipients.add_recipient(config, name="phone", url=f"ntfys://{SECRET}@ntfy.example/x")
    recipients.set_heartbeat(config, f"https://hc.example/{SECRET}", pings_start=True)
    now = utc_now()
    memory = read_memory(config)
    state = memory.delivery_to(phone.id, phone.url)
    failed = DeliveryState(
        version=state.version, failed_since=now - timedelta(hours=1), reason="timed_out"
    )
    save_memory(config, Memory(deliveries={phone.id: failed}))
    answer = program("GET", "/recipients")
    assert SECRET not in answer.text
    (listed,) = answer.json["recipients"]
    assert (listed["name"], listed["service"], listed["state"]) == ("phone", "ntfys", "down")
    assert (listed["events"], listed["reason"]) == (["apps", "failure", "recovery"], "timed_out")
    heartbeat = answer.json["heartbeat"]
    assert (heartbeat["pings_start"], heartbeat["state"]) == (True, "unknown")


def test_it_says_when_the_recipients_cannot_be_read(program: Program, config: Config) -> None:
    (config.data_dir / SETTINGS_FILE).write_text("{")
    answer = program("GET", "/recipients")
    assert (answer.status_code, answer.json["code"]) == (503, "recipients_unreadable")


def test_what_an_odd_file_has_of_a_run_is_answered_as_described(
    program: Program, config: Config
) -> None:
    facts = {
        "slot": "2026-11-22T03:00:00+01:00",  # as earlier versions wrote it
        "backup_id": "20261122T020000Z-p8w5hn",
        "removed": "all of them",
        "weather": {"is": ["fine"]},
    }
    run = {"id": "5f1c2a90d3b47e86", "by": "schedule", "started_at": "2026-11-22T02:00:00Z"}
    ended = {"ended_at": "2026-11-22T02:00:01.5Z", "outcome": "succeeded", "facts": facts}
    (config.data_dir / "jobs.json").write_text(json.dumps({"backup": {"runs": [run | ended]}}))
    (answered,) = program.get("/jobs/backup")["runs"]
    assert answered["started_at"] == "2026-11-22T02:00:00.000Z"
    assert answered["ended_at"] == "2026-11-22T02:00:01.500Z"
    assert answered["facts"] == {
        "slot": "2026-11-22T02:00:00.000Z",
        "backup_id": "20261122T020000Z-p8w5hn",
    }
