"""A signed token to follow one operation with, since a restore ends the session that began it.

It shows that operation for a day, and nothing else. It needs neither a session nor the database,
so the page works while the data is replaced.
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
    """Who follows an operation.

    Attributes:
        holder: the session that began it, None at the setup of a new server.
        setup_token: what opens that setup, else "".
    """

    appearance: Appearance
    holder: Holder | None
    setup_token: str = ""


def following_address(operation_id: str, follower: Follower) -> str:
    """Return the address at which `follower` can follow the operation, with the token."""
    holder = follower.holder
    token = _serializer().dumps(
        {
            "operation": operation_id,
            "appearance": astuple(follower.appearance),
            "holder": holder and astuple(holder),
            "setup": follower.setup_token,
        }
    )
    return url_for("operations.show", operation_id=operation_id, t=token)


def read_follower(token: str, operation_id: str) -> Follower | None:
    """Return who follows this operation by `token`, None when it is invalid or too old."""
    try:
        data = _serializer().loads(token, max_age=MAX_AGE_S)
    except BadData:
        return None
    if data["operation"] != operation_id:
        return None
    language, theme, time_zone, site_name, hue = data["appearance"]
    return Follower(
        Appearance(language, Theme(theme), time_zone, site_name, hue),
        Holder(*data["holder"]) if data["holder"] else None,
        data["setup"],
    )


def _serializer() -> URLSafeTimedSerializer:
    assert current_app.secret_key is not None  # noqa: S101 (made at the first start)
    return URLSafeTimedSerializer(current_app.secret_key, salt="launcher.following")
