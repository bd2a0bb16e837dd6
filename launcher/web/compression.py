"""Gzip for pages, and for drawings.

The length of a compressed page can reveal a secret that stands beside text from the request
(BREACH). Pages are compressed all the same. The attack needs thousands of requests from another
site with the victim's cookie, and a `SameSite=Lax` cookie is sent with visible navigation alone.
The CSRF token is signed again for each page, so nothing learned from one page helps with the next.
A page with a lasting secret, such as a new password, sets `Cache-Control: no-transform`.
"""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

_TYPES = {"text/html", "image/svg+xml"}
_SMALLEST_BYTES = 1024
_LEVEL = 5  # a fifth of a millisecond for a start page; 9 takes four times as long for 2 %


def init_app(app: Flask) -> None:
    """Compress HTML and SVG above a kilobyte for browsers that accept gzip."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if response.mimetype not in _TYPES:
        return response
    response.vary.add("Accept-Encoding")
    if _is_worth_it(response):
        response.set_data(gzip.compress(response.get_data(), _LEVEL, mtime=0))
        response.content_encoding = "gzip"
    return response


def _is_worth_it(response: Response) -> bool:
    return (
        not response.is_streamed
        and response.content_encoding is None
        and not response.cache_control.no_transform
        and request.accept_encodings["gzip"] > 0
        and (response.content_length or 0) >= _SMALLEST_BYTES
    )
