"""Which password hashes of a database can be checked at no more cost than ours."""

from __future__ import annotations

import sqlite3

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY as _OURS

from launcher.backup.reasons import Fault, Reason

NO_PASSWORD = "!"  # noqa: S105 (no password has this hash)


def is_affordable(password_hash: object) -> bool:
    """Whether a stored hash, as bytes, is `NO_PASSWORD` or costs no more to check than ours."""
    if password_hash == NO_PASSWORD.encode():
        return True
    try:
        theirs = extract_parameters(str(password_hash, "ascii"))  # type: ignore[call-overload]
    except (InvalidHashError, ValueError, TypeError):
        return False
    return (
        theirs.type is _OURS.type
        and theirs.memory_cost <= _OURS.memory_cost
        and theirs.time_cost <= _OURS.time_cost
        and theirs.parallelism <= _OURS.parallelism
        and theirs.hash_len <= _OURS.hash_len
    )


def remove_costly_hashes(connection: sqlite3.Connection) -> tuple[Fault, ...]:
    """Remove the password hashes whose check would cost more than one of ours, or is impossible.

    Returns:
        How many users need a new password, nothing when none does.
    """
    rows = connection.execute("SELECT id, CAST(password_hash AS BLOB) FROM users").fetchall()
    odd = [(NO_PASSWORD, id_) for id_, password_hash in rows if not is_affordable(password_hash)]
    connection.executemany("UPDATE users SET password_hash = ? WHERE id = ?", odd)
    return (Fault(Reason.PASSWORDS_REMOVED, {"count": len(odd)}),) if odd else ()
