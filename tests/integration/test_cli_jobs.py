"""`flask jobs`: what is done by itself, and one of it right now."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from launcher.backup.locks import try_lock
from launcher.current import current_backups
from launcher.jobs import work
from launcher.jobs.history import Book, runs
from launcher.models.types import utc_now
from launcher.notifications import dispatch
from tests.conftest import MakeApp

Run = Callable[..., Result]


@pytest.fixture
def app(unled_app: Flask) -> Flask:
    return unled_app


@pytest.fixture
def flask(app: Flask, cast: object) -> Run:
    def run(*words: str, expect: int = 0) -> Result:
        result = app.test_cli_runner().invoke(args=("jobs", *words))
        assert result.exit_code == expect, result.output
        return result

    return run


def test_each_job_is_listed_with_its_schedule_and_how_it_went(flask: Run, data_dir: Path) -> None:
    flask("run", "backup")
    Book(data_dir).begin("scrub", by="schedule", at=utc_now())
    listed = flask("list")

    heading, backup, scrub, restore_test = listed.stdout.splitlines()
    assert heading.split("  ")[0] == "JOB"
    assert backup.startswith("backup        0 3 * * * (UTC)")
    assert "(succeeded)" in backup
    assert "(interrupted)" in scrub
    assert scrub.endswith("never")
    assert restore_test.count("never") == 2
    assert "No server runs them." in listed.stderr

    facts = json.loads(flask("list", "--json").stdout)
    assert facts["leader"] is None
    assert [job["id"] for job in facts["jobs"]] == ["backup", "scrub", "restore-test"]
    made, killed, _ = facts["jobs"]
    assert made["last_attempt_at"] == made["last_success_at"] is not None
    assert (killed["last_outcome"], killed["last_success_at"]) == ("interrupted", None)
    assert made["runs"][0]["by"].endswith("(command line)")


def test_who_runs_them_is_named(flask: Run, data_dir: Path) -> None:
    path = data_dir / "locks" / "scheduler"
    path.write_text('{"pid": 4711, "host": "attic", "since": "2026-11-22T12:00:00+00:00"}')
    lock = try_lock(path, exclusive=True)
    assert lock is not None

    assert "Process 4711 on attic runs them since 2026-11-22" in flask("list").stderr
    assert json.loads(flask("list", "--json").stdout)["leader"]["pid"] == 4711
    os.close(lock)


def test_a_server_that_is_set_not_to_says_what_has_to_call(
    make_app: MakeApp, data_dir: Path
) -> None:
    app = make_app(scheduler="off")
    (data_dir / "launcher.db").write_bytes(b"no database at all")
    listed = app.test_cli_runner().invoke(args=("jobs", "list"))

    assert listed.exit_code == 0
    assert "a timer has to call `flask backup run-scheduled`" in listed.stderr
    assert "The settings cannot be read" in listed.stderr
    assert listed.stdout.count("unknown") == 6, "neither when nor how often"


def test_while_the_database_is_away_the_remembered_settings_say_what_comes_next(
    flask: Run, app: Flask, data_dir: Path
) -> None:
    dispatch.send_notifications(app)
    before = json.loads(flask("list", "--json").stdout)["jobs"][0]
    (data_dir / "launcher.db").unlink()
    after = json.loads(flask("list", "--json").stdout)["jobs"][0]
    status = app.test_cli_runner().invoke(args=("backup", "status", "--json"))

    assert after["next_run_at"] == json.loads(status.stdout)["next_run_at"] == before["next_run_at"]
    assert "unknown" not in flask("list").stdout


def test_a_job_is_done_now_and_says_its_result_alone_on_stdout(
    flask: Run, app: Flask, data_dir: Path
) -> None:
    made = flask("run", "backup").stdout.strip()
    with app.app_context():
        assert current_backups().get(made).id == made
        assert current_backups().last_slot() is None, "no slot is used"
    assert flask("run", "restore-test").stdout.strip() == made
    scrubbed = flask("run", "scrub")
    assert (scrubbed.stdout, scrubbed.stderr) == ("", "Verified 1 of 1.\n")
    assert json.loads(flask("run", "scrub", "--json").stdout)["facts"]["verified"] == 1
    assert len(runs(data_dir)["scrub"]) == 2


def test_a_scrub_that_ran_out_of_time_says_how_many_still_wait(
    flask: Run, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context(), monkeypatch.context() as patch:
        service = current_backups()
        then = utc_now() - timedelta(days=30)
        patch.setattr(service, "_clock", lambda: then)
        for _ in range(3):
            service.create(by="ada")
    monkeypatch.setattr(work, "SCRUB_BOUND_S", 0.0)

    told = flask("run", "scrub", expect=3).stderr
    assert "Verified 1 of 3.\nNot verified for four weeks and still waiting: 2.\n" in told
    assert "The scrub was not done in all parts: its 0 minutes were used up" in told
    facts = json.loads(flask("list", "--json").stdout)["jobs"][1]["runs"][0]["facts"]
    assert facts["overdue"] == 2


def test_how_it_ended_is_in_the_exit_code(flask: Run, app: Flask, data_dir: Path) -> None:
    put_off = flask("run", "restore-test", expect=13)
    assert put_off.stderr == "The restore-test was postponed: there is no good backup.\n"
    made = flask("run", "backup").stdout.strip()
    with app.app_context():
        file = current_backups().get(made).file
    assert file is not None
    path = data_dir / "backups" / file.name
    path.chmod(0o600)
    stored = bytearray(path.read_bytes())
    stored[len(stored) // 2] ^= 1
    path.write_bytes(stored)
    scrubbed = flask("run", "scrub", expect=90)
    assert scrubbed.stdout.split() == [made, "damaged"]
    assert scrubbed.stderr.endswith("The scrub found damage.\n")


def test_busy_says_who_and_exits_with_11(flask: Run, data_dir: Path) -> None:
    lock = try_lock(data_dir / "locks" / "operation", exclusive=True)
    assert lock is not None
    assert flask("run", "backup", expect=11).stderr
    os.close(lock)


def test_a_job_that_there_is_not_is_wrong_usage(flask: Run) -> None:
    assert "'backup', 'scrub', 'restore-test'" in flask("run", "nothing", expect=2).stderr
