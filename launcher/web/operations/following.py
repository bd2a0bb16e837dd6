"""A token to follow one operation with, since a restore ends the session that began it.

It opens that operation for a day, and nothing else. The token is a random text; what is known of
its holder is in a file of this server, so the page works while the database is replaced. The
browser that began the operation sees all of its outcome, any other only how it went.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import session, url_for

from launcher.background import follow_tokens
from launcher.current import current_config
from launcher.web.frame import Appearance
from launcher.web.operations.submission import Submission
from launcher.web.sessions import Holder, current_session_id

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Follower:
    """Who follows an operation.

    Attributes:
        holder: the session that began it, None at the setup of a new server.
        setup_token: what opens that setup, else "".
        search: the key of the search for copies that it came from, else "".
    """

    appearance: Appearance
    holder: Holder | None
    setup_token: str = ""
    search: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    operation_id: str
    follower: Follower


@contextmanager
def followed(submission: Submission, follower: Follower) -> Iterator[str]:
    """Yield the address at which `follower` can follow the operation that begins in the block.

    It is valid before that: a worker that is killed meanwhile leaves it to the next submission. It
    has no token where nothing can be written: the page is then for admins.

    Raises:
        whatever the block raises; the address is invalid then, unless the operation has begun.
    """
    folder, operation_id = current_config().following_dir, submission.operation_id
    token = submission.key or follow_tokens.new_token()
    try:
        follow_tokens.keep_as(folder, token, _Kept(operation_id, follower))
    except OSError as error:
        _log.warning("an operation is followed without a token: %s", error)
        yield url_for("operations.show", operation_id=operation_id)
        return
    try:
        yield url_for("operations.show", operation_id=operation_id, t=token)
    except BaseException:
        if not submission.has_begun():
            follow_tokens.forget(folder, token)
        raise
    session["follows"] = operation_id


def begun_before(submission: Submission) -> str:
    """Return where the operation is followed that this submission began before, "" for none.

    Needs no database: a restore may be running, and may have ended the session.
    """
    follower = read_follower(submission.key, submission.operation_id)
    if follower is None or not submission.wait_for_begin():
        return ""
    return url_for("operations.show", operation_id=submission.operation_id, t=submission.key)


def read_follower(token: str, operation_id: str) -> Follower | None:
    """Return who follows this operation by `token`, None when it is invalid or too old."""
    kept = follow_tokens.read(current_config().following_dir, token, _Kept)
    return kept.follower if kept and kept.operation_id == operation_id else None


def is_follower_here(operation_id: str, follower: Follower) -> bool:
    """Whether this browser began the operation. Its session may have ended since."""
    if session.get("follows") == operation_id:
        return True
    # The answer that would have said so may have been lost.
    return follower.holder is not None and follower.holder.session_id == current_session_id()
