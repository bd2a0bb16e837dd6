"""One view for all of `/api/v1`: it finds the call, checks who calls and what is sent, and answers.

Cookies count nothing here, so no form of another site can use them. Whatever goes wrong is answered
as a problem; the pages of errors are never shown.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn, cast

import msgspec
from flask import Blueprint, Response, request, url_for
from sqlalchemy.exc import DBAPIError, NoResultFound
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.routing import PathConverter, Rule

from launcher.api import idempotency, openapi, reference
from launcher.api.authentication import authenticate
from launcher.api.backup_problems import problem_of
from launcher.api.door import DOORS, PARTS, Answer, Call, Door, Result
from launcher.api.problems import Problem
from launcher.backup.errors import BackupError
from launcher.db.session import (
    DatabaseFault,
    DatabaseOfAnotherVersionError,
    DataBeingReplacedError,
    enter_for_data,
    fault_of,
    ungated,
)
from launcher.extensions import csrf, db

PREFIX = "/api/v1"
MAX_BODY_BYTES = 64_000
_MEDIA_TYPE = "application/json"
_log = logging.getLogger(__name__)

blueprint = Blueprint("api", __name__)
csrf.exempt(blueprint)


class _Anything(PathConverter):
    """Any text. A plain path has no line break, so that one would be no address of ours."""

    regex = "(?s:.+)"
    part_isolating = False  # a slash is part of it


def add_rules(state: Any) -> None:
    """Send every method at every address below `PREFIX` here, so that each answer is JSON."""
    state.app.url_map.converters["anything"] = _Anything
    for rule in (f"{PREFIX}/", f"{PREFIX}/<anything:rest>"):
        # Without `methods` a rule takes any, which `add_url_rule` cannot say.
        state.app.url_map.add(Rule(rule, endpoint="api.dispatch"))
    state.app.view_functions["api.dispatch"] = dispatch


blueprint.record(add_rules)


@ungated
def dispatch(rest: str = "") -> Response:
    """Answer any request below `PREFIX`."""
    try:
        response = _answer(f"/{rest}")
    except Problem as problem:
        response = _refuse(problem)
    except BackupError as error:
        response = _refuse(problem_of(error))
    except DataBeingReplacedError:
        response = _refuse(Problem("data_being_replaced", headers={"Retry-After": "2"}))
    except DatabaseOfAnotherVersionError as error:
        response = _refuse(Problem("database_version", f"{error.problem}."))
    except (DBAPIError, NoResultFound) as error:
        response = _refuse(_problem_of_database(error))
    except RequestEntityTooLarge:
        response = _refuse(Problem("too_large"))
    except HTTPException as error:
        response = _refuse(Problem("bad_request", error.description or ""))
    except Exception:  # noqa: BLE001 (the API answers every error as a problem)
        response = _refuse(_internal())
    return response


def _answer(path: str) -> Response:
    if path in _ABOUT:
        return _about(path)
    door, parts = _find(path)
    if request.method == "OPTIONS":
        return _options(_methods(path))
    _check_accept(door)
    content = _read_body(door)
    if door.is_ungated:
        token = None
    else:
        enter_for_data()
        token = authenticate(door.scope)
    call = Call(token, parts, _query(door), _body(door, content))
    if door.begins_work and not _is_stream(door):
        view = cast("Callable[[Call], Answer]", door.view)
        return _respond(door, idempotency.once(call, idempotency.digest_of(content), view))
    return _respond(door, door.view(call))


_ABOUT = {"/": reference.response, "/openapi.json": openapi.response}
"""What describes the API, and needs no token."""


def _about(path: str) -> Response:
    allowed = {"Allow": "GET, HEAD, OPTIONS"}
    if request.method == "OPTIONS":
        return _options(["GET", "HEAD", "OPTIONS"])
    if request.method not in {"GET", "HEAD"}:
        raise Problem("method_not_allowed", headers=allowed)
    return _ABOUT[path]()


def _options(methods: Sequence[str]) -> Response:
    response = Response(status=204, headers={"Allow": ", ".join(methods)})
    response.headers.pop("Content-Type", None)
    return response


dispatch.ignores_cookies = True  # type: ignore[attr-defined]  # see `launcher.web.forgery`


# Which call

_PATTERNS: dict[str, re.Pattern[str]] = {}


def _match(door: Door, path: str) -> Mapping[str, str] | None:
    pattern = _PATTERNS.get(door.path)
    if pattern is None:
        source = re.sub(r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{PARTS[m[1]][0]})", door.path)
        pattern = _PATTERNS[door.path] = re.compile(source, re.ASCII)
    found = pattern.fullmatch(path)
    return found.groupdict() if found else None


def _methods(path: str) -> list[str]:
    found = {each.method for each in DOORS if _match(each, path) is not None}
    return sorted(found | ({"HEAD"} if "GET" in found else set()) | {"OPTIONS"})


def _find(path: str) -> tuple[Door, Mapping[str, str]]:
    method = "GET" if request.method == "HEAD" else request.method
    here = [(each, parts) for each in DOORS if (parts := _match(each, path)) is not None]
    if not here:
        raise Problem("not_found")
    for door, parts in here:
        if method in {door.method, "OPTIONS"}:
            return door, parts
    raise Problem("method_not_allowed", headers={"Allow": ", ".join(_methods(path))})


# What is sent


def _check_accept(door: Door) -> None:
    offered = [*door.result_types] or [_MEDIA_TYPE]
    if request.accept_mimetypes and not request.accept_mimetypes.best_match(offered):
        raise Problem("not_acceptable", f"It is available as {', '.join(offered)}.")


def _read_body(door: Door) -> bytes:
    """Read the JSON body before the gate: a slow client must not delay a restore."""
    if door.body is None and not door.body_types:
        return b""
    if "Transfer-Encoding" in request.headers:
        raise Problem("length_required")
    if _is_stream(door):
        if request.content_length is None:
            raise Problem("length_required")
        return b""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise Problem("too_large", f"A JSON body has at most {MAX_BODY_BYTES} bytes.")
    content = request.get_data(cache=False)
    if content and request.mimetype != _MEDIA_TYPE:
        offered = " or ".join((_MEDIA_TYPE, *door.body_types))
        raise Problem("unsupported_type", f"Send the body as {offered}.")
    if request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise Problem("unsupported_type", "Send the body in UTF-8.")
    return content


def _is_stream(door: Door) -> bool:
    """Whether the body is one that the view reads itself."""
    return request.mimetype in door.body_types


def _query(door: Door) -> msgspec.Struct | None:
    """Return the query string as the door names it; a name may stand there once."""
    given = request.args
    for name in given:
        if len(given.getlist(name)) > 1:
            _refuse_field(name, "it stands there more than once")
    if door.query is None:
        for name in given:
            _refuse_field(name, "it is unknown")
        return None
    _require_known(given, door.query)
    _refuse_nul(given.items())
    query = _converted(given.to_dict(), door.query, is_text=True)
    for name, text in given.items():  # msgspec takes a number as seconds of Unix
        if isinstance(getattr(query, name), datetime) and "-" not in text[1:]:
            _refuse_field(name, "it is no moment of RFC 3339")
    return query


def _body(door: Door, content: bytes) -> msgspec.Struct | None:
    if door.body is None or _is_stream(door):
        return None
    try:
        value = json.loads(
            content.decode(),
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_float=_number,
        )
    except (ValueError, RecursionError) as error:
        is_long = isinstance(error, RecursionError)
        raise Problem("bad_json", "It is nested too deeply." if is_long else f"{error}.") from None
    if not isinstance(value, dict):
        raise Problem("bad_json", "It is not an object.")
    _require_known(value, door.body)
    _refuse_nul(value.items())
    return _converted(value, door.body)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        _refuse_field(twice, "it stands there more than once")
    return found


def _number(text: str) -> int | float:
    """Return a number; one like 7.0 is an integer, as in JSON Schema."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _require_known(given: Iterable[str], kind: type[msgspec.Struct]) -> None:
    for name in given:
        if name not in kind.__struct_encode_fields__:
            _refuse_field(name, "it is unknown")


