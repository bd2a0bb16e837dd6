"""Tokens that open one thing for a day without the database: a restore ends what is kept in it.

A token is a random text. What it opens is in a file of this server, named after its SHA-256.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import time
from pathlib import Path
from typing import TypeVar

from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.files import write_atomic

MAX_AGE_S = 86400

T = TypeVar("T")


def keep(folder: Path, record: object, *, start: str = "") -> str:
    """Return a new token beginning with `start`, which `read` takes for a day.

    Args:
        record: what it opens, as the codec of records takes it.

    Raises:
        OSError: nothing could be written.
    """
    token = new_token(start)
    keep_as(folder, token, record)
    return token


def new_token(start: str = "") -> str:
    """Return a random token, which opens nothing before `keep_as`."""
    return start + secrets.token_urlsafe(24)


def keep_as(folder: Path, token: str, record: object) -> None:
    """Let `read` take this token for a day.

    Raises:
        OSError: nothing could be written.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    remove_old(folder)
    write_atomic(_path(folder, token), json.dumps(encode(record)).encode())


def read(folder: Path, token: str, kind: type[T]) -> T | None:
    """Return the record of a token, None when it is invalid, too old or of another kind."""
    path = _path(folder, token)
    try:
        is_old = time.time() - path.stat().st_mtime > MAX_AGE_S
        kept = decode(kind, parse(path.read_bytes()))
    except (OSError, DecodeError):
        return None
    return None if is_old else kept


def forget(folder: Path, token: str) -> None:
    """Make a token invalid, where the disk allows it."""
    with contextlib.suppress(OSError):
        _path(folder, token).unlink(missing_ok=True)


def _path(folder: Path, token: str) -> Path:
    # Nothing of a request becomes a path.
    digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
    return folder / f"{digest}.json"


def remove_old(folder: Path) -> None:
    """Remove the files of a folder whose day is over."""
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > MAX_AGE_S:
                path.unlink()
