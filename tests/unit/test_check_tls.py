"""What a check says of a certificate, verified or not, with servers that show one."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from launcher.checks.certificates import certificate_of
from launcher.checks.outcome import Outcome, Phase, Reason
from launcher.models.health import CheckVerify, Health
from tests.support.checked import LONGER_MS, Authority, behave, outcome_of, web_check
from tests.support.odd_servers import Server, serving

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not there")

ALWAYS, NEVER, PUBLIC = CheckVerify.ALWAYS, CheckVerify.NEVER, CheckVerify.PUBLIC
DNS = {
    name: [("127.0.0.1", 0)] for name in ("good.test", "expired.test", "self.test", "wrong.test")
}


@dataclass(frozen=True)
class House:
    """Servers by name, and their authority."""

    ca: Authority
    servers: Mapping[str, Server]

    def check(self, name: str, path: str = "/page", **more: Any) -> Outcome:
        url = f"https://{name}:{self.servers[name].port}{path}"
        return outcome_of(web_check(url, **more), names=DNS)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    ca = Authority(tmp_path_factory.mktemp("ca"))
    contexts = {
        "good.test": ca.issue("good.test", alternative="DNS:good.test,DNS:*.good.test,IP:::1"),
        "expired.test": ca.issue("expired.test", days=-1),
        "self.test": ca.self_sign("self.test"),
        "wrong.test": ca.issue("other.test"),
    }
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(serving(behave, tls=context))
            for name, context in contexts.items()
        }
        yield House(ca, servers)


def test_a_certificate_of_a_private_authority_is_trusted_where_that_was_chosen(
    house: House,
) -> None:
    for verify in (ALWAYS, PUBLIC):
        outcome = house.check("good.test", verify=verify, ca_pem=house.ca.pem)
        assert (outcome.state, outcome.code) == (Health.UP, 200)
        assert outcome.certificate is not None
        assert outcome.certificate.is_verified
        assert outcome.certificate.names == ("good.test", "*.good.test", "::1")
        assert outcome.certificate.issuer == "Home CA"
        assert outcome.phases.tls_ms is not None


@pytest.mark.parametrize("verify", [PUBLIC, NEVER])
@pytest.mark.parametrize("name", ["good.test", "expired.test", "self.test", "wrong.test"])
def test_a_certificate_at_home_is_read_without_being_verified(
    house: House, name: str, verify: CheckVerify
) -> None:
    outcome = house.check(name, verify=verify)
    assert (outcome.state, outcome.reason) == (Health.UP, None)
    assert outcome.certificate is not None
    assert not outcome.certificate.is_verified
    assert outcome.certificate.is_self_signed is (name == "self.test")
    days_left = (outcome.certificate.until - datetime.now(UTC)) / timedelta(days=1)
    assert round(days_left) == (-1 if name == "expired.test" else 30)


def test_an_authority_that_is_not_known_is_not_trusted(house: House) -> None:
    for name, issuer in (("good.test", "Home CA"), ("self.test", "self.test")):
        outcome = house.check(name, verify=ALWAYS)
        assert (outcome.reason, outcome.facts["issuer"]) == (Reason.TLS_UNTRUSTED, issuer)
        assert outcome.phases.failed is Phase.TLS
        assert outcome.certificate is not None
        assert not outcome.certificate.is_verified
        assert not outcome.is_network_failure


def test_a_server_that_shakes_hands_with_one_at_a_time_shows_its_certificate(
    tmp_path: Path,
) -> None:
    """As `http.server` does with TLS: it accepts no one before the last handshake has ended."""
    context = Authority(tmp_path).self_sign("self.test")
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            url = f"https://self.test:{server.server_port}/"
            outcome = outcome_of(web_check(url, verify=ALWAYS), names=DNS)
        finally:
            server.shutdown()
            thread.join()
    assert outcome.reason is Reason.TLS_UNTRUSTED
    assert outcome.certificate is not None
    assert outcome.certificate.names == ("self.test",)


def test_an_expired_certificate_has_its_date(house: House) -> None:
    outcome = house.check("expired.test", ca_pem=house.ca.pem)
    assert outcome.reason is Reason.TLS_EXPIRED
    assert datetime.fromisoformat(outcome.facts["date"]) < datetime.now(UTC)


def test_a_certificate_for_another_name_has_its_names(house: House) -> None:
    outcome = house.check("wrong.test", ca_pem=house.ca.pem)
    assert (outcome.reason, outcome.facts["names"]) == (Reason.TLS_NAME, ["other.test"])


def test_the_certificate_of_the_server_itself_can_be_the_one_that_is_trusted(
    house: House, tmp_path: Path
) -> None:
    ca = Authority(tmp_path)
    with serving(behave, tls=ca.self_sign("self.test")) as server:
        pem = (tmp_path / "self.test.pem").read_text()
        url = f"https://self.test:{server.port}/page"
        assert outcome_of(web_check(url, ca_pem=pem), names=DNS).is_up


def test_a_server_without_tls_is_named_as_such() -> None:
    with serving(lambda visit: visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        outcome = outcome_of(web_check(f"https://127.0.0.1:{server.port}/"))
    assert (outcome.reason, outcome.phases.failed) == (Reason.TLS_NONE, Phase.TLS)


def test_a_text_is_found_behind_tls_and_a_flood_is_not_read(house: House) -> None:
    assert house.check("good.test", keyword="Paperless").is_up
    assert house.check("good.test", "/gigabyte", keyword="x").reason is Reason.TOO_LARGE
    assert house.check("good.test", "/drip-head", timeout_ms=LONGER_MS).reason is Reason.HEAD_SLOW
    assert house.check("good.test", "/head-reset").method == "GET"


def test_the_certificate_is_that_of_the_app_and_not_of_where_it_redirects(house: House) -> None:
    port = house.servers["good.test"].port
    outcome = house.check("self.test", f"/away/https/{port}")
    assert outcome.redirects == (f"https://127.0.0.1:{port}/page",)
    assert outcome.certificate is not None
    assert outcome.certificate.issuer == "self.test"


def test_long_headers_are_sent_through_tls(house: House) -> None:
    server = house.servers["good.test"]
    headers = tuple((f"X-{number}", "x" * 4000) for number in range(15))
    assert house.check("good.test", headers=headers).is_up
    assert len(server.heads[-1]) > 60_000


def test_bytes_that_are_no_certificate_are_none(house: House) -> None:
    der = house.ca.der("good.test")
    whole = certificate_of(der, is_verified=True)
    assert whole is not None
    assert certificate_of(None, is_verified=True) is None
    for end in range(len(der)):
        assert certificate_of(der[:end], is_verified=True) is None
    for at in range(len(der)):  # whatever one byte is, it is a certificate or none
        for byte in (0, 0x1F, 0x7F, 0x80, 0x84, 0xFF):
            certificate_of(der[:at] + bytes([byte]) + der[at + 1 :], is_verified=True)
