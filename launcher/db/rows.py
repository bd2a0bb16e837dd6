"""Replace values that no code of ours would write, so that the models can read each row.

A database from outside may hold anything that SQLite lets a person write: a BLOB in a name, a theme
that does not exist, a password hash that takes a gigabyte to check. Its constraints do not forbid
that, and a page that reads it fails. So each value of a staged copy is compared with the type of
its column before the copy goes live.
"""

# ruff: noqa: S608 (the names put into queries are those of the models)

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import sqlalchemy as sa

from launcher.backup.reasons import Fault, Reason
from launcher.models import SystemSettings
from launcher.models.types import (
    ODD_MOMENT,
    EnumSet,
    EnumText,
    Model,
    StoredFacts,
    UtcDateTime,
    UtcSeconds,
)
from launcher.settings.kinds import SettingError
from launcher.settings.table import SETTINGS, read

NAME_LENGTH = 1_000
TEXT_LENGTH = 100_000
_SHORT = {"name", "username", "display_name", "slug", "letters", "email", "prefix", "mime"}
_LARGE = 2**53  # what else counts in these columns stays far below
_END = datetime(9999, 1, 1, tzinfo=UTC)  # later moments cannot be shown in every zone

# SQL that is true for a fine value of the column {0}. `_is_clean` checks the bytes of a text.
_TEXT = "typeof({0}) = 'text'"
_WHOLE = "typeof({0}) = 'integer' AND {0} BETWEEN {1} AND {2}"
_MOMENT = (
    "typeof({0}) = 'text' AND strftime('%Y-%m-%d %H:%M:%S', {0}) = substr({0}, 1, 19)"
    " AND {0} GLOB '[12]???-??-?? ??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]'"
)
# Python reads no number of more than 4,300 digits, and SQLite does not look.
_JSON = (
    "typeof({0}) = 'text' AND json_valid({0}) AND substr({0}, 1, 1) = '{{'"
    " AND (length(CAST({0} AS BLOB)) <= 4000 OR is_readable_json(CAST({0} AS BLOB)))"
)


@dataclass(frozen=True, slots=True)
class _Column:
    """One column, and which values it may hold.

    Attributes:
        is_fine: SQL that is true for a value that the models can read, but for the bytes of a text.
        replacement: returns what replaces a value.
        length: how many characters a text may have; 0 for what is none.
    """

    name: str
    is_fine: str
    replacement: Callable[[object], object]
    length: int = 0


def replace_odd_values(connection: sqlite3.Connection) -> tuple[Fault, ...]:
    """Replace odd values of a database at `head`, inside the caller's transaction.

    A text keeps what can be read of it, any other value gets the default of its column, and a
    setting that may not have its value gets its default. A row whose key is odd, or a link that it
    needs, is removed.

    Returns:
        What was changed, by name.
    """
    faults: list[Fault] = []
    counts: Counter[str] = Counter()
    connection.create_function("is_readable_json", 1, _is_readable_json)
    with _reading_bytes(connection):
        faults += _replace_settings(connection)
        for table in Model.metadata.sorted_tables:
            if table.name != SystemSettings.__tablename__:
                counts.update(_replace_in_table(connection, table))
    if counts:
        values = ", ".join(f"{name} ({count})" for name, count in sorted(counts.items()))
        faults.append(Fault(Reason.ODD_VALUES, {"values": values}))
    return tuple(faults)


@contextlib.contextmanager
def _reading_bytes(connection: sqlite3.Connection) -> Iterator[None]:
    factory = connection.text_factory
    connection.text_factory = bytes
    try:
        yield
    finally:
        connection.text_factory = factory


def _replace_settings(connection: sqlite3.Connection) -> Iterator[Fault]:
    names = ", ".join(f"{name}, typeof({name})" for name in SETTINGS)
    row = connection.execute(f"SELECT {names} FROM system_settings").fetchone()
    odd = [
        name
        for name, value, type_ in zip(SETTINGS, row[::2], row[1::2], strict=True)
        if not _is_setting(name, value, type_.decode())
    ]
    for name in odd:
        default = SETTINGS[name].default
        connection.execute(f"UPDATE system_settings SET {name} = ?", (default,))
    if odd:
        yield Fault(Reason.ODD_SETTINGS, {"settings": ", ".join(odd)})


def _is_setting(name: str, value: object, type_: str) -> bool:
    kind = str if isinstance(SETTINGS[name].default, str) else int
    if type_ != {str: "text", int: "integer"}[kind]:
        return False
    try:
        text = value.decode() if isinstance(value, bytes) else str(value)
        read(name, text)
    except (UnicodeDecodeError, SettingError):
        return False
    return True


