"""What a request brings: its query string and its JSON body, as its call declares them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NoReturn

import msgspec
from flask import request
from werkzeug.exceptions import ClientDisconnected

from launcher.api.authentication import looks_like_token
from launcher.api.door import Door
from launcher.api.expected import first_fault, must_be
from launcher.api.problems import Problem

MAX_BODY_BYTES = 64_000
MEDIA_TYPE = "application/json"
_MOST_DIGITS = 1000


def read_body(door: Door) -> bytes:
    """Read the JSON body before the gate: a slow client must not delay a restore."""
    if door.body is None and not door.body_types:
        refuse_body()
        return b""
    if "Transfer-Encoding" in request.headers:
        raise Problem("length_required")
    encoding = request.headers.get("Content-Encoding", "").strip()
    if encoding.lower() not in {"", "identity"}:
        raise Problem(
            "unsupported_type", "Content-Encoding: a body is taken without encoding alone."
        )
    if is_stream(door):
        if request.content_length is None:
            raise Problem("length_required")
        return b""
    length = request.content_length or 0
    if length and request.mimetype != MEDIA_TYPE:
        offered = " or ".join((MEDIA_TYPE, *door.body_types))
        raise Problem("unsupported_type", f"Send the body as {offered}.")
    if (
        request.content_length
        and request.mimetype_params.get("charset", "utf-8").lower() != "utf-8"
    ):
        raise Problem("unsupported_type", "Send the body in UTF-8.")
    if length > MAX_BODY_BYTES:
        raise Problem("too_large", f"A JSON body has at most {MAX_BODY_BYTES} bytes.")
    try:
        content = request.get_data(cache=False)
    except ClientDisconnected:
        content = b""
    if len(content) < length:  # gunicorn hands over what has arrived
        raise Problem("bad_request", "The body ended before its Content-Length.")
    return content


def refuse_body() -> None:
    """Refuse a request that has a body, without reading it.

    Raises:
        Problem
    """
    if request.content_length or "Transfer-Encoding" in request.headers:
        raise Problem("body_unexpected")


def _require_optional(door: Door) -> None:
    if door.is_body_required:
        fields = msgspec.structs.fields(door.body) if door.body is not None else ()
        names = [each.encode_name for each in fields if each.required]
        with_them = f" with {', '.join(names)}" if names else ""
        raise Problem("body_missing", f"Send a JSON object{with_them}.")


def is_stream(door: Door) -> bool:
    """Whether the body is one that the view reads itself."""
    return request.mimetype in door.body_types


def query_of(door: Door) -> msgspec.Struct | None:
    """Return the query string as the door names it; a name may stand there once."""
    given = request.args
    for name in given:
        if len(given.getlist(name)) > 1:
            _refuse_field(name, "it is given more than once")
    if door.query is None:
        for name in given:
            _refuse_field(name, "it is unknown", hint="The call takes no parameters.")
        return None
    _require_known(given, door.query)
    _refuse_nul(given.items())
    try:
        query = _converted(given.to_dict(), door.query, is_text=True)
    except Problem as problem:
        if " " in given.get(problem.facts["field"], "") and must_be(datetime) in problem.detail:
            problem.hint = "In an address, + means a space. Write %2B for it."
        raise
    for name, text in given.items():  # msgspec takes a number as seconds of Unix
        if isinstance(getattr(query, name), datetime) and "-" not in text[1:]:
            _refuse_field(name, f"send {must_be(datetime)}")
    return query


def body_of(door: Door, content: bytes) -> msgspec.Struct | None:
    """Return the JSON body as the door declares it, None for one that the view reads itself."""
    if door.body is None or is_stream(door):
        return None
    if not content:
        _require_optional(door)
    value = _parsed(content) if content else {}
    if not isinstance(value, dict):
        raise Problem("bad_json", "It is not an object.")
    if door.body_of_answer:
        value = door.body_of_answer(value)
    _require_known(value, door.body)
    _refuse_nul(value.items())
    return _converted(value, door.body)


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(
            content.decode(),
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_float=_number,
            parse_int=_integer,
        )
    except UnicodeDecodeError as error:
        why = f"It is not UTF-8 at byte {error.start + 1}."
    except json.JSONDecodeError as error:
        why = f"The error is at line {error.lineno}, column {error.colno}."
    except RecursionError:
        why = "It is nested too deeply."
    raise Problem("bad_json", why)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        _refuse_field(twice, "it is given more than once")
    return found


def _number(text: str) -> int | float:
    """Return a number; one like 7.0 is an integer, as in JSON Schema."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _integer(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise Problem("bad_json", f"A number has at most {_MOST_DIGITS} digits.")
    return int(text)


def _no_constant(text: str) -> NoReturn:
    raise Problem("bad_json", f"JSON has no number {text}.")


def _require_known(given: Iterable[str], kind: type[msgspec.Struct]) -> None:
    for name in given:
        if name not in kind.__struct_encode_fields__:
            names = ", ".join(kind.__struct_encode_fields__)
            _refuse_field(name, "it is unknown", hint=f"The call takes {names}.")


def _refuse_nul(items: Iterable[tuple[str, Any]]) -> None:
    for name, value in items:
        if isinstance(value, str) and "\0" in value:
            _refuse_field(name, "a NUL character is not allowed")
        if isinstance(value, str) and not value.isascii() and _has_lone_surrogate(value):
            _refuse_field(name, "it is not valid Unicode")


def _has_lone_surrogate(text: str) -> bool:
    return any("\ud800" <= each <= "\udfff" for each in text)


def _converted(value: Any, kind: type[msgspec.Struct], *, is_text: bool = False) -> msgspec.Struct:
    try:
        return msgspec.convert(value, kind, strict=not is_text)
    except msgspec.ValidationError:
        _refuse_field(*first_fault(value, kind, strict=not is_text))


def _refuse_field(name: str, why: str, *, hint: str = "") -> NoReturn:
    shown = "".join(each if each.isprintable() else "�" for each in name[:100])
    if looks_like_token(name):  # what is answered is logged more often than what was sent
        shown = "(a token)"
    raise Problem("invalid_field", f"{shown}: {why}.", hint=hint, field=shown)
