"""An example of what a call takes or answers, made from its schema, for the reference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_BACKUP = "20261122T170000Z-k3f9q2"
_OPERATION = "096ec5243de58d80"
_TEXTS = {
    "id": _BACKUP,
    "backup": _BACKUP,
    "backup_id": _BACKUP,
    "backup_cron_expression": "0 3 * * *",
    "by": "ada",
    "confirm": _BACKUP,
    "detail": "",
    "error": "",
    "error_code": "",
    "follow_token": "lcf_EXAMPLE6Yt1RbV8nQz",
    "job": "backup",
    "name": "Phone",
    "note": "Before the upgrade",
    "operation": _OPERATION,
    "public_url": "https://launcher.home.arpa",
    "reason": "",
    "schedule": "0 3 * * *",
    "service": "ntfys",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "time_zone": "Europe/Berlin",
    "username": "ada",
}
"""What a text field of this name holds in examples."""

_CHOICES = ("ok", "succeeded", "verified", "manual", "up")
"""What is shown of several values, where one of these is among them."""

PATH = {"backup": _BACKUP, "operation": _OPERATION, "job": "backup"}
"""What the parts of an address hold in examples."""


def example(schema: Schema, schemas: Mapping[str, Schema], *, name: str = "", deep: int = 0) -> Any:
    """Return a value that `schema` allows; `schemas` has what it refers to by name."""
    schema = resolved(schema, schemas)
    if "examples" in schema:
        return schema["examples"][0]
    if "default" in schema and schema["default"] not in (None, "", [], {}):
        return schema["default"]
    if "enum" in schema:
        return next((each for each in _CHOICES if each in schema["enum"]), schema["enum"][0])
    kind = schema.get("type")
    if kind == "object" and deep < 6:
        fields = schema.get("properties", {})
        return {
            field: example(each, schemas, name=field, deep=deep + 1)
            for field, each in fields.items()
        }
    if kind == "array" and deep < 6:
        return [example(schema.get("items", {}), schemas, name=name, deep=deep + 1)]
    return _plain(schema, kind, name)


def _plain(schema: Schema, kind: object, name: str) -> Any:
    if schema.get("format") == "date-time":
        return "2026-11-22T17:00:00Z"
    match kind:
        case "string":
            return _TEXTS.get(name, "")
        case "boolean":
            return True
        case "integer" | "number":
            if name.endswith("_bytes"):
                return 4_404_224
            return schema.get("minimum", 0 if kind == "integer" else 0.0)
    return {} if kind == "object" else [] if kind == "array" else None


def resolved(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    """Return a schema without references; of several it is the first that is not null."""
    while True:
        if "$ref" in schema:
            found = schemas[schema["$ref"].rpartition("/")[2]]
            schema = {**found, **{name: each for name, each in schema.items() if name != "$ref"}}
        elif "anyOf" in schema:
            of: Schema = next((each for each in schema["anyOf"] if each.get("type") != "null"), {})
            schema = {**of, **{name: each for name, each in schema.items() if name != "anyOf"}}
        else:
            return schema


def as_text(value: object) -> str:
    """Return a value as an indented JSON text."""
    return json.dumps(value, indent=2, ensure_ascii=False)
