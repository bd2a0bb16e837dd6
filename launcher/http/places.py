"""How many threads of this process may wait at once for something that is not the server's.

A thread that receives or sends a large file goes at the pace of its client, and one that waits for
an operation does nothing. Neither may take all threads: some are left for pages and calls, however
many clients are slow, or say nothing. This counts within one process, as its threads do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from werkzeug.exceptions import ServiceUnavailable

from launcher.current import current_config

RETRY_AFTER_S = 10


class TooManyTransfersError(ServiceUnavailable):
    """As many files are being received and sent as may be at once: 503, try again."""

    def __init__(self) -> None:
        super().__init__(retry_after=RETRY_AFTER_S)


class _Places:
    """The places of one kind in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0

    def take(self, most: int) -> bool:
        """Take one of `most` places; return whether there was one."""
        with self._lock:
            if self._taken >= most:
                return False
            self._taken += 1
            return True

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self._taken -= 1


_transfers, _waits = _Places(), _Places()


def most_transfers(threads: int) -> int:
    """Return how many files a process with so many threads receives and sends at once."""
    return max(1, threads // 2)


def most_waits(threads: int) -> int:
    """Return how many requests may wait for an operation; a thread is left beside the transfers."""
    return max(0, min(max(1, threads // 4), threads - most_transfers(threads) - 1))


def take_place_to_transfer() -> Callable[[], None]:
    """Take a place for a file that is received or sent; return what gives it back, at one call.

    Raises:
        TooManyTransfersError: all are taken.
    """
    if not _transfers.take(most_transfers(current_config().threads)):
        raise TooManyTransfersError
    stack = ExitStack()
    stack.callback(_transfers.leave)
    return stack.close  # a second call does nothing


@contextmanager
def place_to_transfer() -> Iterator[None]:
    """Take a place for the block.

    Raises:
        TooManyTransfersError: all are taken.
    """
    leave = take_place_to_transfer()
    try:
        yield
    finally:
        leave()


@contextmanager
def place_to_wait() -> Iterator[bool]:
    """Take a place to wait for the block; yield whether there was one."""
    has_place = _waits.take(most_waits(current_config().threads))
    try:
        yield has_place
    finally:
        if has_place:
            _waits.leave()
