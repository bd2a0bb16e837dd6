"""A name and an icon for a pasted URL, from servers that mean well and from servers that do not."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from launcher.fetching import connection, names, proposal
from launcher.fetching.addresses import AddressRules, Reach
from launcher.fetching.own_site import OwnSite, places_of
from launcher.fetching.problems import Deadline, FetchError, Problem
from launcher.fetching.proposal import propose
from launcher.fetching.proposed import Proposal
from launcher.fetching.requests import target_of
from tests.support.checked import refusing_port
from tests.support.odd_servers import Behaviour, Visit, self_signed, serving, site

PNG = b"\x89PNG\r\n\x1a\n and the rest"
PAGE = b'<!DOCTYPE html><title>Login - Jellyfin</title><link rel="icon" href="/icon.png"></head>'
ANYWHERE = AddressRules(allow_private=True)
PUBLIC_ONLY = AddressRules(allow_private=False)


def asked(behaviour: Behaviour, *, path: str = "/", deadline_s: float = 60.0) -> Proposal:
    with serving(behaviour) as server:
        return propose(server.url + path, rules=ANYWHERE, deadline_s=deadline_s)


def resolving(monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], list[str]]) -> list[str]:
    """Let names resolve to `answer`; return the names that were asked for."""
    real, seen = socket.getaddrinfo, list[str]()

    def getaddrinfo(host: str, port: int, **kwargs: Any) -> list[Any]:
        if host[0].isdigit() or kwargs.get("flags"):
            return real(host, port, **kwargs)
        seen.append(host)
        return [found for address in answer(host) for found in real(address, port, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return seen


def test_name_and_icon_are_taken_from_the_page() -> None:
    found = asked(site({"/": PAGE, "/icon.png": PNG}))

    assert (found.name, found.icon, found.problem) == ("Jellyfin", PNG, None)
    assert found.icon_name == "Jellyfin"


def test_without_an_icon_in_the_page_the_usual_place_is_tried() -> None:
    found = asked(site({"/": b"<!DOCTYPE html><title>App</title>", "/favicon.ico": PNG}))

    assert (found.name, found.icon) == ("App", PNG)


def test_an_icon_that_is_a_web_page_is_passed_over() -> None:
    pages = {"/": PAGE, "/icon.png": PAGE, "/favicon.ico": PNG}

    assert asked(site(pages)).icon == PNG


def test_an_app_whose_page_names_nothing_is_described_by_its_manifest() -> None:
    page = b'<!DOCTYPE html><base href="/ui/"><link rel="manifest" href="m.json"></head>'
    manifest = b'{"name": "Photos", "icons": [{"src": "i/a.png", "sizes": "192x192"}]}'
    found = asked(site({"/": page, "/ui/m.json": manifest, "/ui/i/a.png": PNG}))

    assert (found.name, found.icon) == ("Photos", PNG)


def test_an_icon_too_large_is_none() -> None:
    found = asked(site({"/": PAGE, "/icon.png": PNG + b"\0" * 1_000_000}))

    assert (found.name, found.icon, found.problem) == ("Jellyfin", None, None)


def test_an_icon_that_never_comes_leaves_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def over(_deadline: Deadline) -> float:
        raise FetchError(Problem.NO_ANSWER)

    def begin(visit: Visit) -> None:
        monkeypatch.setattr(Deadline, "left_s", over)  # not before, however busy the machine is
        visit.drip(b"x")

    assert asked(site({"/": PAGE, "/icon.png": begin})).name == "Jellyfin"


def test_nothing_is_sent_that_a_stranger_could_not_send() -> None:
    with serving(site({"/a?b=%20c": PAGE})) as server:
        url = server.url.replace("//", "//ada:secret@") + "/a?b= c#d"
        assert propose(url, rules=ANYWHERE).name == "Jellyfin"

    lines = server.heads[0].decode().lower().split("\r\n")
    assert lines[0] == "get /a?b=%20c http/1.1"
    assert {line.partition(":")[0] for line in lines[1:] if line} == {
        "host", "user-agent", "accept", "accept-encoding", "connection",
    }  # fmt: skip
    assert "user-agent: launcher" in lines


def _gzipped(visit: Visit) -> None:
    visit.answer(gzip.compress(PAGE), Content_Encoding="gzip")


def _bomb(visit: Visit) -> None:
    visit.answer(gzip.compress(b"\0" * 20_000_000, 1), Content_Encoding="gzip")


def _reset(visit: Visit) -> None:
    visit.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        (lambda visit: visit.drip(b""), Problem.NO_ANSWER),
        (lambda visit: visit.drip(b"x", first=b"HTTP/1.1 200 OK\r\nX: "), Problem.NO_ANSWER),
        (lambda visit: visit.drip(b"x", first=HEAD + b"\r\n"), Problem.NO_ANSWER),
        (lambda visit: visit.drip(b"HTTP/1.1 103 Early Hints\r\n\r\n"), Problem.NO_ANSWER),
    ],
    ids=["silence", "head", "body", "interim"],
)
def test_a_server_that_takes_its_time_is_left_at_the_deadline(
    behaviour: Behaviour, problem: Problem
) -> None:
    found = asked(behaviour, deadline_s=0.4)

    assert (found.problem, found.icon) == (problem, None)


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        (lambda visit: visit.flood(b"x" * 9999, first=HEAD + b"\r\n"), Problem.TOO_LARGE),
        (lambda visit: visit.answer(b"x" * 10_000_000), Problem.TOO_LARGE),
        (_bomb, Problem.TOO_LARGE),
        (
            lambda visit: visit.flood(
                b"1\r\nx\r\n" * 999, first=HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
            ),
            Problem.TOO_LARGE,
        ),
        (lambda visit: visit.flood(b"X: y\r\n" * 99, first=HEAD), Problem.NOT_A_PAGE),
        (lambda visit: visit.send(HEAD + b"X: y\r\n" * 300 + b"\r\n"), Problem.NOT_A_PAGE),
        (lambda visit: visit.send(b"SSH-2.0-OpenSSH_9.2\r\n"), Problem.NOT_A_PAGE),
        (lambda visit: visit.send(b""), Problem.NOT_A_PAGE),
        (_reset, Problem.NOT_A_PAGE),
        (
            lambda visit: visit.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nxx"),
            Problem.NOT_A_PAGE,
        ),
        (lambda visit: visit.send(HEAD + b"Content-Length: 50\r\n\r\n<title>"), Problem.NOT_A_PAGE),
        (lambda visit: visit.answer(b"{}", mime="application/json"), Problem.NOT_A_PAGE),
        (lambda visit: visit.answer(PAGE, status="401 Unauthorized"), Problem.NOT_A_PAGE),
        (lambda visit: visit.answer(b"x", Content_Encoding="br"), Problem.NOT_A_PAGE),
        (lambda visit: visit.answer(b"no gzip", Content_Encoding="gzip"), Problem.NOT_A_PAGE),
        (lambda visit: visit.redirect(visit.path + "x"), Problem.TOO_MANY_REDIRECTS),
        (lambda visit: visit.redirect("javascript:alert(1)"), Problem.NOT_HTTP),
        (lambda visit: visit.redirect("file:///etc/passwd"), Problem.NOT_HTTP),
        (lambda visit: visit.redirect("http://[::1"), Problem.NOT_HTTP),
    ],
)
def test_an_answer_that_is_no_page_says_what_was_wrong(
    behaviour: Behaviour, problem: Problem
) -> None:
    assert asked(behaviour).problem is problem


def test_a_large_page_is_read_as_far_as_it_is_taken() -> None:
    assert asked(lambda visit: visit.answer(PAGE[:-7] + b" " * 10_000_000)).name == "Jellyfin"


def test_the_rest_of_an_endless_page_is_not_waited_for() -> None:
    endless = site({"/": lambda visit: visit.drip(b" ", first=HEAD + b"\r\n" + PAGE)})
    found = asked(endless)
    assert (found.name, found.problem) == ("Jellyfin", None)


def test_a_page_that_is_packed_although_that_was_not_asked_for_is_read() -> None:
    assert asked(_gzipped).name == "Jellyfin"


METADATA = [
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://0xa9.254.0251.254/",
    "http://169.254.43518/",
    "//169.254.169.254/",
    "http://public.example@169.254.169.254/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "http://100.100.100.200/",
    "http://0.0.0.0/",
    "http://0/",
    "http://[::]/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
]


@pytest.mark.parametrize("url", METADATA)
def test_a_redirect_to_a_refused_address_is_not_followed_in_any_spelling(url: str) -> None:
    assert asked(lambda visit: visit.redirect(url)).problem is Problem.REFUSED_ADDRESS


@pytest.mark.parametrize("url", [url for url in METADATA if url.startswith("http")])
def test_a_refused_address_is_not_requested_in_any_spelling(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it was connected to"))

    assert propose(url, rules=ANYWHERE).problem is Problem.REFUSED_ADDRESS


def test_an_icon_at_a_refused_address_is_not_fetched() -> None:
    page = b'<!DOCTYPE html><title>App</title><link rel=icon href="http://169.254.169.254/a.png">'
    found = asked(site({"/": page}))

    assert (found.name, found.icon, found.problem) == ("App", None, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1"])
def test_this_machine_is_not_requested_while_private_networks_are_off(host: str) -> None:
    with serving(site({"/": PAGE})) as server:
        found = propose(f"http://{host}:{server.port}/", rules=PUBLIC_ONLY)

    assert (found.problem, server.heads) == (Problem.PRIVATE_OFF, [])


def test_this_server_does_not_request_itself() -> None:
    with serving(site({"/": PAGE})) as server:
        rules = AddressRules(allow_private=True, own_ports=frozenset({server.port}))
        assert propose(server.url, rules=rules).problem is Problem.OWN_ADDRESS
        with serving(lambda visit: visit.redirect(server.url)) as other:
            assert propose(other.url, rules=rules).problem is Problem.OWN_ADDRESS

    assert server.heads == []


@pytest.mark.parametrize(
    "own",
    ["start.home.example:{port}", "START.home.example.:{port}", "127.1:{port}"],
)
def test_this_site_is_not_requested_by_the_name_that_browsers_know_it_by(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, lambda _host: ["127.0.0.1"])
    with serving(site({"/": PAGE})) as server:
        name = own.format(port=server.port)
        own_site = OwnSite(frozenset(places_of(name, "http")))
        rules = AddressRules(allow_private=True, own_site=own_site)
        url = f"http://{name}/"
        assert propose(url, rules=rules).problem is Problem.OWN_ADDRESS
        with serving(lambda visit: visit.redirect(url)) as other:
            assert propose(other.url, rules=rules).problem is Problem.OWN_ADDRESS

    assert server.heads == []


def test_a_site_beside_the_path_of_this_one_is_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, lambda _host: ["127.0.0.1"])
    with serving(site({"/films": PAGE, "/start/": PAGE})) as server:
        places = frozenset({("home.example", server.port)})
        rules = AddressRules(allow_private=True, own_site=OwnSite(places, "/start"))
        root = f"http://home.example:{server.port}"
        assert propose(f"{root}/films", rules=rules).problem is None
        for path in ("/start", "/start/x", "/%73tart", "/a/../start", "/a/%2e%2e/start"):
            assert propose(root + path, rules=rules).problem is Problem.OWN_ADDRESS, path


@pytest.mark.parametrize("own", ["192.168.1.5:8080", "[::ffff:192.168.1.5]:8080"])
@pytest.mark.parametrize("host", ["192.168.1.5", "3232235781", "0xc0a80105", "192.168.261"])
def test_this_site_is_known_by_its_address_in_every_spelling(own: str, host: str) -> None:
    own_site = OwnSite(frozenset(places_of(own)))

    assert own_site.has(target_of(f"http://{host}:8080/"))
    assert not own_site.has(target_of(f"http://{host}:8096/"))


@pytest.mark.parametrize("host", ["my\u200bbank.org", "my\u00adbank.org", "\u202eabc.org"])
def test_a_host_with_characters_that_are_not_shown_is_no_host(host: str) -> None:
    assert propose(f"http://{host}/", rules=ANYWHERE).problem is Problem.NOT_HTTP


def test_a_host_of_any_script_is_one() -> None:
    assert target_of("http://bücher.example/").host == "xn--bcher-kva.example"
    assert target_of("http://почта.example/").host == "xn--80a1acny.example"


def test_a_name_that_resolves_to_another_address_the_second_time_is_asked_once_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"], ["169.254.169.254"]])
    with serving(site({"/": PAGE, "/icon.png": PNG})) as server:
        seen = resolving(monkeypatch, lambda _host: next(answers))
        found = propose(f"http://app.example:{server.port}/", rules=ANYWHERE)

    assert (found.name, found.icon) == ("Jellyfin", None)
    assert server.paths == ["/"]
    assert seen == ["app.example"] * 3  # page, icon, favicon.ico: each judged by itself


def test_of_several_addresses_only_those_that_are_allowed_are_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, lambda _host: ["169.254.169.254", "::ffff:169.254.169.254", "127.0.0.1"])
    with serving(site({"/": PAGE})) as server:
        found = propose(f"http://app.example:{server.port}/", rules=ANYWHERE)

    assert (found.name, found.problem) == ("Jellyfin", None)
    assert b"Host: app.example:" in server.heads[0]


def test_a_name_that_is_not_found_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_found(_host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    resolving(monkeypatch, not_found)
    found = propose("http://navidrome.home.arpa/", rules=ANYWHERE)

    assert (found.problem, found.name) == (Problem.UNKNOWN_NAME, "Navidrome")


def test_a_resolver_that_hangs_holds_up_no_one_else(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hang(_host: str) -> list[str]:
        over.wait(120)
        return []

    slots = threading.BoundedSemaphore(names.MAX_RESOLVING)
    monkeypatch.setattr(names, "_slots", slots)
    resolving(monkeypatch, hang)
    try:
        for _ in range(names.MAX_RESOLVING + 1):
            found = propose("http://slow.example/", rules=ANYWHERE, deadline_s=0.1)
            assert found.problem is Problem.NO_ANSWER
        assert not slots.acquire(blocking=False)
        assert asked(site({"/": PAGE})).name == "Jellyfin"
    finally:
        over.set()
        ended = [slots.acquire(timeout=60) for _ in range(names.MAX_RESOLVING)]
    assert all(ended)


@pytest.mark.parametrize(
    "url",
    [
        "", "jellyfin.home.arpa", "ftp://a/", "javascript:alert(1)", "data:text/html,x", "http://",
        "http://[::1", "http://a:99999/", "http://a:0/", "http://a:x/", "http://" + "a" * 300,
        "http://" + "ä" * 3000, "http://a/" + "x" * 5000, "http://a\\b/", "http://a b/", "http://\ud800/",
        "http://a/\ud800", "http://.../", "//a/",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_page_is_not_requested(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it was connected to"))
    resolving(monkeypatch, lambda _host: [])

    assert propose(url, rules=ANYWHERE).problem in {Problem.NOT_HTTP, Problem.UNKNOWN_NAME}


def test_a_port_without_a_server_is_not_reached() -> None:
    with refusing_port() as port:
        assert propose(f"http://127.0.0.1:{port}", rules=ANYWHERE).problem is Problem.NOT_REACHED


def test_a_self_signed_certificate_is_taken_in_a_private_network_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, lambda _host: ["127.0.0.1"])
    with serving(site({"/": PAGE}), tls=self_signed(tmp_path)) as server:
        url = f"https://app.home.arpa:{server.port}/"
        assert propose(url, rules=ANYWHERE).name == "Jellyfin"
        monkeypatch.setattr(connection, "reach_of", lambda _address: Reach.PUBLIC)
        assert propose(url, rules=ANYWHERE).problem is Problem.TLS


def test_plain_http_where_tls_was_asked_for_is_an_error_of_tls() -> None:
    with serving(lambda visit: visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        url = server.url.replace("http:", "https:")
        assert propose(url, rules=ANYWHERE).problem is Problem.TLS


def test_a_handshake_that_never_ends_is_left_at_the_deadline() -> None:
    with serving(lambda visit: visit.drip(b"")) as server:
        url = server.url.replace("http:", "https:")
        found = propose(url, rules=ANYWHERE, deadline_s=0.3)

    assert found.problem is Problem.NO_ANSWER


def test_the_page_of_a_gateway_does_not_name_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, lambda _host: ["127.0.0.1"])
    login = b"<!DOCTYPE html><title>Login - Authelia</title>"
    with (
        serving(site({"/": login, "/favicon.ico": PNG})) as gateway,
        serving(lambda visit: visit.redirect(f"http://auth.example:{gateway.port}/")) as server,
    ):
        found = propose(f"http://photos.example:{server.port}/", rules=ANYWHERE)

    assert (found.name, found.icon, found.problem) == ("Photos", None, None)


def test_an_app_at_an_address_of_ipv6_is_read() -> None:
    try:
        with serving(site({"/": PAGE}), host="::1") as server:
            assert propose(server.url, rules=ANYWHERE).name == "Jellyfin"
            assert f"Host: [::1]:{server.port}".encode() in server.heads[0]
    except OSError:
        pytest.skip("this machine has no IPv6")


def test_more_proposals_at_once_than_threads_can_be_spared_are_put_off() -> None:
    arrived, go_on = threading.Semaphore(0), threading.Event()

    def wait(visit: Visit) -> None:
        arrived.release()
        go_on.wait(60)
        visit.answer(PAGE)

    made: list[Proposal] = []
    with serving(wait) as server:
        threads = [
            threading.Thread(target=lambda: made.append(propose(server.url, rules=ANYWHERE)))
            for _ in range(proposal.MAX_AT_ONCE)
        ]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert arrived.acquire(timeout=60)
        assert propose("http://app.example/", rules=ANYWHERE) == Proposal(
            name="App", problem=Problem.BUSY, host="app.example"
        )
        go_on.set()
        for thread in threads:
            thread.join(60)

    assert [each.name for each in made] == ["Jellyfin"] * proposal.MAX_AT_ONCE
