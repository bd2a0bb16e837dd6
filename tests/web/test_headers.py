"""What every answer says about itself."""

from __future__ import annotations

import gzip
import re

import pytest
from flask import Flask, Response

from tests.web.visitor import Visitor

ADDRESSES = ("/", "/login", "/account", "/nope", "/setup", "/healthz", "/admin/users")


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_may_be_framed_sniffed_or_scripted(ada: Visitor, address: str) -> None:
    headers = ada.open(address).headers

    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_a_picture_opened_by_itself_may_do_nothing(ada: Visitor) -> None:
    address = re.search(r"/assets/icons-[0-9a-f]+\.svg", ada.open("/").text)
    assert address
    headers = ada.open(address[0]).headers

    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_page_is_kept(ada: Visitor, address: str) -> None:
    assert ada.open(address).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("address", [*ADDRESSES, "/find?q="])
def test_pages_carry_no_script_or_style_of_their_own(
    ada: Visitor, boards: None, address: str
) -> None:
    ada.open(address)

    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=)|javascript:", ada.page)


def test_pages_are_compressed_for_browsers_that_take_it(ada: Visitor, boards: None) -> None:
    plain = ada.open("/")
    packed = ada.open("/", Accept_Encoding="gzip")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert int(packed.headers["Content-Length"]) == len(packed.data)
    hide = re.compile(rb'csrf_token" value="[^"]+"|\d+ seconds?')
    assert hide.sub(b"", gzip.decompress(packed.data)) == hide.sub(b"", plain.data)
    assert len(packed.data) < len(plain.data) / 2
    assert "Content-Encoding" not in plain.headers


def test_small_answers_and_those_that_ask_for_it_stay_as_they_are(app: Flask) -> None:
    app.add_url_rule("/small", "small", lambda: "small")
    app.add_url_rule(
        "/secret",
        "secret",
        lambda: Response("x" * 9000, headers={"Cache-Control": "no-store, no-transform"}),
    )
    client = app.test_client()

    for address in ("/small", "/secret"):
        answer = client.get(address, headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in answer.headers
