"""A token to follow one operation with, since a restore ends the session that began it.

It opens that operation for a day, and nothing else. The token is a random text; what is known of
its holder is in a file of this server, so the page works while the database is replaced. The
browser that began the operation sees all of its outcome, any other only how it went.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from flask import session, url_for

from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.files import write_atomic
from launcher.current import current_config
from launcher.web.frame import Appearance
from launcher.web.sessions import Holder

MAX_AGE_S = 86400
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Follower:
    """Who follows an operation.

    Attributes:
        holder: the session that began it, None at the setup of a new server.
        setup_token: what opens that setup, else "".
    """

    appearance: Appearance
    holder: Holder | None
    setup_token: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    operation_id: str
    follower: Follower


def following_address(operation_id: str, follower: Follower) -> str:
    """Return the address at which `follower` can follow the operation, with the token.

    Without a token where nothing can be written: the page is then for admins.
    """
    token = secrets.token_urlsafe(24)
    path = _path(token)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _remove_old(path.parent)
        write_atomic(path, json.dumps(encode(_Kept(operation_id, follower))).encode())
    except OSError as error:
        _log.warning("an operation is followed without a token: %s", error)
        return url_for("operations.show", operation_id=operation_id)
    session["follows"] = operation_id
    return url_for("operations.show", operation_id=operation_id, t=token)


def read_follower(token: str, operation_id: str) -> Follower | None:
    """Return who follows this operation by `token`, None when it is invalid or too old."""
    path = _path(token)
    try:
        is_old = time.time() - path.stat().st_mtime > MAX_AGE_S
        kept = decode(_Kept, parse(path.read_bytes()))
    except (OSError, DecodeError):
        return None
    return None if is_old or kept.operation_id != operation_id else kept.follower


def is_follower_here(operation_id: str) -> bool:
    """Whether this browser began the operation. Its session may have ended since."""
    return session.get("follows") == operation_id


def _path(token: str) -> Path:
    # Nothing of a request becomes a path.
    return current_config().following_dir / f"{hashlib.sha256(token.encode()).hexdigest()}.json"


def _remove_old(folder: Path) -> None:
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > MAX_AGE_S:
                path.unlink()
