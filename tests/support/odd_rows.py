"""Odd values in every column of every table, as somebody with `sqlite3` at hand can write them.

It follows the models: a new table or column is in `odd_cells` without a word here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

import launcher.models
from launcher.models.types import EnumText, StoredFacts, UtcDateTime

_METADATA = launcher.models.User.metadata

ODD_VALUES = {
    "NULL": "NULL",
    "nothing": "''",
    "garbage": "'garbage'",
    "a control character": "'a' || char(27) || '[31m' || char(10)",
    "NUL inside": "CAST(x'410042' AS TEXT)",
    "invalid UTF-8": "CAST(x'41ff' AS TEXT)",
    "half a character": "CAST(x'eda080' AS TEXT)",
    "an empty BLOB": "x''",
    "a BLOB": "x'00ff7b'",
    "markup": "'<script>alert(1)</script>{{ 7 * 7 }}%(name)s'",
    "an address that is none": "'http://['",
    "a huge text": "replace(hex(zeroblob(100000)), '0', 'x')",
    "digits without end": "replace(hex(zeroblob(2500)), '0', '9')",
    "minus one": "-1",
    "zero": "0",
    "the largest number": "9223372036854775807",
    "the smallest number": "-9223372036854775808",
    "a fraction": "1.5",
    "infinity": "9e999",
    "the last moment": "'9999-12-31 23:59:59.999999'",
    "the first moment": "'0001-01-01 00:00:00.000000'",
    "half a moment": "'2026-13-45'",
    "a moment of a zone": "'2026-11-22 12:00:00+14:00'",
    "broken JSON": "'{\"name\": '",
    "JSON of another shape": "'[1, [2, {\"a\": null}]]'",
    "JSON with odd values": (
        """'{"a": [1], "b": null, "name": [[], {}], "role": ["x", 7], "": [1, 2, 3],"""
        """ "outcome": 1, "error": [], "operation": {}}'"""
    ),
    "JSON without end": "replace(hex(zeroblob(2500)), '0', '[')",
    "JSON of a number without end": "'{\"a\": ' || replace(hex(zeroblob(2500)), '0', '9') || '}'",
}
"""What SQLite lets a person write, as SQL, by the name that a failing test says."""

OF_SESSIONS = frozenset({"id", "username", "password_hash", "role", "is_active", "session_epoch"})
"""Columns by which users are signed in: odd in the rows of others only; see `write_odd`."""


@dataclass(frozen=True, slots=True)
class OddCell:
    """One odd value in one column. `is_key`: rows are found by it, or it points at another."""

    table: str
    column: str
    value: str
    is_key: bool

    def __str__(self) -> str:
        return f"{self.value} in {self.table}.{self.column}"

    @property
    def sql(self) -> str:
        """The value as SQL."""
        return ODD_VALUES[self.value]


def odd_cells(values: Iterable[str] = ODD_VALUES) -> Iterator[OddCell]:
    """Return every odd value in every column; NULL only where the table takes it."""
    for table in _METADATA.sorted_tables:
        for column in table.columns:
            is_key = column.primary_key or bool(column.foreign_keys)
            for value in values:
                if value != "NULL" or column.nullable:
                    yield OddCell(table.name, column.name, value, is_key)


def fill_empty_tables(path: Path) -> None:
    """Put an ordinary row into each table that has none, so that there is something to be odd."""
    with closing(sqlite3.connect(path)) as database, database:
        for table in _METADATA.sorted_tables:
            if database.execute(f"SELECT 1 FROM {table.name} LIMIT 1").fetchone():
                continue
            names = ", ".join(column.name for column in table.columns)
            marks = ", ".join("?" * len(table.columns))
            row = [_ordinary(column) for column in table.columns]
            database.execute(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", row)


def write_odd(path: Path, cells: Sequence[OddCell], *, spare_users: int = 0) -> None:
    """Write these values into the database, behind the back of its constraints.

    A key, and what must be unique, is changed in the last row alone, every other column in all
    rows. What SQLite itself refuses, text as the number of a row, is left as it was.

    Args:
        spare_users: so many users, the first ones, can still sign in.
    """
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        for cell in cells:
            table = _METADATA.tables[cell.table]
            where = _of_last_row(table) if cell.is_key or _is_unique(table, cell.column) else "1"
            if cell.column in OF_SESSIONS and cell.table in {"users", "system_settings"}:
                where += f" AND id > {spare_users}"
            if cell.table == "user_sessions":
                where += f" AND user_id > {spare_users}"
            try:
                database.execute(
                    f"UPDATE OR IGNORE {cell.table} SET {cell.column} = {cell.sql} WHERE {where}"
                )
            except sqlite3.IntegrityError as error:
                if "datatype mismatch" not in str(error):
                    raise


def _ordinary(column: sa.Column[object]) -> object:
    if column.nullable:
        return None
    if isinstance(column.type, EnumText):
        return next(iter(column.type.members)).value
    if isinstance(column.type, UtcDateTime):
        return "2026-11-22 12:00:00.000000"
    if isinstance(column.type, sa.JSON | StoredFacts):
        return "{}"
    if isinstance(column.type, sa.LargeBinary):
        return b"content"
    return f"https://{column.name}.home.arpa/" if isinstance(column.type, sa.Text) else 1


def _is_unique(table: sa.Table, name: str) -> bool:
    together = (each for each in table.constraints if isinstance(each, sa.UniqueConstraint))
    return bool(table.columns[name].unique) or any(name in each.columns for each in together)


def _of_last_row(table: sa.Table) -> str:
    keys = ", ".join(column.name for column in table.primary_key)
    ordered = ", ".join(f"{column.name} DESC" for column in table.primary_key)
    return f"({keys}) = (SELECT {keys} FROM {table.name} ORDER BY {ordered} LIMIT 1)"
