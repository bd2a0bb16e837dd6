"""What the backup core needs to know of our database: see `launcher.backup.ports.Content`.

It speaks plain `sqlite3` to staged copies, apart from migrations, which run in an engine of their
own that holds no connection. SQLAlchemy is imported there and not above, because most commands
need no migration and would wait longer for the import than for their work.
"""

# ruff: noqa: S608 (the names put into queries are constants of this file or of our schema)

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from launcher import migrations
from launcher.backup.records.survey import Migration, Schedule, Survey
from launcher.db.connect import connect
from launcher.settings.table import SCHEDULE, SETTINGS

if TYPE_CHECKING:
    import sqlalchemy as sa

APPLICATION_ID = 0x4C4E4348
"""`LNCH`, written by the first migration."""

APP_VERSION = "0.1.0"

_ADMIN = "role = 'admin' AND is_active"
_ACCOUNT = (
    "id", "username", "display_name", "email", "password_hash", "locale", "theme",
    "open_new_tab", "created_at", "last_seen_at",
)  # fmt: skip


def password_version(password_hash: str) -> str:
    """Return a mark that changes with the password, safe to put into a session or a plan."""
    return hashlib.sha256(password_hash.encode()).hexdigest()[:16]


class ForeignKeyError(Exception):
    """A migration would leave rows that point nowhere; it was rolled back."""


def _now() -> datetime:
    return datetime.now(UTC)


class LauncherContent:
    """Launcher's own tables, told to the core."""

    def __init__(self, *, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock

    @property
    def application_id(self) -> int:
        """The mark of our databases."""
        return APPLICATION_ID

    @property
    def app_version(self) -> str:
        """The version of the running application."""
        return APP_VERSION

    @property
    def head(self) -> str:
        """The revision that this code needs."""
        return migrations.head()

    def revision(self, connection: sqlite3.Connection) -> str:
        """Return the revision of a database, "" when it has none."""
        if not _has_table(connection, "alembic_version"):
            return ""
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else ""

    def pending(self, revision: str) -> tuple[Migration, ...] | None:
        """Return the steps from `revision` to `head`, or None when we do not know `revision`."""
        known = migrations.revisions()
        ids = [step.id for step in known]
        if revision not in ids:
            return None
        return tuple(Migration(step.id, step.title) for step in known[ids.index(revision) + 1 :])

    def expected_schema(self, revision: str) -> Mapping[str, str]:
        """Return name → SQL of every table and index of a database at `revision`."""
        return _expected_schema(revision)

    def problem(self, connection: sqlite3.Connection) -> str:
        """Say that the row of settings is missing, which every page needs."""
        row = connection.execute("SELECT 1 FROM system_settings WHERE id = 1").fetchone()
        return "" if row else "it holds no settings"

    def migrate(self, path: Path) -> None:
        """Bring the database file at `path` to `head`: all of it, or nothing.

        Raises:
            ForeignKeyError: rows would point nowhere afterwards.
        """
        import sqlalchemy as sa  # noqa: PLC0415

        engine = sa.create_engine(
            "sqlite://",
            poolclass=sa.NullPool,
            # Off while tables are rebuilt, as SQLite asks (lang_altertable.html, section 7), and
            # checked as a whole before the end.
            creator=lambda: connect(path, foreign_keys=False),
        )
        sa.event.listen(engine, "begin", _begin_immediate)
        with engine.begin() as connection:
            migrations.upgrade(connection)
            _check_foreign_keys(connection)

    def survey(self, connection: sqlite3.Connection, *, count_rows: bool = True) -> Survey:
        """Return what a database at `head` holds: counts and names, no walk through history.

        Even counting takes a while where the history is long, so it can be left out.
        """
        site = connection.execute(
            f"SELECT site_name, session_epoch, {', '.join(SCHEDULE)} FROM system_settings"
        ).fetchone()
        return Survey(
            rows={table: _count(connection, table) for table in _tables(connection)}
            if count_rows
            else {},
            names={
                "app": _texts(connection, "SELECT name FROM apps ORDER BY name"),
                "board": _texts(connection, "SELECT name FROM boards ORDER BY name"),
                "user": _texts(connection, "SELECT username FROM users ORDER BY username"),
            },
            admins=_texts(
                connection, f"SELECT username FROM users WHERE {_ADMIN} ORDER BY username"
            ),
            password_versions={
                username: password_version(password_hash)
                for username, password_hash in connection.execute(
                    "SELECT username, password_hash FROM users"
                )
            },
            api_tokens=self._live_tokens(connection),
            schedule=_schedule(site[2:]) if site else None,
            site_name=site[0] if site else "",
            epoch=site[1] if site else "",
        )

    def _live_tokens(self, connection: sqlite3.Connection) -> tuple[str, ...]:
        """Return name and prefix of each token that works now; the prefix tells namesakes apart."""
        rows = connection.execute(
            """
            SELECT api_tokens.name || ' (' || prefix || '…)'
            FROM api_tokens JOIN users ON users.id = user_id
            WHERE is_active AND (expires_at IS NULL OR expires_at > ?)
            ORDER BY api_tokens.name, prefix""",
            (f"{self._clock().astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}",),
        )
        return tuple(row[0] for row in rows)

    def prepare(
        self,
        connection: sqlite3.Connection,
        *,
        epoch: str,
        schedule: Schedule | None,
        account: Mapping[str, object] | None,
    ) -> None:
        """Make a staged database at `head` fit to go live, in one transaction."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute("UPDATE system_settings SET session_epoch = ?", (epoch,))
            if schedule is not None:
                _write_schedule(connection, schedule)
            if account is not None:
                _write_account(connection, account)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def account(self, connection: sqlite3.Connection, username: str) -> Mapping[str, object] | None:
        """Return one account as `prepare` takes it, or None when there is no such active admin."""
        row = connection.execute(
            f"SELECT {', '.join(_ACCOUNT)} FROM users WHERE username = ? AND {_ADMIN}", (username,)
        ).fetchone()
        return dict(zip(_ACCOUNT, row, strict=True)) if row else None


@cache
def _expected_schema(revision: str) -> Mapping[str, str]:
    """Build a database at `revision` in memory and read its schema off."""
    import sqlalchemy as sa  # noqa: PLC0415

    engine = sa.create_engine("sqlite://", poolclass=sa.NullPool)
    with engine.connect() as connection:
        migrations.upgrade(connection, revision)
        rows = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
        )
        return MappingProxyType({row.name: row.sql for row in rows})


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _check_foreign_keys(connection: sa.Connection) -> None:
    row = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if row is not None:
        raise ForeignKeyError(f"a row of {row[0]} points to a row of {row[2]} that is not there")


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return connection.execute(query, (name,)).fetchone() is not None


def _tables(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the names of our tables that are there; names of others never reach SQL."""
    ours = (name for name in _expected_schema(migrations.head()) if name != "alembic_version")
    return tuple(sorted(name for name in ours if _has_table(connection, name)))


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _texts(connection: sqlite3.Connection, query: str) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in connection.execute(query))


