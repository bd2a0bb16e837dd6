"""Ping, where this server may: an echo request, RFC 792 and RFC 4443, and its reply.

Linux opens a datagram socket for it to the groups in `net.ipv4.ping_group_range`, and a raw socket
to who has `CAP_NET_RAW`. Most containers have neither.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct

from launcher.checks.attempt import Attempt, CheckFailedError
from launcher.checks.connecting import allowed_addresses, first_of
from launcher.checks.fields import host_of
from launcher.checks.outcome import Phase, Reason
from launcher.checks.resolver import SocketAddress
from launcher.checks.spec import CheckSpec

_SENT_EVERY_S = 1.0
_TOKEN_BYTES = 16


def can_ping() -> bool:
    """Whether this process may open a socket for ping."""
    try:
        _opened(socket.AF_INET).close()
    except OSError:
        return False
    return True


async def check_ping(spec: CheckSpec, attempt: Attempt) -> None:
    """Return where the host replies. A lost packet is sent again each second.

    Raises:
        CheckFailedError: it does not, or this server may not ping (`PING_IMPOSSIBLE`).
    """
    addresses = await allowed_addresses(attempt, host_of(spec.address), 0)
    with attempt.during(Phase.ANSWER):
        await first_of(attempt, addresses, _echo)


async def _echo(address: SocketAddress) -> None:
    is_v6 = ":" in address[0]
    try:
        connection = _opened(socket.AF_INET6 if is_v6 else socket.AF_INET)
    except PermissionError:
        raise CheckFailedError(Reason.PING_IMPOSSIBLE) from None
    loop = asyncio.get_running_loop()
    token = os.urandom(_TOKEN_BYTES)
    with connection:
        connection.setblocking(False)
        connection.connect(address)  # only what comes from there is received, as are its errors
        for number in range(1 << 16):
            await loop.sock_sendall(connection, _request(number, token, is_v6=is_v6))
            try:
                async with asyncio.timeout(_SENT_EVERY_S):
                    while not _is_reply(await loop.sock_recv(connection, 2048), token, is_v6=is_v6):
                        await asyncio.sleep(0)
                    return
            except TimeoutError:
                continue


def _opened(family: socket.AddressFamily) -> socket.socket:
    """Return a socket for ICMP.

    Raises:
        PermissionError, OSError
    """
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    try:
        return socket.socket(family, socket.SOCK_DGRAM, protocol)
    except OSError:
        return socket.socket(family, socket.SOCK_RAW, protocol)


def _request(number: int, token: bytes, *, is_v6: bool) -> bytes:
    kind = 128 if is_v6 else 8
    identifier = os.getpid() & 0xFFFF
    content = struct.pack("!BBHHH", kind, 0, 0, identifier, number) + token
    if is_v6:
        return content  # the kernel writes the checksum, RFC 3542 3.1
    total = sum(struct.unpack(f"!{len(content) // 2}H", content))
    total = (total >> 16) + (total & 0xFFFF)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return b"".join((content[:2], checksum.to_bytes(2, "big"), content[4:]))


def _is_reply(received: bytes, token: bytes, *, is_v6: bool) -> bool:
    """Whether a packet is the reply to ours; a raw IPv4 socket has its IP header before it."""
    if not is_v6 and received[:1] and received[0] >> 4 == 4:
        received = received[(received[0] & 15) * 4 :]
    return received[:1] == (b"\x81" if is_v6 else b"\x00") and received[8:] == token
