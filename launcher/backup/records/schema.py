"""One object of a database: a table, an index, or whatever else its schema lists."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """One row of `sqlite_schema` (https://www.sqlite.org/schematab.html).

    Attributes:
        type: "table" or "index"; "view" or "trigger" in a foreign schema.
        table: the table that it belongs to.
        sql: None for an index that SQLite makes for a constraint.
    """

    type: str
    name: str
    table: str
    sql: str | None
