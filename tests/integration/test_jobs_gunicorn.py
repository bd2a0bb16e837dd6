"""Under a real gunicorn with four workers: one leads, whatever happens to it, and leads quietly."""

from __future__ import annotations

import os
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from launcher.jobs.history import Book, RunOutcome, runs
from launcher.leader import Leader, leader
from tests.support.jobs import slots_count_since
from tests.support.server import Server, run_flask, serving

WORKERS = "4"
_PATIENCE_S = 60.0
# What the kernel and the polls take, plus what a busy machine adds.
_TAKEOVER_S = 2.0


@pytest.fixture
def made(data_dir: Path) -> Path:
    """A data directory with a new database."""
    run_flask(data_dir, "database", "upgrade")
    return data_dir


def master_of(server: Server) -> int:
    """Return the parent of the workers."""
    return parent_of(wait_for_leader(server.data_dir).pid)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def wait_for_leader(data_dir: Path, *, but: int = 0) -> Leader:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found = leader(data_dir / "locks")
        if found is not None and found.pid != but:
            return found
        time.sleep(0.02)
    raise AssertionError("nobody leads")


def wait_for_runs(data_dir: Path, count: int, *, job_id: str = "backup") -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found = runs(data_dir)[job_id]
        if len(found) >= count and not found[0].is_running:
            return
        time.sleep(0.05)
    raise AssertionError(f"{job_id} did not run: {runs(data_dir)}")


def assert_quiet(log: str) -> None:
    assert "Traceback" not in log, log
    assert "Exception" not in log, log
    assert "Warning" not in log, log


@contextmanager
def four(data_dir: Path, **settings: str) -> Iterator[Server]:
    with serving(data_dir, workers=WORKERS, **settings) as server:
        yield server


@pytest.mark.parametrize("is_preloaded", [False, True], ids=["", "preload"])
def test_one_leads_through_kill_reload_and_stop(
    made: Path, is_preloaded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_preloaded:
        monkeypatch.setenv("GUNICORN_CMD_ARGS", "--preload")
    with four(made) as server:
        first = wait_for_leader(made)
        master = master_of(server)
        workers_up(master)

        os.kill(first.pid, signal.SIGKILL)
        killed_at = time.monotonic()
        second = wait_for_leader(made, but=first.pid)
        assert time.monotonic() - killed_at < _TAKEOVER_S

        os.kill(master, signal.SIGHUP)
        third = wait_for_leader(made, but=second.pid)
        assert third.pid != second.pid
        assert parent_of(third.pid) == master
    assert leader(made / "locks") is None
    assert_quiet(server.log_path.read_text())


def workers_up(master: int) -> None:
    """Wait until all four have loaded the application: each has its thread for the election."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        ready = 0
        for pid in children_of(master):
            with suppress(OSError):
                ready += len(os.listdir(f"/proc/{pid}/task")) > 1
        if ready == int(WORKERS):
            return
        time.sleep(0.05)
    raise AssertionError("the workers did not start")


def children_of(master: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def test_workers_that_are_recycled_hand_the_jobs_on(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--max-requests 8")
    with four(made) as server:
        leaders = set()
        deadline = time.monotonic() + _PATIENCE_S
        while len(leaders) < 3 and time.monotonic() < deadline:
            leaders.add(wait_for_leader(made).pid)
            with suppress(OSError):
                urllib.request.urlopen(f"{server.url}/healthz").close()
        assert len(leaders) >= 3
    assert_quiet(server.log_path.read_text())


def test_a_slot_missed_while_it_was_down_is_made_up_for_once_by_two_servers_on_one_directory(
    made: Path,
) -> None:
    slots_count_since(made, datetime(2020, 1, 1, tzinfo=UTC))
    with four(made) as one, four(made) as other:
        wait_for_runs(made, 1)
        first = wait_for_leader(made)
        assert run_flask(made, "backup", "run-scheduled") == ""
        os.kill(first.pid, signal.SIGKILL)
        wait_for_leader(made, but=first.pid)
        wait_for_runs(made, 1, job_id="rehearsal")
    assert [run.outcome for run in runs(made)["backup"]] == [RunOutcome.SUCCEEDED]
    assert_quiet(one.log_path.read_text() + other.log_path.read_text())


def test_a_change_by_the_command_line_reaches_the_leader_in_seconds(made: Path) -> None:
    with four(made):
        wait_for_leader(made)
        run_flask(made, "settings", "set", "backup_cron_expression", "17 3 * * *")
        changed_at = time.monotonic()
        while Book(made).record("backup").schedule != "17 3 * * * UTC":
            assert time.monotonic() - changed_at < 5
            time.sleep(0.05)


def test_switched_off_nobody_leads(made: Path) -> None:
    slots_count_since(made, datetime(2020, 1, 1, tzinfo=UTC))
    with four(made, scheduler="off") as server:
        urllib.request.urlopen(f"{server.url}/healthz").close()
        assert not (made / "locks" / "scheduler").exists()
        assert run_flask(made, "backup", "run-scheduled").strip(), "the command does it instead"


@pytest.mark.slow
def test_minutes_of_slots_have_one_backup_each_while_workers_are_killed_and_recycled(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three real minutes: cron knows no shorter slot."""
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--max-requests 40")
    run_flask(made, "settings", "set", "backup_cron_expression", "* * * * *")
    run_flask(made, "settings", "set", "backup_max_count", "100")
    with four(made) as one, four(made) as other:
        masters = {parent_of(wait_for_leader(made).pid)}
        began = datetime.now(UTC)
        turn = 0
        while (datetime.now(UTC) - began).total_seconds() < 190:
            turn += 1
            with suppress(AssertionError, OSError):
                found = wait_for_leader(made)
                masters.add(parent_of(found.pid))
                if turn % 3 == 0:
                    os.kill(found.pid, signal.SIGKILL)
                elif turn % 7 == 0:
                    os.kill(parent_of(found.pid), signal.SIGHUP)
            for server in (one, other):
                with suppress(OSError):
                    urllib.request.urlopen(f"{server.url}/healthz").close()
            time.sleep(2)
        wait_for_runs(made, 3)
        ended = datetime.now(UTC)
    slots = Counter(run.facts["slot"] for run in runs(made)["backup"])
    due = int(ended.timestamp() // 60 - began.timestamp() // 60)
    assert set(slots.values()) == {1}, slots
    assert due - 1 <= len(slots) <= due + 1
    assert {run.outcome for run in runs(made)["backup"]} == {RunOutcome.SUCCEEDED}
    assert_quiet(one.log_path.read_text() + other.log_path.read_text())
