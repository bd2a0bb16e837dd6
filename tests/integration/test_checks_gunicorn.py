"""Under a real gunicorn with four workers, whose leader is killed, each check keeps its slots.

Only real processes can be killed; all else is in test_check_running.py and test_check_agenda.py.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from launcher.db.connect import connect
from launcher.schedule.leader import Leader, leader
from tests.support.checks import add_app, counting_server
from tests.support.server import run_flask, serving

APPS = 12
INTERVAL_S = 3
_PATIENCE_S = 120.0


def wait_for_leader(data_dir: Path, *, but: int = 0) -> Leader:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found = leader(data_dir / "locks")
        if found is not None and found.pid not in {but, 0}:
            return found
        time.sleep(0.02)
    raise AssertionError("no process leads")


@pytest.mark.slow
def test_no_check_runs_twice_in_an_interval_and_none_is_skipped_twice(data_dir: Path) -> None:
    run_flask(data_dir, "database", "upgrade")
    with counting_server() as server, closing(connect(data_dir / "launcher.db")) as database:
        for app_id in range(1, APPS + 1):
            add_app(database, app_id, f"{server.url}/{app_id}", interval_s=INTERVAL_S)
        with serving(data_dir, workers="4") as site:
            first = wait_for_leader(data_dir)
            deadline = time.monotonic() + _PATIENCE_S
            while database.execute("SELECT count(*) FROM check_states").fetchone() != (APPS,):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            time.sleep(INTERVAL_S)
            os.kill(first.pid, signal.SIGKILL)
            second = wait_for_leader(data_dir, but=first.pid)
            time.sleep(INTERVAL_S * 1.4)
            os.kill(second.pid, signal.SIGKILL)
            wait_for_leader(data_dir, but=second.pid)
            time.sleep(INTERVAL_S * 2)
        written = database.execute("SELECT count(*), max(at) FROM probes").fetchone()
        log = site.log_path.read_text()
    for path, times in server.visits.items():
        # The first one ran at once, in the slot of no one.
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps[1:]) > INTERVAL_S * 0.5, (path, gaps)
        assert max(gaps) < INTERVAL_S * 2.9, (path, gaps)
    assert len(server.visits) == APPS
    assert written[0] > APPS
    assert "Traceback" not in log, log
