"""What the backup core needs to know of the database: see `launcher.backup.ports.Content`.

Staged copies are read with plain `sqlite3`. Only migrations need SQLAlchemy, which is imported
there: most commands run none, and the import takes longer than their work.
"""

# ruff: noqa: S608 (the names put into queries are constants of this file or of the schema)

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from launcher import migrations
from launcher.backup.ports import Clock, utc_now
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.schema import SchemaObject
from launcher.backup.records.survey import Migration, Schedule, Survey
from launcher.backup.records.text import listed
from launcher.db.connect import connect
from launcher.db.plan_values import read_secrets, read_values
from launcher.db.revoked_tokens import read_revoked
from launcher.db.token_rows import TokenRow, delete_tokens, read_tokens
from launcher.settings.table import SCHEDULE, SiteSettings

if TYPE_CHECKING:
    import sqlalchemy as sa

APPLICATION_ID = 0x4C4E4348
"""`LNCH`, written by the first migration."""

APP_VERSION = "0.1.0"

_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type DESC, name"
_ADMIN = "role = 'admin' AND is_active = 1 AND password_hash LIKE '$argon2id$%'"
_ACCOUNT = (
    "id", "username", "display_name", "email", "password_hash", "locale", "theme",
    "open_new_tab", "created_at", "last_seen_at",
)  # fmt: skip


def password_version(password_hash: str) -> str:
    """Return a version token that changes with the password, and does not reveal its hash."""
    return hashlib.sha256(password_hash.encode()).hexdigest()[:16]


class ForeignKeyError(Exception):
    """A migration would add dangling foreign keys; it was rolled back."""


