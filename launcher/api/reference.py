"""The reference for people at the root of the API, made from the same declarations as the rest.

It holds no data, so everyone may read it. Programs, which do not accept HTML, get the description.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Response, render_template, request, url_for
from markupsafe import Markup, escape

from launcher.api import openapi
from launcher.api.door import PARTS, Door
from launcher.api.examples import BODIES, PATH, RESULTS, as_text
from launcher.api.fields import NONE, Limits, limits_of, resolved
from launcher.api.problems import PROBLEMS, Problem
from launcher.db.session import enter_for_data
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

_JSON, _HTML = "application/json", "text/html"
_TYPES: Mapping[str, LazyString] = {
    "string": _("text"),
    "boolean": _("true or false"),
    "integer": _("number"),
    "number": _("number"),
    "array": _("list"),
    "object": _("object"),
}
_MOMENT = _("moment")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Field:
    """One field, header or part of an address.

    Attributes:
        about: its meaning in English, as the description has it; the page translates it.
        choices: the only values that it may have.
    """

    name: str
    type: LazyString | None
    about: str
    is_required: bool
    choices: Sequence[str] = ()
    limits: Limits = NONE


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that stand together; `about` says in English what they are."""

    title: LazyString
    fields: Sequence[Field]
    about: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One call as the page shows it.

    Attributes:
        curl, upload: a command for it, and one that sends a file where the call takes one as well.
        codes: the problems besides those of every call.
    """

    door: Door
    curl: str
    upload: str
    groups: Sequence[Group]
    example: str
    answer: Group | None
    codes: Sequence[str]


def response() -> Response:
    """Answer a request at the root: the reference as a page, or the description."""
    accepted = request.accept_mimetypes
    match accepted.best_match([_JSON, _HTML]) if accepted else _JSON:
        case "text/html":
            answer = Response(_page(), content_type="text/html; charset=utf-8")
        case "application/json":
            answer = openapi.response()
        case _none:
            raise Problem("not_acceptable", f"It is available as {_HTML}, {_JSON}.")
    answer.vary.add("Accept")
    return answer


def _page() -> str:
    enter_for_data()
    base = url_for("api.dispatch", _external=True).rstrip("/")
    return render_template(
        "api_reference.html",
        base=base,
        entries=[_entry(door, base) for door in openapi.doors()],
        problems=PROBLEMS,
        common=[code for code in PROBLEMS if code in openapi.COMMON],
        reasons={status.value: status.phrase for status in HTTPStatus},
        said=said,
        breakable=breakable,
        problem=_problem_example(),
    )


def said(text: str) -> Markup:
    """Return an English text of the declarations in the language of the reader, code marked."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(gettext(text) if text else ""))))  # noqa: S704 (escaped)


def breakable(name: str) -> Markup:
    """Return the name of a field so that a narrow page breaks it between its words alone."""
    return Markup(re.sub(r"(?<=[._])(?=\w)", "<wbr>", str(escape(name))))  # noqa: S704 (escaped)


def _entry(door: Door, base: str) -> Entry:
    headers = [
        Field(name, _TYPES["string"], about, False)
        for name, about in openapi.request_headers(door).items()
    ]
    groups = (
        Group(_("Address"), list(_path_fields(door))),
        _group(_("Query"), door.query),
        Group(_("Headers"), headers),
        _group(_("Body"), door.body),
    )
    return Entry(
        door=door,
        curl=_curl(door, base),
        upload=_curl(door, base, is_upload=True) if door.body_types else "",
        groups=[each for each in groups if each and each.fields],
        example=as_text(RESULTS[door.name]) if door.result else "",
        answer=_group(_("Response"), door.result),
        codes=[code for code in openapi.codes_of(door) if code not in openapi.COMMON],
    )


# What a call takes and answers


