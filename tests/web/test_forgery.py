"""Forms are taken from this site alone, whatever a proxy does to the referrer."""

from __future__ import annotations

import logging

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import ADA
from tests.web.visitor import Visitor

TLS = "https://start.home.arpa:8443"


def sign_in(visitor: Visitor, base_url: str = TLS, **headers: str) -> TestResponse:
    """Send the sign-in form of a page at `base_url`, with what a browser would say of it."""
    page = visitor.client.get("/login", base_url=base_url).text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    fields = {"csrf_token": token, "username": ADA.username, "password": ADA.password}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return visitor.client.post("/login", base_url=base_url, data=fields, headers=given)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": TLS},
        {"Origin": "https://start.home.arpa"},  # one of the two without its port
        {"Origin": "null"},  # what comes from a page without a referrer
        {"Origin": "null", "Sec_Fetch_Site": "same-origin"},
        {"Origin": "https://name.behind.the.proxy", "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
        {"Referer": "https://elsewhere.example/"},
    ],
)
def test_signing_in_over_tls_needs_no_referrer(
    guest: Visitor, cast: object, headers: dict[str, str]
) -> None:
    assert sign_in(guest, **headers).status_code == 303


def test_over_plain_http_a_proxy_may_pass_a_host_of_its_own(guest: Visitor, cast: object) -> None:
    answer = sign_in(guest, "http://127.0.0.1:8000", Origin="http://start.home.arpa")

    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"Sec_Fetch_Site": "cross-site"}, ["Sec-Fetch-Site", "cross-site"]),
        ({"Sec_Fetch_Site": "same-site", "Origin": TLS}, ["Sec-Fetch-Site", "same-site"]),
        ({"Origin": "https://evil.example"}, ["Origin", "evil.example", "start.home.arpa:8443"]),
        ({"Origin": "https://["}, ["Origin", "https://["]),
    ],
)
def test_a_form_of_another_site_is_refused_and_the_header_is_named(
    guest: Visitor,
    cast: object,
    caplog: pytest.LogCaptureFixture,
    headers: dict[str, str],
    named: list[str],
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = sign_in(guest, **headers)

    assert answer.status_code == 400
    assert "This form came from another site" in answer.text
    for text in named:
        assert text in answer.text
        assert text in caplog.text


def test_a_browser_that_keeps_no_cookies_is_named_on_the_page_and_in_the_log(
    app: Flask, guest: Visitor, cast: object, caplog: pytest.LogCaptureFixture
) -> None:
    guest.open("/login")
    name, _ = guest.session_cookie
    guest.client.delete_cookie(name)

    with caplog.at_level(logging.WARNING):
        answer = guest.send("/login", username="ada", password=ADA.password)

    assert answer.status_code == 400
    assert "Missing header" in answer.text
    assert f"Cookie: {name}=" in answer.text
    assert f"refused POST /login: no cookie {name} came with it" in caplog.text


def test_a_header_is_shown_cut_and_harmless(guest: Visitor, cast: object) -> None:
    answer = sign_in(guest, Origin="https://<script>" + "x" * 5000)

    assert answer.status_code == 400
    assert "<script>" not in answer.text
    assert "x" * 201 not in answer.text
