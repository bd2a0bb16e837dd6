"""Whether a database has exactly the tables and indexes of our migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from launcher.backup.errors import UploadRejectedError
from launcher.backup.reasons import Reason

_STATISTICS_TABLES = {"sqlite_stat1", "sqlite_stat4"}  # ANALYZE makes them; they hold no content


def check_no_code(connection: sqlite3.Connection) -> None:
    """Refuse triggers, views and virtual tables, which are foreign code.

    Runs before any other statement: a view in place of a table could run for ever. It checks the
    type because a trigger may have the name of a table.

    Raises:
        UploadRejectedError: naming the first one.
    """
    row = connection.execute(
        "SELECT CAST(name AS TEXT) FROM sqlite_schema"
        " WHERE type NOT IN ('table', 'index') OR rootpage = 0 ORDER BY rowid"
    ).fetchone()
    if row:
        raise UploadRejectedError(Reason.OBJECT_FOREIGN, name=row[0])


def check_schema(connection: sqlite3.Connection, *, expected: Mapping[str, str]) -> None:
    """Refuse any object that the migrations do not create.

    Runs before anything evaluates expressions of the file, and after `check_no_code`: an index
    over an expression is foreign code, too.

    Raises:
        UploadRejectedError: naming the first object that is missing, foreign or different.
    """
    found = schema_of(connection)
    for name in sorted(found.keys() | expected.keys()):
        if _plain(found.get(name, "")) == _plain(expected.get(name, "")):
            continue
        if name not in expected:
            raise UploadRejectedError(Reason.OBJECT_FOREIGN, name=name)
        if name not in found:
            raise UploadRejectedError(Reason.OBJECT_MISSING, name=name)
        raise UploadRejectedError(Reason.OBJECT_DIFFERENT, name=name)


def schema_of(connection: sqlite3.Connection) -> dict[str, str]:
    """Return name → SQL of every table and index that a statement created."""
    rows = connection.execute(
        "SELECT CAST(name AS TEXT), CAST(sql AS TEXT) FROM sqlite_schema WHERE sql IS NOT NULL"
    )
    return {name: sql for name, sql in rows if name not in _STATISTICS_TABLES}


def _plain(sql: str) -> str:
    """Return SQL without what `ALTER TABLE` and versions of SQLite write differently."""
    return "".join(sql.replace('"', "").replace("`", "").split()).casefold()
