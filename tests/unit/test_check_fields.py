"""What a person types into the form of a check, and the check that comes of it."""

from __future__ import annotations

import pytest

from launcher.checks.fields import (
    FieldError,
    Flaw,
    accept_of,
    accept_text,
    authorities_of,
    endpoint_of,
    headers_of,
    host_of,
    origin_of,
)
from launcher.checks.spec import CheckSpec
from launcher.models import App
from launcher.models.health import CheckKind, CheckTarget, HealthCheck
from launcher.settings.table import SiteSettings

SITE = SiteSettings(check_interval_s=90)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("200", "200"),
        (" 200-399 , 401 ", "200-399,401"),
        ("2xx,301", "200-299,301"),
        ("404;200-299;300-399;250", "200-399,404"),
    ],
)
def test_accepted_codes_are_typed_as_codes_and_ranges(typed: str, kept: str) -> None:
    assert accept_text(accept_of(typed)) == kept


@pytest.mark.parametrize("typed", ["", ",", "99", "600", "300-200", "2xx-3xx", "٢٠٠", "200 300"])
def test_what_is_no_code_is_refused(typed: str) -> None:
    with pytest.raises(FieldError) as refused:
        accept_of(typed)
    assert refused.value.flaw is Flaw.ACCEPT


@pytest.mark.parametrize(
    ("typed", "endpoint"),
    [
        ("10.0.0.1:8096", ("10.0.0.1", 8096)),
        ("[fd00::1]:22", ("fd00::1", 22)),
        ("https://nas.home.arpa/photos", ("nas.home.arpa", 443)),
        ("ssh://ada@nas:22", ("nas", 22)),
    ],
)
def test_a_port_is_typed_with_its_host(typed: str, endpoint: tuple[str, int]) -> None:
    assert endpoint_of(typed) == endpoint


@pytest.mark.parametrize(
    "typed",
    [
        "nas",
        ":80",
        "nas:0",
        "nas:65536",
        "a b:1",
        "nas:\u0661",
        "::1",
        "nas:1:2",
        "http://nas:1:2/",
    ],
)
def test_what_is_no_host_with_a_port_is_refused(typed: str) -> None:
    with pytest.raises(FieldError) as refused:
        endpoint_of(typed)
    assert refused.value.flaw is Flaw.ENDPOINT


@pytest.mark.parametrize(
    ("typed", "host"),
    [("nas", "nas"), ("::1", "::1"), ("[::1]:22", "::1"), ("https://nas.home/x", "nas.home")],
)
def test_a_host_is_found_in_what_was_typed(typed: str, host: str) -> None:
    assert host_of(typed) == host


@pytest.mark.parametrize(
    ("headers", "flaw"),
    [
        ({"X Y": "1"}, Flaw.HEADER_NAME),
        ({"X-Key": "a\r\nHost: b"}, Flaw.HEADER_VALUE),
        ({"X-Key": "€"}, Flaw.HEADER_VALUE),
        ({"X-Key": 5}, Flaw.HEADER_VALUE),
        ({"X-Key": "a" * 4097}, Flaw.HEADER_LONG),
        ({"Transfer-Encoding": "chunked"}, Flaw.HEADER_OURS),
        ({f"X-{number}": "1" for number in range(21)}, Flaw.HEADERS_MANY),
    ],
)
def test_headers_that_cannot_be_sent_are_refused(headers: dict[str, object], flaw: Flaw) -> None:
    with pytest.raises(FieldError) as refused:
        headers_of(headers)
    assert refused.value.flaw is flaw


def test_a_private_key_is_refused_where_a_certificate_is_wanted() -> None:
    with pytest.raises(FieldError) as refused:
        authorities_of("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")
    assert refused.value.flaw is Flaw.PEM_KEY
    with pytest.raises(FieldError) as refused:
        authorities_of("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")
    assert refused.value.flaw is Flaw.PEM


def test_an_app_without_a_check_is_checked_as_a_new_one_is() -> None:
    spec = CheckSpec.of(App(id=7, url="https://nas.home.arpa/", url_local=""), None, SITE)
    assert (spec.app_id, spec.kind, spec.flaw) == (7, CheckKind.HTTP, None)
    assert (spec.address, spec.interval_s, spec.retries) == ("https://nas.home.arpa/", 90, 2)


def test_the_home_network_url_of_an_app_is_checked_where_that_was_chosen() -> None:
    app = App(id=7, url="https://nas.example.org/", url_local="http://10.0.0.4/")
    spec = CheckSpec.of(app, HealthCheck(target=CheckTarget.LOCAL), SITE)
    assert spec.address == "http://10.0.0.4/"


