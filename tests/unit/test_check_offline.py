"""When it is this server that is offline, and no app that is down."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from launcher.checks.gateway import Gateway, GatewaySays, answers, default_gateways
from launcher.checks.offline import OfflineWatch
from launcher.checks.outcome import Outcome, Reason
from launcher.checks.spec import CheckSpec
from launcher.checks.states import Result
from launcher.models.health import CheckKind, Health

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LOCAL = "192.168.1.2"
ROUND_S = 90.0


@dataclass
class Network:
    """A server with apps on hosts 10.0.0.1, 10.0.0.2 …; app and host have the same number."""

    gateway: GatewaySays = GatewaySays.UNKNOWN
    down: set[int] = field(default_factory=set)
    second: float = 0.0
    hosts: int = 10
    checked: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.asked = 0
        self.watch = OfflineWatch(ask_gateway=self.ask, is_local=lambda address: address == LOCAL)

    def ask(self) -> GatewaySays:
        self.asked += 1
        return self.gateway

    def result(self, number: int, reason: Reason | None, *, address: str = "") -> Result:
        self.second += 5
        outcome = Outcome(
            Health.DOWN if reason else Health.UP, reason, address=address or f"10.0.0.{number}"
        )
        spec = CheckSpec(number, CheckKind.HTTP, f"http://host-{number}")
        at = NOON + timedelta(seconds=self.second)
        return Result(spec, outcome, at - timedelta(seconds=4), at, self.second - 4, self.second)

    def counted(self, *results: Result) -> list[int]:
        counted = self.watch.judge(
            results,
            is_down=self.down.__contains__,
            now_s=self.second,
            hosts=self.hosts,
            checked=lambda: self.checked,
        )
        return [each.app_id for each in counted]

    def waits(self) -> list[int]:
        """Let a whole round go by."""
        self.second += ROUND_S
        return self.counted()

    def fails(self, *numbers: int, reason: Reason = Reason.NO_ANSWER) -> list[int]:
        return self.counted(*(self.result(number, reason) for number in numbers))

    def answers(self, *numbers: int) -> list[int]:
        return self.counted(*(self.result(number, None) for number in numbers))


def test_one_app_that_does_not_answer_is_down_once_another_does() -> None:
    home = Network(GatewaySays.ANSWERS)
    home.answers(1, 2, 3)
    assert home.fails(4) == []
    assert home.answers(1) == [4, 1]
    assert home.watch.since is None


def test_it_is_down_after_a_minute_in_which_no_other_was_checked() -> None:
    home = Network(GatewaySays.ANSWERS)
    home.answers(1, 2, 3)
    home.fails(4)
    home.second += 59
    assert home.counted() == []
    home.second += 1
    assert home.counted() == [4]


def test_nothing_waits_where_only_two_hosts_are_checked() -> None:
    home = Network(GatewaySays.ANSWERS, hosts=2)
    assert home.fails(1) == [1]


def test_apps_that_fail_one_after_the_other_are_not_down_either() -> None:
    home = Network(GatewaySays.ANSWERS)
    home.answers(1, 2, 3, 4)
    assert [home.fails(number) for number in (1, 2, 3, 4)] == [[], [], [], []]
    assert home.watch.since is None, "a host was reached in this round"
    assert home.waits() == []
    assert home.watch.since is not None


def test_three_hosts_in_a_row_are_this_server() -> None:
    home = Network(GatewaySays.ANSWERS)
    home.answers(1, 2, 3)
    assert home.fails(1, 2, 3, 4) == []
    assert home.waits() == [], "also those that failed first"
    assert home.watch.since == NOON + timedelta(seconds=16), "when the first of them began"


def test_three_names_of_one_host_are_one_host() -> None:
    home = Network(GatewaySays.ANSWERS)
    results = [home.result(n, Reason.NO_ANSWER, address="10.0.0.9") for n in (1, 2, 3, 4)]
    assert home.counted(*results, home.result(5, None)) == [1, 2, 3, 4, 5]


def test_an_app_that_answers_meanwhile_shows_that_the_network_works() -> None:
    home = Network(GatewaySays.ANSWERS)
    failing = [home.result(n, Reason.NO_ANSWER) for n in (1, 2)]
    alive = home.result(9, None)
    assert home.counted(*failing, alive, home.result(3, Reason.NO_ANSWER)) == [1, 2, 9]
    assert home.answers(9) == [3, 9]
    assert home.watch.since is None


@pytest.mark.parametrize("gateway", [GatewaySays.SILENT, GatewaySays.NO_ROUTE])
def test_one_app_is_enough_where_the_gateway_is_away(gateway: GatewaySays) -> None:
    home = Network(gateway, hosts=1)
    assert home.fails(1) == []
    assert home.watch.since is None
    assert home.waits() == []
    assert home.watch.since is not None


def test_one_host_that_answers_each_minute_shows_that_this_server_is_not_offline() -> None:
    """15 of 16 hosts are lost, and the gateway answers."""
    home = Network(GatewaySays.ANSWERS, hosts=16)
    home.answers(*range(1, 17))
    for _minute in range(3):
        counted = []
        for number in range(1, 17):
            home.second += 60 / 16 - 5
            counted += home.fails(number) if number != 8 else home.answers(number)
            assert home.watch.since is None
        home.down.update(counted)
    assert home.down == set(range(1, 17))


def test_a_host_that_is_checked_rarely_is_asked_before_this_server_is_called_offline() -> None:
    home = Network(GatewaySays.ANSWERS, checked=(1, 2, 3, 9))
    home.answers(1, 2, 3, 9)
    assert home.fails(1, 2, 3) == []
    assert home.watch.take_wanted() == []
    home.second += 60
    assert home.counted() == []
    assert home.watch.take_wanted() == [9]
    assert home.waits() == []
    assert home.watch.since is None, "the answer is not known yet"
    assert home.watch.take_wanted() == [], "it is asked once"
    assert home.answers(9) == [1, 2, 3, 9]


def test_a_host_that_is_checked_rarely_and_fails_too_is_no_doubt_any_more() -> None:
    home = Network(GatewaySays.ANSWERS, checked=(1, 2, 3, 9))
    home.answers(1, 2, 3, 9)
    home.fails(1, 2, 3)
    home.waits()
    assert home.watch.take_wanted() == [9]
    assert home.fails(9) == []
    assert home.watch.since is not None
    assert home.fails(1, 2, 3) == []
    assert home.watch.take_wanted() == [], "offline once, not asked again"


def test_a_host_that_gives_no_result_is_not_waited_for_without_end() -> None:
    home = Network(GatewaySays.ANSWERS, checked=(1, 2, 3, 9))
    home.answers(1, 2, 3, 9)
    home.fails(1, 2, 3)
    home.waits()
    home.second += 299
    home.counted()
    assert home.watch.since is None
    home.second += 1
    home.counted()
    assert home.watch.since is not None


def test_apps_behind_a_dead_vpn_are_down_where_only_a_rare_check_answers() -> None:
    home = Network(GatewaySays.ANSWERS, hosts=16, checked=tuple(range(1, 17)))
    home.answers(*range(1, 17))
    lost = [number for number in range(1, 17) if number != 8]
    assert home.fails(*lost) == []
    home.second += 60
    home.counted()
    assert home.watch.take_wanted() == [8]
    assert home.answers(8) == [*lost, 8]
    assert home.watch.since is None


def test_a_host_that_is_checked_rarely_drops_no_app_for_ever() -> None:
    home = Network(GatewaySays.ANSWERS)
    home.answers(1, 2, 3, 4, 9)
    home.fails(1, 2, 3, 4)
    assert home.waits() == []
    assert home.watch.since is not None
    home.answers(9)
    assert home.fails(1, 2, 3, 4) == [1, 2, 3, 4], "the second time they count"


def test_the_gateway_is_known_before_it_is_needed() -> None:
    home = Network(GatewaySays.ANSWERS)
    home.answers(1)
    home.answers(2, 3)
    assert home.asked == 1
    home.second += 3600
    home.answers(1)
    assert home.asked == 2


def test_a_gateway_that_comes_back_ends_it() -> None:
    home = Network(GatewaySays.SILENT)
    home.fails(1)
    home.waits()
    assert home.watch.since is not None
    home.gateway = GatewaySays.ANSWERS
    assert home.fails(1) == []
    assert home.watch.since is None
    assert home.answers(2) == [1, 2]


@pytest.mark.parametrize("reason", [None, Reason.REFUSED, Reason.TLS_EXPIRED, Reason.HTTP_CODE])
def test_the_first_host_that_is_reached_ends_it(reason: Reason | None) -> None:
    home = Network()
    home.fails(1, 2, 3)
    home.waits()
    assert home.watch.since is not None
    assert home.counted(home.result(5, reason)) == [5]
    assert home.watch.since is None


def test_apps_that_are_down_already_are_no_news() -> None:
    home = Network(GatewaySays.ANSWERS, down={1, 2, 3})
    assert home.fails(1, 2, 3, 4) == [1, 2, 3]
    assert home.answers(5) == [4, 5]


def test_hosts_on_this_machine_say_nothing_and_count_always() -> None:
    home = Network()
    home.fails(1, 2, 3)
    home.waits()
    here = home.result(7, None, address=LOCAL)
    assert home.counted(here, home.result(8, Reason.NO_ANSWER, address=LOCAL)) == [7, 8]
    assert home.watch.since is not None


def test_what_was_never_sent_says_nothing() -> None:
    home = Network()
    home.fails(1, 2, 3)
    home.waits()
    assert home.fails(4, reason=Reason.INVALID_TARGET) == [4]
    assert home.watch.since is not None


ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t{gateway}\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
"""


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    path = tmp_path / "route"
    path.write_text(ROUTES.format(gateway="0100007F"))
    return path


