"""A token to follow one operation with, since a restore ends the session that began it.

It opens that operation for a day, and nothing else. The token is a random text; what is known of
its holder is in a file of this server, so the page works while the database is replaced. The
browser that began the operation sees all of its outcome, any other only how it went.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from flask import session, url_for

from launcher.background import follow_tokens
from launcher.current import current_config
from launcher.web.frame import Appearance
from launcher.web.sessions import Holder

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
    try:
        token = follow_tokens.keep(current_config().following_dir, _Kept(operation_id, follower))
    except OSError as error:
        _log.warning("an operation is followed without a token: %s", error)
        return url_for("operations.show", operation_id=operation_id)
    session["follows"] = operation_id
    return url_for("operations.show", operation_id=operation_id, t=token)


def read_follower(token: str, operation_id: str) -> Follower | None:
    """Return who follows this operation by `token`, None when it is invalid or too old."""
    kept = follow_tokens.read(current_config().following_dir, token, _Kept)
    return kept.follower if kept and kept.operation_id == operation_id else None


def is_follower_here(operation_id: str) -> bool:
    """Whether this browser began the operation. Its session may have ended since."""
    return session.get("follows") == operation_id
