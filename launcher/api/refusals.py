"""Problems for requests that the server refuses itself, as they are no HTTP or too long."""

from __future__ import annotations

import re
from http import HTTPStatus

import msgspec

from launcher.api.problems import MEDIA_TYPE, PROBLEMS, Problem

_TARGET = re.compile(rb"[^ ]* (?:[a-z]+://[^/ ]*)?(/[^ ?]*)?/api/v1(?:[/? ]|$)", re.IGNORECASE)
_CODES = {414: "address_too_long", 431: "headers_too_large", 500: "internal", 501: "not_supported"}
_VERSION = re.compile(rb" HTTP/(?!1\.[01]$)[0-9.]+$")


def takes_cut_off(request_line: bytes) -> bool:
    """Whether a request that ended before its announced length is answered, as for the API."""
    return _TARGET.match(request_line) is not None


def refusal(status: int, request_line: bytes) -> bytes:
    """Return the whole response for a status of the server, b"" for no address of the API."""
    found = _TARGET.match(request_line)
    if found is None:
        return b""
    code = _CODES.get(status, "bad_request")
    if status == HTTPStatus.BAD_REQUEST and _VERSION.search(request_line):
        code = "version_not_supported"
    reference = f"{(found[1] or b'').decode('latin-1')}/api/v1/"
    content = msgspec.json.encode(Problem(code).members(reference))
    answered = HTTPStatus(PROBLEMS[code].status)
    head = (
        f"HTTP/1.1 {answered.value} {answered.phrase}\r\nConnection: close\r\n"
        f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(content)}\r\n"
        "Cache-Control: no-store\r\n\r\n"
    )
    return head.encode() + (b"" if request_line.startswith(b"HEAD ") else content)