class LauncherContent:
    """The tables of Launcher, as the core asks for them."""

    def __init__(self, *, revoked_tokens: Path | None = None, clock: Clock = utc_now) -> None:
        """Let the tokens in the file `revoked_tokens` stay revoked."""
        self._revoked_tokens = revoked_tokens
        self._clock = clock

    @property
    def application_id(self) -> int:
        """The application id in the header of each database of Launcher."""
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
        """Return the revision of a database, "" when it has none, or more than one."""
        if not _has_table(connection, "alembic_version"):
            return ""
        rows = connection.execute("SELECT version_num FROM alembic_version LIMIT 2").fetchall()
        return str(rows[0][0]) if len(rows) == 1 else ""

    def pending(self, revision: str) -> tuple[Migration, ...] | None:
        """Return the migrations from `revision` to `head`, None for an unknown `revision`."""
        known = migrations.revisions()
        ids = [step.id for step in known]
        if revision not in ids:
            return None
        return tuple(Migration(step.id, step.title) for step in known[ids.index(revision) + 1 :])

    def expected_schema(self, revision: str) -> Sequence[SchemaObject]:
        """Return every row of the `sqlite_schema` of a database at `revision`."""
        return _expected_schema(revision)

    def problem(self, connection: sqlite3.Connection) -> str:
        """Return what is wrong with the rows, "": every page needs the settings and the users."""
        rows = connection.execute("SELECT * FROM system_settings WHERE id = 1").fetchall()
        connection.execute("SELECT * FROM users").fetchall()
        return "" if rows else "it holds no settings"

    def has_admin(self, connection: sqlite3.Connection) -> bool:
        """Whether an active admin is in a database whose password `prepare` will keep."""
        from launcher.db.hashes import is_affordable  # noqa: PLC0415  (no page asks for this)

        rows = connection.execute(f"SELECT password_hash FROM users WHERE {_ADMIN}")
        return any(is_affordable(str(password_hash).encode()) for (password_hash,) in rows)

    def migrate(self, path: Path) -> None:
        """Upgrade the database file at `path` to `head`, in one transaction.

        Raises:
            ForeignKeyError: there would be more dangling foreign keys than there are; nothing was
                changed.
        """
        import sqlalchemy as sa  # noqa: PLC0415

        engine = sa.create_engine(
            "sqlite://",
            poolclass=sa.NullPool,
            # Off while tables are rebuilt, as SQLite asks (lang_altertable.html, section 7), and
            # checked before the commit.
            creator=lambda: connect(path, foreign_keys=False),
        )
        sa.event.listen(engine, "begin", _begin_immediate)
        with engine.begin() as connection:
            before = _dangling_keys(connection)
            migrations.upgrade(connection)
            after = _dangling_keys(connection)
            if after.total() > before.total():
                table, target = next(iter(after - before))
                raise ForeignKeyError(
                    f"a row of {table} points to a row of {target} that is not there"
                )

    def survey(self, connection: sqlite3.Connection, *, count_rows: bool = True) -> Survey:
        """Return what a database at `head` holds: counts and names.

        Args:
            count_rows: False leaves out the counts, which take a while in a long history.
        """
        names = ("site_name", "session_epoch", *SCHEDULE)
        row = connection.execute(
            f"SELECT {', '.join(names)} FROM system_settings WHERE id = 1"
        ).fetchone()
        site = SiteSettings.of(dict(zip(names, row, strict=True))) if row else None
        return Survey(
            rows={table: _count(connection, table) for table in _tables(connection)}
            if count_rows
            else {},
            names={
                "app": _texts(connection, "SELECT name FROM apps ORDER BY name"),
                "board": _texts(connection, "SELECT name FROM boards ORDER BY name"),
                "group": _texts(connection, "SELECT name FROM user_groups ORDER BY name"),
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
            api_tokens={
                token.version: token.name
                for token in read_tokens(connection, at=self._clock())
                if token.is_valid and token.digest not in self._revoked()
            },
            schedule={name: getattr(site, name) for name in SCHEDULE} if site else None,
            site_name=site.site_name if site else "",
            epoch=site.session_epoch if site else "",
            values=read_values(connection, at=self._clock()),
            secrets=read_secrets(connection),
            newest_at=str(
                connection.execute("SELECT max(at) FROM audit_events").fetchone()[0] or ""
            ),
        )

    def _revoked(self) -> frozenset[str]:
        return read_revoked(self._revoked_tokens) if self._revoked_tokens else frozenset()

    def _remove_tokens(
        self, connection: sqlite3.Connection, known: Collection[str] | None
    ) -> tuple[Fault, ...]:
        """Remove tokens that were revoked, and those that are not `known`; None for any."""
        tokens, revoked = read_tokens(connection, at=self._clock()), self._revoked()
        dead = [each for each in tokens if each.digest in revoked]
        strange = [
            each
            for each in tokens
            if each not in dead and known is not None and each.version not in known
        ]
        delete_tokens(connection, [*dead, *strange])
        return (
            *_of_tokens(Reason.TOKENS_STAY_REVOKED, dead),
            *_of_tokens(Reason.TOKENS_REMOVED, strange),
        )

    def prepare(
        self,
        connection: sqlite3.Connection,
        *,
        epoch: str,
        schedule: Schedule | None,
        account: Mapping[str, object] | None,
        is_own: bool = True,
        known_tokens: Collection[str] = (),
    ) -> tuple[Fault, ...]:
        """Write what changes in a staged database before it goes live, in one transaction.

        Failures of sign-in are removed: they count against the addresses of another time. Odd
        values of our own data stay as they were: the site read them before. A token that was
        revoked since stays revoked. One in a file from outside opens nothing unless it is the same
        as one that is valid here: who made the file may know its secret.

        Returns:
            What was replaced or removed, see also `hashes.remove_costly_hashes` and, for a file
            from outside, `rows.replace_odd_values`.
        """
        from launcher.db.hashes import remove_costly_hashes  # noqa: PLC0415  (no page asks for this)

        connection.execute("BEGIN IMMEDIATE")
        try:
            written = connection.execute(
                "UPDATE system_settings SET session_epoch = ? WHERE id = 1", (epoch,)
            )
            if written.rowcount != 1:
                raise LookupError("it holds no settings")
            if schedule is not None:
                columns = ", ".join(f"{name} = :{name}" for name in SCHEDULE)
                connection.execute(f"UPDATE system_settings SET {columns} WHERE id = 1", schedule)
            if account is not None:
                _write_account(connection, account)
            connection.execute("DELETE FROM sign_in_failures")
            faults = remove_costly_hashes(connection)
            faults += self._remove_tokens(connection, None if is_own else known_tokens)
            if not is_own:
                # The models import SQLAlchemy.
                from launcher.db.rows import replace_odd_values  # noqa: PLC0415

                faults += replace_odd_values(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        return faults

    def account(self, connection: sqlite3.Connection, username: str) -> Mapping[str, object] | None:
        """Return an active admin as `prepare` takes it, None when there is none of this name."""
        row = connection.execute(
            f"SELECT {', '.join(_ACCOUNT)} FROM users WHERE username = ? AND {_ADMIN}", (username,)
        ).fetchone()
        return dict(zip(_ACCOUNT, row, strict=True)) if row else None


@cache
def _expected_schema(revision: str) -> tuple[SchemaObject, ...]:
    """Return the schema of a database in memory that is made at `revision`."""
    if (statements := migrations.written_schema(revision)) is not None:
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            connection.executescript(statements)
            return tuple(SchemaObject(*row) for row in connection.execute(_SCHEMA))
    import sqlalchemy as sa  # noqa: PLC0415

    engine = sa.create_engine("sqlite://", poolclass=sa.NullPool)
    with engine.connect() as connection:
        migrations.upgrade(connection, revision)
        return tuple(SchemaObject(*row) for row in connection.exec_driver_sql(_SCHEMA))


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _dangling_keys(connection: sa.Connection) -> Counter[tuple[str, str]]:
    """Return (table, table it points to) → keys that point to no row."""
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check")
    return Counter((str(row[0]), str(row[2])) for row in rows)


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return connection.execute(query, (name,)).fetchone() is not None


def _tables(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the tables of Launcher that exist; no other name ever reaches SQL."""
    known = {each.table for each in _expected_schema(migrations.head())} - {"alembic_version"}
    return tuple(sorted(name for name in known if _has_table(connection, name)))


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _of_tokens(reason: Reason, tokens: Sequence[TokenRow]) -> tuple[Fault, ...]:
    names = listed([each.name for each in tokens])
    return (Fault(reason, {"names": names}),) if tokens else ()


def _texts(connection: sqlite3.Connection, query: str) -> tuple[str, ...]:
    return tuple(str(row[0]) for row in connection.execute(query))


def _write_account(connection: sqlite3.Connection, account: Mapping[str, object]) -> None:
    """Write `account` as an active admin.

    An existing account of this name keeps its id, since boards and tokens point to it. A new one
    gets the id it had if that is free, so that the session that names it stays valid.
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
