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
from tests.web.addresses import MALFORMED

JSON = "application/json"
WITH_BODY = [door for door in DOORS if door.body is not None]
WITH_PART = [door for door in DOORS if "{" in door.path]


def path_of(door: Door, part: str = "latest") -> str:
    return re.sub(r"\{\w+\}", part, door.path)


def fields_of(door: Door) -> tuple[str, ...]:
    return () if door.body is None else door.body.__struct_fields__


@pytest.mark.parametrize("door", WITH_BODY, ids=lambda door: door.name)
def test_a_body_that_is_none_is_refused_at_each_call_that_takes_one(
    app: Flask, program: Program, door: Door
) -> None:
    field = fields_of(door)[0]
    for body, kind, status, code in (
        (b"", JSON, 400, "bad_json"),
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


@pytest.mark.parametrize("door", WITH_PART, ids=lambda door: f"{door.method} {door.path}")
@pytest.mark.parametrize("part", [*MALFORMED, "..%2f", "a%2fb", "ä", ".", "%2e%2e", "latest%00"])
def test_what_can_be_no_id_is_found_nowhere(program: Program, door: Door, part: str) -> None:
    body = {"confirm": part} if "confirm" in fields_of(door) else {}
    answer = program(door.method, path_of(door, part), json=body)
    assert (answer.status_code, answer.mimetype) in {
        (404, "application/problem+json"),
        (405, "application/problem+json"),  # `/backups/.` and the like is the list, for a client
    }, answer.text


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "x"])
def test_an_answer_in_another_form_is_refused(program: Program, accept: str) -> None:
    for door in DOORS:
        answer = program(door.method, path_of(door, "backup"), headers={"Accept": accept})
        assert (answer.status_code, answer.json["code"]) == (406, "not_acceptable"), door.name
