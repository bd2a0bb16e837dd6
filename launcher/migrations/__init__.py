"""Migrations: the schema, revision by revision, in handwritten SQL.

Read `versions/0001…` first. The text of each table must not depend on a library's version: an
uploaded backup is compared with it. So a revision makes no triggers, views or virtual tables.

Revisions run on any connection: the live database, a staged copy, or one in memory. The caller
owns the transaction, so a migration is all or nothing. They follow one another in the order of
their file names, without branches. Imports `extensions` alone.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Revision:
    """One step of the schema."""

    id: str
    title: str


@cache
def revisions() -> tuple[Revision, ...]:
    """Return every revision, oldest first."""
    return tuple(_revision(path) for path in sorted(_FOLDER.glob("versions/[0-9]*.py")))


def _revision(path: Path) -> Revision:
    title = ast.get_docstring(ast.parse(path.read_bytes())) or ""
    return Revision(path.name.partition("_")[0], title)


def head() -> str:
    """Return the revision that this code needs."""
    return revisions()[-1].id


def written_schema(revision: str) -> str | None:
    """Return the statements that make an empty database at `revision`, None for any but head.

    They save what only compares a schema from running Alembic.
    """
    text = (_FOLDER / "schema.sql").read_text()
    return text if text.startswith(f"-- Revision {revision}.") else None


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the database behind `connection` to `revision`, inside the caller's transaction.

    On failure the exception passes through and the caller's rollback leaves nothing behind.
    """
    # Imported here: only a migration needs Alembic, and it would cost every start an eighth of a
    # second.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
