"""Requests of htmx, which get a part of a page instead of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from flask import Flask, Response, redirect, render_template, request

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


def init_app(app: Flask) -> None:
    """Let every page vary by `HX-Request`, so that no cache mixes pages and parts."""
    app.after_request(_vary)


def is_htmx() -> bool:
    """Whether this request wants a part; a page restored from the history wants the whole."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in headers


def current_page() -> str:
    """Return the address of the page that sent this htmx request, "" when unknown."""
    return request.headers.get("HX-Current-URL", "")


def own_address() -> str:
    """Return the address of this request on its host, prefix included."""
    return f"{request.script_root}{request.full_path.rstrip('?')}"


def split_address(text: str) -> SplitResult:
    """Return the parts of an address, all "" when it is none."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")


def render(page: str, *, part: str, **context: object) -> str:
    """Return `page`, or only its `part` for htmx; both take the same context."""
    return render_template(part if is_htmx() else page, **context)


def redirect_to(address: str) -> ResponseReturnValue:
    """Redirect to `address`, for htmx by a header."""
    return redirect_script(address) if is_htmx() else redirect(address, 303)


def redirect_script(address: str, *, status: int = 204) -> Response:
    """Let htmx load the whole page at `address`."""
    return Response(status=status, headers={"HX-Redirect": address})


def _vary(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.vary.add("HX-Request")
    return response
