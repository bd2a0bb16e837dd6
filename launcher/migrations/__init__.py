"""The schema, revision by revision, in SQL of our own.

The SQL is written out rather than generated, so that the text which SQLite keeps of each table
does not depend on the version of a library: an uploaded backup is compared with it, letter by
letter. A revision makes no triggers, views or virtual tables, for the same reason.

Revisions work on any connection that they are given: the live database, a staged copy of a
backup, or one in memory. The caller owns the transaction, so a migration is all or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of the schema."""

    id: str
    title: str


def config() -> Config:
    """Return Alembic's configuration; there is no `alembic.ini`."""
    configured = Config()
    # Config treats % as the start of an interpolation.
    configured.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    configured.set_main_option("path_separator", "newline")
    return configured


@cache
def revisions() -> tuple[Revision, ...]:
    """Return every revision, oldest first."""
    scripts = ScriptDirectory.from_config(config())
    steps = [Revision(script.revision, script.doc) for script in scripts.walk_revisions()]
    return tuple(reversed(steps))


def head() -> str:
    """Return the revision that this code needs."""
    return revisions()[-1].id


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the database behind `connection` to `revision`, inside the caller's transaction.

    On failure the exception passes through and the caller's rollback leaves nothing behind.
    """
    configured = config()
    configured.attributes["connection"] = connection
    command.upgrade(configured, revision)
