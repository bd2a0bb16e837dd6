"""How fast bytes are sent and received."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Limiter:
    """Lets through at most so many bytes in a second, measured over about one second.

    What was not used is not saved up: after a pause the next bytes go at the same speed.
    """

    def __init__(
        self,
        bytes_s: int,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        Args:
            bytes_s: bytes in a second, 0 for no limit.
            now: a clock in seconds.
            sleep: waits so many seconds.
        """
        self._bytes_s = bytes_s
        self._now = now
        self._sleep = sleep
        self._free_at = now()
        self._lock = threading.Lock()

    @property
    def is_on(self) -> bool:
        """Whether there is a limit."""
        return self._bytes_s > 0

    def piece_bytes(self, most: int) -> int:
        """Return how much to read at once: a tenth of a second, 1 KB at least, `most` at most."""
        return min(most, max(1024, self._bytes_s // 10)) if self._bytes_s else most

    def take(self, count: int) -> None:
        """Wait until `count` bytes may go."""
        if not self._bytes_s:
            return
        with self._lock:
            now = self._now()
            self._free_at = max(self._free_at, now) + count / self._bytes_s
            wait_s = self._free_at - now
        if wait_s > 0:
            self._sleep(wait_s)
