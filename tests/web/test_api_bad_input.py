"""What no program should send: each is refused by its own problem, and nothing begins."""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask

from launcher.api.door import DOORS, Door
from launcher.backup.records.operation import Verb
from launcher.current import current_backups
from tests.support.api import Program
from tests.support.operations import ended
from tests.web.addresses import MALFORMED

JSON = "application/json"
WITH_BODY = [door for door in DOORS if door.body is not None]
WITHOUT_BODY = [door for door in DOORS if door.body is None]
WITH_PART = [door for door in DOORS if "{" in door.path]


def path_of(door: Door, part: str = "latest") -> str:
    """Return the address of a call; an id of an app is a number where no part is asked for."""
    return re.sub(r"\{\w+\}", "7" if part == "latest" and "{app}" in door.path else part, door.path)


def fields_of(door: Door) -> tuple[str, ...]:
    return () if door.body is None else door.body.__struct_fields__


@pytest.mark.parametrize("door", WITH_BODY, ids=lambda door: door.name)
def test_a_body_that_is_none_is_refused_at_each_call_that_takes_one(
    app: Flask, program: Program, door: Door
) -> None:
    field = fields_of(door)[0]
    for body, kind, status, code in (
        (b"null", JSON, 400, "bad_json"),
        (b"[1]", JSON, 400, "bad_json"),
        (b'"text"', JSON, 400, "bad_json"),
        (b"{", JSON, 400, "bad_json"),
        (b"{} {}", JSON, 400, "bad_json"),
        (b"\xef\xbb\xbf{}", JSON, 400, "bad_json"),
        (b"\xff\xfe{\x00}\x00", JSON, 400, "bad_json"),
        (b'{"x": "\xed\xa0\x80"}', JSON, 400, "bad_json"),
        (b'{"x": Infinity}', JSON, 400, "bad_json"),
        (b'{"x":' * 10_000 + b"1" + b"}" * 10_000, JSON, 400, "bad_json"),
        (b'{"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", JSON, 400, "bad_json"),
        (b'{"x":' + b"9" * 5000 + b"}", JSON, 400, "bad_json"),
        (b" " * 10_000_000, JSON, 413, "too_large"),
        (b"x=1", "application/x-www-form-urlencoded", 415, "unsupported_type"),
        (b"{}", "text/plain", 415, "unsupported_type"),
        (b"{}", "", 415, "unsupported_type"),
        (b"{}", f"{JSON}; charset=latin-1", 415, "unsupported_type"),
        (b'{"x": 1}', JSON, 422, "invalid_field"),
        (b'{"\\ud800": 1}', JSON, 422, "invalid_field"),
        (b'{"\\u0000": 1}', JSON, 422, "invalid_field"),
        (b'{"": 1}', JSON, 422, "invalid_field"),
        (b'{"%s": 1, "%s": 1}' % ((field.encode(),) * 2), JSON, 422, "invalid_field"),
        (json.dumps({name: [{}] for name in fields_of(door)}).encode(), JSON, 422, "invalid_field"),
        (json.dumps(dict.fromkeys(fields_of(door), 10**30)).encode(), JSON, 422, "invalid_field"),
        (json.dumps(dict.fromkeys(fields_of(door), 1e300)).encode(), JSON, 422, "invalid_field"),
        (json.dumps(dict.fromkeys(fields_of(door), "\0")).encode(), JSON, 422, "invalid_field"),
        (json.dumps(dict.fromkeys(fields_of(door), "\ud800")).encode(), JSON, 422, "invalid_field"),
    ):
        answer = program(
            door.method,
            path_of(door),
            data=body,
            content_type=kind,
            headers={"Idempotency-Key": f"{code} {body[:20]!r}"} if door.begins_work else {},
        )
        assert (answer.status_code, answer.json["code"]) == (status, code), (body[:60], answer.text)
        assert answer.mimetype == "application/problem+json"
        if code == "invalid_field":
            assert "field" in answer.json
    with app.app_context():
        assert [each.verb for each in current_backups().journal(limit=None)] == [Verb.INITIALISE]


@pytest.mark.parametrize("door", WITHOUT_BODY, ids=lambda door: door.name)
@pytest.mark.parametrize("body", [b"{}", b"x", b" " * 10_000_000])
def test_a_body_is_refused_where_none_is_taken(
    app: Flask, program: Program, door: Door, body: bytes
) -> None:
    methods = [door.method, "HEAD"] if door.method == "GET" else [door.method]
    for method in methods:
        answer = program(method, path_of(door), data=body, content_type=JSON)
        assert answer.status_code == 400
        assert method == "HEAD" or answer.json["code"] == "body_unexpected", door.name
    with app.app_context():
        assert [each.verb for each in current_backups().journal(limit=None)] == [Verb.INITIALISE]


@pytest.mark.parametrize("path", ["/", "/openapi.json"])
def test_the_reference_takes_no_body(program: Program, path: str) -> None:
    assert program("GET", path, data=b"{}").json["code"] == "body_unexpected"
    assert program("OPTIONS", path, data=b"{}").json["code"] == "body_unexpected"


def test_a_body_of_unknown_length_is_not_read_where_none_is_taken(program: Program) -> None:
    answer = program("DELETE", "/backups/latest", headers={"Transfer-Encoding": "chunked"})
    assert answer.json["code"] == "body_unexpected"


def test_an_announced_body_of_no_bytes_is_none(program: Program) -> None:
    answer = program("GET", "/backups", data=b"", content_type=JSON)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("method", "path", "detail"),
    [
        ("POST", "/backups/latest/restore", "Send a JSON object with confirm."),
        ("POST", "/undo", "Send a JSON object with confirm."),
        ("PATCH", "/backups/latest", "Send a JSON object."),
        ("PUT", "/schedule", "Send a JSON object with backup_enabled, backup_cron_expression, "),
    ],
)
@pytest.mark.parametrize("kind", [None, JSON, "text/plain"])
def test_a_missing_body_is_named_with_what_it_needs(
    program: Program, method: str, path: str, detail: str, kind: str | None
) -> None:
    answer = program(method, path, content_type=kind)
    assert (answer.status_code, answer.json["code"]) == (400, "body_missing")
    assert answer.json["detail"].startswith(detail)


