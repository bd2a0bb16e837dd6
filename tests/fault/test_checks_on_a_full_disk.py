"""Health checks on a disk that is really full: they go on, and results wait for room."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing

import pytest

from launcher.app import create_app
from launcher.backup.locks import Gate
from launcher.checks.keeper import Keeper
from launcher.checks.outcome import Outcome
from launcher.checks.runner import CheckRunner
from launcher.checks.spec import CheckSpec
from launcher.current import current_backups, current_config
from launcher.db.connect import connect
from launcher.models.health import Health
from tests.fault.conftest import SmallDisk
from tests.support.checks import add_app

PATIENCE_S = 60.0


@pytest.mark.parametrize("free_bytes", [0, 200_000])
def test_results_wait_for_room_and_the_log_stays_quiet(
    small_disk: SmallDisk, caplog: pytest.LogCaptureFixture, free_bytes: int
) -> None:
    app = create_app({"LAUNCHER_DATA_DIR": str(small_disk.path / "data")})
    with app.app_context():
        current_backups().initialise(by="test")
    config = current_config(app)
    tried = []

    async def answer(spec: CheckSpec) -> Outcome:
        tried.append(spec.app_id)
        await asyncio.sleep(0)
        return Outcome(Health.UP, ms=1, code=200)

    keeper = Keeper(
        config.database_path,
        Gate(config.lock_dir),
        lambda on_result: CheckRunner(answer, on_result),
        tick_s=0.05,
        write_every_s=0.2,
    )
    with closing(connect(config.database_path)) as database:
        add_app(database, 1, interval_s=1)

        def count() -> int:
            return int(database.execute("SELECT count(*) FROM probes").fetchone()[0])

        def wait_for(number: int) -> None:
            deadline = time.monotonic() + PATIENCE_S
            while count() < number:
                assert time.monotonic() < deadline
                time.sleep(0.05)

        keeper.start()
        try:
            wait_for(1)
            small_disk.fill(but_for_bytes=free_bytes)
            before = len(tried)
            deadline = time.monotonic() + PATIENCE_S
            while len(tried) < before + 2:
                assert time.monotonic() < deadline, "checks go on"
                time.sleep(0.05)
            small_disk.clear()
            wait_for(len(tried))
        finally:
            keeper.stop()
    assert [each for each in caplog.records if each.levelname != "DEBUG"] == []
