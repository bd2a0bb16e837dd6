"""Whatever SQLite lets a person make of the live database: it is refused in words, or comes back.

"Comes back" means that the backup verifies, that its test restore and its restore succeed, and that
every row of ours is there again with what it held.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from launcher.backup import BackupService, Gate, LocalStore
from launcher.backup.errors import NoAdminInsideError, SourceDatabaseError
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import State
from launcher.db.content import LauncherContent
from launcher.models import User
from tests.conftest import Row
from tests.support.odd_rows import OddCell, fill_empty_tables, odd_cells, write_odd

FOREIGN = {
    "a table": (
        "CREATE TABLE {name} (a, b TEXT NOT NULL DEFAULT 'x');"
        " INSERT INTO {name} (a) VALUES (x'00ff')"
    ),
    "a table without row ids": "CREATE TABLE {name} (a PRIMARY KEY, b) WITHOUT ROWID",
    "a strict table": "CREATE TABLE {name} (a INTEGER, b ANY) STRICT",
    "computed columns": (
        "CREATE TABLE {name} (a, b AS (a * 2) STORED, c AS (length(a)), CHECK (a > 0));"
        " INSERT INTO {name} (a) VALUES (1), (2)"
    ),
    "a counter": (
        "CREATE TABLE {name} (a INTEGER PRIMARY KEY AUTOINCREMENT);"
        " INSERT INTO {name} VALUES (9)"
    ),
    "a table that points at ours": (
        "CREATE TABLE {name} (a REFERENCES apps (id), b REFERENCES nowhere (x));"
        " INSERT INTO {name} VALUES (4711, 1)"
    ),
    "an index": "CREATE INDEX {name} ON apps (name)",
    "a unique index": "CREATE UNIQUE INDEX {name} ON users (id, username)",
    "an index over an expression": "CREATE INDEX {name} ON apps (lower(name) || id)",
    "a partial index": "CREATE INDEX {name} ON apps (name) WHERE id > 1",
    "a view": "CREATE VIEW {name} AS SELECT * FROM users",
    "an endless view": (
        "CREATE VIEW {name} AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
        " SELECT x FROM c"
    ),
    "a trigger": "CREATE TRIGGER {name} AFTER UPDATE ON users BEGIN DELETE FROM apps; END",
    "a trigger of a view": (
        'CREATE VIEW "of {bare}" AS SELECT * FROM users;'
        ' CREATE TRIGGER {name} INSTEAD OF DELETE ON "of {bare}" BEGIN SELECT 1; END'
    ),
    "a search index": (
        "CREATE VIRTUAL TABLE {name} USING fts5(a); INSERT INTO {name} VALUES ('word')"
    ),
    "a spatial index": "CREATE VIRTUAL TABLE {name} USING rtree(id, x0, x1)",
    "statistics": "ANALYZE",
}  # fmt: skip
NAMES = (
    "mine",
    "_litestream_seq",
    "o\"d'd",
    "zeile\nzwei",
    "ünï",
    "select",
    "sqlit",
    "",
    "a.b",
    "%s",
)
ALTERED = {
    "a column more": "ALTER TABLE tags ADD COLUMN mine",
    "an index less": "DROP INDEX api_tokens_user",
    "a table less": "DROP TABLE app_tags",
}
VANISHING = {"sign_in_failures", "user_sessions"}
"""Tables whose rows do not come back."""


@dataclass(frozen=True)
class Live:
    """What was made of the live database."""

    page_size: int
    auto_vacuum: int
    journal_mode: str
    user_version: int
    foreign: tuple[tuple[str, str], ...]
    odd: tuple[OddCell, ...]
    dangling: bool = False
    holes: bool = False
    altered: str = ""
    without_admin: bool = False


LIVES = st.builds(
    Live,
    page_size=st.sampled_from([512, 1024, 4096, 8192, 65536]),
    auto_vacuum=st.sampled_from([0, 1, 2]),
    journal_mode=st.sampled_from(["wal", "delete", "persist", "truncate"]),
    user_version=st.sampled_from([0, 7, -1]),
    foreign=st.lists(
        st.tuples(st.sampled_from(sorted(FOREIGN)), st.sampled_from(NAMES)),
        max_size=4,
        unique_by=lambda each: each[1],
    ).map(tuple),
    odd=st.lists(st.sampled_from(list(odd_cells())), max_size=3).map(tuple),
    dangling=st.booleans(),
    holes=st.booleans(),
    altered=st.sampled_from(["", "", "", "", "", "", "", *ALTERED]),
    without_admin=st.sampled_from([False, False, False, True]),
)
WHOLE = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def template(
    new_data: Path, cast_rows: list[Row], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A database with rows in every table."""
    path = tmp_path_factory.mktemp("any") / "launcher.db"
    shutil.copy(new_data / "launcher.db", path)
    with closing(sqlite3.connect(path)) as database, database:
        for table, row in cast_rows:
            names = ", ".join(row)
            marks = ", ".join("?" * len(row))
            database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))
    fill_empty_tables(path)
    return path


