"""How a database is opened, and which files SQLite keeps beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from weakref import WeakSet

from launcher.backup.files import free_bytes

Method = TypeVar("Method", bound=Callable[..., Any])

SIDE_FILES = ("-wal", "-shm", "-journal")
BUSY_TIMEOUT_S = 15.0
_INDEX_BYTES = 32 << 10  # of the index of the log, which SQLite creates for a reader too


def side_files(path: Path) -> list[Path]:
    """Return the paths of the log, the log's index and the journal of a database."""
    return [path.with_name(path.name + suffix) for suffix in SIDE_FILES]


def is_nearly_full(folder: Path) -> bool:
    """Whether the disk has no room for the index of a log: a reader may need the file alone."""
    try:
        return free_bytes(folder) < _INDEX_BYTES
    except OSError:
        return False


def connect(path: Path, query: str) -> sqlite3.Connection:
    """Open a connection with `query` as the parameters of its URI; the caller closes it."""
    return open_connection(f"{path.absolute().as_uri()}?{query}", timeout_s=BUSY_TIMEOUT_S)


def connect_to_look(path: Path) -> sqlite3.Connection:
    """Open a connection for a look at a database, which may find it busy; the caller closes it.

    On a full disk it waits for no lock: a connection that is alone with the file may be the
    caller's own.
    """
    timeout_s = 0.0 if is_nearly_full(path.parent) else BUSY_TIMEOUT_S
    return open_connection(f"{path.absolute().as_uri()}?mode=ro", timeout_s=timeout_s)


def open_connection(uri: str, *, timeout_s: float) -> Connection:
    """Open the database of a URI in autocommit mode, ready for any damage.

    Bytes of a text that are not UTF-8 are read as `U+FFFD`. Whatever damage makes SQLite say is a
    `sqlite3.Error`.
    """
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, timeout=timeout_s, factory=Connection
    )
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    return connection


def _raising_damage(method: Method) -> Method:
    """Return a method of `sqlite3` that raises a `sqlite3.Error` for damage, whatever it is.

    `sqlite3` reads SQLite's messages as strict UTF-8, and raises `UnicodeDecodeError` instead of
    them where they quote a name or SQL of a damaged schema.
    """

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except UnicodeDecodeError as error:
            damage = sqlite3.DatabaseError(str(error.object, "utf-8", "replace"))
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            damage.sqlite_errorname = "SQLITE_CORRUPT"
            raise damage from error

    return cast("Method", call)


class _Cursor(sqlite3.Cursor):
    execute = _raising_damage(sqlite3.Cursor.execute)
    executemany = _raising_damage(sqlite3.Cursor.executemany)
    fetchone = _raising_damage(sqlite3.Cursor.fetchone)
    fetchmany = _raising_damage(sqlite3.Cursor.fetchmany)
    fetchall = _raising_damage(sqlite3.Cursor.fetchall)
    __next__ = _raising_damage(sqlite3.Cursor.__next__)


class Connection(sqlite3.Connection):
    """A connection; `on_close` is called once its file is closed."""

    commit = _raising_damage(sqlite3.Connection.commit)
    backup = _raising_damage(sqlite3.Connection.backup)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cursors: WeakSet[_Cursor] = WeakSet()
        self.on_close: Callable[[], None] = lambda: None

    def cursor(self, factory: Any = _Cursor) -> Any:
        """Return a cursor that raises damage in the same way."""
        cursor = super().cursor(factory)
        self._cursors.add(cursor)
        return cursor

    def execute(self, *args: Any) -> sqlite3.Cursor:
        """Execute a statement on a cursor of its own."""
        return cast("sqlite3.Cursor", self.cursor().execute(*args))

    def close(self) -> None:
        """Close the file for certain: SQLite keeps it open for a statement that is in use.

        The traceback of an error may still hold one.
        """
        for cursor in list(self._cursors):
            cursor.close()
        try:
            super().close()
        finally:
            self.on_close()


SQLITE_VERSION: Final = sqlite3.sqlite_version
_WAL_RESET_FIXED_IN = (3, 51, 3)


def has_wal_reset_fix(version: str) -> bool:
    """Whether a release of SQLite is sure to have the fix of the WAL-reset error.

    Where two connections write or checkpoint a database in WAL mode at the same moment, releases
    before 3.51.3 can damage it, rarely (sqlite.org/wal.html). A distribution may have added the fix
    to an older one, which its version does not say.
    """
    return tuple(int(part) for part in version.split(".")[:3]) >= _WAL_RESET_FIXED_IN
