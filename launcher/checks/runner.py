"""Runs the checks that are due, many at once, in an event loop with a thread of its own.

It knows no database: it is handed plans and hands on results. A check is one slot with all its
tries, and ends within its interval; while it runs, it does not start again. So a service that
hangs holds one seat of many, for no longer than its time limit.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime

from launcher.checks.agenda import Agenda, Due, Now
from launcher.checks.outcome import Outcome, Reason
from launcher.checks.plan import Check, Plan
from launcher.checks.slots import retry_pause_s
from launcher.checks.spec import CheckSpec
from launcher.checks.states import Result
from launcher.models.health import Health

AT_ONCE = 200
LATE_SHARE = 0.1
LOOK_EVERY_S = 1.0
TOGETHER_S = 1.0
TOGETHER_SHARE = 0.015
"""Checks that come due within this share of the shortest interval, and this time, start together:
a processor that was idle takes twice as long for one check as for one of five."""

_AFTER_ERROR_S = 30.0
_GRACE_S = 1.0  # beyond the limit of a try: a probe ends by itself

Probe = Callable[[CheckSpec], Awaitable[Outcome]]
"""One try of a check; ends by its deadline, and never raises for what the other side does."""

_log = logging.getLogger(__name__)


class CheckRunner:
    """Runs the checks of the newest plan until `stop`.

    Args:
        probe: one try.
        on_result: called with each result, in the thread of the loop; must not block.
        wall_s, steady_s: seconds since 1970, and seconds that no one can set.
        at_once: how many tries run at the same time.

    Attributes:
        begun, late: how many checks began, and how many of them a tenth of their interval late.
        cpu_s: the processor time of the loop.
    """

    def __init__(
        self,
        probe: Probe,
        on_result: Callable[[Result], None],
        *,
        wall_s: Callable[[], float] = time.time,
        steady_s: Callable[[], float] = time.monotonic,
        at_once: int = AT_ONCE,
    ) -> None:
        self._probe = probe
        self._on_result = on_result
        self._wall_s = wall_s
        self._steady_s = steady_s
        self._at_once = at_once
        self._plan: Plan | None = None
        self._agenda = Agenda()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._urgent: set[int] = set()
        self._together_s = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="checks", daemon=True)
        self.begun = self.late = 0
        self.cpu_s = 0.0

    def start(self) -> None:
        """Start the thread. It runs nothing before it has a plan."""
        self._thread.start()

    def take(self, plan: Plan | None) -> None:
        """Follow a plan from now on; None starts no checks until there is one again."""
        self._call(self._follow, plan)

    def ask(self, app_ids: Iterable[int]) -> None:
        """Run checks at once."""
        if asked := list(app_ids):
            self._call(self._ask, asked)

    def stop(self, *, timeout_s: float = 1.0) -> None:
        """Cancel what runs; afterwards there are no more results."""
        self._call(self._end)
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _call(self, act: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(act, *arguments)

    # --- in the thread of the loop -----------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._seats = asyncio.Semaphore(self._at_once)
        self._news = asyncio.Event()
        self._is_ended = False
        try:
            self._loop.run_until_complete(self._watch())
        except Exception:  # noqa: BLE001 (in a thread, no one else would log it)
            _log.exception("health checks ended")
        finally:
            self._loop.close()

    async def _watch(self) -> None:
        while not self._is_ended:
            try:
                self._start_due()
            except Exception:  # noqa: BLE001 (a mistake of ours must not end the checks for good)
                _log.exception("health checks wait for half a minute")
                await asyncio.sleep(_AFTER_ERROR_S)
            self.cpu_s = time.thread_time()
            wait_s = min(LOOK_EVERY_S, self._agenda.next_s() - self._steady_s())
            timer = self._loop.call_later(max(self._together_s, wait_s), self._news.set)
            await self._news.wait()
            timer.cancel()
            self._news.clear()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=0.5)

    def _start_due(self) -> None:
        now = self._now()
        self._agenda.follow_clock(now)
        if self._plan is None:
            return
        for due in self._agenda.take_due(now, is_paused=self._paused_now()):
            app_id = due.check.spec.app_id
            if app_id not in self._running:
                task = self._loop.create_task(self._check(due))
                self._running[app_id] = task
                task.add_done_callback(self._ended(app_id, task))

    def _ended(self, app_id: int, task: asyncio.Task[None]) -> Callable[[asyncio.Task[None]], None]:
        def forget(_task: asyncio.Task[None]) -> None:
            if self._running.get(app_id) is task:
                del self._running[app_id]
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("a health check failed", exc_info=error)

        return forget

    def _follow(self, plan: Plan | None) -> None:
        self._plan = plan
        if plan is None:
            return
        changed = self._agenda.follow(plan.checks, self._now(), is_paused=self._paused_now())
        for app_id in changed:
            if (task := self._running.pop(app_id, None)) is not None:
                task.cancel()
            self._urgent.add(app_id)
        self._urgent &= plan.checks.keys()
        intervals = (check.spec.interval_s for check in plan.checks.values())
        self._together_s = min(TOGETHER_S, min(intervals, default=0) * TOGETHER_SHARE)
        self._news.set()

    def _ask(self, app_ids: list[int]) -> None:
        self._agenda.ask(app_ids, self._now())
        self._urgent.update(app_ids)
        self._news.set()

    def _end(self) -> None:
        self._is_ended = True
        self._news.set()

    def _paused_now(self) -> Callable[[int], bool]:
        plan, now = self._plan, self._moment()  # one moment, so that each window is read once
        return lambda app_id: plan is None or plan.pause(app_id, now) is not None

    def _now(self) -> Now:
        return Now(self._wall_s(), self._steady_s())

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._wall_s(), UTC)

    async def _check(self, due: Due) -> None:
        """Run one check with all its tries, and hand on the result of the last."""
        check, interval_s = due.check, due.check.spec.interval_s
        due_s = self._steady_s() - due.late_s
        deadline_s = self._steady_s() + interval_s
        outcome: Outcome | None = None
        began_at, began_s = self._moment(), self._steady_s()
        for number in range(_tries(check)):
            if number:
                await asyncio.sleep(retry_pause_s(interval_s))
            async with self._seats:
                if number == 0:
                    began_at, began_s = self._moment(), self._steady_s()
                    self.begun += 1
                    self.late += began_s - due_s > interval_s * LATE_SHARE
                limit_s = min(check.spec.timeout_ms / 1000 + _GRACE_S, deadline_s - began_s)
                left_s = min(limit_s, deadline_s - self._steady_s())
                if left_s <= 0:
                    break
                found = await self._try(check.spec, left_s)
            # A try that the end of the interval cut short says nothing.
            if found is not None or outcome is None:
                outcome = found or _no_answer(check.spec, left_s)
            if outcome.is_up:
                break
        if outcome is None or outcome.reason is Reason.FAILED:
            return  # it had no seat within its interval, or it says nothing about the app
        is_urgent = check.spec.app_id in self._urgent or check.last_s is None
        self._urgent.discard(check.spec.app_id)
        self._on_result(
            Result(
                check.spec, outcome, began_at, self._moment(), began_s, self._steady_s(), is_urgent
            )
        )

    async def _try(self, spec: CheckSpec, limit_s: float) -> Outcome | None:
        """Return the outcome of one try, None where it did not end within `limit_s` seconds."""
        try:
            async with asyncio.timeout(limit_s):
                return await self._probe(spec)
        except TimeoutError:
            return None


def _tries(check: Check) -> int:
    """Return how often to try: an app that is down already is not tried again and again."""
    standing = check.standing
    return 1 if standing and standing.state is Health.DOWN else 1 + check.spec.retries


def _no_answer(spec: CheckSpec, limit_s: float) -> Outcome:
    facts = {"host": spec.host, "port": 0, "limit_s": round(limit_s, 1), "phase": "answer"}
    return Outcome(Health.DOWN, Reason.NO_ANSWER, facts)