def _refuse_nul(items: Iterable[tuple[str, Any]]) -> None:
    for name, value in items:
        if isinstance(value, str) and "\0" in value:
            _refuse_field(name, "it has a NUL character")
        if isinstance(value, str) and not value.isascii() and _has_lone_surrogate(value):
            _refuse_field(name, "it is no valid Unicode text")


def _has_lone_surrogate(text: str) -> bool:
    return any("\ud800" <= each <= "\udfff" for each in text)


def _converted(value: Any, kind: type[msgspec.Struct], *, is_text: bool = False) -> msgspec.Struct:
    try:
        return msgspec.convert(value, kind, strict=not is_text)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$.")
        name = place.rstrip("`").partition("[")[0]
        if not name and (missing := re.search(r"required field `(\w+)`", said)):
            name, said = missing[1], "it is missing"
        _refuse_field(name, said[:1].lower() + said[1:])


def _refuse_field(name: str, why: str) -> NoReturn:
    shown = "".join(each if each.isprintable() else "�" for each in name[:100])
    raise Problem("invalid_field", f"{shown}: {why}.", field=shown)


# The answer


def _respond(door: Door, result: Result) -> Response:
    if isinstance(result, Response):
        return result
    answer = result if isinstance(result, Answer) else Answer(result)
    content = b"" if answer.result is None else msgspec.json.encode(answer.result)
    status = answer.status or door.status
    response = Response(content, status, dict(answer.headers), content_type=_MEDIA_TYPE)
    if answer.result is None:
        response.headers.pop("Content-Type", None)
    return response


def _refuse(problem: Problem) -> Response:
    db.session.rollback()
    return problem.response(url_for("api.dispatch"))


def _problem_of_database(error: DBAPIError | NoResultFound) -> Problem:
    fault = fault_of(error)
    if fault is DatabaseFault.BUSY:
        return Problem("database_busy", headers={"Retry-After": "2"})
    if fault is DatabaseFault.DAMAGED:
        return Problem("database_damaged")
    if fault in {DatabaseFault.FULL, DatabaseFault.READ_ONLY}:
        return Problem("disk_full")
    return _internal()


def _internal() -> Problem:
    number = secrets.token_hex(4)
    _log.exception("internal error %s at %s %s", number, request.method, request.path)
    return Problem("internal", f"The number of the log entry is {number}.", number=number)
