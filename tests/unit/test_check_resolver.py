"""Names that resolve, do not, or hang: with a resolver that does so when the test wants."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from launcher.checks.outcome import Reason
from launcher.checks.probe import probe
from launcher.checks.resolver import Resolver, SocketAddress
from tests.support.checked import ANYWHERE, behave, until, web_check
from tests.support.odd_servers import serving

HOME: list[SocketAddress] = [("127.0.0.1", 0)]


class Dns:
    """Looks up names; those that begin with `slow` when they are released."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.released = threading.Event()

    def __call__(self, name: str) -> list[SocketAddress]:
        self.asked.append(name)
        if name.startswith("slow"):
            assert self.released.wait(120)
        return HOME


@pytest.fixture
def dns() -> Iterator[Dns]:
    dns = Dns()
    yield dns
    dns.released.set()
    until(lambda: not any(each.name == "check-resolver" for each in threading.enumerate()))


def is_idle(resolver: Resolver) -> bool:
    return not (resolver._waiting or resolver._queued or resolver._threads)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, ""), Reason.NAME_UNKNOWN),
        (socket.gaierror(socket.EAI_NODATA, ""), Reason.NAME_UNKNOWN),
        (socket.gaierror(socket.EAI_AGAIN, ""), Reason.NAME_FAILED),
        (socket.gaierror(socket.EAI_FAIL, ""), Reason.NAME_FAILED),
        (UnicodeError(), Reason.NAME_UNKNOWN),
        (RuntimeError(), Reason.NAME_FAILED),
    ],
)
def test_a_name_without_an_address_has_a_reason(error: Exception, reason: Reason) -> None:
    def look_up(_name: str) -> list[SocketAddress]:
        raise error

    resolver = Resolver(look_up)
    outcome = asyncio.run(probe(web_check("http://nas.test/"), ANYWHERE, resolver=resolver))
    assert (outcome.reason, outcome.facts["host"]) == (reason, "nas.test")
    assert outcome.is_network_failure
    until(lambda: is_idle(resolver))


def test_a_resolver_that_hangs_ends_the_check_and_no_other(dns: Dns) -> None:
    resolver = Resolver(dns, max_threads=3)

    async def run() -> None:
        with serving(behave) as server:
            slow = [web_check(f"http://slow{n}.test/", timeout_ms=300) for n in range(2)]
            quick = [web_check(f"http://nas{n}.test:{server.port}/page") for n in range(20)]
            outcomes = await asyncio.gather(
                *(probe(spec, ANYWHERE, resolver=resolver) for spec in [*slow, *quick])
            )
        assert [each.reason for each in outcomes] == [Reason.NAME_SLOW] * 2 + [None] * 20
        assert outcomes[0].facts["limit_s"] == 0.3

    asyncio.run(run())


def test_a_name_is_looked_up_once_for_all_who_ask(dns: Dns) -> None:
    resolver = Resolver(dns)

    async def run() -> None:
        waiting = [asyncio.create_task(resolver.addresses("slow.test")) for _ in range(10)]
        await asyncio.sleep(0)
        dns.released.set()
        assert await asyncio.gather(*waiting) == [HOME] * 10

    asyncio.run(run())
    assert dns.asked == ["slow.test"]
    until(lambda: is_idle(resolver))


def test_who_does_not_wait_any_more_leaves_nothing_behind(dns: Dns) -> None:
    resolver = Resolver(dns, max_threads=1)

    async def run() -> None:
        names = ["slow.test", "nas.test", "nas.test"]
        waiting = [asyncio.create_task(resolver.addresses(name)) for name in names]
        await asyncio.sleep(0)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert not resolver._queued
        # The look-up that hangs is shared by those who ask next.
        again = asyncio.create_task(resolver.addresses("slow.test"))
        await asyncio.sleep(0)
        dns.released.set()
        assert await again == HOME

    asyncio.run(run())
    assert dns.asked == ["slow.test"]
    until(lambda: is_idle(resolver))


def test_an_answer_for_a_loop_that_has_ended_is_dropped(dns: Dns) -> None:
    resolver = Resolver(dns)

    async def run() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await resolver.addresses("slow.test")

    asyncio.run(run())
    dns.released.set()
    until(lambda: is_idle(resolver))


def test_an_address_needs_no_look_up(dns: Dns) -> None:
    resolver = Resolver(dns)
    for written in ("127.0.0.1", "0x7f.1", "2130706433"):
        assert asyncio.run(resolver.addresses(written)) == HOME
    assert dns.asked == []