def test_a_user_name_and_password_in_a_stored_url_are_sent_to_no_one() -> None:
    app = App(id=7, url="https://ada:s%3Aecret@nas.home.arpa/x?y", url_local="")
    spec = CheckSpec.of(app, None, SITE)
    assert (spec.address, spec.headers) == ("https://nas.home.arpa/x?y", ())
    assert "ecret" not in repr(spec)


@pytest.mark.parametrize(
    "name",
    [
        "Host", "host ", "X-Host", "X-Original-Host", "Forwarded", "X-Forwarded-Host",
        "X_Forwarded_Host", "X-Forwarded-Proto", "X-Forwarded-For", "X-Original-URL",
        "X-Rewrite-URL", "Connection", "Content-Length", "Content_Length", "Transfer-Encoding",
        "Upgrade", "HTTP2-Settings", "TE", "Trailer", "Expect", "Keep-Alive", "Accept-Encoding",
        "Proxy-Authorization", "Proxy-Connection", "X-HTTP-Method", "X-HTTP-Method-Override",
        "X-Method-Override",
    ],
)  # fmt: skip
def test_a_header_that_would_send_secrets_elsewhere_is_refused_and_not_read(name: str) -> None:
    with pytest.raises(FieldError) as refused:
        headers_of({"Authorization": "Bearer 1", name: "evil.example"})
    assert (refused.value.flaw, refused.value.about) == (Flaw.HEADER_OURS, name.strip())
    check = HealthCheck(
        headers={"Authorization": "Bearer 1", name: "evil.example"}, headers_for="http://nas:80"
    )
    spec = CheckSpec.of(App(id=7, url="http://nas/", url_local=""), check, SITE)
    assert (spec.headers, spec.flaw) == ((("Authorization", "Bearer 1"),), None)


@pytest.mark.parametrize(
    "name", ["Authorization", "Cookie", "User-Agent", "Accept", "Range", "X-Api-Key", "Hosting"]
)
def test_headers_of_apps_are_accepted(name: str) -> None:
    assert headers_of({name: "1"}) == ((name, "1"),)


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/",
        "https://nas.home.arpa.elsewhere.example/",
        "https://ada@elsewhere.example/#nas.home.arpa",
        "https://nas.home.arpa:8443/",
        "http://nas.home.arpa/",
        "",
    ],
)
def test_headers_are_sent_only_where_they_were_entered_for(url: str) -> None:
    check = HealthCheck(headers={"X-Key": "secret"}, headers_for="https://nas.home.arpa:443")
    app = App(id=7, url="https://NAS.home.arpa/photos", url_local="")
    assert CheckSpec.of(app, check, SITE).headers == (("X-Key", "secret"),)
    app.url = url
    assert ("X-Key", "secret") not in CheckSpec.of(app, check, SITE).headers


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://nas.home.arpa/x?y", "https://nas.home.arpa:443"),
        ("HTTP://Nas.Home.Arpa.:8080", "http://nas.home.arpa:8080"),
        ("http://[fd00::1]/", "http://[fd00::1]:80"),
        ("nas:22", ""),
        ("", ""),
    ],
)
def test_an_origin_is_in_one_spelling(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("check", "flaw"),
    [
        (HealthCheck(target=CheckTarget.OTHER, url="ftp://nas/"), Flaw.URL),
        (HealthCheck(target=CheckTarget.OTHER, url="http://nas:70000/"), Flaw.URL),
        (HealthCheck(kind=CheckKind.TCP, target=CheckTarget.OTHER, url="nas"), Flaw.ENDPOINT),
        (HealthCheck(kind=CheckKind.PING, target=CheckTarget.OTHER, url=""), Flaw.HOST),
        (HealthCheck(accept="all"), Flaw.ACCEPT),
        (HealthCheck(headers={"X-Key": ["x"]}, headers_for="http://nas:80"), Flaw.HEADER_VALUE),
        (HealthCheck(ca_pem="x"), Flaw.PEM),
    ],
)
def test_a_stored_field_that_cannot_be_read_is_a_flaw(check: HealthCheck, flaw: Flaw) -> None:
    assert CheckSpec.of(App(id=7, url="http://nas/", url_local=""), check, SITE).flaw is flaw


def test_how_often_a_check_runs_does_not_change_what_it_measures() -> None:
    app = App(id=7, url="http://nas/", url_local="")
    often = CheckSpec.of(app, HealthCheck(interval_s=10, retries=0), SITE)
    assert often == CheckSpec.of(app, None, SITE)
    assert often != CheckSpec.of(app, HealthCheck(keyword="Photos"), SITE)
