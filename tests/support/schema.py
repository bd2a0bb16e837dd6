"""Databases as an older Launcher left them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from launcher import migrations

_HASH = (
    "$argon2id$v=19$m=8,t=1,p=1$Gb7Di5v7DIhYSaozOqM2kg$kNFpZv+1fFKxlSVby1mzvrcjJx7fO0gfVRX+SiRhq4E"
)
_ADMIN = f"""
    INSERT INTO users (username, display_name, email, password_hash, role, locale, theme,
                       open_new_tab, is_active, created_at)
    VALUES ('ada', 'Ada', '', '{_HASH}', 'admin', '', 'system', 0, 1,
            '2026-11-22 12:00:00.000000')"""


def make_database(path: Path, *, revision: str) -> Path:
    """Make a live database at `revision`, with one admin, as the code of then left it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        migrations.upgrade(connection, revision)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(_ADMIN)
        connection.execute("UPDATE system_settings SET site_name = 'Of old'")
        connection.execute("PRAGMA journal_mode=WAL")
    return path


def run(path: Path, query: str) -> list[tuple[object, ...]]:
    """Ask a database one thing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(query).fetchall()
