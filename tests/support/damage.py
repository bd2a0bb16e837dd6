"""Ways in which a database goes wrong that SQL alone cannot write."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from .service import run


def disagreeing_index(path: Path) -> None:
    """Change the body of note 7 behind the back of its index."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema=ON")
    row = connection.execute(
        "SELECT rowid, type, name, tbl_name, rootpage, sql FROM sqlite_schema"
        " WHERE name = 'note_body'"
    ).fetchone()
    connection.execute("DELETE FROM sqlite_schema WHERE name = 'note_body'")
    connection.close()
    run(path, "UPDATE note SET body = 'another text' WHERE id = 7")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute(
        "INSERT INTO sqlite_schema (rowid, type, name, tbl_name, rootpage, sql)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        row,
    )
    connection.close()
