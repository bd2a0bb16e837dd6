"""*Test now*: one try of a check that may not be saved, inside a request."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import replace

from launcher.checks.attempt import Attempt
from launcher.checks.outcome import Outcome, Phase
from launcher.checks.probe import probe
from launcher.checks.spec import CheckSpec
from launcher.checks.turns import Turn
from launcher.fetching.addresses import AddressRules

MAX_AT_ONCE = 4
"""How many of them one process runs at once: each holds a thread of the web server."""
MAX_LIMIT_MS = 30_000
"""The longest time limit of one; a request does not wait for the ten minutes of a slow check."""
LOOK_EVERY_S = 0.25
"""How often a test looks whether it was replaced."""
_GRACE_S = 1.0

_places = threading.BoundedSemaphore(MAX_AT_ONCE)
_owners: set[int | None] = set()
"""Whose tests run in this process, one each: one user cannot take all places."""
_left = threading.Condition()


class TooManyTrialsError(Exception):
    """Other people test checks now; in some seconds there is a place."""


class TrialReplacedError(Exception):
    """The same user has started another test, which ended this one."""


def test_now(
    spec: CheckSpec,
    rules: AddressRules,
    turn: Turn | None = None,  # noqa: PT028 (this is no test)
) -> Outcome:
    """Return the outcome of one try, at most two seconds after its time limit.

    Args:
        turn: that of the user, whose test before this one ends; None in a shell.

    Raises:
        TooManyTrialsError
        TrialReplacedError
    """
    spec = replace(spec, timeout_ms=min(spec.timeout_ms, MAX_LIMIT_MS))
    leave = _enter(turn)
    outcomes: queue.SimpleQueue[Outcome | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcomes.put(asyncio.run(_probe(spec, rules, turn)))
        finally:
            leave()

    try:
        threading.Thread(target=run, name="check-trial", daemon=True).start()
    except RuntimeError:  # the system has no thread left
        leave()
        raise TooManyTrialsError from None
    try:
        outcome = outcomes.get(timeout=spec.timeout_ms / 1000 + _GRACE_S)
    except queue.Empty:
        attempt = Attempt(spec.timeout_ms / 1000, rules, phase=Phase.ANSWER)
        return attempt.failed(attempt.out_of_time())
    if outcome is None:
        raise TrialReplacedError
    return outcome


def _enter(turn: Turn | None) -> Callable[[], None]:
    """Take a place, once the test before of the same user has left its own; return how to leave.

    Raises:
        TooManyTrialsError
    """
    owner, places = turn.owner if turn else None, _places
    with _left:
        if not _left.wait_for(lambda: owner not in _owners, timeout=_GRACE_S):
            raise TooManyTrialsError
        if not places.acquire(blocking=False):
            raise TooManyTrialsError
        if owner is not None:
            _owners.add(owner)

    def leave() -> None:
        if turn is not None:
            turn.end()
        with _left:
            places.release()
            _owners.discard(owner)
            _left.notify_all()

    return leave


async def _probe(spec: CheckSpec, rules: AddressRules, turn: Turn | None) -> Outcome | None:
    """Return the outcome of one try, None once its turn is over."""
    probing = asyncio.ensure_future(probe(spec, rules))
    while not (await asyncio.wait({probing}, timeout=LOOK_EVERY_S))[0]:
        if turn is not None and turn.is_over():
            probing.cancel()
            await asyncio.wait({probing})
            return None
    return probing.result()
