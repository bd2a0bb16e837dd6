"""Names to addresses without blocking the loop.

The resolver of the system can hang for half a minute and cannot be interrupted. asyncio runs it in
six threads on two cores, which as many dead names hold, and waits for them at its end. So it has
threads of its own here, which no one waits for: at most `MAX_THREADS`, and one for each name,
however many ask for it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from launcher.checks.outcome import Reason

MAX_THREADS = 64

SocketAddress = tuple[Any, ...]
"""What `socket.connect` takes; the IP address comes first, then the port."""
LookUp = Callable[[str], Sequence[SocketAddress]]
_Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[_Found]"]
_Found = Sequence[SocketAddress] | Reason

_UNKNOWN = {socket.EAI_NONAME, socket.EAI_NODATA, socket.EAI_ADDRFAMILY}


def look_up(host: str) -> Sequence[SocketAddress]:
    """Return the addresses of `host` as the system knows them, with port 0.

    Raises:
        OSError, ValueError
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(address for *_, address in found))


@lru_cache(maxsize=2048)  # the same hosts are asked for again and again
def _numeric(host: str) -> SocketAddress | None:
    """Return the address that `host` is, None where it is a name."""
    with suppress(OSError, ValueError):
        flags = socket.AI_NUMERICHOST
        return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=flags)[0][4]
    return None


class Resolver:
    """Look-ups of one process, for any number of loops and threads."""

    def __init__(self, look_up: LookUp = look_up, *, max_threads: int = MAX_THREADS) -> None:
        self._look_up = look_up
        self._max_threads = max_threads
        self._lock = threading.Lock()
        self._threads = 0
        self._waiting: dict[str, list[_Waiter]] = {}
        self._queued: dict[str, None] = {}

    async def addresses(self, host: str) -> Sequence[SocketAddress] | Reason:
        """Return the addresses of `host` with port 0, or why there are none.

        An address in any form that the system knows is its own, without a look-up. When this is
        cancelled, a look-up that no one waits for any more is not started. One that runs is left
        to end, and shared with those who ask for that name next.
        """
        if (numeric := _numeric(host)) is not None:
            return [numeric]
        loop = asyncio.get_running_loop()
        waiter: _Waiter = (loop, loop.create_future())
        self._ask(host, waiter)
        try:
            return await waiter[1]
        finally:
            self._leave(host, waiter)

    def _ask(self, host: str, waiter: _Waiter) -> None:
        with self._lock:
            if host in self._waiting:
                self._waiting[host].append(waiter)
                return
            self._waiting[host] = [waiter]
            if self._threads >= self._max_threads:
                self._queued[host] = None
                return
            self._threads += 1
        try:
            threading.Thread(
                target=self._work, args=(host,), name="check-resolver", daemon=True
            ).start()
        except RuntimeError:  # the system has no thread left
            self._settle(host, Reason.NAME_FAILED)
            with self._lock:
                self._threads -= 1

    def _leave(self, host: str, waiter: _Waiter) -> None:
        with self._lock:
            waiters = self._waiting.get(host, [])
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters and host in self._queued:
                del self._queued[host]
                del self._waiting[host]

    def _work(self, host: str) -> None:
        """Look up `host`, and then what is queued, until nothing is."""
        while True:
            self._settle(host, self._found(host))
            with self._lock:
                if not self._queued:
                    self._threads -= 1
                    return
                host = next(iter(self._queued))
                del self._queued[host]

    def _found(self, host: str) -> _Found:
        try:
            return self._look_up(host) or Reason.NAME_UNKNOWN
        except socket.gaierror as error:
            return Reason.NAME_UNKNOWN if error.errno in _UNKNOWN else Reason.NAME_FAILED
        except ValueError:  # no name can be like that
            return Reason.NAME_UNKNOWN
        except Exception:  # noqa: BLE001 (a waiter would wait for ever)
            return Reason.NAME_FAILED

    def _settle(self, host: str, found: _Found) -> None:
        with self._lock:
            waiters = self._waiting.pop(host, [])
        for loop, future in waiters:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_set, future, found)


def _set(future: asyncio.Future[_Found], found: _Found) -> None:
    if not future.done():
        future.set_result(found)


RESOLVER = Resolver()
"""The one of this process."""