@lru_cache(maxsize=128)
def _schemas(kind: type[msgspec.Struct]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the schema of a type, and those that it refers to by name."""
    (schema,), schemas = msgspec.json.schema_components(
        [kind], ref_template="#/components/schemas/{name}"
    )
    return resolved(schema, schemas), schemas


def _group(title: LazyString, kind: type[msgspec.Struct] | None) -> Group | None:
    return Group(title, list(_fields(kind)), _about(kind)) if kind else None


def _about(kind: type[msgspec.Struct]) -> str:
    return _plain(_schemas(kind)[0].get("description", ""))


def _fields(kind: type[msgspec.Struct]) -> Iterator[Field]:
    schema, schemas = _schemas(kind)
    yield from _fields_of(schema, schemas)


def _fields_of(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], *, above: str = "", deep: int = 0
) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, each in schema.get("properties", {}).items():
        found = resolved(each, schemas)
        inner = resolved(found.get("items", {}), schemas) if "items" in found else found
        yield Field(
            name=f"{above}{name}",
            type=_type_of(found),
            about=_plain(each.get("description", "")),
            is_required=name in required,
            choices=tuple(map(str, inner.get("enum", ()))),
            limits=limits_of(found),
        )
        if deep < 2:
            below = f"{above}{name}{'[]' if 'items' in found else ''}."
            yield from _fields_of(inner, schemas, above=below, deep=deep + 1)


def _type_of(schema: Mapping[str, Any]) -> LazyString | None:
    if schema.get("format") == "date-time":
        return _MOMENT
    return _TYPES.get("string" if "enum" in schema else schema.get("type", ""))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _path_fields(door: Door) -> Iterator[Field]:
    for name in re.findall(r"\{(\w+)\}", door.path):
        pattern, about = PARTS[name]
        yield Field(name, _TYPES["string"], about, True, limits=Limits(pattern=f"^{pattern}$"))


def _curl(door: Door, base: str, *, is_upload: bool = False) -> str:
    """Return a command that makes the call, as it can be pasted into a shell."""
    path = re.sub(r"\{(\w+)\}", lambda match: PATH[match[1]], door.path)
    method = "" if door.method == "GET" else f" -X {door.method}"
    lines = [f"curl{method} {base}{path}", '-H "Authorization: Bearer $TOKEN"']
    if "Idempotency-Key" in openapi.request_headers(door):
        key = "upload" if is_upload else "upgrade"
        lines.append(f'-H "Idempotency-Key: {key}-2026-11-22"')
    if "If-Match" in door.request_headers and door.begins_work:
        lines.append(f"-H 'If-Match: \"{RESULTS['get_plan']['tag']}\"'")
    if is_upload:  # read in parts: --data-binary would hold all of it in memory
        lines += [f'-H "Content-Type: {door.body_types[0]}"', "--upload-file backup.db"]
    elif door.body is not None:
        text = json.dumps(BODIES[door.name], ensure_ascii=False)
        lines += ['-H "Content-Type: application/json"', f"-d '{text}'"]
    if door.result_types:
        lines.append("--remote-name --remote-header-name")
    return " \\\n  ".join(lines)


def _problem_example() -> str:
    kind = PROBLEMS["precondition_failed"]
    facts = {
        "type": f"{url_for('api.dispatch')}#precondition_failed",
        "title": kind.title,
        "status": kind.status,
        "code": "precondition_failed",
        "detail": f"{kind.title}.",
        "hint": kind.hint,
    }
    return as_text(facts)


def texts() -> Sequence[str]:
    """Return every English text of the declarations that the page shows in other languages."""
    found = [text for door in openapi.doors() for text in _texts_of(door)]
    for kind in PROBLEMS.values():
        found += [kind.title, kind.hint]
    return list(dict.fromkeys(filter(None, found)))


def _texts_of(door: Door) -> Iterator[str]:
    yield from (door.summary, door.about)
    yield from (each.about for each in _path_fields(door))
    for kind in (door.query, door.body, door.result):
        if kind is not None:
            yield _about(kind)
            yield from (each.about for each in _fields(kind))
    yield from openapi.request_headers(door).values()
    yield from door.response_headers.values()
