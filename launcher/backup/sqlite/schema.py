"""Whether a database has exactly the objects of our migrations."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from launcher.backup.records.schema import SchemaObject

# What SQLite itself writes (https://www.sqlite.org/fileformat.html#the_sqlite_stat1_table). It
# reads statistics while it opens a database, so a table that computes its columns runs code there.
_STATISTICS = tuple(
    SchemaObject("table", name, name, f"CREATE TABLE {name}({columns})")
    for name, columns in (
        ("sqlite_stat1", "tbl,idx,stat"),
        ("sqlite_stat4", "tbl,idx,neq,nlt,ndlt,sample"),
        ("sqlite_sequence", "name,seq"),
    )
)

_TOKEN = re.compile(
    r"""
    --[^\n]* | /\*.*?(?:\*/|\Z)           # a comment
    | [xX]'[^']*' | '(?:[^']|'')*'        # a literal
    | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\]
    | [\w$\x80-\U0010ffff]+ | \S          # a word, a sign
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_PLAIN = re.compile(r"CREATE\s+(TABLE|(UNIQUE\s+)?INDEX)\s", re.IGNORECASE)
_COMMENTS = {"--", "/*"}
_DROPPED = frozenset({"table", "view", "index", "trigger"})
_LONGEST_NAME = 100
_MOST_STATEMENTS = 20
_QUOTES = {'"': '"', "`": "`", "[": "]"}

Schema = Sequence[tuple[int, SchemaObject]]
"""The rows of `sqlite_schema`, each with its row id."""

_Meaning = tuple[str, str, str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Differences:
    """In what a schema differs from ours.

    Attributes:
        foreign: what our migrations do not make.
        different: names of objects of ours that mean something else here.
        missing: names of objects of ours that are not there.
    """

    foreign: Schema = ()
    different: Sequence[str] = ()
    missing: Sequence[str] = ()

    @property
    def foreign_names(self) -> tuple[str, ...]:
        """Their names, without the indexes that SQLite adds to a table."""
        named = (each.name for _, each in self.foreign if each.sql is not None)
        return tuple(dict.fromkeys(named))


def read_schema(connection: sqlite3.Connection) -> Schema:
    """Return every row of `sqlite_schema` with its row id.

    Bytes that are no text are kept as surrogates, so that different names stay different.
    """
    rows = connection.execute(
        "SELECT rowid, CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB),"
        " CAST(sql AS BLOB) FROM sqlite_schema ORDER BY rowid"
    )
    return [
        (rowid, SchemaObject(_text(kind), _text(name), _text(table), sql and _text(sql)))
        for rowid, kind, name, table, sql in rows
    ]


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "surrogateescape")


def first_code(rows: Schema) -> str:
    """Return the name of the first trigger, view or virtual table, which are code; "" for none.

    Nothing is queried in a database that has one: a view in place of a table could run for ever.
    """
    for _, each in rows:
        is_plain = each.sql is None or _PLAIN.match(each.sql)
        if each.type not in {"table", "index"} or not is_plain:
            return each.name or each.type
    return ""


def compare(found: Schema, expected: Sequence[SchemaObject]) -> Differences:
    """Compare a schema with the one that it should be.

    Every row counts: two may bear one name, and SQLite would use both. Statistics count for
    nothing where they are exactly as SQLite writes them.
    """
    left = Counter(expected)
    odd = []
    for rowid, each in found:
        if left[each] > 0:
            left[each] -= 1
        else:
            odd.append((rowid, each))
    allowed = set(_STATISTICS) - set(expected)
    names = {each.name.lower() for each in expected}
    longest = 2 * max((len(each.sql or "") for each in expected), default=0)
    wanted = {_meaning(each, names): each for each in left.elements()}
    strange = []
    for rowid, each in odd:
        if each in allowed:
            allowed.remove(each)
        # Blanks mean nothing, and a gigabyte of them would be read for every page.
        elif len(each.sql or "") > longest or wanted.pop(_meaning(each, names), None) is None:
            strange.append((rowid, each))
    absent = {(each.type, each.name) for each in wanted.values()}
    different = {(each.type, each.name) for _, each in strange} & absent
    return Differences(
        foreign=[row for row in strange if (row[1].type, row[1].name) not in different],
        different=sorted(name for _, name in different),
        missing=sorted(name for _, name in absent - different),
    )


def drop_statements(foreign: Schema, expected: Sequence[SchemaObject]) -> str:
    """Return SQL that removes foreign objects and nothing of ours; of many, the first ones.

    It is "" where one bears the name of one of ours, or a name that SQLite keeps for itself, or
    that is not fit to print.
    """
    ours = {each.name.lower() for each in expected}
    named = [each for _, each in foreign if each.sql is not None]
    if any(
        each.type not in _DROPPED or each.name.lower() in ours or not _is_plain_name(each.name)
        for each in named
    ):
        return ""
    tables = {each.name for each in named if each.type == "table"}
    # An index or a trigger goes with its table, and the tables of a virtual table go with that.
    named.sort(key=lambda each: each.type != "table" or bool(_PLAIN.match(each.sql or "")))
    kept = (each for each in named if each.name in tables or each.table not in tables)
    statements = [f"DROP {each.type.upper()} IF EXISTS {_quoted(each.name)}" for each in kept]
    return "; ".join([*dict.fromkeys(statements)][:_MOST_STATEMENTS])


def _is_plain_name(name: str) -> bool:
    return name.isprintable() and len(name) <= _LONGEST_NAME and name[:7].lower() != "sqlite_"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def statistics(found: Schema) -> list[int]:
    """Return the row ids of what SQLite keeps for itself about the tables of a database."""
    return [rowid for rowid, each in found if each in _STATISTICS]


def _meaning(each: SchemaObject, names: set[str]) -> _Meaning:
    return each.type, each.name, each.table, _tokens(each.sql or "", names)


def _tokens(sql: str, names: set[str]) -> tuple[str, ...]:
    """Return SQL without what does not change its meaning: blanks, case, and quotes of `names`.

    `ALTER TABLE` quotes the names of tables; any other word may be a keyword without quotes.
    """
    return tuple(_plain(token, names) for token in _TOKEN.findall(sql))


def _plain(token: str, names: set[str]) -> str:
    if token[-1] == "'" or token[:2] in _COMMENTS:
        return token
    if token[-1] == _QUOTES.get(token[0]):
        inner = _lower(token[1:-1])
        return inner if inner in names else token
    return _lower(token)


def _lower(word: str) -> str:
    """Fold the case as SQLite does: of ASCII alone."""
    return "".join(c.lower() if c.isascii() else c for c in word)
