"""Gzip for pages, where the server in front does none.

Compressing a page that holds a secret beside words of the request's choosing can leak the secret
by its length (BREACH). Our pages are compressed all the same, for two reasons. The attack needs
thousands of requests sent with the victim's cookie from another site, and a `SameSite=Lax` cookie
goes along with none but a visible navigation. And the CSRF token is signed anew, with its second,
for each page, so that what was learned of one is worth nothing in the next. A page that shows a
lasting secret, such as a new API token, sets `Cache-Control: no-transform` and goes out as it is.
"""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

_SMALLEST_BYTES = 1024
_LEVEL = 5  # a fifth of a millisecond for a start page; 9 takes four times as long for 2 %


def init_app(app: Flask) -> None:
    """Compress the HTML of `app` above a kilobyte for browsers that take gzip."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if response.mimetype != "text/html":
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
