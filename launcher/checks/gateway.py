"""What is known of the default gateway: whether it answers, is silent, or is not there."""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from enum import StrEnum
from pathlib import Path

GATEWAY_PORTS = (53, 80, 443)
GATEWAY_WAIT_S = 1.0

_ROUTES = Path("/proc/net/route")
_INTERFACES = Path("/sys/class/net")


class GatewaySays(StrEnum):
    """What is known of the default gateway."""

    ANSWERS = "answers"
    SILENT = "silent"
    NO_ROUTE = "no_route"
    UNKNOWN = "unknown"


class Gateway:
    """The default gateway, asked by a connection: refusing one is an answer too.

    Some drop every packet to themselves. So silence says nothing of a gateway that never answered.
    Some networks have none, as an internal one of Docker: that says nothing where none was before.
    """

    def __init__(
        self, *, routes: Path = _ROUTES, interfaces: Path = _INTERFACES, keep_s: float = 5.0
    ) -> None:
        self._routes = routes
        self._interfaces = interfaces
        self._had_route = False
        self._keep_s = keep_s
        self._known: set[str] = set()
        self._said: tuple[float, GatewaySays] | None = None

    def ask(self) -> GatewaySays:
        """Return what the gateway says, within about a second; an answer is kept for some."""
        if self._said is None or time.monotonic() - self._said[0] > self._keep_s:
            self._said = time.monotonic(), self._ask()
        return self._said[1]

    def _ask(self) -> GatewaySays:
        try:
            gateways = default_gateways(self._routes.read_text())
        except (OSError, ValueError):
            return GatewaySays.UNKNOWN
        if not gateways:
            if _has_route_v6() or (not self._had_route and is_any_up(self._interfaces)):
                return GatewaySays.UNKNOWN
            return GatewaySays.NO_ROUTE
        self._had_route = True
        for address in gateways:
            if not address or answers(address):
                self._known.add(address)
                return GatewaySays.ANSWERS
        return GatewaySays.SILENT if self._known & set(gateways) else GatewaySays.UNKNOWN


def default_gateways(routes: str) -> list[str]:
    """Return the gateways of `/proc/net/route`; "" for a default route that needs none.

    The columns are described in the kernel's `net/ipv4/fib_trie.c`; addresses are in the order of
    bytes of the machine, as hexadecimal.
    """
    found = []
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[1] == "00000000" and fields[7] == "00000000":
            address = socket.inet_ntoa(struct.pack("=L", int(fields[2], 16)))
            found.append("" if address == "0.0.0.0" else address)  # noqa: S104 (not bound)
    return found


def is_any_up(interfaces: Path) -> bool:
    """Whether an interface other than the loopback is up; True where that cannot be read.

    A tunnel has the state `unknown` while it works (the kernel's `operstates.rst`).
    """
    try:
        return any(
            (each / "operstate").read_text().strip() in {"up", "unknown"}
            for each in interfaces.iterdir()
            if each.name != "lo" and (each / "operstate").exists()
        )
    except OSError:
        return True


def answers(address: str, *, wait_s: float = GATEWAY_WAIT_S) -> bool:
    """Whether a host accepts or refuses a connection within `wait_s` seconds."""
    poller = select.poll()
    sockets = {}
    try:
        for port in GATEWAY_PORTS:
            each = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sockets[each.fileno()] = each
            each.setblocking(False)
            if each.connect_ex((address, port)) in {0, errno.ECONNREFUSED}:
                return True
            poller.register(each, select.POLLOUT)
        deadline = time.monotonic() + wait_s
        while sockets and (left_s := deadline - time.monotonic()) > 0:
            for descriptor, _event in poller.poll(left_s * 1000):
                poller.unregister(descriptor)
                each = sockets[descriptor]
                if each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in {0, errno.ECONNREFUSED}:
                    return True
    except OSError:
        pass
    finally:
        for each in sockets.values():
            each.close()
    return False


def _has_route_v6() -> bool:
    """Whether there is a default route of IPv6: then nothing is said of the gateway."""
    try:
        lines = Path("/proc/net/ipv6_route").read_text().splitlines()
    except OSError:
        return False
    return any(line.startswith("0" * 32 + " 00 ") and " lo" not in line[-5:] for line in lines)
