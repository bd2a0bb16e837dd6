"""A connection to an address that was judged: the one that is connected to, after DNS."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, zip_longest
from typing import TypeVar

from launcher.checks.attempt import Attempt, CheckFailedError
from launcher.checks.outcome import Phase, Reason
from launcher.checks.resolver import SocketAddress

T = TypeVar("T")

MAX_TRIED = 4
_LOCAL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_RESET = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ESHUTDOWN}
_TELLING = [Reason.FAILED, Reason.REFUSED, Reason.RESET, Reason.NO_ANSWER, Reason.UNREACHABLE]
"""Of several addresses that fail, the reason that says most; an IPv6 without a route says least."""


def reason_of(error: OSError) -> Reason:
    """Return what the code of an error of a socket means."""
    if isinstance(error, TimeoutError):
        return Reason.NO_ANSWER
    if error.errno == errno.ECONNREFUSED:
        return Reason.REFUSED
    if error.errno in _RESET:
        return Reason.RESET
    return Reason.FAILED if error.errno in _LOCAL else Reason.UNREACHABLE


async def allowed_addresses(attempt: Attempt, host: str, port: int) -> Sequence[SocketAddress]:
    """Return the addresses of `host` that may be connected to, IPv4 and IPv6 in turn.

    Raises:
        CheckFailedError: the name has no address, or none may be connected to.
    """
    attempt.head_towards(host, port)
    with attempt.during(Phase.NAME):
        found = await attempt.resolver.addresses(host)
        if isinstance(found, Reason):
            raise CheckFailedError(found)
    judged = [(address, attempt.judge(address[0])) for address in found]
    allowed = [(ip, port, *more) for (ip, _, *more), problem in judged if problem is None]
    if not allowed:
        raise judged[0][1] or CheckFailedError(Reason.NAME_UNKNOWN)
    is_first_v6 = ":" in allowed[0][0]
    first = [address for address in allowed if (":" in address[0]) is is_first_v6]
    other = [address for address in allowed if (":" in address[0]) is not is_first_v6]
    in_turn = chain.from_iterable(zip_longest(first, other))
    return [address for address in in_turn if address is not None][:MAX_TRIED]


async def first_of(
    attempt: Attempt,
    addresses: Sequence[SocketAddress],
    reach: Callable[[SocketAddress], Awaitable[T]],
) -> T:
    """Return what `reach` returns for the first address where it succeeds.

    Each gets its share of the time, so that one that never answers leaves time for the others.

    Raises:
        CheckFailedError: none succeeds.
    """
    reasons = []
    for number, address in enumerate(addresses):
        attempt.address, attempt.connected_port = address[0], address[1]
        try:
            if number == len(addresses) - 1:
                return await reach(address)  # until the deadline itself, which ends all
            async with asyncio.timeout(attempt.left_s / (len(addresses) - number)):
                return await reach(address)
        except OSError as error:
            reasons.append(reason_of(error))
    reason = min(reasons, key=_TELLING.index)
    if reason is Reason.NO_ANSWER:
        raise attempt.out_of_time()
    raise CheckFailedError(reason, phase=attempt.phase.value)


async def connect(attempt: Attempt, host: str, port: int) -> tuple[socket.socket, SocketAddress]:
    """Return a connection and the address that it has.

    Raises:
        CheckFailedError
    """
    addresses = await allowed_addresses(attempt, host, port)
    with attempt.during(Phase.CONNECT):
        return await first_of(attempt, addresses, connect_to)


async def connect_to(address: SocketAddress) -> tuple[socket.socket, SocketAddress]:
    """Return a connection to `address`, which was judged.

    Raises:
        OSError
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        await asyncio.get_running_loop().sock_connect(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection, address
