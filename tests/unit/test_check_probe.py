"""Whether an app is up: each rule against a server on this machine that behaves that way."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from launcher.checks import http
from launcher.checks.keyword import Search
from launcher.checks.outcome import Outcome, Phase, Reason
from launcher.checks.ping import can_ping
from launcher.checks.probe import probe
from launcher.checks.spec import CheckSpec
from launcher.fetching.addresses import AddressRules
from launcher.fetching.own_site import OwnSite
from launcher.models.health import CheckKind, CheckMethod, Health
from tests.support.checked import (
    ANYWHERE,
    LONGER_MS,
    PAGE,
    SHORT_MS,
    behave,
    outcome_of,
    port_that_does_not_answer,
    refusing_port,
    wait_for_end,
    web_check,
)
from tests.support.odd_servers import Server, Visit, serving

SECRET = "the value of a header"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(behave) as server:
        yield server


def check(server: Server, path: str, **more: Any) -> Outcome:
    return outcome_of(web_check(server.url + path, **more))


@pytest.mark.parametrize(
    ("path", "more", "code"),
    [
        ("/page", {}, 200),
        ("/401", {}, 401),
        ("/403", {}, 403),
        ("/404", {}, 404),
        ("/once", {}, 200),
        ("/once", {"follow_redirects": False}, 302),
        ("/circle", {"follow_redirects": False}, 302),
        ("/500", {"accept": ((500, 500),)}, 500),
        ("/sloppy", {}, 200),
        ("/sloppy-redirect", {}, 200),
        ("/gigabyte", {}, 200),
        ("/gigabyte", {"method": CheckMethod.GET}, 200),
        ("/drip-body", {"method": CheckMethod.GET}, 200),
        ("/bomb", {"method": CheckMethod.GET}, 200),
        ("/page", {"keyword": "Paperless & more"}, 200),
        ("/page", {"keyword": "(a+)+$"}, 200),
        ("/page", {"keyword": "größer"}, 200),
        ("/latin", {"keyword": "größer"}, 200),
        ("/gzip", {"keyword": "Paperless"}, 200),
        ("/page", {"keyword": "Photos", "is_keyword_absent": True}, 200),
    ],
)
def test_an_app_is_up(server: Server, path: str, more: dict[str, Any], code: int) -> None:
    outcome = check(server, path, **more)
    assert (outcome.state, outcome.reason, outcome.code) == (Health.UP, None, code)
    assert outcome.ms == outcome.phases.total_ms
    assert (outcome.address, outcome.port) == ("127.0.0.1", server.port)


@pytest.mark.parametrize(
    ("path", "more", "reason", "facts"),
    [
        ("/500", {}, Reason.HTTP_CODE, {"code": 500}),
        ("/502", {}, Reason.HTTP_CODE, {"code": 502}),
        ("/401", {"accept": ((200, 399),)}, Reason.HTTP_CODE, {"code": 401}),
        ("/502", {"keyword": "Paperless"}, Reason.HTTP_CODE, {"code": 502}),
        ("/circle", {}, Reason.TOO_MANY_REDIRECTS, {"limit": 10, "is_circle": True}),
        ("/on/0", {}, Reason.TOO_MANY_REDIRECTS, {"limit": 10, "is_circle": False}),
        ("/to-file", {}, Reason.REDIRECT_REFUSED, {"host": ""}),
        ("/to-nothing", {}, Reason.REDIRECT_REFUSED, {"host": ""}),
        ("/to-port", {}, Reason.REDIRECT_REFUSED, {"host": ""}),
        ("/to-metadata", {}, Reason.REDIRECT_REFUSED, {"host": "169.254.169.254"}),
        ("/page", {"keyword": "Photos"}, Reason.KEYWORD_MISSING, {"keyword": "Photos"}),
        ("/page", {"keyword": "P.*s"}, Reason.KEYWORD_MISSING, {"keyword": "P.*s"}),
        (
            "/page",
            {"keyword": "Paperless", "is_keyword_absent": True},
            Reason.KEYWORD_PRESENT,
            {"keyword": "Paperless"},
        ),
        ("/gigabyte", {"keyword": "x"}, Reason.TOO_LARGE, {"limit_kb": 1024}),
        ("/bomb", {"keyword": "x"}, Reason.TOO_LARGE, {"limit_kb": 1024}),
        ("/crumbs", {"keyword": "x"}, Reason.TOO_LARGE, {"limit_kb": 1024}),
        ("/not-gzip", {"keyword": "x"}, Reason.ENCODING, {"encoding": "gzip"}),
        ("/brotli", {"keyword": "x"}, Reason.ENCODING, {"encoding": "br"}),
        ("/endless-line", {}, Reason.HEAD_TOO_LARGE, {"limit_kb": 32}),
        ("/endless-head", {}, Reason.HEAD_TOO_LARGE, {"limit_kb": 32}),
        ("/endless-interim", {}, Reason.HEAD_TOO_LARGE, {"limit_kb": 32}),
        ("/banner", {}, Reason.NOT_HTTP, {}),
        ("/no-status", {}, Reason.NOT_HTTP, {}),
        ("/sloppy", {"keyword": "Paperless"}, Reason.NOT_HTTP, {}),
        ("/reset", {}, Reason.RESET, {"phase": "answer"}),
        ("/closed", {}, Reason.RESET, {"phase": "answer"}),
    ],
)
def test_an_app_is_down(
    server: Server, path: str, more: dict[str, Any], reason: Reason, facts: dict[str, Any]
) -> None:
    outcome = check(server, path, **more)
    assert (outcome.state, outcome.reason) == (Health.DOWN, reason)
    assert facts.items() <= outcome.facts.items()
    assert not outcome.is_network_failure


def test_an_address_that_is_not_requested_has_failed_in_no_phase(server: Server) -> None:
    for outcome in (
        check(server, "/to-metadata"),
        outcome_of(web_check("http://169.254.169.254/latest/")),
    ):
        assert outcome.phases.name_ms is not None
        assert outcome.phases.failed is None


def test_a_text_is_found_wherever_the_page_is_cut() -> None:
    for text in ("Paperless & more", "größer", "<"):
        for end in range(1, len(PAGE)):
            search = Search(text, content_type="", content_encoding="")
            assert [search.finds(PAGE[:end]), search.finds(PAGE[end:])].count(True) >= 1
        search = Search(text, content_type="", content_encoding="")
        assert any(search.finds(bytes([each])) for each in PAGE)


@pytest.mark.parametrize(
    ("path", "more", "reason", "phase"),
    [
        ("/silent", {}, Reason.NO_ANSWER, Phase.ANSWER),
        ("/silent", {"keyword": "x"}, Reason.NO_ANSWER, Phase.ANSWER),
        ("/drip-head", {"timeout_ms": LONGER_MS}, Reason.HEAD_SLOW, Phase.ANSWER),
        ("/drip-body", {"keyword": "x", "timeout_ms": LONGER_MS}, Reason.BODY_SLOW, None),
    ],
)
def test_a_check_ends_by_its_limit_whatever_the_server_does(
    server: Server, path: str, more: dict[str, Any], reason: Reason, phase: Phase | None
) -> None:
    began = time.monotonic()
    limits = {"timeout_ms": SHORT_MS} | more
    outcome = check(server, path, **limits)
    assert time.monotonic() - began < 60  # it would be for ever
    assert (outcome.reason, outcome.phases.failed) == (reason, phase)
    assert outcome.facts["limit_s"] == limits["timeout_ms"] / 1000


def test_a_handshake_that_never_ends_is_no_answer(server: Server) -> None:
    outcome = outcome_of(web_check(f"https://127.0.0.1:{server.port}/", timeout_ms=SHORT_MS))
    assert (outcome.reason, outcome.facts["phase"]) == (Reason.NO_ANSWER, "tls")
    assert outcome.phases.connect_ms is not None


@pytest.mark.parametrize("path", ["/head-405", "/head-404", "/head-reset", "/head-closed"])
def test_get_follows_where_head_is_refused(server: Server, path: str) -> None:
    outcome = check(server, path)
    assert (outcome.state, outcome.code, outcome.method) == (Health.UP, 200, "GET")
    assert outcome.head_code == {"/head-405": 405, "/head-404": 404}.get(path, 0)


def test_a_head_that_was_refused_does_not_count_in_the_time(server: Server) -> None:
    outcome = check(server, "/head-late", slow_ms=200)
    assert (outcome.state, outcome.head_code) == (Health.UP, 405)


def test_a_sign_in_page_is_asked_for_once(server: Server) -> None:
    server.heads.clear()
    outcome = check(server, "/401")
    assert (len(server.heads), outcome.method, outcome.head_code) == (1, "HEAD", None)


def test_an_answer_that_takes_long_is_slow(server: Server) -> None:
    outcome = check(server, "/late", slow_ms=50)
    assert outcome.state is Health.SLOW
    assert outcome.ms is not None
    assert outcome.ms >= 50


def test_redirects_are_shown_without_what_may_be_secret(server: Server) -> None:
    outcome = check(server, "/to-wanted")
    assert outcome.redirects == ("http://localhost/x",)


def test_headers_are_sent_and_none_chooses_another_site(server: Server) -> None:
    server.heads.clear()
    check(
        server, "/once",
        headers=(("Host", "evil.example"), ("User-Agent", "Curl"), ("X-Key", SECRET)),
    )  # fmt: skip
    for head in server.heads:
        assert head.lower().count(b"\r\nhost:") == 1
        assert b"evil.example" not in head
        assert b"User-Agent: Curl\r\n" in head
        assert SECRET.encode() in head
        assert b"Accept-Encoding: identity\r\n" in head


def test_each_check_of_a_url_sends_its_own_headers_and_method(server: Server) -> None:
    server.heads.clear()
    for key in ("first", "second"):
        check(server, "/page", headers=(("X-Key", key),))
    check(server, "/page", method=CheckMethod.GET)
    assert [(head[:4], b"first" in head, b"second" in head) for head in server.heads] == [
        (b"HEAD", True, False),
        (b"HEAD", False, True),
        (b"GET ", False, False),
    ]


def test_headers_are_not_sent_to_another_origin(server: Server) -> None:
    with serving(behave) as other:
        outcome = check(server, f"/away/http/{other.port}", headers=(("X-Key", SECRET),))
        assert outcome.is_up
        assert [SECRET.encode() in head for head in other.heads] == [False]


def test_nothing_refused_is_connected_to_whatever_its_name() -> None:
    for host in ("169.254.169.254", "[::ffff:169.254.169.254]", "0.0.0.0", "2852039166"):
        outcome = outcome_of(web_check(f"http://{host}/"))
        assert outcome.reason is Reason.ADDRESS_REFUSED
        assert outcome.facts["address"]
    names = {"nas.test": [("169.254.169.254", 0)]}
    outcome = outcome_of(web_check("http://nas.test/"), names=names)
    assert (outcome.reason, outcome.address) == (Reason.ADDRESS_REFUSED, "")


def test_a_name_that_changes_is_connected_to_at_the_address_that_was_judged(
    server: Server,
) -> None:
    class Changing(dict[str, Any]):
        asked = 0

        def __getitem__(self, name: str) -> Any:
            self.asked += 1
            return [("127.0.0.1" if self.asked == 1 else "169.254.169.254", 0)]

    names = Changing({"nas.test": []})
    outcome = outcome_of(web_check(f"http://nas.test:{server.port}/page"), names=names)
    assert (outcome.code, outcome.address, names.asked) == (200, "127.0.0.1", 1)


def test_this_site_is_not_checked(server: Server) -> None:
    own_port = AddressRules(allow_private=True, own_ports=frozenset({server.port}))
    places = frozenset({("127.0.0.1", server.port)})
    own_site = AddressRules(allow_private=True, own_site=OwnSite(places))
    server.heads.clear()
    for rules in (own_port, own_site):
        outcome = outcome_of(web_check(server.url + "/page"), rules)
        assert outcome.reason is Reason.OWN_ADDRESS
    assert server.heads == []


def test_a_port_that_accepts_connections_is_up(server: Server) -> None:
    outcome = outcome_of(CheckSpec(1, CheckKind.TCP, f"127.0.0.1:{server.port}"))
    assert (outcome.state, outcome.code, outcome.method) == (Health.UP, None, "")


@pytest.mark.parametrize("kind", [CheckKind.HTTP, CheckKind.TCP])
def test_a_port_where_nothing_listens_is_refused(kind: CheckKind) -> None:
    with refusing_port() as port:
        url = f"http://127.0.0.1:{port}" if kind is CheckKind.HTTP else f"127.0.0.1:{port}"
        outcome = outcome_of(CheckSpec(1, kind, url))
    assert (outcome.reason, outcome.facts["port"]) == (Reason.REFUSED, port)
    assert (outcome.ms, outcome.phases.failed) == (None, Phase.CONNECT)


def test_a_connection_that_is_not_accepted_is_no_answer() -> None:
    with port_that_does_not_answer() as port:
        outcome = outcome_of(CheckSpec(1, CheckKind.TCP, f"127.0.0.1:{port}", timeout_ms=SHORT_MS))
    assert (outcome.reason, outcome.facts["phase"]) == (Reason.NO_ANSWER, "connect")
    assert outcome.is_network_failure


def test_an_address_that_does_not_answer_leaves_time_for_the_next() -> None:
    names = {"nas.test": [("127.0.0.1", 0), ("::1", 0, 0, 0)]}
    with (
        port_that_does_not_answer() as port,
        socket.create_server(("::1", port), family=socket.AF_INET6),
    ):
        spec = CheckSpec(1, CheckKind.TCP, f"nas.test:{port}", timeout_ms=2000, slow_ms=60_000)
        outcome = outcome_of(spec, names=names)
    assert (outcome.state, outcome.address) == (Health.UP, "::1")


def test_a_name_with_ipv6_alone_is_checked() -> None:
    with serving(behave, host="::1") as server:
        names = {"nas.test": [("::1", 0, 0, 0)]}
        outcome = outcome_of(web_check(f"http://nas.test:{server.port}/page"), names=names)
        assert (outcome.code, outcome.address) == (200, "::1")
        outcome = outcome_of(web_check(server.url + "/page"))
        assert outcome.code == 200


def test_a_name_that_does_not_exist_is_unknown() -> None:
    outcome = outcome_of(web_check("http://a..b/"))
    assert (outcome.reason, outcome.phases.failed) == (Reason.NAME_UNKNOWN, Phase.NAME)


@pytest.mark.parametrize(
    ("kind", "address", "flaw"),
    [
        (CheckKind.HTTP, "http://127.0.0.1:70000/", "url"),
        (CheckKind.HTTP, "ftp://127.0.0.1/", "url"),
        (CheckKind.TCP, "127.0.0.1:0", "endpoint"),
        (CheckKind.PING, "", "host"),
    ],
)
def test_what_cannot_be_requested_is_invalid(kind: CheckKind, address: str, flaw: str) -> None:
    outcome = outcome_of(CheckSpec(1, kind, address))
    assert (outcome.reason, outcome.facts["flaw"]) == (Reason.INVALID_TARGET, flaw)


@pytest.mark.skipif(not can_ping(), reason="this machine may send no ping packets")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_host_that_replies_is_up(address: str) -> None:
    outcome = outcome_of(CheckSpec(1, CheckKind.PING, address))
    assert (outcome.state, outcome.reason, outcome.address) == (Health.UP, None, address)


def test_a_server_that_may_not_ping_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_args: object) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("launcher.checks.ping._opened", refused)
    assert not can_ping()
    outcome = outcome_of(CheckSpec(1, CheckKind.PING, "127.0.0.1"))
    assert outcome.reason is Reason.PING_IMPOSSIBLE


def test_many_that_hang_delay_no_other(server: Server) -> None:
    async def run() -> list[Outcome]:
        hanging = [web_check(server.url + "/silent", timeout_ms=SHORT_MS) for _ in range(50)]
        flooding = [web_check(server.url + "/gigabyte", keyword="x") for _ in range(5)]
        specs = [*hanging, *flooding, web_check(server.url + "/page")]
        return await asyncio.gather(*(probe(spec, ANYWHERE) for spec in specs))

    *others, last = asyncio.run(run())
    assert last.is_up
    assert {each.reason for each in others} == {Reason.NO_ANSWER, Reason.TOO_LARGE}


def test_a_check_that_is_cancelled_ends_at_once_and_closes_its_connection() -> None:
    ended = threading.Event()

    def silent(visit: Visit) -> None:
        wait_for_end(visit)
        ended.set()

    async def run() -> None:
        with serving(silent) as server:
            task = asyncio.create_task(probe(web_check(server.url), ANYWHERE))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ended.wait(60)

    asyncio.run(run())


def test_a_mistake_of_launcher_is_an_outcome_and_its_log_has_no_header(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(http, "_judge", broken)
    with caplog.at_level(logging.DEBUG):
        outcome = check(server, "/page", headers=(("X-Key", SECRET),))
    assert outcome.reason is Reason.FAILED
    assert "RuntimeError" in caplog.text
    assert SECRET not in caplog.text
