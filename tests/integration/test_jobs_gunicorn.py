"""Under a real gunicorn with several workers one leads, whatever happens to it, and quietly.

What starts no server is in test_jobs.py: here is one takeover and one catch-up, and the rest in
`make fault`.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from launcher.backup import LocalStore
from launcher.jobs.history import Book, RunOutcome, runs
from launcher.schedule.leader import Leader, leader
from tests.support.jobs import slots_count_since
from tests.support.server import Server, run_flask, serving

WORKERS = 4
_PATIENCE_S = 120.0
# More than the kernel and the polls take on a busy machine, and less than after an error.
_TAKEOVER_S = 60.0


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
        if found is not None and found.pid not in {but, 0}:  # it signs what it holds already
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
    with serving(data_dir, workers=str(WORKERS), **settings) as server:
        yield server


@pytest.mark.parametrize(
    ("workers", "preload"),
    [
        (2, False),
        pytest.param(WORKERS, False, marks=pytest.mark.slow),
        pytest.param(WORKERS, True, marks=pytest.mark.slow),
    ],
)
def test_one_leads_through_kill_reload_and_stop(made: Path, workers: int, preload: bool) -> None:
    with serving(made, preload=preload, workers=str(workers)) as server:
        first = wait_for_leader(made)
        master = master_of(server)
        workers_up(master, workers)
        assert_nothing_but_code_in(master, has_pages=preload)

        os.kill(first.pid, signal.SIGKILL)
        killed_at = time.monotonic()
        second = wait_for_leader(made, but=first.pid)
        assert time.monotonic() - killed_at < _TAKEOVER_S

        os.kill(master, signal.SIGHUP)
        third = wait_for_leader(made, but=second.pid)
        assert third.pid != second.pid
        assert parent_of(third.pid) == master
        for _ in range(2 * workers):
            urllib.request.urlopen(f"{server.url}/healthz").close()
    assert leader(made / "locks") is None
    assert_quiet(server.log_path.read_text())


def assert_nothing_but_code_in(master: int, *, has_pages: bool) -> None:
    """What a fork must not copy is in no process that forks: threads, and files of the database."""
    assert _loads_pages(master) == has_pages
    assert len(os.listdir(f"/proc/{master}/task")) == 1
    files = [str(path.readlink()) for path in Path(f"/proc/{master}/fd").iterdir()]
    assert [name for name in files if ".db" in name or "/locks/" in name] == []


def _loads_pages(pid: int) -> bool:
    """Whether a process has loaded SQLAlchemy, which only pages need."""
    return "/sqlalchemy/" in Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.parametrize(
    ("workers", "arguments"),
    [(1, ""), pytest.param(2, "--reload", marks=pytest.mark.slow)],
    ids=["one worker, which would share it with no other", "reload, to see each change"],
)
def test_gunicorn_leaves_loading_to_its_workers(
    made: Path, monkeypatch: pytest.MonkeyPatch, workers: int, arguments: str
) -> None:
    monkeypatch.setenv("GUNICORN_CMD_ARGS", arguments)
    with serving(made, workers=str(workers)) as server:
        master = master_of(server)
        workers_up(master, workers)
        assert not _loads_pages(master)
        assert [_loads_pages(pid) for pid in children_of(master)] == [True] * workers


def workers_up(master: int, count: int) -> None:
    """Wait until all have loaded the application: each has its thread for the election."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        ready = 0
        for pid in children_of(master):
            with suppress(OSError):
                ready += len(os.listdir(f"/proc/{pid}/task")) > 1
        if ready == count:
            return
        time.sleep(0.05)
    raise AssertionError("the workers did not start")


def children_of(master: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


@pytest.mark.slow
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
    with serving(made, workers="2") as one, serving(made, workers="2") as other:
        wait_for_runs(made, 1)
        first = wait_for_leader(made)
        assert run_flask(made, "backup", "run-scheduled") == ""
        os.kill(first.pid, signal.SIGKILL)
        wait_for_leader(made, but=first.pid)
        wait_for_runs(made, 1, job_id="restore-test")
    assert [run.outcome for run in runs(made)["backup"]] == [RunOutcome.SUCCEEDED]
    assert_quiet(one.log_path.read_text() + other.log_path.read_text())


@pytest.mark.slow
def test_a_change_by_the_command_line_reaches_the_leader_in_seconds(made: Path) -> None:
    with four(made):
        wait_for_leader(made)
        run_flask(made, "settings", "set", "backup_cron_expression", "17 3 * * *")
        wait_for_schedule(made, "17 3 * * * UTC")


@pytest.mark.slow
def test_switched_off_no_one_leads(made: Path) -> None:
    slots_count_since(made, datetime(2020, 1, 1, tzinfo=UTC))
    with four(made, scheduler="off") as server:
        urllib.request.urlopen(f"{server.url}/healthz").close()
        assert not (made / "locks" / "scheduler").exists()
        assert run_flask(made, "backup", "run-scheduled").strip(), "the command does it instead"


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["killed", "stopped"])
def test_a_backup_that_is_being_made_outlives_the_leader_and_is_made_once(
    made: Path, ending: str
) -> None:
    fill(made, megabytes=12)
    slots_count_since(made, datetime(2020, 1, 1, tzinfo=UTC))
    with four(made) as server:
        first = wait_for_leader(made)
        backup = hold_backup(made, first.pid)
        if ending == "killed":
            os.kill(first.pid, signal.SIGKILL)
            wait_for_leader(made, but=first.pid)
            time.sleep(1)  # its successor looks at what is owed, and sees that it is being made
            os.kill(backup, signal.SIGCONT)
            wait_for_runs(made, 1)
    if ending == "stopped":
        assert runs(made)["backup"][0].is_running
        os.kill(backup, signal.SIGCONT)
        wait_for_runs(made, 1)
        with four(made):
            wait_for_leader(made)
            wait_for_runs(made, 1, job_id="scrub")
    assert [run.outcome for run in runs(made)["backup"]] == [RunOutcome.SUCCEEDED]
    assert [backup.is_good for backup in LocalStore(made / "backups").list()] == [True]
    assert_quiet(server.log_path.read_text())


