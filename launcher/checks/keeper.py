"""Reads what is to be checked and writes what was found: the only one that opens the database.

It has a thread of its own, so that neither a slow disk nor the gate delays a check. It enters the
gate for moments only. While a restore has closed it, no check starts; while the disk is full or the
database busy, missing, or of another version, results wait, a bounded number of them.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from launcher.backup.fingerprints import Fingerprint, fingerprint_at, is_settled
from launcher.backup.locks import Gate
from launcher.backup.sqlite.connection import side_files
from launcher.checks.access import Access, UnavailableError
from launcher.checks.asked import take_asked
from launcher.checks.cost import Cost
from launcher.checks.offline import OfflineWatch
from launcher.checks.plan import OtherVersionError, Plan, Reader
from launcher.checks.retention import Pruning
from launcher.checks.states import Result
from launcher.checks.store import write
from launcher.models.health import Health

TICK_S = 1.0
READ_EVERY_S = 2.0
WRITE_EVERY_S = 10.0
IDLE_WRITE_EVERY_S = 60.0
KEEP_RESULTS = 5000

_CLOCK_JUMP_S = 10.0
_log = logging.getLogger(__name__)


class Runs(Protocol):
    """What runs the checks: `launcher.checks.runner.CheckRunner`."""

    begun: int
    late: int
    cpu_s: float

    def start(self) -> None:
        """Start without a plan."""

    def take(self, plan: Plan | None) -> None:
        """Follow a plan."""

    def ask(self, app_ids: list[int]) -> None:
        """Run checks at once."""

    def stop(self, *, timeout_s: float = 1.0) -> None:
        """Stop."""


class Keeper:
    """Keeps the runner and the database in step until `stop`.

    Args:
        make_runner: called once there is something to check, with what takes the results.
        write_every_s: how often results are written at most; once more where a person waits.
    """

    def __init__(
        self,
        database_path: Path,
        gate: Gate,
        make_runner: Callable[[Callable[[Result], None]], Runs],
        *,
        lock_dir: Path | None = None,
        watch: OfflineWatch | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady_s: Callable[[], float] = time.monotonic,
        tick_s: float = TICK_S,
        write_every_s: float = WRITE_EVERY_S,
    ) -> None:
        self._access = Access(database_path, gate)
        self._files = [database_path, *side_files(database_path)[:2]]
        self._make_runner = make_runner
        self._lock_dir = lock_dir
        self._watch = watch
        self._wall = wall
        self._steady_s = steady_s
        self._tick_s = tick_s
        self._write_every_s = write_every_s
        self._runner: Runs | None = None
        self._reader = Reader()
        self._plan: Plan | None = None
        self._found: deque[Result] = deque()
        self._batch: deque[Result] = deque(maxlen=KEEP_RESULTS)
        self._seen: tuple[Fingerprint, ...] = ()
        self._read_at_s = self._tried_at_s = self._urgent_at_s = float("-inf")
        self._written_at_s = steady_s()
        self._pruning = Pruning(steady_s=steady_s())
        self._offset_s = self._clock_offset_s()
        self._cost = Cost()
        self._said = ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checks-kept", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, *, timeout_s: float = 1.5) -> None:
        """Stop the checks; write what was measured, if that is possible at once."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self.tick()
            except Exception:  # noqa: BLE001 (a mistake of ours must not end the checks for good)
                _log.exception("health checks are not recorded")
                self._end.wait(30)
            self._end.wait(self._tick_s)
        if self._runner is not None:
            self._runner.stop(timeout_s=0.5)
        with contextlib.suppress(Exception):
            self._take_found()
            if self._batch:
                self._flush()

    def tick(self) -> None:
        """Read what has changed, write what is due."""
        self._follow_clock()
        self._follow_files()
        if self._plan is None:
            return
        if self._runner is not None and self._lock_dir is not None:
            self._runner.ask(take_asked(self._lock_dir))
        now_s = self._steady_s()
        is_urgent = any(each.is_urgent for each in list(self._found))
        if now_s - self._tried_at_s < self._write_every_s:
            if not is_urgent or now_s - self._urgent_at_s < self._write_every_s:
                return
            self._urgent_at_s = now_s
        else:
            self._tried_at_s = now_s
        self._take_found()
        is_idle = now_s - self._written_at_s < IDLE_WRITE_EVERY_S
        if self._batch or self._is_news(self._plan) or (self._plan.checks and not is_idle):
            self._flush()

    def _is_news(self, plan: Plan) -> bool:
        """Whether something is to be written that is no result."""
        since = self._watch.since if self._watch else None
        was_down = any(each.state is Health.DOWN for each in plan.unchecked.values())
        return since != plan.offline_since or was_down

    # --- the database ------------------------------------------------------------------------

    def _follow_files(self) -> None:
        """Read the plan if a file of the database has changed, and heed a closed gate."""
        seen = tuple(filter(None, map(fingerprint_at, self._files)))
        is_known = self._plan is not None and seen == self._seen
        if not is_known and self._steady_s() - self._read_at_s < READ_EVERY_S:
            is_known = self._plan is not None
        try:
            if is_known:
                self._access.look()
                return
            self._read_at_s = self._steady_s()
            with self._access.opened(to_write=False) as connection:
                connection.execute("BEGIN")
                plan = self._reader.read(connection)
                connection.execute("ROLLBACK")
        except TimeoutError as error:
            self._say(error)
            self._follow(None)
        except UnavailableError as error:
            # What was to be checked still is, but for a database that is not ours.
            self._say(error.__cause__)
            if isinstance(error.__cause__, OtherVersionError):
                self._follow(None)
        else:
            # A change within the resolution of file times would not be seen.
            self._seen = seen if all(map(is_settled, seen)) else ()
            self._follow(plan)

    def _flush(self) -> None:
        """Write the batch; it is kept if that fails."""
        now, batch = self._wall(), list(self._batch)
        since = self._watch.since if self._watch else None
        try:
            with self._access.opened(to_write=True) as connection:
                plan = write(
                    connection,
                    self._reader,
                    batch,
                    now=now,
                    offline_since=since,
                    cost=self._cost.facts(),
                    and_then=lambda: self._pruning.step(
                        connection, now=now, steady_s=self._steady_s()
                    ),
                )
        except TimeoutError as error:
            self._say(error)
            self._follow(None)
        except UnavailableError as error:
            self._say(error.__cause__)
        else:
            self._batch.clear()
            self._said = ""
            self._written_at_s = self._steady_s()
            self._follow(plan)

    def _say(self, error: BaseException | None) -> None:
        """Log a fault once; it is shown where the data is, and so are the apps as not checked."""
        text = f"{type(error).__name__}: {error}"
        if text != self._said:
            self._said = text
            _log.debug("health checks are not recorded: %s", text)

    # --- the runner --------------------------------------------------------------------------

    def _follow(self, plan: Plan | None) -> None:
        is_new = plan is not self._plan
        self._plan = plan
        if plan is not None and self._watch is None:
            self._watch = OfflineWatch(since=plan.offline_since)
        if self._runner is None and plan is not None and plan.checks:
            self._runner = self._make_runner(self._found.append)
            self._runner.start()
            is_new = True
        if plan is not None and self._watch is not None and not plan.checks:
            self._watch.since = None  # no check will find out
        if self._runner is not None and is_new:
            self._runner.take(plan)

    def _take_found(self) -> None:
        """Move results to the batch, but for those that only say that this server is offline."""
        found = [self._found.popleft() for _ in range(len(self._found))]
        if self._runner is not None:
            cpu_s = self._runner.cpu_s + time.thread_time()
            self._cost.add(
                self._steady_s(), checks=self._runner.begun, late=self._runner.late, cpu_s=cpu_s
            )
        if self._watch is not None:
            checks = self._plan.checks.values() if self._plan else ()
            plan, now = self._plan, self._wall()
            found = self._watch.judge(
                found,
                is_down=self._is_down,
                now_s=self._steady_s(),
                hosts=len({check.spec.host for check in checks}),
                interval_s=max((check.spec.interval_s for check in checks), default=0),
                checked=lambda: (
                    [each for each in plan.checks if not plan.pause(each, now)] if plan else ()
                ),
            )
            if self._runner is not None and (wanted := self._watch.take_wanted()):
                self._runner.ask(wanted)
        if len(self._batch) + len(found) > KEEP_RESULTS:
            _log.debug("results of health checks are dropped: too many wait")
        self._batch.extend(found)

    def _is_down(self, app_id: int) -> bool:
        check = self._plan.checks.get(app_id) if self._plan else None
        standing = check.standing if check else None
        return standing is not None and standing.state is Health.DOWN

    def _follow_clock(self) -> None:
        offset_s = self._clock_offset_s()
        if abs(offset_s - self._offset_s) >= _CLOCK_JUMP_S:
            self._offset_s = offset_s
            self._pruning.clock_was_set(steady_s=self._steady_s())

    def _clock_offset_s(self) -> float:
        return self._wall().timestamp() - self._steady_s()
