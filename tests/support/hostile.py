"""Database files that somebody made to harm who reads them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

HOURS = 40_000_000
"""So many bytes keep `slow_statistics` busy for hours: it takes time by their square."""


def rewrite_schema(path: Path, statements: str) -> None:
    """Change the schema table itself."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(f"PRAGMA writable_schema=ON; {statements}")
    connection.close()


def slow_statistics(path: Path, size_bytes: int) -> None:
    """Let a generated column of the statistics compute, which SQLite reads with the schema.

    It is one call of one function, which no progress handler can interrupt.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("ANALYZE")
    connection.close()
    nearly = f"hex(zeroblob({size_bytes // 2}))||''1''"
    slow = f"replace(hex(zeroblob({size_bytes})), {nearly}, ''2'')"
    table = f"CREATE TABLE sqlite_stat1(tbl, idx, stat AS ({slow}))"
    rewrite_schema(path, f"UPDATE sqlite_schema SET sql='{table}' WHERE name='sqlite_stat1'")
