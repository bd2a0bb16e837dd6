"""Which password hashes of a database can be checked at no more cost than ours."""

from __future__ import annotations

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY as _OURS

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
