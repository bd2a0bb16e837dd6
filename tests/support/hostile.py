"""Database files that somebody made to harm who reads them, out of a good notebook.

Each maker spoils the plain database at a path. Those of `RUNNING` compute for hours as soon as
SQLite opens the file; the others lie in wait for whoever trusts them.
"""

# ruff: noqa: E501 (a table of texts; the names put into queries are constants)

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Make = Callable[[Path], object]

HOURS = 40_000_000
"""So many bytes keep `slow_statistics` busy for hours: it takes time by their square."""

_PAGE = 4096
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
SLOW = f"replace(hex(zeroblob({HOURS})), hex(zeroblob({HOURS // 2}))||'1', '2')"
_NOTE = (
    "CREATE TABLE note (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES person (id),"
    " body TEXT NOT NULL, twin TEXT NOT NULL{column}, colour TEXT NOT NULL DEFAULT 'grey'{more})"
)


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def script(statements: str) -> Make:
    """Return what changes a file by SQL."""

    def change(path: Path) -> None:
        with _open(path) as connection:
            connection.executescript(statements)

    return change


def schema(statement: str, *values: object) -> Make:
    """Return what changes the schema table itself; the connection never reads it again."""

    def change(path: Path) -> None:
        with _open(path) as connection:
            connection.execute("PRAGMA writable_schema=ON")
            connection.execute(statement, values)

    return change


def says(name: str, sql: object) -> Make:
    """Return what lets the schema say something else about an object."""
    return schema("UPDATE sqlite_schema SET sql = ? WHERE name = ?", sql, name)


def adds(kind: object, name: object, table: object, root: object, sql: object) -> Make:
    """Return what adds a row to the schema."""
    return schema("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", kind, name, table, root, sql)


def first(kind: str, name: str, sql: str) -> Make:
    """Return what puts a row before all others, at the root page of the notes."""

    def change(path: Path) -> None:
        root = _root(path, "note")
        values = "(-1, ?, ?, ?, ?, ?)"
        schema(
            f"INSERT INTO sqlite_schema (rowid, type, name, tbl_name, rootpage, sql) VALUES {values}",
            kind, name, name, root, sql,
        )(path)  # fmt: skip

    return change


def statistics(table: str, sql: str) -> Make:
    """Return what makes statistics and lets their table be another one."""

    def change(path: Path) -> None:
        script("ANALYZE")(path)
        if table == "sqlite_stat4":
            root = _root(path, "sqlite_stat1")
            adds("table", table, table, root, f"CREATE TABLE {table}{sql}")(path)
        else:
            says(table, f"CREATE TABLE {table}{sql}")(path)

    return change


def slow_statistics(path: Path, size_bytes: int = HOURS) -> None:
    """Let a generated column of the statistics compute, which SQLite reads with the schema.

    It is one call of one function, which no progress handler can interrupt.
    """
    slow = f"replace(hex(zeroblob({size_bytes})), hex(zeroblob({size_bytes // 2}))||'1', '2')"
    statistics("sqlite_stat1", f"(tbl, idx, stat AS ({slow}))")(path)


