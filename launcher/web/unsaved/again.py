"""A form shown once more with all that was typed, by asking this site for its page.

The page is fetched as the browser would fetch it, so it is what the person may see now, and nothing
is saved. Where it cannot be shown, or has no such form any more, the entries are listed to copy.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import urlencode

from flask import Response, current_app, make_response, render_template, request, session
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException

from launcher.config import FORM_LIMIT_BYTES
from launcher.db.session import DataBeingReplacedError, release, resume
from launcher.web.htmx import current_page, own_address, split_address
from launcher.web.unsaved.entries import Entries, entries_of_request, is_of_session
from launcher.web.unsaved.filling import Filled, fill
from launcher.web.unsaved.words import labelled

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

_FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data"}
_NOT_OF_THE_FORM = (
    "CONTENT_", "HTTP_HX_", "HTTP_TRANSFER_ENCODING", "HTTP_ACCEPT_ENCODING", "HTTP_IF_",
    "HTTP_RANGE", "werkzeug.", "flask.",
)  # fmt: skip


def carries_entries(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view that takes a file, and whose form has entries of another form in it.

    Nothing has read its form when it is refused; a short one is read then, for the entries.
    """
    view.carries_entries = True  # type: ignore[attr-defined]
    return view


def has_entries() -> bool:
    """Whether this request is a form that a person may have typed into.

    The form of a view that takes files alone is not read for that.
    """
    if request.method != "POST" or request.mimetype not in _FORM_TYPES:
        return False
    view = current_app.view_functions.get(request.endpoint or "")
    is_short = 0 < (request.content_length or 0) <= FORM_LIMIT_BYTES
    if not _is_read() and is_short and getattr(view, "carries_entries", False):
        release()  # a form is read outside of the gate
        request.form  # noqa: B018 (reading it is the point)
        resume(writes=False)
    return _is_read()


def is_own_form() -> bool:
    """Whether this request is a form that a user had in this very session."""
    return has_entries() and is_of_session()


def typed_entries() -> Entries:
    """Return the entries of this request; the address of its page is where it came from."""
    return entries_of_request(own_address(), current_page() or request.referrer or "")


def rows_to_copy() -> Sequence[tuple[str, str]]:
    """Return what was typed into the form of this request, each entry with the name of its field.

    Nothing of the form of another session, which may be that of another person.
    """
    return labelled(typed_entries().fields) if is_own_form() else ()


def show_again(
    entries: Entries, *, status: int, title: LazyString | str, text: LazyString | str
) -> Response | None:
    """Return the page of the form with the entries in it, under a title and a text.

    The database of this request is closed and opened again: what was read before is forgotten.

    Returns:
        None where no page can be shown to this person, such as of a form that is gone.
    """
    release()
    try:
        shown = _shown(entries, title, text)
    finally:
        try:
            resume(writes=False)
        except DataBeingReplacedError:
            log.info("the data is being replaced while a form is shown again")
    if shown is None:
        return None
    response = make_response(shown, status)
    # The form may hold what the length of a compressed page could reveal.
    response.headers["Cache-Control"] = "no-store, no-transform"
    return response


def show_to_copy(
    entries: Entries, *, status: int, title: LazyString | str, text: LazyString | str
) -> Response:
    """Return a page that lists the entries, under a title and a text."""
    page = render_template(
        "problem.html",
        title=title,
        text=text,
        severity="warn",
        has_links=True,
        rows=labelled(entries.fields),
    )
    return make_response(page, status)


def _shown(entries: Entries, title: LazyString | str, text: LazyString | str) -> str | None:
    def filled(page: str) -> str | None:
        empty = fill(page, entries.address, entries.fields, notice="")
        if empty.form is None:
            return None
        notice = _notice(entries, empty, title, text)
        return fill(page, entries.address, entries.fields, notice=notice).page

    shown = (_fetch(address, query, filled) for address, query in _pages(entries))
    return next(filter(None, shown), None)


def _notice(
    entries: Entries, filled: Filled, title: LazyString | str, text: LazyString | str
) -> str:
    return render_template(
        "_unsaved_notice.html",
        title=title,
        text=text,
        rows=labelled(filled.missing),
        has_files=bool(entries.files),
        has_typed=bool(labelled(entries.fields)),
    )


def _pages(entries: Entries) -> Iterator[tuple[str, Sequence[tuple[str, str]]]]:
    """Yield the addresses that may have the form: its own, where a form may hold entries, first."""
    own = split_address(entries.address)
    query = f"{own.path}?{own.query}" if own.query else own.path
    yield query, entries.fields
    page = split_address(entries.page)
    if page.path and page.path != own.path:
        yield (f"{page.path}?{page.query}" if page.query else page.path), ()


def _fetch(
    address: str, fields: Sequence[tuple[str, str]], use: Callable[[str], str | None]
) -> str | None:
    """Return what `use` makes of the page at an address of this site, None for no page.

    It is the page that this browser would get, and `use` speaks its language.
    """
    path, _mark, query = address.partition("?")
    root = request.script_root
    if not path.startswith(f"{root}/"):
        return None
    path = path.removeprefix(root)
    try:
        current_app.url_map.bind("").match(path, method="GET")
    except (HTTPException, RoutingException):
        return None
    asked = "&".join(filter(None, (query, urlencode(fields))))
    given = dict(session)
    with current_app.app_context(), current_app.request_context(_environ(path, asked)):
        session.clear()
        session.update(given)
        response = current_app.full_dispatch_request()
        is_page = response.status_code == 200 and response.mimetype == "text/html"
        page = use(response.get_data(as_text=True)) if is_page else None
        response.close()
        given = dict(session)
    if page is not None:
        # Its token and the toasts that it has shown are those of the whole answer.
        session.clear()
        session.update(given)
    return page


def _environ(path: str, query: str) -> dict[str, Any]:
    kept = {
        name: value
        for name, value in request.environ.items()
        if not name.startswith(_NOT_OF_THE_FORM)
    }
    return kept | {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "wsgi.input": io.BytesIO(),
        "CONTENT_LENGTH": "0",
    }


def _is_read() -> bool:
    return "form" in request.__dict__
