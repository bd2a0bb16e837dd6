"""How a database is opened, and which files SQLite keeps beside it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

SIDE_FILES = ("-wal", "-shm", "-journal")
_BUSY_TIMEOUT_S = 15.0


def side_files(path: Path) -> list[Path]:
    """Return the paths of the log, the log's index and the journal of a database."""
    return [path.with_name(path.name + suffix) for suffix in SIDE_FILES]


def connect(path: Path, query: str) -> sqlite3.Connection:
    """Open a connection with `query` as the parameters of its URI; the caller closes it."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_TIMEOUT_S,
    )


SQLITE_VERSION: Final = sqlite3.sqlite_version
