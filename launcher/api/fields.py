"""What a schema says of one field, as the tables of the reference show it."""

from __future__ import annotations

from collections.abc import Mapping
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
