"""What gunicorn refuses at an address of the API is a problem; elsewhere its own page stays."""

from __future__ import annotations

import json

import pytest

from launcher.api.problems import PROBLEMS
from launcher.api.refusals import refusal


@pytest.mark.parametrize(
    ("status", "answered", "code"),
    [
        (400, 400, "bad_request"),
        (403, 400, "bad_request"),
        (414, 414, "address_too_long"),
        (417, 400, "bad_request"),
        (431, 431, "headers_too_large"),
        (500, 500, "internal"),
        (501, 501, "not_supported"),
    ],
)
def test_each_status_of_the_server_has_its_problem(status: int, answered: int, code: str) -> None:
    head, _, content = refusal(status, b"GET /api/v1/backups HTTP/1.1").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % answered)
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert b"\r\nContent-Length: %d\r\n" % len(content) in head
    found = json.loads(content)
    assert (found["code"], found["status"]) == (code, PROBLEMS[code].status)
    assert found["type"] == f"/api/v1/#{code}"


@pytest.mark.parametrize(
    ("line", "reference"),
    [
        (b"GET /start/api/v1/backups HTTP/1.1", "/start/api/v1/"),
        (b"get http://site.test/api/v1/ HTTP/1.1", "/api/v1/"),
        (b"GET /api/v1?x", "/api/v1/"),
        (b"GET /api/v1", "/api/v1/"),
    ],
)
def test_the_address_is_found_below_a_prefix_too(line: bytes, reference: str) -> None:
    content = refusal(400, line).partition(b"\r\n\r\n")[2]
    assert json.loads(content)["type"] == f"{reference}#bad_request"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"GET /api/v1/backups HTTP/2.0", "version_not_supported"),
        (b"GET /api/v1/backups HTTP/0.9", "version_not_supported"),
        (b"GET /api/v1/backups HTTP/1.1", "bad_request"),
        (b"GET /api/v1/backups HTTP/x", "bad_request"),
    ],
)
def test_another_version_of_http_is_named(line: bytes, code: str) -> None:
    head, _, content = refusal(400, line).partition(b"\r\n\r\n")
    assert json.loads(content)["code"] == code
    assert head.startswith(b"HTTP/1.1 %d " % PROBLEMS[code].status)


def test_head_gets_no_body() -> None:
    assert refusal(431, b"HEAD /api/v1/backups HTTP/1.1").endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "line", [b"", b"GET / HTTP/1.1", b"GET /api/v10 HTTP/1.1", b"\x16\x03\x01"]
)
def test_other_requests_keep_the_page_of_the_server(line: bytes) -> None:
    assert refusal(400, line) == b""
