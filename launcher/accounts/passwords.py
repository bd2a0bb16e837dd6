"""Passwords: hashed, checked, generated."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterable, Iterator

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from launcher.accounts.errors import (
    PASSWORD_MAX_LENGTH,
    PASSWORD_MIN_LENGTH,
    PasswordGuessableError,
    PasswordPersonalError,
    PasswordTooLongError,
    PasswordUnfitError,
)
from launcher.db.hashes import is_affordable

_MIN_SCORE = 3  # of 0 to 4: more than 100 million guesses
_MIN_WORD = 3
_MIN_REST = 8

hasher = PasswordHasher()
# A hash takes 64 MiB for a fifth of a second. One at a time in a process bounds the memory that a
# flood of sign-ins can take.
_one_hash = threading.Lock()


def require_fit_password(password: str, *, about: Iterable[str]) -> None:
    """Refuse a password that is too short or easy to guess.

    Args:
        about: what is public about the account: its names, its e-mail address, the site.

    Raises:
        PasswordUnfitError: it is too short.
        PasswordTooLongError: it is too long.
        PasswordPersonalError: fewer than 8 characters remain without what is public.
        PasswordGuessableError: zxcvbn guesses it within 100 million tries.
    """
    if len(password) < PASSWORD_MIN_LENGTH:
        raise PasswordUnfitError
    if len(password) > PASSWORD_MAX_LENGTH:
        raise PasswordTooLongError
    # Imported here: its lists take a tenth of a second and 14 MB, and few processes set passwords.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    known = sorted({*_words("launcher", *about)}, key=len, reverse=True)
    rest = password.casefold()
    for word in known:
        rest = rest.replace(word, "")
    if rest != password.casefold() and len(rest) < _MIN_REST:
        raise PasswordPersonalError
    # What zxcvbn does takes long for long texts, and 72 characters are its own limit.
    if zxcvbn(password[:72], user_inputs=known)["score"] < _MIN_SCORE:
        raise PasswordGuessableError


def _words(*texts: str) -> Iterator[str]:
    """Yield each text and the words in it, in small letters; short ones are in any password."""
    for text in texts:
        for word in (text, *re.split(r"[\W_]+", text)):
            if len(word) >= _MIN_WORD:
                yield word.casefold()


def hash_password(password: str) -> str:
    """Return the hash of `password`."""
    with _one_hash:
        return hasher.hash(password)


def is_password(password_hash: str, password: str) -> bool:
    """Return whether `password` is the one that was hashed; False for a costly hash."""
    if len(password) > PASSWORD_MAX_LENGTH or not is_affordable(password_hash.encode()):
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
