"""Names to addresses, with a deadline.

The resolver of the system can hang for half a minute and cannot be interrupted, so it runs in a
thread that no one waits for after the deadline. Only a few of them may hang at once.
"""

from __future__ import annotations

import queue
import socket
import threading
from typing import Any

from launcher.fetching.problems import Deadline, FetchError, Problem

MAX_RESOLVING = 8
"""How many names this process resolves at once."""

_slots = threading.BoundedSemaphore(MAX_RESOLVING)

SocketAddress = tuple[Any, ...]
"""What `socket.connect` takes; the IP address comes first."""


def resolve(host: str, port: int, deadline: Deadline) -> list[SocketAddress]:
    """Return the addresses of `host`, which the system prefers in this order.

    A host that is an address in any form that the system knows (hexadecimal, octal, one number) is
    one too, and needs no thread.

    Raises:
        FetchError: `UNKNOWN_NAME`, or `NO_ANSWER` when it took too long.
    """
    try:
        return _look_up(host, port, socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        pass
    if not _slots.acquire(timeout=deadline.left_s()):
        raise FetchError(Problem.NO_ANSWER)
    answers: queue.SimpleQueue[list[SocketAddress]] = queue.SimpleQueue()
    threading.Thread(
        target=_answer, args=(host, port, answers), name="resolver", daemon=True
    ).start()
    try:
        found = answers.get(timeout=deadline.left_s())
    except queue.Empty:
        raise FetchError(Problem.NO_ANSWER) from None
    if not found:
        raise FetchError(Problem.UNKNOWN_NAME)
    return found


def _answer(host: str, port: int, answers: queue.SimpleQueue[list[SocketAddress]]) -> None:
    try:
        answers.put(_look_up(host, port, 0))
    except (OSError, UnicodeError):
        answers.put([])
    finally:
        _slots.release()


def _look_up(host: str, port: int, flags: int) -> list[SocketAddress]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return list(dict.fromkeys(address for *_, address in found))