def patch(position: int, data: bytes) -> Make:
    """Return what writes bytes at a position; a negative one counts from the end."""

    def change(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(position, 2 if position < 0 else 0)
            file.write(data)

    return change


def page(name: str, at: int, data: bytes) -> Make:
    """Return what writes bytes into the root page of a table or an index."""

    def change(path: Path) -> None:
        patch((_root(path, name) - 1) * _PAGE + at, data)(path)

    return change


def _root(path: Path, name: str) -> int:
    with _open(path) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        return int(connection.execute(query, (name,)).fetchone()[0])


def in_turn(*makers: Make) -> Make:
    """Return what spoils a file by several makers."""

    def change(path: Path) -> None:
        for each in makers:
            each(path)

    return change


def child_points_to(target: str) -> Make:
    """Return what lets the first child of the notes be their own root, or page 1."""

    def change(path: Path) -> None:
        script("UPDATE note SET body = hex(randomblob(900))")(path)
        root = _root(path, "note")
        with path.open("rb") as file:
            file.seek((root - 1) * _PAGE)
            assert file.read(1) == b"\x05", "the notes fit one page"
            file.seek((root - 1) * _PAGE + 12)
            cell = int.from_bytes(file.read(2))
        number = {"itself": root, "the schema": 1, "nowhere": 1 << 30}[target]
        patch((root - 1) * _PAGE + cell, number.to_bytes(4))(path)

    return change


def overflow(next_page: int) -> Make:
    """Return what lets the last page of a long value lead somewhere; 0 for the first one."""

    def change(path: Path) -> None:
        script("UPDATE note SET body = hex(randomblob(9000)) WHERE id = 1")(path)
        data = path.read_bytes()
        begin = next(
            position
            for position in range(0, len(data), _PAGE)
            if data[position + 4 : position + 400].isalnum()
        )
        patch(begin, (next_page or begin // _PAGE + 1).to_bytes(4))(path)

    return change


def freelist(*, trunk: int, count: int, leaf: int = 0) -> Make:
    """Return what damages the list of free pages; a trunk of 0 is one that leads to itself."""

    def change(path: Path) -> None:
        script("DELETE FROM note WHERE id > 20; VACUUM; CREATE TABLE t (x);"
               "INSERT INTO t VALUES (zeroblob(50000)); DROP TABLE t")(path)  # fmt: skip
        with path.open("rb") as file:
            file.seek(32)
            first_trunk = int.from_bytes(file.read(4))
        where = (first_trunk - 1) * _PAGE
        patch(where, (trunk or first_trunk).to_bytes(4))(path)
        patch(where + 4, count.to_bytes(4))(path)
        if leaf:
            patch(where + 8, leaf.to_bytes(4))(path)

    return change


def compressed(size_bytes: int, *, announced: bool) -> Make:
    """Return what becomes a small file that unpacks to a large one."""

    def change(path: Path) -> None:
        raw = path.with_name("raw")
        shutil.copy(path, raw)
        if announced:
            patch(28, (size_bytes // _PAGE).to_bytes(4))(raw)
        with raw.open("r+b") as file:
            file.truncate(size_bytes)
        subprocess.run(["zstd", "-q", "-f", raw, "-o", path], check=True)
        raw.unlink()

    return change


def mutated(seed: int) -> Make:
    """Return what writes a few numbers that mean something to random places."""

    def change(path: Path) -> None:
        dice = random.Random(seed)
        size = path.stat().st_size
        for _ in range(dice.choice([1, 1, 2, 3, 8, 30])):
            start = dice.randrange(size // _PAGE) * _PAGE
            at = start + dice.choice(
                [dice.randrange(_PAGE), dice.randrange(16), 8 + dice.randrange(60)]
            )
            value = dice.choice([0, 1, 2, 5, 10, 13, 127, 128, 255, dice.randrange(256)])
            length = dice.choice([1, 1, 2, 4, 9, 64])
            patch(min(at, size - length), bytes([value]) * length)(path)

    return change


def _deep(depth: int) -> str:
    return "(" * depth + "1" + ")" * depth


def _many(count: int) -> str:
    return "BEGIN;" + ";".join(f"CREATE TABLE t{n} (x)" for n in range(count)) + ";COMMIT"


RUNNING: dict[str, Make] = {
    "statistics that compute": slow_statistics,
    "statistics that compute twice": statistics(
        "sqlite_stat1", f"(tbl AS ({SLOW}), idx AS ({SLOW}), stat)"
    ),
    "statistics that are stored": statistics(
        "sqlite_stat1", f"(tbl, idx, stat AS ({SLOW}) STORED)"
    ),
    "statistics in memory": statistics(
        "sqlite_stat1", "(tbl, idx, stat AS (hex(zeroblob(400000000))))"
    ),
    "samples that compute": statistics(
        "sqlite_stat4", f"(tbl, idx, neq AS ({SLOW}), nlt, ndlt, sample)"
    ),
}

HOSTILE: dict[str, Make] = {
    # Statistics
    "statistics with a check": statistics("sqlite_stat1", "(tbl, idx, stat CHECK (length(stat) < 9))"),
    "statistics with a default": statistics("sqlite_stat1", "(tbl, idx, stat DEFAULT (random()))"),
    "statistics as a view": in_turn(
        script("ANALYZE"),
        schema(
            "UPDATE sqlite_schema SET type = 'view', rootpage = 0, sql = ?"
            " WHERE name = 'sqlite_stat1'",
            "CREATE VIEW sqlite_stat1 AS SELECT 'note' AS tbl, NULL AS idx, '1' AS stat",
        ),
    ),
    "samples with a check": statistics("sqlite_stat4", "(tbl, idx, neq, nlt, ndlt, sample CHECK (0))"),
    "statistics of old": adds("table", "sqlite_stat3", "sqlite_stat3", 2, "CREATE TABLE sqlite_stat3(a)"),
    "garbage in the statistics": in_turn(
        script("ANALYZE"), script("UPDATE sqlite_stat1 SET stat = zeroblob(100000), tbl = x'ff00'")
    ),
    "huge numbers in the statistics": in_turn(
        script("ANALYZE"), script(f"UPDATE sqlite_stat1 SET stat = '{'9' * 400} unordered sz=0'")
    ),
    "a sequence that computes": adds(
        "table", "sqlite_sequence", "sqlite_sequence", 2,
        f"CREATE TABLE sqlite_sequence(name, seq AS ({SLOW}))",
    ),
    # Code in the place of what is ours
    "a check that loops": says("note", _NOTE.format(column="", more=f", CHECK ({SLOW} <> '')")),
    "a check of random": says("note", _NOTE.format(column="", more=", CHECK (random() <> 7)")),
    "a check that fills memory": says(
        "note", _NOTE.format(column="", more=", CHECK (length(zeroblob(900000000)) > 0)")
    ),
    "a generated column": says("note", _NOTE.format(column="", more=f", more AS ({SLOW})")),
    "a generated column in the middle": says(
        "note", _NOTE.format(column=f", more AS ({SLOW})", more="")
    ),
    "a stored column": says("note", _NOTE.format(column="", more=", more AS (1) STORED")),
    "a column without a name": says("note", _NOTE.format(column="", more=', "" AS (1)')),
    "a default that computes": says(
        "note", _NOTE.format(column="", more="").replace("'grey'", "(hex(zeroblob(9)))")
    ),
    "a constraint less": says("note", _NOTE.format(column="", more="").replace("NOT NULL", "", 1)),
    "words run together": says(
        "note", _NOTE.format(column="", more="").replace("body TEXT NOT NULL", 'body TEXT "NOTNULL"')
    ),
    "another collation": says(
        "note", _NOTE.format(column="", more="").replace("body TEXT", "body TEXT COLLATE NOCASE")
    ),
    "an unknown collation": says(
        "note", _NOTE.format(column="", more="").replace("body TEXT", "body TEXT COLLATE evil")
    ),
    "another foreign key": says(
        "note", _NOTE.format(column="", more="").replace("(id),", "(id) ON DELETE CASCADE,")
    ),
    "without row ids": says("note", _NOTE.format(column="", more="") + " WITHOUT ROWID"),
    "a strict table": says("note", _NOTE.format(column="", more="") + " STRICT"),
    "a table of a query": says("note", "CREATE TABLE note AS SELECT 1"),
    "a temporary table": says("note", _NOTE.format(column="", more="").replace("TABLE", "TEMP TABLE")),
    "more than one statement": says("note", _NOTE.format(column="", more="") + "; DROP TABLE person"),
    "a comment": says("note", _NOTE.format(column="/* ' */", more="") + " -- '"),
    "a null byte and more": says("note", _NOTE.format(column="", more="") + "\0, CHECK (0))"),
    "SQL as bytes": says("note", _NOTE.format(column="", more="").encode()),
    "SQL that is a number": says("note", 42),
    "SQL that is no text": says("note", b"\xff\xfe\x00"),
    "no SQL": says("note", None),
    "many blanks": says("note", _NOTE.format(column="", more="") + " " * 10_000),
    "deep parentheses": says("note", _NOTE.format(column="", more=f", CHECK {_deep(900)}")),
    "deeper parentheses": says("note", _NOTE.format(column="", more=f", CHECK {_deep(100_000)}")),
    "two thousand columns": says(
        "note", _NOTE.format(column="", more="".join(f", c{n}" for n in range(1990)))
    ),
    "too many columns": says(
        "note", _NOTE.format(column="", more="".join(f", c{n}" for n in range(40_000)))
    ),
    # Indexes
    "an index over an expression": script(
        "DROP INDEX note_body; CREATE INDEX note_body ON note (hex(body))"
    ),
    "an index that computes": says("note_body", f"CREATE INDEX note_body ON note ({SLOW})"),
    "a part of an index": script(
        "DROP INDEX note_body; CREATE INDEX note_body ON note (body) WHERE abs(id) > 0"
    ),
    "a unique index": says("note_body", "CREATE UNIQUE INDEX note_body ON note (body)"),
    "an index the other way": script("DROP INDEX note_body; CREATE INDEX note_body ON note (body DESC)"),
    "an index of another column": says("note_body", "CREATE INDEX note_body ON note (twin)"),
    "an index of another table": schema(
        "UPDATE sqlite_schema SET tbl_name = 'person' WHERE name = 'note_body'"
    ),
    "an index at the root of its table": schema(
        "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema"
        " WHERE name = 'note') WHERE name = 'note_body'"
    ),
    "an automatic index of its own": adds("index", "sqlite_autoindex_note_1", "note", 2, None),
    "a thousand indexes": script(
        "BEGIN;" + ";".join(f"CREATE INDEX i{n} ON note (twin)" for n in range(300)) + ";COMMIT"
    ),
    # Views, triggers, virtual tables
    "an endless view": script(f"CREATE VIEW v AS {ENDLESS}"),
    "an endless view in a table's place": script(
        f"DROP TABLE note; CREATE VIEW note AS {ENDLESS}"
    ),
    "an endless revision": script(
        f"DROP TABLE revision; CREATE VIEW revision AS SELECT max(x) AS revision FROM ({ENDLESS})"
    ),
    "views upon views": script(
        "CREATE VIEW v0 AS SELECT 1 AS x;"
        + ";".join(f"CREATE VIEW v{n} AS SELECT * FROM v{n - 1}, v{n - 1}" for n in range(1, 60))
    ),
    "a view of itself": in_turn(
        script("CREATE VIEW v AS SELECT 1 AS x"), says("v", "CREATE VIEW v AS SELECT * FROM v")
    ),
    "a trigger": script("CREATE TRIGGER t AFTER INSERT ON note BEGIN DELETE FROM person; END"),
    "a trigger on the settings": script(
        "CREATE TRIGGER t BEFORE UPDATE ON setting BEGIN SELECT load_extension('/tmp/x'); END"
    ),
    "a trigger named as a table": adds(
        "trigger", "note", "setting", 0,
        "CREATE TRIGGER note AFTER UPDATE ON setting BEGIN DELETE FROM person; END",
    ),
    "a full-text index": script("CREATE VIRTUAL TABLE v USING fts5(a)"),
    "a full-text index of old": script("CREATE VIRTUAL TABLE v USING fts4(a)"),
    "a virtual table of an unknown module": adds(
        "table", "v", "v", 0, "CREATE VIRTUAL TABLE v USING evil(a)"
    ),
    "a virtual table in a table's place": schema(
        "UPDATE sqlite_schema SET rootpage = 0, sql = 'CREATE VIRTUAL TABLE note USING fts5(a)'"
        " WHERE name = 'note'"
    ),
    "shadow tables alone": in_turn(
        script("CREATE VIRTUAL TABLE v USING fts5(a)"),
        schema("DELETE FROM sqlite_schema WHERE name = 'v'"),
    ),
    # Rows of the schema that hide others
    "a second table of the same name": adds(
        "table", "note", "note", 2, _NOTE.format(column="", more=f", more AS ({SLOW})")
    ),
    "a first table of the same name": first(
        "table", "note", _NOTE.format(column="", more=", CHECK (length(body) < 9)")
    ),
    "a table behind the name of an index": first(
        "table", "note_body", "CREATE TABLE note_body (x CHECK (0), y AS (1))"
    ),
    "the same table twice": first("table", "note", _NOTE.format(column="", more="")),
    "another case": adds("table", "NOTE", "NOTE", 2, "CREATE TABLE NOTE (x AS (1))"),
    "a space more": adds("table", "note ", "note ", 2, 'CREATE TABLE "note " (x)'),
    "a null byte in a name": adds("table", "note\0x", "note\0x", 2, "CREATE TABLE note (x)"),
    "an invisible sign": adds("table", "note\u200b", "note\u200b", 2, "CREATE TABLE note\u200b (x)"),
    "a name that is no text": adds("table", b"\xff\xfe", b"\xff", 2, "CREATE TABLE x (x)"),
    "no name": adds("table", None, None, 2, "CREATE TABLE x (x)"),
    "no kind": adds(None, "x", "x", 2, "CREATE TABLE x (x)"),
    "another kind": adds("TABLE", "x", "x", 2, "CREATE TABLE x (x)"),
    "a kind with a null byte": adds("table\0", "x", "x", 2, "CREATE TABLE x (x)"),
    "a name of a megabyte": adds("table", "x" * (1 << 20), "x", 2, "CREATE TABLE x (x)"),
    "a name that a terminal obeys": script('CREATE TABLE "\x1b[2J\x1b]0;owned\x07" (x)'),
    "a table named by SQL": script("CREATE TABLE \"x\"\" ; DROP TABLE person; --\" (x)"),
    "an empty row": adds(None, None, None, None, None),
    "a table of SQLite itself": adds("table", "sqlite_evil", "sqlite_evil", 2, "CREATE TABLE sqlite_evil(x)"),
    "another schema table": adds("table", "sqlite_schema", "sqlite_schema", 1, "CREATE TABLE x (x)"),
    "a thousand tables": script(_many(1_000)),
    # Root pages
    "no root page": schema("UPDATE sqlite_schema SET rootpage = 0 WHERE name = 'note'"),
    "the schema as a table": schema("UPDATE sqlite_schema SET rootpage = 1 WHERE name = 'note'"),
    "a negative root page": schema("UPDATE sqlite_schema SET rootpage = -5 WHERE name = 'note'"),
    "a root page far away": schema("UPDATE sqlite_schema SET rootpage = 99999 WHERE name = 'note'"),
    "a huge root page": schema("UPDATE sqlite_schema SET rootpage = 1 << 40 WHERE name = 'note'"),
    "a root page of text": schema("UPDATE sqlite_schema SET rootpage = 'x' WHERE name = 'note'"),
    "one root page for two": schema(
        "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema"
        " WHERE name = 'person') WHERE name = 'note'"
    ),
    # Pages
    "a child that is its parent": child_points_to("itself"),
    "a child that is the schema": child_points_to("the schema"),
    "a child that is nowhere": child_points_to("nowhere"),
    "a value without an end": overflow(0),
    "a value that ends in the schema": overflow(1),
    "a value that ends nowhere": overflow(0x7FFFFFFF),
    "a cell outside its page": page("person", 8, b"\xff\xff"),
    "a cell in the header": page("person", 8, b"\x00\x01"),
    "more cells than fit": page("person", 3, b"\xff\xff"),
    "no cells": page("note_body", 3, b"\0\0"),
    "another kind of page": page("person", 0, b"\x0a"),
    "no kind of page": page("person", 0, b"\xff"),
    "a free block without an end": page("person", 1, b"\x0f\x00"),
    "a schema without an end": patch(103, b"\xff\xff"),
    "a page of zeros": page("note", 0, bytes(_PAGE)),
    "a page of text": page("note", 0, b"A" * _PAGE),
    "free pages in a circle": freelist(trunk=0, count=3),
    "a free page that is the schema": freelist(trunk=1, count=1),
    "more free pages than there are": freelist(trunk=0, count=0xFFFFFFFF),
    "a free page that is in use": freelist(trunk=2, count=1, leaf=2),
    "a row that claims gigabytes": page("person", 4080, b"\x84\x80\x80\x80\x00\x01"),
    # The header
    **{
        f"{what} of {value.hex()}": patch(position, value)
        for what, position, values in [
            ("a page size", 16, [b"\0\1", b"\2\0", b"\x80\0", b"\xff\xff"]),
            ("a version to write", 18, [b"\0", b"\3", b"\xff"]),
            ("a version to read", 19, [b"\0", b"\3", b"\xff"]),
            ("reserved space", 20, [b"\1", b"\x80", b"\xff"]),
            ("fractions", 21, [b"\0\0\0", b"\xff\xff\xff"]),
            ("free pages", 36, [b"\xff\xff\xff\xff", b"\0\0\0\1"]),
            ("a schema cookie", 40, [b"\xff\xff\xff\xff"]),
            ("a schema format", 44, [b"\0\0\0\0", b"\0\0\0\5", b"\xff\xff\xff\xff"]),
            ("a cache size", 48, [b"\x7f\xff\xff\xff", b"\x80\0\0\0"]),
            ("a largest root", 52, [b"\0\0\0\1", b"\xff\xff\xff\xff"]),
            ("an encoding", 56, [b"\0\0\0\0", b"\0\0\0\2", b"\0\0\0\3", b"\0\0\0\x63"]),
            ("a vacuum mode", 64, [b"\0\0\0\1"]),
            ("the zeros", 72, [b"\xff" * 20]),
            ("a version of SQLite", 96, [b"\xff\xff\xff\xff"]),
        ]
        for value in values
    },
    # Other forms
    "a map of pages that lies": in_turn(
        script("PRAGMA auto_vacuum=FULL; VACUUM"), patch(_PAGE, b"\x05\0\0\0\1" * 20)
    ),
    "a bomb": compressed(1 << 30, announced=True),
    "a bomb that hides": compressed(80 << 20, announced=False),
    "bytes after the last page": lambda path: path.write_bytes(path.read_bytes() + b"PK\3\4" * 1024),
}  # fmt: skip

LARGE: dict[str, Make] = {
    "ten thousand tables": script(_many(10_000)),
    "a row of five megabytes": script("UPDATE note SET body = hex(zeroblob(2500000)) WHERE id = 1"),
    "SQL of a megabyte": says("note", _NOTE.format(column="", more="") + " " * (1 << 20)),
    "ten megabytes of blanks": says("note", _NOTE.format(column="", more="") + " " * (10 << 20)),
    "a table of ten thousand checks": says(
        "note", _NOTE.format(column="", more=", CHECK (1)" * 10_000)
    ),
}
"""Those that take seconds to make and to read."""
