"""Checks as they run in the process that leads: real threads, database, gate and server.

Intervals are a second or so; what takes minutes is in tests/unit/test_check_agenda.py, where the
clock is in hand.
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from flask import Flask

from launcher.backup.locks import Gate
from launcher.checks.asked import ask_for_check
from launcher.checks.gateway import GatewaySays
from launcher.checks.keeper import Keeper
from launcher.checks.offline import OfflineWatch
from launcher.checks.outcome import Outcome, Reason
from launcher.checks.probe import probe
from launcher.checks.runner import CheckRunner, Probe
from launcher.checks.service import check_rules
from launcher.checks.spec import CheckSpec
from launcher.checks.states import Result
from launcher.config import ROOT
from launcher.current import current_backups, current_config
from launcher.db.connect import connect
from launcher.models.health import Health
from tests.support.checks import Counter, add_app, counting_server, set_check

PATIENCE_S = 120.0
THREADS = {"checks", "checks-kept"}


@dataclass
class Home:
    """A site whose checks run, in this process."""

    app: Flask
    database: sqlite3.Connection
    stack: ExitStack
    tried: list[int] = field(default_factory=list)
    hanging: set[int] = field(default_factory=set)
    failing: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    at_once: int = 0
    most_at_once: int = 0
    measured: int = 0

    def __post_init__(self) -> None:
        self.config = current_config(self.app)
        self.gate = Gate(self.config.lock_dir)

    async def probe(self, spec: CheckSpec) -> Outcome:
        """Answer at once, or never, without a network."""
        self.tried.append(spec.app_id)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(3600 if spec.app_id in self.hanging else 0.01)
        finally:
            self.at_once -= 1
        if spec.app_id in self.broken:
            return Outcome(Health.DOWN, Reason.FAILED)
        if spec.app_id in self.failing:
            return Outcome(Health.DOWN, Reason.HTTP_CODE, {"code": 500}, code=500)
        return Outcome(Health.UP, ms=10, code=200)

    def start(self, probe: Probe | None = None, *, at_once: int = 200, **how: object) -> Keeper:
        options = {"tick_s": 0.05, "write_every_s": 0.2} | how
        keeper = Keeper(
            self.config.database_path,
            self.gate,
            lambda on_result: CheckRunner(
                probe or self.probe, partial(self._measure, on_result), at_once=at_once
            ),
            lock_dir=self.config.lock_dir,
            watch=OfflineWatch(ask_gateway=lambda: GatewaySays.UNKNOWN),
            **options,  # type: ignore[arg-type]
        )
        keeper.start()
        self.stack.callback(keeper.stop, timeout_s=PATIENCE_S)
        return keeper

    def _measure(self, on_result: Callable[[Result], None], result: Result) -> None:
        on_result(result)
        self.measured += 1

    def states(self) -> dict[int, str]:
        return dict(self.database.execute("SELECT app_id, state FROM check_states"))

    def count(self, table: str = "probes") -> int:
        return int(self.database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture
def home(app: Flask) -> Iterator[Home]:
    with (
        ExitStack() as stack,
        closing(connect(current_config(app).database_path)) as database,
        stack,
    ):
        yield Home(app, database, stack)


@pytest.fixture
def server() -> Iterator[Counter]:
    with counting_server() as counter:
        yield counter


def wait_until(is_so: Callable[[], object], what: str = "") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_a_real_server_is_checked_and_its_state_is_stored(home: Home, server: Counter) -> None:
    """By the probe itself: the others need no network."""
    server.codes["/2"] = 500
    for app_id in (1, 2):
        add_app(home.database, app_id, f"{server.url}/{app_id}", interval_s=2, retries=0)
    rules = check_rules(home.config)
    home.start(lambda spec: probe(spec, rules))
    wait_until(lambda: home.states() == {1: "up", 2: "down"})
    found = home.database.execute("SELECT error, last_code FROM check_states WHERE app_id = 2")
    assert found.fetchone() == ("http_code", 500)


def test_a_check_fails_after_its_retries_and_is_one_result(home: Home) -> None:
    add_app(home.database, 1, interval_s=4, retries=2)
    home.failing.add(1)
    home.start()
    wait_until(lambda: home.states() == {1: "down"})
    # Later checks of one that is down are tried once, and the last one may be running.
    assert len(home.tried) - home.count() in {2, 3}


def test_a_service_that_hangs_delays_no_other(home: Home) -> None:
    """As many hang as there are seats; each gives its seat back by its time limit."""
    for app_id in range(1, 31):
        limit_ms = 300 if app_id <= 20 else 60_000
        add_app(home.database, app_id, interval_s=3, timeout_ms=limit_ms, retries=0)
    home.hanging.update(range(1, 21))
    home.start(at_once=20)
    wait_until(lambda: len(home.states()) == 30)
    states = home.states()
    assert {states[n] for n in range(1, 21)} == {"down"}
    assert {states[n] for n in range(21, 31)} == {"up"}
    assert home.most_at_once <= 20


def test_a_check_that_launcher_itself_could_not_do_is_no_result(home: Home) -> None:
    """Such as when the process has no file left."""
    for app_id in (1, 2):
        add_app(home.database, app_id, interval_s=1, retries=0)
    home.broken.add(1)
    home.start()
    wait_until(lambda: home.count() >= 2 and home.tried.count(1) >= 2)
    assert home.states() == {2: "up"}


def test_a_check_never_runs_beside_itself(home: Home) -> None:
    """It hangs for longer than its interval."""
    add_app(home.database, 1, interval_s=1, timeout_ms=60_000, retries=3)
    home.hanging.add(1)
    home.start()
    wait_until(lambda: len(home.tried) >= 3)
    assert home.most_at_once == 1


def test_a_new_app_and_changed_settings_are_heeded_within_seconds(home: Home) -> None:
    add_app(home.database, 1, interval_s=3600)
    home.start()
    wait_until(lambda: home.states() == {1: "up"})
    add_app(home.database, 2, interval_s=3600)
    wait_until(lambda: set(home.states()) == {1, 2})
    home.database.execute("UPDATE system_settings SET checks_enabled = 0")
    wait_until(lambda: home.tried.count(2) == 1)
    began = len(home.tried)
    set_check(home.database, 1, interval_s=1)
    time.sleep(3)
    assert len(home.tried) == began, "checks are off"
    home.database.execute("UPDATE system_settings SET checks_enabled = 1")
    wait_until(lambda: len(home.tried) > began)


def test_an_app_that_is_edited_while_it_is_checked_is_checked_again_at_once(home: Home) -> None:
    add_app(home.database, 1, interval_s=3600, timeout_ms=600_000)
    home.hanging.add(1)
    home.start()
    wait_until(lambda: home.tried == [1])
    home.hanging.clear()
    home.database.execute("UPDATE apps SET url = 'http://another'")
    wait_until(lambda: home.states() == {1: "up"})
    assert home.tried == [1, 1]
    assert home.count() == 1


def test_an_app_that_is_deleted_while_it_is_checked_leaves_nothing(home: Home) -> None:
    add_app(home.database, 1, timeout_ms=1000, retries=0, interval_s=60)
    add_app(home.database, 2, interval_s=1)
    home.hanging.add(1)
    home.start()
    wait_until(lambda: 1 in home.tried and home.states() == {2: "up"})
    home.database.execute("DELETE FROM apps WHERE id = 1")
    time.sleep(1.5)
    assert home.states() == {2: "up"}
    assert home.database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_check_now_is_done_within_two_seconds_in_another_process(home: Home) -> None:
    add_app(home.database, 1, interval_s=3600, retries=0)
    home.start()
    wait_until(lambda: home.states() == {1: "up"})
    home.failing.add(1)
    ask_for_check(home.config.lock_dir, 1)
    ask_for_check(home.config.lock_dir, 1)
    ask_for_check(home.config.lock_dir, 77)
    wait_until(lambda: home.states() == {1: "down"})
    assert home.tried == [1, 1]


def test_a_restore_waits_for_no_check_and_no_check_starts_meanwhile(home: Home) -> None:
    for app_id in range(1, 11):
        add_app(home.database, app_id, interval_s=1, timeout_ms=600_000)
    home.hanging.add(1)
    home.start()
    wait_until(lambda: len(home.states()) == 9)
    home.database.execute("PRAGMA wal_checkpoint")
    began = time.monotonic()
    with home.gate.closed():
        assert time.monotonic() - began < PATIENCE_S
        time.sleep(1)  # until the gate was looked at, and what had begun has ended
        tried, written = len(home.tried), home.count()
        time.sleep(1.5)
        assert len(home.tried) == tried
        assert home.count() == written
    wait_until(lambda: len(home.tried) > tried and home.count() > written)


@pytest.mark.usefixtures("cast")
def test_a_restore_brings_the_history_back_and_mixes_nothing_into_it(home: Home) -> None:
    """The app has another URL since: what is measured of that is nothing of the restored one."""
    add_app(home.database, 1, "http://old", interval_s=3600)
    keeper = home.start()
    wait_until(lambda: home.states() == {1: "up"})
    keeper.stop(timeout_s=PATIENCE_S)
    with home.app.app_context():
        backup = current_backups().create(by="test")
    home.database.execute("UPDATE apps SET url = 'http://new'")
    home.database.execute("INSERT INTO probes VALUES (1, 5, 1, 0, 7, 200, NULL)")
    home.failing.add(1)
    gone = threading.Event()

    async def slow(spec: CheckSpec) -> Outcome:
        while spec.address == "http://new" and not gone.is_set():
            await asyncio.sleep(0.02)
        return await home.probe(spec)

    set_check(home.database, 1, retries=0, interval_s=3600)
    home.start(slow)
    time.sleep(0.5)
    home.database.close()
    with home.app.app_context():
        current_backups().restore(backup.id, by="test")
    gone.set()
    with closing(connect(home.config.database_path)) as restored:
        time.sleep(1)
        assert restored.execute("SELECT count(*) FROM probes WHERE at = 5").fetchone() == (0,)
        assert restored.execute("SELECT state FROM check_states").fetchone() == ("up",)
        assert restored.execute("SELECT count(*) FROM probes").fetchone() == (1,)


def test_results_wait_while_another_process_writes(home: Home) -> None:
    add_app(home.database, 1, interval_s=1)
    home.database.execute("BEGIN IMMEDIATE")
    home.start()
    wait_until(lambda: len(home.tried) >= 3)
    assert home.count() == 0
    home.database.execute("COMMIT")
    wait_until(lambda: home.count() >= 3)


def test_checks_go_on_while_a_restore_writes_and_their_results_wait(home: Home) -> None:
    add_app(home.database, 1, interval_s=1)
    home.start()
    wait_until(lambda: home.count() >= 1)
    with home.gate.writers_held():
        written = home.count()
        home.database.execute("BEGIN IMMEDIATE")
        tried = len(home.tried)
        wait_until(lambda: len(home.tried) >= tried + 2)
        with home.gate.closed():  # no one who waits for the write lock keeps it open
            home.database.execute("COMMIT")
        assert home.count() == written
    wait_until(lambda: home.count() >= written + 2)


def test_a_database_that_is_away_costs_no_result_and_no_flood(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    add_app(home.database, 1, interval_s=1)
    home.start()
    wait_until(lambda: home.count() >= 1)
    home.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path, away = home.config.database_path, home.config.database_path.with_name("away")
    with home.gate.closed():
        path.rename(away)
    time.sleep(2.5)
    with home.gate.closed():
        assert not path.exists()
        away.rename(path)
    seen = len(home.tried)
    wait_until(lambda: home.count() >= seen - 1)
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


def test_what_was_measured_is_written_at_the_end(home: Home) -> None:
    add_app(home.database, 1, interval_s=3600)
    keeper = home.start(write_every_s=600.0)
    wait_until(lambda: home.measured == 1)
    keeper.stop(timeout_s=PATIENCE_S)
    assert home.count() == 1
    wait_until(lambda: not {each.name for each in threading.enumerate()} & THREADS)


def test_a_data_directory_that_is_away_costs_nothing(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    add_app(home.database, 1, interval_s=1)
    home.start()
    wait_until(lambda: home.count() >= 1)
    home.database.close()
    folder = home.config.data_dir
    away = folder.with_name("away")
    folder.rename(away)
    time.sleep(2.5)
    seen = len(home.tried)
    away.rename(folder)
    with closing(connect(home.config.database_path)) as home.database:
        wait_until(lambda: home.count() >= seen - 1)
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


def test_text_that_is_none_stops_no_other_check(home: Home) -> None:
    add_app(home.database, 1)
    add_app(home.database, 2)
    home.database.execute("UPDATE apps SET url = CAST(X'FF41' AS TEXT) WHERE id = 1")
    home.start()
    wait_until(lambda: home.states().get(2) == "up")


def test_an_outage_ends_when_checks_are_off_from_the_start(home: Home) -> None:
    add_app(home.database, 1, retries=0)
    home.failing.add(1)
    keeper = home.start()
    wait_until(lambda: home.states() == {1: "down"})
    keeper.stop(timeout_s=PATIENCE_S)
    home.database.execute("UPDATE system_settings SET checks_enabled = 0")
    home.start()
    wait_until(lambda: home.states() == {1: "unknown"})
    assert home.database.execute("SELECT ended_at IS NULL FROM outages").fetchall() == [(0,)]


def test_no_app_is_down_while_this_server_is_offline(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.checks.offline.HOLD_S", 2.0)
    for app_id in range(1, 6):
        add_app(home.database, app_id, interval_s=1, retries=0)
    is_away = threading.Event()

    async def network(spec: CheckSpec) -> Outcome:
        if is_away.is_set():
            return Outcome(Health.DOWN, Reason.UNREACHABLE)
        return Outcome(Health.UP, ms=1, code=200, address=f"192.0.2.{spec.app_id}")

    def since() -> object:
        return home.database.execute("SELECT offline_since FROM checks_run").fetchone()[0]

    home.start(network, write_every_s=1.0)
    wait_until(lambda: len(home.states()) == 5)
    is_away.set()
    wait_until(since)
    time.sleep(1.5)
    assert set(home.states().values()) == {"up"}
    assert home.count("outages") == 0
    is_away.clear()
    wait_until(lambda: since() is None)


def test_results_are_written_in_batches(home: Home) -> None:
    """500 checks a minute are six transactions a minute, and not 500."""
    for app_id in range(1, 101):
        add_app(home.database, app_id, interval_s=1)
    version = home.database.execute("PRAGMA data_version").fetchone()
    writes = 0
    home.start(write_every_s=1.0)
    began = time.monotonic()
    while home.measured < 200:
        newer = home.database.execute("PRAGMA data_version").fetchone()
        writes += newer != version
        version = newer
        time.sleep(0.02)
    most = 2 * (time.monotonic() - began) + 2
    assert writes <= most, "one a second, and one more while a person may wait"


def test_a_worker_that_does_not_lead_runs_no_checks(home: Home, data_dir: Path) -> None:
    """Nor has it loaded what runs them."""
    program = (
        "import sys\n"
        "from launcher.app import create_app\n"
        f"app = create_app({{'LAUNCHER_DATA_DIR': {str(data_dir)!r}}})\n"
        "app.test_client().get('/healthz')\n"
        "print(sorted({'launcher.checks.runner', 'launcher.checks.keeper'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "[]\n", done.stderr
