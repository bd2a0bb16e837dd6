"""Whether it is this server that is offline, when an app does not answer.

Then no result is recorded, and no app is down. A failure as of a network is in doubt while no
other host was reached since its first try. It is held, and counts once another host is reached.
This server is offline if no host was reached for a whole round of checks, and either three hosts
failed or the gateway fell silent: only then what is held is dropped. An app whose turn in that
round has not come after a minute is checked at once: its host may answer. Without such a sign what
is held counts after a minute. The first host that is reached ends that. Hosts on this machine say
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from launcher.checks.gateway import Gateway, GatewaySays
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
"""The turn of a check that is rarer than this is not waited for: it is asked for."""
ASK_WAIT_S = 300.0
"""So long at most the result of a check that was asked for is waited for."""
LEARN_EVERY_S = 3600.0

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
        self._tried_s: dict[int, float] = {}
        self._asked_s: float | None = None
        self._wanted: list[int] = []

    def judge(
        self,
        results: Iterable[Result],
        *,
        is_down: Callable[[int], bool],
        now_s: float,
        hosts: int = HOSTS,
        interval_s: float = HOLD_S,
        checked: Callable[[], Iterable[int]] = tuple,
    ) -> list[Result]:
        """Return the results that count by now, each once.

        Args:
            results: of checks that ended one after the other since the last call.
            is_down: whether an app is down already, so that a failure is no news.
            now_s: the steady clock; what is in doubt counts after `HOLD_S`.
            hosts: how many are checked; with fewer than `HOSTS` only the gateway is a sign.
            interval_s: the longest interval of the checks.
            checked: returns the apps that are checked now.
        """
        counted: list[Result] = []
        results = list(results)
        self._tried_s.update((each.app_id, each.began_s) for each in results)
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
                counted += self._weigh(result.ended_s, round_s, hosts, checked)
            else:
                self._dropped.discard(result.app_id)
                counted.append(result)
        return counted + self._weigh(now_s, round_s, hosts, checked)

    def take_wanted(self) -> list[int]:
        """Return the apps that are to be checked at once, and forget them."""
        wanted, self._wanted = self._wanted, []
        return wanted

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

    def _weigh(
        self, now_s: float, round_s: float, hosts: int, checked: Callable[[], Iterable[int]]
    ) -> list[Result]:
        """Decide whether this server is offline; return what was held and counts by now."""
        if not self._held or self._quiet_since_s is None:
            return []
        is_sign = len(self._failed) >= HOSTS or self._ask_gateway() in _AWAY
        quiet_s = now_s - self._quiet_since_s
        if is_sign and quiet_s < HOLD_S:
            return []
        if is_sign and self._is_waiting(now_s, checked):
            return []
        if is_sign and quiet_s >= round_s:
            self.since = min(filter(None, (self.since, *(each.began_at for each in self._held))))
            self._dropped.update(each.app_id for each in self._held)
            self._held.clear()
        elif not is_sign:
            self.since = None
            if hosts < HOSTS or now_s - self._held[0].ended_s >= HOLD_S:
                return self._release()
        return []

    def _is_waiting(self, now_s: float, checked: Callable[[], Iterable[int]]) -> bool:
        """Whether an app may answer that was not tried since; those are asked for, once."""
        if self.since is not None or self._quiet_since_s is None:
            return False
        quiet_since_s = self._quiet_since_s
        untried = [
            app_id
            for app_id in checked()
            if self._tried_s.get(app_id, float("-inf")) < quiet_since_s
        ]
        if untried and self._asked_s is None:
            self._asked_s, self._wanted = now_s, untried
        return bool(untried) and now_s - (self._asked_s or now_s) < ASK_WAIT_S

    def _release(self) -> list[Result]:
        held, self._held = self._held, []
        self._asked_s = None
        return held


def host_of(result: Result) -> str:
    """Return the host that a check would have reached, "" where it sent nothing."""
    if result.spec.kind is CheckKind.SAMPLE or result.outcome.reason in _SILENT:
        return ""
    return result.outcome.address or result.spec.host


def _is_local(address: str) -> bool:
    return bool(address) and is_of_this_machine(address)
