"""The names of cookies.

A browser keeps one set of cookies for all ports of a host. So the cookies of a session carry the
mark of their installation, and two installations on one host do not end each other's sessions.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from flask import current_app, request

from launcher.current import current_config

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.wrappers import Response

_LASTING_S = 365 * 86400


def own_cookie_name(app: Flask, name: str) -> str:
    """Return `name` with the mark of this installation, for the scheme of this request.

    The mark follows from the secret key and the data directory, so that all processes have the
    same, restarts keep it, and a copy of the directory elsewhere has another. Over TLS, `__Host-`
    keeps other hosts of the domain, and plain HTTP, from planting the cookie.
    """
    config = current_config(app)
    mark = hmac.new(config.secret_key.encode(), str(config.data_dir).encode(), hashlib.sha256)
    return f"{'__Host-' if request.is_secure else ''}{name}-{mark.hexdigest()[:8]}"


def own_cookie_path() -> str:
    """Return the path of such a cookie: the prefix of the site; `__Host-` demands `/` over TLS."""
    return "/" if request.is_secure else request.script_root or "/"


def session_cookie_name(app: Flask | None = None) -> str:
    """Return the name of the cookie that carries the session."""
    return own_cookie_name(app or current_app, "launcher")


def remember_choice(response: Response, name: str, value: str) -> None:
    """Let this browser remember what a guest chose, for a year."""
    response.set_cookie(
        name,
        value,
        max_age=_LASTING_S,
        path=request.script_root or "/",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
