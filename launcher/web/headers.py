"""The security headers of every response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request

from launcher.current import current_config

if TYPE_CHECKING:
    from flask import Flask, Response

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

_ALWAYS = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}
_OF_PAGES = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    # Not "no-referrer": without script, a form leads back to the page that it was sent from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"
    ),
}
# Files that a browser keeps for ever. An SVG opened alone is a document too: it may do nothing.
_OF_ASSETS = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}


def init_app(app: Flask) -> None:
    """Set the headers on every response, errors included."""
    app.after_request(_add_headers)


def _add_headers(response: Response) -> Response:
    if request.is_secure:
        # For this name alone: others of the domain may have no TLS. The default is as long as a
        # session, and short enough to think better of it: it counts for every port of the host.
        max_age_s = current_config().hsts_days * 86400
        response.headers.setdefault("Strict-Transport-Security", f"max-age={max_age_s}")
    own = _OF_ASSETS if response.cache_control.immutable else _OF_PAGES
    for name, value in (_ALWAYS | own).items():
        response.headers.setdefault(name, value)
    if response.status_code >= 500:
        # A proxy in front has errors of its own, for which browsers show `offline.html`.
        response.headers["Launcher-Error"] = str(response.status_code)
    # Every page has a token or a name in it; what may be cached sets its own header.
    response.headers.setdefault("Cache-Control", "no-store")
    return response
