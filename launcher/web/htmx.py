"""What htmx asks for: a part of a page instead of the whole."""

from __future__ import annotations

from flask import Flask, Response, render_template, request


def init_app(app: Flask) -> None:
    """Mark every page as depending on who asks, so that no cache mixes pages and parts."""
    app.after_request(_vary)


def is_htmx() -> bool:
    """Return whether a script of ours asks for a part; a restored page wants the whole."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in headers


def current_page() -> str:
    """Return the address of the page whose script asks, "" when that is not known."""
    return request.headers.get("HX-Current-URL", "")


def render(page: str, *, part: str, **context: object) -> str:
    """Return `page`, or only its `part` when htmx asks; both take the same context."""
    return render_template(part if is_htmx() else page, **context)


def _vary(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.vary.add("HX-Request")
    return response