@settings(WHOLE, max_examples=25)
@given(LIVES)
@example(Live(4096, 0, "wal", 0, (), (OddCell("api_tokens", "user_id", "nothing", is_key=True),)))
def test_whatever_is_live_is_refused_in_words_or_comes_back(
    template: Path, tmp_path_factory: pytest.TempPathFactory, live: Live
) -> None:
    folder = tmp_path_factory.mktemp("live")
    try_it(live, template, folder)
    shutil.rmtree(folder)


@pytest.mark.slow
@settings(WHOLE, max_examples=600)
@given(LIVES)
def test_hundreds_of_live_databases(
    template: Path, tmp_path_factory: pytest.TempPathFactory, live: Live
) -> None:
    folder = tmp_path_factory.mktemp("live")
    try_it(live, template, folder)
    shutil.rmtree(folder)


def try_it(live: Live, template: Path, folder: Path) -> None:
    path = folder / "launcher.db"
    shutil.copy(template, path)
    service = BackupService(
        database_path=path,
        data_dir=folder,
        store=LocalStore(folder / "backups"),
        content=LauncherContent(),
        gate=Gate(folder / "locks"),
    )
    good = service.create(by="ada")
    spoil(path, live)
    before = rows_of(path)
    if live.altered:
        with pytest.raises(SourceDatabaseError) as refused:
            service.create(by="ada")
        assert refused.value.reason in {Reason.LIVE_OBJECT_DIFFERENT, Reason.LIVE_OBJECT_MISSING}
        service.restore(good.id, by="ada")
        assert service.create(by="ada").is_good
        return
    backup = service.create(by="ada")
    warned = {each.reason for each in backup.verification.warnings}
    made_foreign = any(kind != "statistics" for kind, _ in live.foreign)
    assert (Reason.LEFT_OUT in warned) == made_foreign
    verified = service.verify(backup.id, by="ada").verification
    assert verified.state is State.VERIFIED
    if Reason.WITHOUT_ADMIN in warned:
        with pytest.raises(NoAdminInsideError):
            service.test_restore(backup.id, by="ada")
        with pytest.raises(NoAdminInsideError):
            service.restore(backup.id, by="ada")
        return
    service.test_restore(backup.id, by="ada")
    service.restore(backup.id, by="ada", keep_schedule=False)
    compare(before, rows_of(path), live)
    exported = service.export(backup.id, folder / "copy.db", by="ada")
    if not warned & {Reason.ROWS_BREAK_RULES, Reason.DANGLING_ROWS}:
        assert service.import_(exported, by="ada").is_good  # on any other host


def spoil(path: Path, live: Live) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        database.execute(f"PRAGMA page_size={live.page_size}")
        database.execute(f"PRAGMA auto_vacuum={live.auto_vacuum}")
        database.execute("VACUUM")
        database.execute(f"PRAGMA user_version={live.user_version}")
        if live.holes:
            database.execute("CREATE TABLE holes (x)")
            database.execute("INSERT INTO holes VALUES (zeroblob(300000))")
            database.execute("DROP TABLE holes")
        if live.altered:
            database.execute(ALTERED[live.altered])
    if not (live.altered and live.odd):
        write_odd(path, live.odd, spare_users=0 if live.without_admin else 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        if live.without_admin:
            database.execute("UPDATE users SET is_active = 0")
        if live.dangling:
            database.execute("UPDATE boards SET owner_id = 4711")
        for kind, name in live.foreign:
            quoted = '"' + name.replace('"', '""') + '"'
            bare = name.replace('"', "").replace("'", "")
            database.executescript(FOREIGN[kind].format(name=quoted, bare=bare))
        database.execute(f"PRAGMA journal_mode={live.journal_mode}")


Rows = dict[str, dict[tuple[object, ...], dict[str, object]]]


def rows_of(path: Path) -> Rows:
    """Return the rows of our tables: by table, by key, by column, text as bytes."""
    found: Rows = {}
    with closing(sqlite3.connect(path)) as database:
        database.text_factory = bytes
        for table in User.metadata.sorted_tables:
            if table.name in VANISHING:
                continue
            columns = [column.name for column in table.columns]
            keys = [column.name for column in table.primary_key.columns]
            try:
                rows = database.execute(f"SELECT {', '.join(columns)} FROM {table.name}").fetchall()
            except sqlite3.OperationalError:  # an example in which it was dropped
                continue
            dicts = [dict(zip(columns, row, strict=True)) for row in rows]
            found[table.name] = {tuple(row[key] for key in keys): row for row in dicts}
    return found


def compare(before: Rows, after: Rows, live: Live) -> None:
    odd = {(cell.table, cell.column) for cell in live.odd} | {("system_settings", "session_epoch")}
    for table, rows in before.items():
        has_odd_key = any(cell.table == table and cell.is_key for cell in live.odd)
        for key, row in rows.items():
            now: Mapping[str, object] | None = after[table].get(key)
            if now is None:
                assert has_odd_key, (table, key)
                continue
            for column, value in row.items():
                assert now[column] == value or (table, column) in odd, (table, column, value)