def fill(data_dir: Path, *, megabytes: int) -> None:
    """Make the database so large that a backup of it takes a while."""
    with closing(sqlite3.connect(data_dir / "launcher.db")) as live, live:
        live.executemany(
            "INSERT INTO audit_events (at, actor_name, action, target_kind, target_id, target_name,"
            " changes, address) VALUES ('2026-01-01 00:00:00', 'ada', 'test', '', '', '',"
            " json_object('noise', hex(randomblob(?))), '')",
            [(500_000,)] * megabytes,
        )


def hold_backup(data_dir: Path, leader_pid: int) -> int:
    """Halt the process that makes the backup while it makes it; return its number."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (found := runs(data_dir)["backup"]) or not found[0].is_running:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(0.05)
    pid = next(
        pid
        for pid in children_of_any_thread(leader_pid)
        if "launcher.jobs.process" in text_of(Path(f"/proc/{pid}/cmdline"))
    )
    os.kill(pid, signal.SIGSTOP)
    assert runs(data_dir)["backup"][0].is_running, "it was too quick to be held"
    return pid


def children_of_any_thread(pid: int) -> list[int]:
    return [
        int(child)
        for path in Path(f"/proc/{pid}/task").glob("*/children")
        for child in text_of(path).split()
    ]


def text_of(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


# When the leader is killed, in seconds from the moment of the slot.
_KILLS = (-0.5, -0.1, 0.0, 0.05, 0.2, 0.5)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_real_slot_has_one_backup_while_workers_are_killed_and_recycled(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers on one directory, and in each minute, the shortest slot of cron: a leader killed
    near its first second, workers recycled by the requests that they served, and one reload.
    """
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--max-requests 40")
    with four(made) as one, four(made) as other:
        wait_for_leader(made)
        # Only now, so that the slot of this minute is over and the next one is the first.
        run_flask(made, "settings", "set", "backup_cron_expression", "* * * * *")
        run_flask(made, "settings", "set", "backup_max_count", "100")
        wait_for_schedule(made, "* * * * * UTC")
        first_slot = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        killed = set()
        for number, kill_after_s in enumerate(_KILLS):
            slot = first_slot + timedelta(minutes=number)
            visit_until([one, other], slot + timedelta(seconds=kill_after_s))
            pid = wait_for_leader(made).pid
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
            visit_until([one, other], slot + timedelta(seconds=15))
            wait_for_runs(made, number + 1)
            os.kill(parent_of(wait_for_leader(made, but=pid).pid), signal.SIGHUP)
        visit_until([one, other], datetime.now(UTC) + timedelta(seconds=5))
        wait_for_leader(made)
    wait_for_runs(made, len(_KILLS))
    found = runs(made)["backup"]
    used = [datetime.fromisoformat(str(run.facts["slot"])) for run in reversed(found)]
    # None twice and none left out, from the first to whichever this machine has come to.
    assert used == [used[0] + timedelta(minutes=number) for number in range(len(used))]
    assert used[0] <= first_slot
    assert len(used) >= len(_KILLS)
    assert {run.outcome for run in found} == {RunOutcome.SUCCEEDED}
    assert [backup.is_good for backup in LocalStore(made / "backups").list()] == [True] * len(used)
    assert len(killed) == len(_KILLS)
    assert_quiet(one.log_path.read_text() + other.log_path.read_text())


def visit_until(servers: Sequence[Server], moment: datetime) -> None:
    """Ask the servers for a page several times a second, so that their workers are recycled."""
    while datetime.now(UTC) < moment:
        for server in servers:
            with suppress(OSError):
                urllib.request.urlopen(f"{server.url}/healthz", timeout=60).close()
        left_s = (moment - datetime.now(UTC)).total_seconds()
        time.sleep(max(0.0, min(0.25, left_s)))


def wait_for_schedule(data_dir: Path, schedule: str) -> None:
    """Wait until the leader has seen a schedule, which takes seconds at the most."""
    deadline = time.monotonic() + _PATIENCE_S
    while Book(data_dir).record("backup").schedule != schedule:
        assert time.monotonic() < deadline
        time.sleep(0.05)
