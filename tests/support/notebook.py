"""A small application of its own, so that the core is tested without Flask or SQLAlchemy.

Three revisions of a notebook: people, notes, and from the third on a colour for each note.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from launcher.backup.reasons import Fault
from launcher.backup.records.schema import SchemaObject
from launcher.backup.records.survey import Migration, Schedule, Survey

APPLICATION_ID = 0x4E4F5445

STEPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "0001": (
        "the first tables",
        (
            "CREATE TABLE revision (revision TEXT NOT NULL)",
            "INSERT INTO revision VALUES ('')",
            "CREATE TABLE setting (id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL,"
            " site_name TEXT NOT NULL, cron TEXT NOT NULL)",
            "INSERT INTO setting VALUES (1, '', 'Notebook', '0 3 * * *')",
            "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
            " password TEXT NOT NULL, is_admin INTEGER NOT NULL)",
            "CREATE TABLE note (id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL"
            " REFERENCES person (id), body TEXT NOT NULL, twin TEXT NOT NULL)",
        ),
    ),
    "0002": ("an index", ("CREATE INDEX note_body ON note (body)",)),
    "0003": ("a colour", ("ALTER TABLE note ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'",)),
}
HEAD = "0003"


class Notebook:
    """What the core must know of the notebook (`launcher.backup.ports.Content`)."""

    application_id = APPLICATION_ID
    app_version = "1.4.0"
    head = HEAD

    def __init__(self, *, failing_migration: bool = False) -> None:
        self._failing_migration = failing_migration

    def revision(self, connection: sqlite3.Connection) -> str:
        row = connection.execute("SELECT revision FROM revision").fetchone()
        return row[0] if row else ""

    def pending(self, revision: str) -> tuple[Migration, ...] | None:
        if revision and revision not in STEPS and revision != self.head:
            return None
        return tuple(
            Migration(step, title) for step, (title, _) in STEPS.items() if step > revision
        )

    def expected_schema(self, revision: str) -> Sequence[SchemaObject]:
        connection = sqlite3.connect(":memory:")
        upgrade(connection, until=revision)
        rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
        connection.close()
        return [SchemaObject(*row) for row in rows]

    def problem(self, connection: sqlite3.Connection) -> str:
        row = connection.execute("SELECT 1 FROM setting").fetchone()
        return "" if row else "it holds no setting"

    def has_admin(self, connection: sqlite3.Connection) -> bool:
        return bool(connection.execute("SELECT 1 FROM person WHERE is_admin").fetchone())

    def migrate(self, path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            if self._failing_migration:
                raise RuntimeError("this migration fails")
            upgrade(connection, until=HEAD)
        finally:
            connection.close()

    def survey(self, connection: sqlite3.Connection, *, count_rows: bool = True) -> Survey:
        people = connection.execute("SELECT name, password, is_admin FROM person").fetchall()
        epoch, site_name, cron = connection.execute(
            "SELECT epoch, site_name, cron FROM setting"
        ).fetchone()
        tables = ("revision", "setting", "person", "note")
        count = "SELECT count(*) FROM "
        return Survey(
            rows={
                table: connection.execute(count + table).fetchone()[0]
                for table in tables
                if count_rows
            },
            names={"user": tuple(sorted(name for name, _, _ in people))},
            admins=tuple(sorted(name for name, _, is_admin in people if is_admin)),
            password_versions={
                name: hashlib.sha256(password.encode()).hexdigest()[:8]
                for name, password, _ in people
            },
            api_tokens={},
            schedule={"cron": cron},
            site_name=site_name,
            epoch=epoch,
        )

    def prepare(
        self,
        connection: sqlite3.Connection,
        *,
        epoch: str,
        schedule: Schedule | None,
        account: Mapping[str, object] | None,
        is_own: bool = True,  # noqa: ARG002
        known_tokens: Collection[str] = (),  # noqa: ARG002
    ) -> tuple[Fault, ...]:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE setting SET epoch = ?", (epoch,))
        if schedule:
            connection.execute("UPDATE setting SET cron = ?", (schedule["cron"],))
        if account:
            connection.execute(
                "INSERT INTO person (name, password, is_admin) VALUES (?, ?, 1)"
                " ON CONFLICT (name) DO UPDATE SET password = excluded.password, is_admin = 1",
                (account["name"], account["password"]),
            )
        connection.execute("COMMIT")
        return ()

    def account(self, connection: sqlite3.Connection, username: str) -> Mapping[str, object] | None:
        row = connection.execute(
            "SELECT name, password FROM person WHERE name = ? AND is_admin", (username,)
        ).fetchone()
        return {"name": row[0], "password": row[1]} if row else None


def upgrade(connection: sqlite3.Connection, *, until: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    now = connection.execute("SELECT revision FROM revision").fetchone()[0] if tables else ""
    for step, (_, statements) in STEPS.items():
        if now < step <= until:
            for statement in statements:
                connection.execute(statement)
    connection.execute("UPDATE revision SET revision = ?", (until,))
    connection.execute("COMMIT")


def make_notebook(
    path: Path,
    *,
    notes: int = 20,
    revision: str = HEAD,
    page_size: int = 4096,
    admins: tuple[str, ...] = ("ada",),
    wal: bool = True,
) -> Path:
    """Write a filled notebook database to `path`."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA page_size={page_size}")
    if wal:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
    upgrade(connection, until=revision)
    connection.execute("UPDATE setting SET epoch = 'first'")
    for name in (*admins, "ben"):
        connection.execute(
            "INSERT INTO person (name, password, is_admin) VALUES (?, ?, ?)",
            (name, f"secret of {name}", name in admins),
        )
    connection.close()
    add_notes(path, notes)
    return path


def add_notes(path: Path, count: int, *, text: str = "word ") -> None:
    """Add notes, each with its own text; `twin` always equals `body`."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    first = connection.execute("SELECT coalesce(max(id), 0) FROM note").fetchone()[0]
    connection.executemany(
        "INSERT INTO note (person_id, body, twin) VALUES (1, ?, ?)",
        [(f"{n} {text * 20}", f"{n} {text * 20}") for n in range(first, first + count)],
    )
    connection.execute("COMMIT")
    connection.close()


def digest(path: Path) -> dict[str, str]:
    """Return a digest of every row of every table, but for the session epoch."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    found: dict[str, str] = {}
    names = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    for (name,) in names:
        quoted = name.replace('"', '""')
        rows = connection.execute(f'SELECT * FROM "{quoted}"').fetchall()
        if name == "setting":
            rows = [(row[0], *row[2:]) for row in rows]
        found[name] = hashlib.sha256(repr(sorted(rows, key=repr)).encode()).hexdigest()
    connection.close()
    return found
