"""A call that the kernel may not end for hours, as on a network folder whose server is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from launcher.offsite.troubles import RemoteError, Trouble

T = TypeVar("T")
Beat = Callable[[], None]
"""Called by the work whenever it got on; raises where no one waits for it any longer."""


class _AbandonedError(Exception):
    """No one waits for this work."""


class _Work(Generic[T]):
    def __init__(self, work: Callable[[Beat], T]) -> None:
        self._work = work
        self._result: T | None = None
        self._error: BaseException | None = None
        self._beaten_at = time.monotonic()
        self._is_abandoned = False
        self._done = threading.Event()

    def beat(self) -> None:
        if self._is_abandoned:
            raise _AbandonedError
        self._beaten_at = time.monotonic()

    def run(self) -> None:
        try:
            self._result = self._work(self.beat)
        except BaseException as error:  # noqa: BLE001 (raised again where it is waited for)
            self._error = error
        self._done.set()

    def wait(self, silent_s: float) -> T:
        while not self._done.wait(max(0.0, self._beaten_at + silent_s - time.monotonic())):
            if time.monotonic() >= self._beaten_at + silent_s:
                self._is_abandoned = True
                raise RemoteError(Trouble.TIMED_OUT)
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # it ended without an error


def patiently(work: Callable[[Beat], T], *, silent_s: float) -> T:
    """Return what `work` returns, as long as it calls its `beat` once in `silent_s` seconds.

    It runs in a thread of its own, which is left behind where the kernel does not return: it ends
    at its next beat, or with this process.

    Raises:
        RemoteError: `TIMED_OUT`.
    """
    running = _Work(work)
    threading.Thread(target=running.run, daemon=True).start()
    return running.wait(silent_s)
