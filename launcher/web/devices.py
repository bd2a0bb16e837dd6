"""The cookie of a known device: which users have signed in on this browser before.

It gives no access. Sign-in counts the failures of a known device apart, so that no one who guesses
elsewhere can keep its user out. It outlives sign-out, and each sign-in renews it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from launcher.models import User
from launcher.web.cookies import own_cookie_name, own_cookie_path

MAX_AGE_S = 365 * 86400
MAX_USERS = 5


def known_device(username: str) -> str:
    """Return the mark of this device for a user name, "" when it is not known from it."""
    return _marks().get(username.lower(), "")


def remember_device(response: Response, user: User) -> None:
    """Make this browser a known device of `user`, and of the few who signed in before."""
    name = user.username.lower()
    others = {each: mark for each, mark in _marks().items() if each != name}
    marks = {name: known_device(name) or secrets.token_urlsafe(16)} | others
    response.set_cookie(
        _cookie_name(),
        _serializer().dumps(list(marks.items())[:MAX_USERS]),
        max_age=MAX_AGE_S,
        path=own_cookie_path(),
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


def _marks() -> Mapping[str, str]:
    """Return the marks by user name, the last one who signed in first."""
    try:
        return dict(_serializer().loads(request.cookies.get(_cookie_name(), ""), MAX_AGE_S))
    except BadData:
        return {}


def _cookie_name() -> str:
    return own_cookie_name(current_app, "launcher-device")


def _serializer() -> URLSafeTimedSerializer:
    assert current_app.secret_key is not None  # noqa: S101 (made at the first start)
    return URLSafeTimedSerializer(current_app.secret_key, salt="launcher.device")
