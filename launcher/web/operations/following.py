"""A signed token to follow one operation with, when the session that began it may end under way.

Whoever has it may watch that operation for a day, and nothing else: it needs neither a session
nor the database, so the page that follows a restore stays alive while the data is replaced.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

from flask import current_app, url_for
from itsdangerous import BadData, URLSafeTimedSerializer

from launcher.models import Theme
from launcher.web.frame import Appearance
from launcher.web.sessions import Holder

MAX_AGE_S = 86400


@dataclass(frozen=True, slots=True)
class Follower:
    """Who follows: how pages look to them, and the session they began with.

    `holder` is None where nobody was signed in: at the setup of a new server, which
    `setup_token` opens.
    """

    look: Appearance
    holder: Holder | None
    setup_token: str = ""


def following_address(operation_id: str, follower: Follower) -> str:
    """Return where `follower` can watch the operation, token and all."""
    look, holder = follower.look, follower.holder
    token = _serializer().dumps(
        {
            "operation": operation_id,
            "look": astuple(look),
            "holder": holder and astuple(holder),
            "setup": follower.setup_token,
        }
    )
    return url_for("operations.show", operation_id=operation_id, t=token)


def read_follower(token: str, operation_id: str) -> Follower | None:
    """Return who follows this operation by `token`; None when it is not for it, or too old."""
    try:
        said = _serializer().loads(token, max_age=MAX_AGE_S)
    except BadData:
        return None
    if said["operation"] != operation_id:
        return None
    language, theme, time_zone, site_name, hue = said["look"]
    return Follower(
        Appearance(language, Theme(theme), time_zone, site_name, hue),
        Holder(*said["holder"]) if said["holder"] else None,
        said["setup"],
    )


def _serializer() -> URLSafeTimedSerializer:
    assert current_app.secret_key is not None  # noqa: S101 (made at the first start)
    return URLSafeTimedSerializer(current_app.secret_key, salt="launcher.following")
