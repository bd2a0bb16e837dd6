"""What is wrong with a field is said in plain English, whatever library found it."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from launcher.api.door import DOORS
from launcher.api.expected import must_be
from tests.support.api import Program

_OF_PYTHON = re.compile(r"[`$<]|\b(None|str|int|bool|float|dict|object|datetime|enum|Expected)\b")


def detail_of(program: Program, path: str, *, method: str = "POST", **sent: Any) -> str:
    answer = program(method, path, **sent)
    assert answer.json["code"] == "invalid_field", answer.text
    detail: str = answer.json["detail"]
    assert detail.startswith(f"{answer.json['field']}: ")
    return detail


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=many", "limit: send a whole number from 1 to 100."),
        ("limit=101", "limit: send a whole number from 1 to 100."),
        ("kind=best", "kind: send one of manual, scheduled, safety, "),
        ("cursor=%20", "cursor: send text in the form that the reference describes."),
        ("since=7", "since: send a moment of RFC 3339 with its offset from UTC, like "),
        ("since=2026-11-22", "since: send a moment of RFC 3339 with its offset from UTC, "),
        ("page=2", "page: it is unknown."),
        ("limit=1&limit=2", "limit: it is given more than once."),
    ],
)
def test_a_wrong_parameter_is_explained(program: Program, query: str, detail: str) -> None:
    assert detail_of(program, f"/backups?{query}", method="GET").startswith(detail)


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("/backups?since=2026-11-22T06:30:00+01:00", "Write %2B for it."),
        ("/backups?page=2", "The call takes kind, "),
        ("/status?page=2", "The call takes no parameters."),
    ],
)
def test_the_hint_says_what_helps(program: Program, query: str, hint: str) -> None:
    assert hint in program("GET", query).json["hint"]


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("/backups", {"note": 5}, "note: send text of at most 200 characters."),
        ("/backups", {"note": "x" * 201}, "note: send text of at most 200 characters."),
        ("/backups", {"protect": "yes"}, "protect: send true or false."),
        ("/backups", {"colour": "red"}, "colour: it is unknown."),
        ("/backups", {"note": "\0"}, "note: a NUL character is not allowed."),
        ("/undo", {}, "confirm: it is missing."),
        ("/undo", {"confirm": None}, "confirm: send text."),
    ],
)
def test_a_wrong_field_is_explained(
    program: Program, path: str, body: dict[str, Any], detail: str
) -> None:
    assert detail_of(program, path, json=body) == detail


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{\n "note": }', "The error is at line 2, column 10."),
        (b'{"note": "\xff"}', "It is not UTF-8 at byte 11."),
        (b'{"note": NaN}', "JSON has no number NaN."),
        (b'{"note": ' + b"9" * 5000 + b"}", "A number has at most 1000 digits."),
        (b"[]", "It is not an object."),
    ],
)
def test_what_is_no_json_is_explained(program: Program, body: bytes, detail: str) -> None:
    answer = program("POST", "/backups", data=body, content_type="application/json")
    assert (answer.json["code"], answer.json["detail"]) == ("bad_json", detail)


def test_what_each_field_must_be_has_words_without_python() -> None:
    for door in DOORS:
        for kind in filter(None, (door.body, door.query)):
            for field in msgspec.structs.fields(kind):
                said = must_be(field.type)
                assert said != must_be(bytes), f"{door.name} {field.name} is not described"
                assert not _OF_PYTHON.search(said), (door.name, field.name, said)
