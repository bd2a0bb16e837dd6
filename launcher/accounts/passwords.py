"""Passwords: hashed, checked, generated."""

from __future__ import annotations

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from launcher.accounts.errors import PASSWORD_MIN_LENGTH, PasswordUnfitError

PASSWORD_MAX_LENGTH = 1000

hasher = PasswordHasher()
# A hash takes 64 MiB for a fifth of a second. One at a time in a process bounds the memory that a
# flood of sign-ins can take.
_one_hash = threading.Lock()


def hash_password(password: str) -> str:
    """Return the hash of `password`.

    Raises:
        PasswordUnfitError: it is too short or too long.
    """
    if not PASSWORD_MIN_LENGTH <= len(password) <= PASSWORD_MAX_LENGTH:
        raise PasswordUnfitError
    with _one_hash:
        return hasher.hash(password)


def is_password(password_hash: str, password: str) -> bool:
    """Return whether `password` is the one that was hashed."""
    if len(password) > PASSWORD_MAX_LENGTH:
        return False
    try:
        with _one_hash:
            return hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def random_password() -> str:
    """Return a password that is hard to guess and easy to type."""
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))
