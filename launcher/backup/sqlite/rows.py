"""How many rows the tables of a database have."""

from __future__ import annotations

import re
import sqlite3

# How SQLite's checks name a row that is whole, and that its table does not allow.
_BROKEN_RULE = re.compile(
    r"CHECK constraint failed in (?P<table>.+)"
    r"|(?:NULL|TEXT|NUMERIC|non-[A-Z]+) value in (?P<its_table>.+)\.[^.]+",
    re.DOTALL,
)


def rows_by_table(connection: sqlite3.Connection) -> dict[str, int]:
    """Return table → rows, for every table that holds content."""
    tables = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " ORDER BY name"
    ).fetchall()
    return {table: count_rows(connection, table) for (table,) in tables}


def count_rows(connection: sqlite3.Connection, table: str) -> int:
    """Return the number of rows of one table, whose name comes from the schema itself."""
    quoted = table.replace('"', '""')
    return int(connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0])  # noqa: S608


def dangling_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """Return table → number of rows that point to a row that does not exist."""
    counts: dict[str, int] = {}
    for row in connection.execute("PRAGMA foreign_key_check"):
        counts[row[0]] = counts.get(row[0], 0) + 1
    return counts


def table_of_broken_rule(finding: str) -> str:
    """Return the table in which a row breaks a rule; "" for any other finding, which is damage."""
    found = _BROKEN_RULE.fullmatch(finding)
    return (found["table"] or found["its_table"]) if found else ""