def _replace_in_table(connection: sqlite3.Connection, table: sa.Table) -> Iterator[str]:
    """Replace the odd values of one table; yield `table.column` for each value that was changed."""
    keys = [column.name for column in table.primary_key.columns]
    # No other value could take their place: the row would point at nothing.
    links = [each.name for each in table.columns if each.foreign_keys and not each.nullable]
    columns = [_column(each) for each in table.columns]
    for column in columns:
        # SQLite itself takes nothing but numbers as the number of a row.
        is_row_id = isinstance(table.columns[column.name].type, sa.Integer) and len(keys) == 1
        if column.name in links or (column.name in keys and not is_row_id):
            query = f"DELETE FROM {table.name} WHERE NOT ({column.is_fine})"
            yield from [f"{table.name}.{column.name}"] * connection.execute(query).rowcount
    rest = [column for column in columns if column.name not in keys]
    if not rest:
        return
    # Texts are read as bytes, which equal no text.
    where = " AND ".join(
        f"{each.name} = {'CAST(? AS TEXT)' if isinstance(each.type, sa.Text) else '?'}"
        for each in table.primary_key.columns
    )
    for key in _odd_rows(connection, table.name, keys, rest):
        names = ", ".join(f"{each.name}, ({each.is_fine})" for each in rest)
        row = connection.execute(f"SELECT {names} FROM {table.name} WHERE {where}", key).fetchone()
        for column, value, is_fine in zip(rest, row[::2], row[1::2], strict=True):
            if is_fine and (not column.length or _is_clean(value, column.length)):
                continue
            yield f"{table.name}.{column.name}"
            replacement = column.replacement(value)
            update = f"UPDATE {table.name} SET {column.name} = ? WHERE {where}"
            try:
                connection.execute(update, (replacement, *key))
            except sqlite3.IntegrityError:  # another row has this text
                connection.execute(update, (f"{replacement}-{secrets.token_hex(8)}", *key))


def _odd_rows(
    connection: sqlite3.Connection, table: str, keys: Sequence[str], columns: Sequence[_Column]
) -> list[tuple[object, ...]]:
    """Return the key of each row that may hold an odd value."""
    fine = " AND ".join(f"({column.is_fine})" for column in columns)
    # SQLite cannot say whether a text is UTF-8: the texts of a row are joined and decoded here.
    named = [f"ifnull({each.name}, '')" for each in columns if each.length]
    texts = " || char(10) || ".join(named) or "''"
    rows = connection.execute(
        # As a plain value, AND would compute its right side in any case.
        f"SELECT iif({fine}, 1, 0), {texts}, {', '.join(keys)} FROM {table}"
    )
    return [
        tuple(key)
        for some in iter(lambda: rows.fetchmany(1000), [])
        for is_fine, joined, *key in some
        if not is_fine or not _is_clean(joined, NAME_LENGTH)
    ]


def _is_clean(text: bytes | None, length: int) -> bool:
    """Whether a text is UTF-8 without NUL, and not too long."""
    try:
        return text is None or (len(text.decode()) <= length and b"\0" not in text)
    except UnicodeDecodeError:
        return False


def _is_readable_json(value: bytes) -> bool:
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


# --- what a column may hold ------------------------------------------------------------------


def _column(column: sa.Column[object]) -> _Column:
    """Return what `column` may hold, by its type in the models."""
    name, type_ = column.name, column.type
    default = column.info.get("odd") if column.nullable else _default(column)
    length = NAME_LENGTH if name in _SHORT else TEXT_LENGTH
    if isinstance(type_, EnumText):
        members = ", ".join(f"'{member}'" for member in type_.members)
        made = _Column(name, f"typeof({name}) = 'text' AND {name} IN ({members})", _always(default))
    elif isinstance(type_, EnumSet):
        made = _Column(name, _TEXT.format(name), _always(""), NAME_LENGTH)
    elif isinstance(type_, sa.Boolean):
        made = _Column(name, _WHOLE.format(name, 0, 1), _always(default))
    elif isinstance(type_, UtcDateTime):
        made = _Column(name, _MOMENT.format(name), _always(default))
    elif isinstance(type_, StoredFacts):
        made = _Column(name, _JSON.format(name), _always("{}"))
    elif isinstance(type_, sa.Text):
        made = _Column(name, _TEXT.format(name), _cleaned(length), length)
    elif isinstance(type_, sa.LargeBinary):
        made = _Column(name, f"typeof({name}) = 'blob'", _as_bytes)
    elif isinstance(type_, UtcSeconds):
        made = _Column(name, _WHOLE.format(name, 0, int(_END.timestamp()) - 1), _always(default))
    elif isinstance(type_, sa.Integer):
        least, most = column.info.get("range", (-_LARGE, _LARGE))
        made = _Column(name, _WHOLE.format(name, least, most), _always(default))
    else:
        raise TypeError(f"{column}: define here what such a column may hold")
    if not column.nullable:
        return made
    return replace(made, is_fine=f"{name} IS NULL OR {made.is_fine}")


def _default(column: sa.Column[object]) -> object:
    """Return the value that replaces an odd one, the one that permits least."""
    if "odd" in column.info:
        return column.info["odd"]
    if isinstance(column.type, EnumText):
        return column.type.otherwise
    if isinstance(column.type, UtcDateTime):
        return ODD_MOMENT
    if isinstance(column.default, sa.ColumnDefault) and column.default.is_scalar:
        return column.default.arg
    return 0


def _always(value: object) -> Callable[[object], object]:
    return lambda _value: value


def _cleaned(length: int) -> Callable[[object], str]:
    """Return what keeps the readable part of a value, up to `length` characters."""

    def cleaned(value: object) -> str:
        text = value if isinstance(value, bytes) else b"" if value is None else str(value).encode()
        return text[: 4 * length].decode(errors="replace").replace("\0", "")[:length]

    return cleaned


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
