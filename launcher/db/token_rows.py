"""The rows of API tokens, read with plain `sqlite3` by a backup and a restore."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from launcher.db.connect import stored_moment

# As bytes: a file from outside may hold text that is no UTF-8.
_QUERY = """
    SELECT api_tokens.id, CAST(token_sha256 AS BLOB), CAST(api_tokens.name AS BLOB),
        CAST(prefix AS BLOB), CAST(username AS BLOB), CAST(scopes AS BLOB),
        CAST(expires_at AS BLOB),
        role = 'admin' AND is_active = 1 AND (expires_at IS NULL OR expires_at > ?)
    FROM api_tokens LEFT JOIN users ON users.id = user_id
    ORDER BY api_tokens.name, prefix, api_tokens.id"""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token.

    Attributes:
        digest: the SHA-256 of its text.
        name: with its prefix, since names need not be unique.
        version: differs from that of any other token, and when owner, scopes or expiry do.
        is_valid: whether it has not expired and its owner is an active admin.
    """

    id: int
    digest: str
    name: str
    version: str
    is_valid: bool


def read_tokens(connection: sqlite3.Connection, *, at: datetime) -> Sequence[TokenRow]:
    """Return every token, by name; `at` is when it must not have expired."""
    rows = connection.execute(_QUERY, (stored_moment(at),)).fetchall()
    return [
        TokenRow(
            id=row[0],
            digest=_text(row[1]),
            name=f"{_text(row[2])} ({_text(row[3])}…)",
            version=hashlib.sha256(repr((row[1], *row[4:7])).encode()).hexdigest()[:16],
            is_valid=bool(row[7]),
        )
        for row in rows
    ]


def delete_tokens(connection: sqlite3.Connection, tokens: Iterable[TokenRow]) -> None:
    """Delete these rows, inside the caller's transaction."""
    ids = ((each.id,) for each in tokens)
    connection.executemany("DELETE FROM api_tokens WHERE id = ?", ids)


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
