"""What every response says about itself, so that a browser trusts it with as little as possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask, Response

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_OF_PAGES = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    # Not "no-referrer": over TLS the CSRF check reads the referrer of our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"
    ),
}
# The parts of a page, which a browser keeps for ever. Opened by itself, a picture with marks is a
# document too: it may do nothing at all, and fewer words say so. Five of them come with each page.
_OF_ASSETS = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}


def init_app(app: Flask) -> None:
    """Put the headers on every response of `app`, errors included."""
    app.after_request(_add_headers)


def _add_headers(response: Response) -> Response:
    own = _OF_ASSETS if response.cache_control.immutable else _OF_PAGES
    for name, value in (_ALWAYS | own).items():
        response.headers.setdefault(name, value)
    # Every page holds a token or a name; what may be kept says so itself.
    response.headers.setdefault("Cache-Control", "no-store")
    return response
