"""Whether it is this server that is offline, when an app does not answer.

Then no result is recorded, and no app is down. A failure as of a network is in doubt while no
other host was reached since its first try. It is held, and counts once another host is reached.
This server is offline if no host was reached for a whole round of checks, and either three hosts
failed or the gateway fell silent: only then what is held is dropped. Without such a sign it counts
after a minute. The first host that is reached ends that. Hosts on this machine say nothing.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from launcher.checks.outcome import Reason
from launcher.checks.states import Result
from launcher.fetching.addresses import is_of_this_machine
from launcher.models.health import CheckKind

HOSTS = 3
HOLD_S = 60.0
"""So long at most a failure waits for another host to be reached, or to fail too."""
ROUND_SHARE = 1.5
"""A round lasts so many of the longest interval: a check that is tried again ends in the next."""
LONGEST_INTERVAL_S = 300.0
"""A check that is rarer than this is not waited for."""
GATEWAY_PORTS = (53, 80, 443)
GATEWAY_WAIT_S = 1.0
LEARN_EVERY_S = 3600.0

_ROUTES = Path("/proc/net/route")
_INTERFACES = Path("/sys/class/net")
_SILENT = frozenset(
    {
        Reason.INVALID_TARGET,
        Reason.ADDRESS_REFUSED,
        Reason.OWN_ADDRESS,
        Reason.PING_IMPOSSIBLE,
        Reason.FAILED,
    }
)
"""Reasons for which nothing was sent."""


class GatewaySays(StrEnum):
    """What is known of the default gateway."""

    ANSWERS = "answers"
    SILENT = "silent"
    NO_ROUTE = "no_route"
    UNKNOWN = "unknown"


_AWAY = frozenset({GatewaySays.SILENT, GatewaySays.NO_ROUTE})


class OfflineWatch:
    """Judges results in their order.

    Attributes:
        since: since when this server is offline, None while it is not.
    """

    def __init__(
        self,
        *,
        since: datetime | None = None,
        ask_gateway: Callable[[], GatewaySays] | None = None,
        is_local: Callable[[str], bool] | None = None,
    ) -> None:
        self.since = since
        self._ask_gateway = ask_gateway or Gateway().ask
        self._is_local = is_local or _is_local
        self._reached: dict[str, float] = {}
        # None until the first result, where nothing was known before.
        self._quiet_since_s = None if since is None else float("-inf")
        self._failed: set[str] = set()
        self._held: list[Result] = []
        self._dropped: set[int] = set()
        self._learned_s = float("-inf")

    def judge(
        self,
        results: Iterable[Result],
        *,
        is_down: Callable[[int], bool],
        now_s: float,
        hosts: int = HOSTS,
        interval_s: float = HOLD_S,
    ) -> list[Result]:
        """Return the results that count by now, each once.

        Args:
            results: of checks that ended one after the other since the last call.
            is_down: whether an app is down already, so that a failure is no news.
            now_s: the steady clock; what is in doubt counts after `HOLD_S`.
            hosts: how many are checked; with fewer than `HOSTS` only the gateway is a sign.
            interval_s: the longest interval of the checks.
        """
        counted: list[Result] = []
        round_s = ROUND_SHARE * min(max(interval_s, HOLD_S), LONGEST_INTERVAL_S)
        for result in results:
            host = host_of(result)
            if not host or self._is_local(result.outcome.address):
                counted.append(result)
            elif not result.outcome.is_network_failure:
                self._reached[host] = self._quiet_since_s = result.ended_s
                self._learn(result.ended_s)
                self._failed.clear()
                self._dropped.discard(result.app_id)
                self.since = None
                counted += self._release()
                counted.append(result)
            elif self._is_in_doubt(result, host, is_down=is_down):
                self._failed.add(host)
                self._held.append(result)
                if self._quiet_since_s is None:
                    self._quiet_since_s = result.began_s
                counted += self._weigh(result.ended_s, round_s=round_s, hosts=hosts)
            else:
                self._dropped.discard(result.app_id)
                counted.append(result)
        return counted + self._weigh(now_s, round_s=round_s, hosts=hosts)

    def _learn(self, now_s: float) -> None:
        """Ask the gateway while the network works: only then its silence will say something."""
        if now_s - self._learned_s >= LEARN_EVERY_S:
            self._learned_s = now_s
            self._ask_gateway()

    def _is_in_doubt(self, result: Result, host: str, *, is_down: Callable[[int], bool]) -> bool:
        if self.since is None and is_down(result.app_id):
            return False
        if self.since is None and result.app_id in self._dropped:
            return False  # it failed again after that: no app is dropped for ever
        others = (at_s for other, at_s in self._reached.items() if other != host)
        return max(others, default=float("-inf")) < result.began_s

    def _weigh(self, now_s: float, *, round_s: float, hosts: int) -> list[Result]:
        """Decide whether this server is offline; return what was held and counts by now."""
        if not self._held or self._quiet_since_s is None:
            return []
        is_sign = len(self._failed) >= HOSTS or self._ask_gateway() in _AWAY
        if is_sign and now_s - self._quiet_since_s >= round_s:
            self.since = min(filter(None, (self.since, *(each.began_at for each in self._held))))
            self._dropped.update(each.app_id for each in self._held)
            self._held.clear()
        elif not is_sign:
            self.since = None
            if hosts < HOSTS or now_s - self._held[0].ended_s >= HOLD_S:
                return self._release()
        return []

    def _release(self) -> list[Result]:
        held, self._held = self._held, []
        return held


def host_of(result: Result) -> str:
    """Return the host that a check would have reached, "" where it sent nothing."""
    if result.spec.kind is CheckKind.SAMPLE or result.outcome.reason in _SILENT:
        return ""
    return result.outcome.address or result.spec.host


def _is_local(address: str) -> bool:
    return bool(address) and is_of_this_machine(address)


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
