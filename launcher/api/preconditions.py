"""ETags, and `If-Match`: a change that is made only if nothing was changed since it was read."""

from __future__ import annotations

import hashlib

import msgspec
from flask import request
from werkzeug.http import quote_etag

from launcher.api.door import Answer
from launcher.api.problems import Problem

IF_MATCH = {
    "If-Match": "The ETag of the last answer. The request is refused if it has changed since."
}

ETAG = {"ETag": "The version of the answer, for If-Match in a change."}


def tag_of(result: msgspec.Struct) -> str:
    """Return the tag of a result, which differs as soon as one of its fields does."""
    return hashlib.sha256(msgspec.json.encode(result)).hexdigest()[:32]


def answer_with_tag(result: msgspec.Struct) -> Answer:
    """Answer with a result and its ETag."""
    return Answer(result, headers={"ETag": quote_etag(tag_of(result))})


def require_match(tag: str) -> None:
    """Refuse a request whose `If-Match` does not have `tag`; without that header all is well.

    Raises:
        Problem
    """
    if "If-Match" in request.headers and not request.if_match.contains(tag):
        raise Problem("precondition_failed")