def test_the_gateway_is_read_from_the_routes(routes: Path) -> None:
    assert default_gateways(routes.read_text()) == ["127.0.0.1"]
    assert default_gateways(ROUTES.format(gateway="00000000")) == [""]
    assert default_gateways("") == []


def test_a_network_without_a_gateway_says_nothing_until_one_was_lost(
    routes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("launcher.checks.gateway._has_route_v6", lambda: False)
    interface = tmp_path / "net" / "eth0"
    interface.mkdir(parents=True)
    (interface / "operstate").write_text("up\n")
    gateway = Gateway(routes=routes, interfaces=interface.parent, keep_s=-1)
    with_gateway = routes.read_text()
    routes.write_text("Iface\n")
    assert gateway.ask() is GatewaySays.UNKNOWN
    (interface / "operstate").write_text("down\n")
    assert gateway.ask() is GatewaySays.NO_ROUTE
    (interface / "operstate").write_text("up\n")
    routes.write_text(with_gateway)
    assert gateway.ask() is GatewaySays.ANSWERS
    routes.write_text("Iface\n")
    assert gateway.ask() is GatewaySays.NO_ROUTE


def test_a_gateway_that_refuses_a_connection_answers(routes: Path) -> None:
    assert Gateway(routes=routes).ask() is GatewaySays.ANSWERS


def test_a_gateway_that_never_answered_says_nothing(
    routes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = {"127.0.0.1": False}
    monkeypatch.setattr("launcher.checks.gateway.answers", lambda address: says[address])
    gateway = Gateway(routes=routes, keep_s=-1)
    assert gateway.ask() is GatewaySays.UNKNOWN
    says["127.0.0.1"] = True
    assert gateway.ask() is GatewaySays.ANSWERS
    says["127.0.0.1"] = False
    assert gateway.ask() is GatewaySays.SILENT


def test_a_host_that_drops_what_comes_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.socket()) as full, ExitStack() as stack:
        full.bind(("127.0.0.9", 0))
        full.listen(0)  # the kernel drops what comes once the backlog is full
        for _ in range(3):
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        monkeypatch.setattr("launcher.checks.gateway.GATEWAY_PORTS", (full.getsockname()[1],))
        assert not answers("127.0.0.9", wait_s=0.1)
