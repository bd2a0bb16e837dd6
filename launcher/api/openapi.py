"""The description of the API (OpenAPI 3.1), generated from the same declarations that check it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import msgspec
from flask import Response, request, url_for

from launcher.accounts.sign_in import FAILURES_BEFORE_PAUSE
from launcher.api import idempotency
from launcher.api.door import DOORS, PARTS, Door
from launcher.api.examples import BODIES, RESULTS
from launcher.api.links import LINKS
from launcher.api.problems import MEDIA_TYPE, PROBLEMS
from launcher.api.sent import MAX_BODY_BYTES
from launcher.db.content import APP_VERSION
from launcher.models import TokenScope

_JSON = "application/json"
_ALWAYS = ("internal",)
_WITH_TOKEN = (
    "bad_request",
    "host_not_served",
    "token_in_address",
    "token_missing",
    "token_invalid",
    "token_expired",
    "token_revoked",
    "token_user_inactive",
    "scope_missing",
    "role_too_low",
    "not_acceptable",
    "invalid_field",
    "too_many_attempts",
    "data_being_replaced",
    "database_busy",
    "database_damaged",
    "database_version",
    "disk_full",
)
COMMON = frozenset({*_ALWAYS, *_WITH_TOKEN})
"""The codes that every call may answer with."""
_WITH_BODY = ("bad_json", "length_required", "too_large", "unsupported_type")
_REFERENCE = "#/components/schemas/{name}"
_HEADERS_OF = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    409: ("Retry-After",),
    416: ("Content-Range",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
_HEADERS = {
    "Content-Range": {
        "description": "Which part it is, of how many bytes.",
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {
        "description": "What a token needs (RFC 6750).",
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "schema": {"type": "integer", "minimum": 0},
    },
}
"""Headers of problems, by their status."""

_MOST_JSON = f"At most {MAX_BODY_BYTES} bytes of JSON."
_MOST_FILE = " A file may have as many bytes as the site's settings allow."
_ABOUT = (
    "Moments are RFC 3339: in answers in UTC to the millisecond, in requests with any offset. "
    "Sizes are bytes. JSON is UTF-8, and unknown fields are refused by name. After "
    f"{FAILURES_BEFORE_PAUSE} invalid tokens an address has to wait (`too_many_attempts`). "
    "A valid token is always accepted."
)

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ORDER = (
    "status", "apps", "backups", "destinations", "undo", "operations", "schedule", "jobs",
    "recipients",
)  # fmt: skip


def doors() -> Sequence[Door]:
    """Return every call, those of one subject together, as the reference shows them."""
    return sorted(
        DOORS,
        key=lambda door: (
            _ORDER.index(door.path.split("/")[1]),
            door.path.count("/"),
            door.path,
            _METHODS.index(door.method),
        ),
    )


def codes_of(door: Door) -> Sequence[str]:
    """Return the code of every problem that `door` may answer with, by status."""
    codes = {*_ALWAYS, *_WITH_TOKEN, *door.problems}
    if door.body is not None or door.body_types:
        codes.update(_WITH_BODY)
    else:
        codes.add("body_unexpected")
    if door.is_body_required:
        codes.add("body_missing")
    if door.begins_work:
        codes.update(idempotency.CODES)
    if "{" in door.path:
        codes.add("not_found")
    return sorted(codes, key=lambda code: (PROBLEMS[code].status, code))


def document() -> Mapping[str, Any]:
    """Return the description for the address of this request."""
    return {**_document(), "servers": [{"url": url_for("api.dispatch").rstrip("/")}]}


def response() -> Response:
    """Return the description as an answer, or that it is the one that the client has.

    It may be kept, unlike all other answers: it holds no data of the site.
    """
    answer = Response(msgspec.json.encode(document()), content_type=_JSON)
    answer.headers["Cache-Control"] = "no-cache"
    answer.add_etag()
    answer.make_conditional(request)
    return answer


@lru_cache(maxsize=1)
def _document() -> Mapping[str, Any]:
    queries = [each.query for each in doors() if each.query is not None]
    kinds = [kind for each in doors() for kind in (each.body, each.result) if kind is not None]
    _, found = msgspec.json.schema_components([*queries, *kinds], ref_template=_REFERENCE)
    # The fields of a query are parameters; what they refer to is needed.
    names = found.keys() - {kind.__name__ for kind in queries}
    schemas = {name: _tidied(found[name]) for name in found if name in names}
    for kind in {each.body for each in doors() if each.body is not None}:
        schemas[kind.__name__]["additionalProperties"] = False  # see `dispatch`
    paths: dict[str, dict[str, Any]] = {}
    for door in doors():
        paths.setdefault(door.path, {})[door.method.lower()] = _operation(door)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Launcher",
            "version": APP_VERSION,
            "summary": "Backups of Launcher and the health of its apps, for programs.",
            "description": _ABOUT,
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _problem_schema()},
            "headers": _HEADERS,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of Administration, API tokens.",
                },
                "follow_token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The `follow_token` of an operation, valid for a day.",
                },
            },
        },
    }


def _operation(door: Door) -> Mapping[str, Any]:
    described: dict[str, Any] = {
        "operationId": door.name,
        "summary": door.summary,
        "description": door.about,
        "security": _security(door),
        "responses": _responses(door),
    }
    if parameters := [*_path_parameters(door), *_query_parameters(door), *_headers(door)]:
        described["parameters"] = parameters
    content: dict[str, Any] = {each: {"schema": {}} for each in door.body_types}
    if door.body is not None:
        content = {
            _JSON: {"schema": _reference(door.body), "example": BODIES[door.name]},
            **content,
        }
    if content:
        described["requestBody"] = {
            "required": door.is_body_required,
            "description": _MOST_JSON + (_MOST_FILE if door.body_types else ""),
            "content": content,
        }
    return described


def _security(door: Door) -> Sequence[Mapping[str, Any]]:
    scoped = {"token": [door.scope.value]}
    return [scoped, {"follow_token": []}] if door.is_ungated else [scoped]


def _path_parameters(door: Door) -> Iterable[Mapping[str, Any]]:
    for name in re.findall(r"\{(\w+)\}", door.path):
        pattern, about = PARTS[name]
        schema = {"type": "string", "pattern": f"^{pattern}$"}
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": about,
            "schema": schema,
        }


def _query_parameters(door: Door) -> Iterable[Mapping[str, Any]]:
    if door.query is None:
        return
    _, schemas = msgspec.json.schema_components([door.query], ref_template=_REFERENCE)
    described = schemas[door.query.__name__]
    for name, schema in described["properties"].items():
        plain = {key: value for key, value in _tidied(schema).items() if key != "description"}
        yield {
            "name": name,
            "in": "query",
            "required": name in described.get("required", ()),
            "description": schema.get("description", ""),
            "schema": plain,
        }


def request_headers(door: Door) -> Mapping[str, str]:
    """Return the headers that `door` heeds, besides those of every call, and what each is for."""
    own = {idempotency.HEADER: idempotency.ABOUT} if door.begins_work else {}
    return {**door.request_headers, **own}


def _headers(door: Door) -> Iterable[Mapping[str, Any]]:
    for name, about in request_headers(door).items():
        schema = idempotency.SCHEMA if name == idempotency.HEADER else {"type": "string"}
        yield {"name": name, "in": "header", "description": about, "schema": schema}


def _responses(door: Door) -> Mapping[str, Any]:
    good: dict[str, Any] = {"description": door.summary}
    if door.result is not None:
        content = {"schema": _reference(door.result), "example": RESULTS[door.name]}
        good["content"] = {_JSON: content}
    elif door.result_types:
        good["content"] = {each: {"schema": {}} for each in door.result_types}
    if door.response_headers:
        good["headers"] = {name: _text(about) for name, about in door.response_headers.items()}
    if links := LINKS.get(door.name):
        good["links"] = {each.to: each.described() for each in links}
    responses: dict[str, Any] = {str(door.status): good}
    if "If-None-Match" in door.request_headers:
        responses["304"] = {"description": "Not changed", "headers": good["headers"]}
    if "range_not_satisfiable" in door.problems:
        of_part = {**good["headers"], "Content-Range": _HEADERS["Content-Range"]}
        responses["206"] = {**good, "description": "The part", "headers": of_part}
    for status, codes in groupby(codes_of(door), key=lambda code: PROBLEMS[code].status):
        responses[str(status)] = _problem(status, list(codes))
    return responses


def _text(about: str) -> Mapping[str, Any]:
    return {"description": about, "schema": {"type": "string"}}


def _problem(status: int, codes: Sequence[str]) -> Mapping[str, Any]:
    """Return the answer of a status that can come with these codes, and no others."""
    one_of = {"properties": {"code": {"enum": codes}}}
    schema = {"allOf": [{"$ref": _REFERENCE.format(name="Problem")}, one_of]}
    described: dict[str, Any] = {
        "description": " ".join(f"`{code}`: {PROBLEMS[code].title}." for code in codes),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }
    if names := _HEADERS_OF.get(status):
        described["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return described


def _tidied(schema: Any) -> Any:
    """Return a schema whose descriptions are not wrapped, and whose enums have a type."""
    if isinstance(schema, list):
        return [_tidied(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {name: _tidied(each) for name, each in schema.items()}
    if isinstance(schema.get("enum"), list):
        tidied["type"] = "string"
    if isinstance(about := schema.get("description"), str):
        tidied["description"] = "\n\n".join(" ".join(each.split()) for each in about.split("\n\n"))
    return tidied


def _reference(kind: type[msgspec.Struct]) -> Mapping[str, Any]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


_PROBLEM_FACTS: Mapping[str, Any] = {
    "field": {"type": "string", "description": "The field, parameter or header that is wrong."},
    "scope": {
        "type": "string",
        "enum": [each.value for each in TokenScope],
        "description": "The scope that the token does not have.",
    },
    "operation": {
        "type": "string",
        "description": "The id of the operation that runs, or empty when it has just ended.",
    },
    "reason": {"type": "string", "description": "A stable code of what exactly is wrong."},
    "details": {
        "type": "object",
        "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "description": "The facts in the sentence, by name. They depend on the reason.",
    },
    "number": {"type": "string", "description": "The number of the entry in the server log."},
}
"""What a problem may have besides."""


def _problem_schema() -> Mapping[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "A problem (RFC 9457). `code` never changes its meaning.",
        "required": ["type", "title", "status", "code", "detail", "hint"],
        "properties": {
            "type": {
                "type": "string",
                "format": "uri-reference",
                "description": "Where the reference explains the code.",
            },
            "title": text,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": {"type": "string", "enum": sorted(PROBLEMS)},
            "detail": {**text, "description": "What happened, an English sentence."},
            "hint": {**text, "description": "What to do next, an English sentence."},
            **_PROBLEM_FACTS,
        },
    }
