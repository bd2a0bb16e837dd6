"""*Test now*: one try of a check that may not be saved, inside a request."""

from __future__ import annotations

import asyncio
import queue
import threading
from contextlib import suppress
from dataclasses import replace

from launcher.checks.attempt import Attempt
from launcher.checks.outcome import Outcome, Phase
from launcher.checks.probe import probe
from launcher.checks.spec import CheckSpec
from launcher.fetching.addresses import AddressRules

MAX_AT_ONCE = 4
"""How many of them one process runs at once: each holds a thread of the web server."""
MAX_LIMIT_MS = 30_000
"""The longest time limit of one; a request does not wait for the ten minutes of a slow check."""
_GRACE_S = 1.0

_places = threading.BoundedSemaphore(MAX_AT_ONCE)


class TooManyTrialsError(Exception):
    """Other people test checks now; in some seconds there is a place."""


def test_now(spec: CheckSpec, rules: AddressRules) -> Outcome:
    """Return the outcome of one try, at most one second after its time limit.

    Raises:
        TooManyTrialsError
    """
    spec = replace(spec, timeout_ms=min(spec.timeout_ms, MAX_LIMIT_MS))
    if not _places.acquire(blocking=False):
        raise TooManyTrialsError
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcomes.put(asyncio.run(probe(spec, rules)))
        finally:
            _places.release()

    try:
        threading.Thread(target=run, name="check-trial", daemon=True).start()
    except RuntimeError:  # the system has no thread left
        _places.release()
        raise TooManyTrialsError from None
    with suppress(queue.Empty):
        return outcomes.get(timeout=spec.timeout_ms / 1000 + _GRACE_S)
    attempt = Attempt(spec.timeout_ms / 1000, rules, phase=Phase.ANSWER)
    return attempt.failed(attempt.out_of_time())
