"""The description of the API (OpenAPI 3.1), generated from the same declarations that check it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from flask import Response, url_for

from launcher.api.door import DOORS, PARTS, Door
from launcher.api.problems import MEDIA_TYPE, PROBLEMS
from launcher.db.content import APP_VERSION

_ALWAYS = ("internal",)
_WITH_TOKEN = (
    "bad_request",
    "token_missing",
    "token_invalid",
    "token_expired",
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
_WITH_BODY = ("bad_json", "length_required", "too_large", "unsupported_type")
_REFERENCE = "#/components/schemas/{name}"


def codes_of(door: Door) -> Sequence[str]:
    """Return the code of every problem that `door` may answer with, by status."""
    codes = {*_ALWAYS, *_WITH_TOKEN, *door.problems}
    if door.body is not None or door.body_type:
        codes.update(_WITH_BODY)
    if "{" in door.path:
        codes.add("not_found")
    return sorted(codes, key=lambda code: (PROBLEMS[code].status, code))


def document() -> Mapping[str, Any]:
    """Return the description for the address of this request."""
    return {**_document(), "servers": [{"url": url_for("api.dispatch").rstrip("/")}]}


def response() -> Response:
    """Return the description as an answer."""
    return Response(msgspec.json.encode(document()), content_type="application/json")


@lru_cache(maxsize=1)
def _document() -> Mapping[str, Any]:
    kinds = [kind for each in DOORS for kind in (each.body, each.result) if kind is not None]
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for door in DOORS:
        paths.setdefault(door.path, {})[door.method.lower()] = _operation(door)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Launcher",
            "version": APP_VERSION,
            "summary": "Backups of a Launcher site, for programs.",
        },
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _problem_schema()},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of Administration, API tokens.",
                }
            },
        },
    }


def _operation(door: Door) -> Mapping[str, Any]:
    described: dict[str, Any] = {
        "operationId": door.name,
        "summary": door.summary,
        "description": door.about,
        "security": [{"token": [door.scope.value]}],
        "responses": _responses(door),
    }
    if parameters := [*_path_parameters(door), *_query_parameters(door), *_headers(door)]:
        described["parameters"] = parameters
    if door.body is not None:
        content = {"application/json": {"schema": _reference(door.body)}}
        described["requestBody"] = {"required": True, "content": content}
    elif door.body_type:
        content = {door.body_type: {"schema": {}}}
        described["requestBody"] = {"required": True, "content": content}
    return described


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
        plain = {key: value for key, value in schema.items() if key != "description"}
        yield {
            "name": name,
            "in": "query",
            "required": name in described.get("required", ()),
            "description": schema.get("description", ""),
            "schema": plain,
        }


def _headers(door: Door) -> Iterable[Mapping[str, Any]]:
    for name, about in door.request_headers.items():
        yield {"name": name, "in": "header", "description": about, "schema": {"type": "string"}}


def _responses(door: Door) -> Mapping[str, Any]:
    good: dict[str, Any] = {"description": door.summary}
    if door.result is not None:
        good["content"] = {"application/json": {"schema": _reference(door.result)}}
    elif door.result_types:
        good["content"] = {each: {"schema": {}} for each in door.result_types}
    if door.response_headers:
        good["headers"] = {
            name: {"description": about, "schema": {"type": "string"}}
            for name, about in door.response_headers.items()
        }
    responses: dict[str, Any] = {str(door.status): good}
    for code in codes_of(door):
        status = str(PROBLEMS[code].status)
        text = f"`{code}`: {PROBLEMS[code].title}"
        if status in responses:
            responses[status]["description"] += f"; {text}"
        else:
            content = {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(name="Problem")}}}
            responses[status] = {"description": text, "content": content}
    return responses


def _reference(kind: type[msgspec.Struct]) -> Mapping[str, Any]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def _problem_schema() -> Mapping[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "A problem (RFC 9457). `code` never changes its meaning.",
        "required": ["type", "title", "status", "code", "detail", "hint"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": text,
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": sorted(PROBLEMS)},
            "detail": text,
            "hint": text,
        },
    }
