"""`If-Match`: a change that is made only if nothing was changed since it was read."""

from __future__ import annotations

from flask import request

from launcher.api.problems import Problem

IF_MATCH = {"If-Match": "The ETag that was read; the call is refused if it is another one now."}


def require_match(tag: str) -> None:
    """Refuse a request whose `If-Match` does not have `tag`; without that header all is well.

    Raises:
        Problem
    """
    if "If-Match" in request.headers and not request.if_match.contains(tag):
        raise Problem("precondition_failed")