@pytest.mark.parametrize("kind", [None, JSON])
def test_a_backup_is_created_without_a_body(app: Flask, program: Program, kind: str | None) -> None:
    answer = program("POST", "/backups?note=Nightly", content_type=kind)
    assert answer.status_code == 202, answer.text
    with app.app_context():
        service = current_backups()
        entry = ended(service, answer.json["id"])
        assert service.get(entry.backup_id).note == "Nightly"


@pytest.mark.parametrize("door", WITH_PART, ids=lambda door: f"{door.method} {door.path}")
@pytest.mark.parametrize("part", [*MALFORMED, "..%2f", "a%2fb", "ä", ".", "%2e%2e", "latest%00"])
def test_what_can_be_no_id_is_found_nowhere(program: Program, door: Door, part: str) -> None:
    body = {"confirm": part} if "confirm" in fields_of(door) else {}
    sent = {} if door.body is None else {"json": body}
    answer = program(door.method, path_of(door, part), **sent)
    assert (answer.status_code, answer.mimetype) in {
        (404, "application/problem+json"),
        (405, "application/problem+json"),  # `/backups/.` and the like is the list, for a client
    }, answer.text


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "x"])
def test_an_answer_in_another_form_is_refused(program: Program, accept: str) -> None:
    for door in DOORS:
        answer = program(door.method, path_of(door), headers={"Accept": accept})
        assert (answer.status_code, answer.json["code"]) == (406, "not_acceptable"), door.name


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "gzip, identity"])
def test_a_body_that_is_encoded_is_refused_by_the_name_of_its_header(
    program: Program, encoding: str
) -> None:
    for kind in (JSON, "application/octet-stream"):
        headers = {"Content-Encoding": encoding, "Content-Type": kind}
        answer = program("POST", "/backups", data=b"{}", headers=headers)
        assert (answer.status_code, answer.json["code"]) == (415, "unsupported_type")
        assert answer.json["detail"].startswith("Content-Encoding: ")


def test_the_root_answers_without_its_slash_too(program: Program) -> None:
    assert program("GET", "").json == program("GET", "/").json
    answer = program("POST", "")
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")


def test_answers_do_not_vary_by_a_cookie_but_the_page_does(program: Program) -> None:
    for path in ("/backups", "/nothing", "/openapi.json", "/"):
        answer = program("GET", path, headers={"Accept": JSON})
        assert "Cookie" not in answer.headers.get("Vary", ""), path
    page = program("GET", "/", headers={"Accept": "text/html"})
    assert "Cookie" in page.headers["Vary"]
