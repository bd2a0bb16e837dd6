"""What a schema says of one field, as the tables of the reference show it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


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


@dataclass(frozen=True, slots=True)
class Limits:
    """What a value may be.

    Attributes:
        least, most: of a number, None for no limit.
        most_characters: None for no limit.
        pattern: a regular expression, "" for none.
        default: as JSON, a text without its quotes; "" for none.
    """

    least: int | None = None
    most: int | None = None
    most_characters: int | None = None
    pattern: str = ""
    default: str = ""


NONE = Limits()


def limits_of(schema: Schema) -> Limits:
    """Return the limits in a schema that is `resolved`."""
    default = schema.get("default")
    is_moment = schema.get("format") == "date-time"
    return Limits(
        least=schema.get("minimum"),
        most=schema.get("maximum"),
        most_characters=schema.get("maxLength"),
        pattern="" if is_moment else schema.get("pattern", ""),
        default=default if isinstance(default, str) else _json(default),
    )


def _json(default: object) -> str:
    return "" if default in (None, [], {}) else json.dumps(default)