def _schedule(row: tuple[Any, ...]) -> Schedule:
    values = zip(SCHEDULE, row, strict=True)
    return {name: type(SETTINGS[name].default)(value) for name, value in values}


def _write_schedule(connection: sqlite3.Connection, schedule: Schedule) -> None:
    columns = ", ".join(f"{name} = :{name}" for name in SCHEDULE)
    connection.execute(f"UPDATE system_settings SET {columns}", schedule)


def _write_account(connection: sqlite3.Connection, account: Mapping[str, object]) -> None:
    """Write `account` as an active admin.

    Who has the name keeps their id, since boards and tokens point to it. A newcomer keeps the id
    of the account where it is free, so that a session that names it goes on.
    """
    values = {name: account[name] for name in _ACCOUNT} | {"role": "admin", "is_active": True}
    wanted_id = values.pop("id")
    found = connection.execute(
        "SELECT id FROM users WHERE username = ?", (values["username"],)
    ).fetchone()
    if found:
        columns = ", ".join(f"{name} = :{name}" for name in values)
        connection.execute(f"UPDATE users SET {columns} WHERE id = :id", values | {"id": found[0]})
        return
    taken = connection.execute("SELECT 1 FROM users WHERE id = ?", (wanted_id,)).fetchone()
    values["id"] = None if taken else wanted_id
    connection.execute(
        f"INSERT INTO users ({', '.join(values)}) "
        f"VALUES ({', '.join(f':{name}' for name in values)})",
        values,
    )
