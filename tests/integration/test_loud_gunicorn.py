"""Under a real gunicorn nobody has to ask: trouble is told, and the heart beats, by themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from launcher.jobs.history import runs
from tests.support.jobs import slots_count_since
from tests.support.receivers import Receiver
from tests.support.server import run_flask, serving
from tests.support.words import compile_words

_PATIENCE_S = 120.0


@pytest.fixture(scope="module", autouse=True)
def _words() -> None:
    compile_words()


def wait_for(is_true: Callable[[], bool], what: object) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not is_true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_a_backup_that_turns_out_damaged_is_said_once_and_so_is_its_end(
    data_dir: Path, receiver: Receiver
) -> None:
    run_flask(data_dir, "database", "upgrade")
    run_flask(data_dir, "backup", "create")
    made = run_flask(data_dir, "backup", "create").strip()
    url = f"json://{receiver.place}/hook"
    run_flask(data_dir, "notifications", "add", "phone", "--url-stdin", said=f"{url}\n")

    def titles() -> list[str]:
        return [json.loads(body)["title"] for body in receiver.bodies]

    with serving(data_dir, workers="2") as server:
        stored = data_dir / "backups" / f"launcher-{made}.db.zst"
        stored.chmod(0o600)
        stored.write_bytes(stored.read_bytes()[:-100])
        run_flask(data_dir, "backup", "verify", made, expect=90)
        wait_for(lambda: len(titles()) >= 1, server.log_path.read_text)
        run_flask(data_dir, "backup", "create")
        run_flask(data_dir, "backup", "delete", made, "--yes")
        wait_for(lambda: len(titles()) >= 2, titles)
    assert titles()[0].endswith("is damaged")
    assert titles()[1] == "Launcher: All backups are undamaged again"
    assert "Traceback" not in server.log_path.read_text()


@pytest.mark.slow
def test_the_heart_beats_at_the_beginning_and_the_end_of_a_scheduled_backup(
    data_dir: Path, receiver: Receiver
) -> None:
    run_flask(data_dir, "database", "upgrade")
    run_flask(data_dir, "backup", "create")
    beat = f"http://{receiver.place}/beat"
    run_flask(data_dir, "notifications", "heartbeat", "--url-stdin", "--start", said=f"{beat}\n")
    run_flask(data_dir, "notifications", "send")
    slots_count_since(data_dir, datetime(2020, 1, 1, tzinfo=UTC))

    with serving(data_dir, workers="4"):
        wait_for(lambda: "/beat" in receiver.paths, lambda: runs(data_dir))
    assert sorted(receiver.paths) == ["/beat", "/beat/start"]
