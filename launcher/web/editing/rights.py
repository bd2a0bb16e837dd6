"""What a view that edits may fetch: boards, sections and places that the editor sees."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Blueprint, abort, current_app, make_response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException

from launcher.catalogue.access import find_board, may_edit, may_edit_board
from launcher.catalogue.seen import Seen, require_nothing_gone
from launcher.extensions import db
from launcher.i18n.locale import gettext as _
from launcher.models import Board, Placement, Section
from launcher.web.errors import show_refusal
from launcher.web.frame import current_viewer
from launcher.web.htmx import current_page, split_address
from launcher.web.numbers import read_number
from launcher.web.roles import redirect_to_sign_in
from launcher.web.unsaved.again import rows_to_copy

blueprint = Blueprint("editing", __name__)
"""All views that edit boards are of it; they are in several modules."""

P = ParamSpec("P")
View = Callable[..., ResponseReturnValue]

_MOST_SECTIONS = 10_000


def editing_required(
    view: Callable[P, ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Let a view run for who may edit any board.

    Whose role was taken away in mid-edit gets back what was typed, with 403.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        viewer = current_viewer()
        if viewer is None:
            return redirect_to_sign_in()
        if not may_edit(viewer):
            if request.method != "POST":
                abort(403)
            slug = (request.view_args or {}).get("slug", "")
            return show_lost_rights(find_board(slug, viewer))
        return view(*args, **kwargs)

    return guarded


def show_lost_rights(board: Board | None) -> ResponseReturnValue:
    """Answer that the user may no longer edit, with the entries of the form to copy."""
    kept = _("Your entries are still here to copy.")
    text = (
        _("You can no longer edit %(board)s.", board=board.name)
        if board
        else _("You can no longer edit boards.")
    )
    words = f"{text} {kept}" if rows_to_copy() else text
    return show_refusal(403, _("Changes not saved"), words)


def board_to_edit(slug: str) -> Board:
    """Return a board that the user may edit; one that they only see is refused."""
    board = find_board(slug, current_viewer()) or abort(404)
    if not may_edit_board(current_viewer(), board):
        abort(make_response(show_lost_rights(board)) if request.method == "POST" else 403)
    return board


def board_of_page(page: str = "editing.show") -> Board | None:
    """Return the board whose page in edit mode, or other page, the request came from."""
    address = current_page() or request.referrer or ""
    path = split_address(address).path.removeprefix(request.script_root)
    adapter = current_app.create_url_adapter(request)
    try:
        endpoint, parts = adapter.match(path, method="GET") if adapter else ("", {})
    except (HTTPException, RoutingException):
        return None
    if endpoint != page:
        return None
    return find_board(parts["slug"], current_viewer())


def section_of(board: Board, section_id: int) -> Section:
    """Return a section of a board; another is not found.

    Raises:
        ChangedMeanwhileError: the form is older than the board, which may have had it.
    """
    section = db.session.get(Section, section_id)
    if section is None or section.board_id != board.id:
        require_nothing_gone(seen_sections(), board)
        abort(404)
    return section


def place_of(board: Board, placement_id: int) -> Placement:
    """Return the place of an app on a board; another is not found, nor that of an archived app.

    Raises:
        ChangedMeanwhileError: the form is older than the board, which may have had it.
    """
    place = db.session.get(Placement, placement_id)
    if place is None or place.section.board_id != board.id or place.app.archived_at is not None:
        require_nothing_gone(seen_sections(), board)
        abort(404)
    return place


def with_place(view: Callable[[Board, Placement], ResponseReturnValue]) -> View:
    """Let a view of editors run with the board and the place of its address."""

    @editing_required
    @wraps(view)
    def found(slug: str, placement_id: int) -> ResponseReturnValue:
        board = board_to_edit(slug)
        return view(board, place_of(board, placement_id))

    return found


def with_section(view: Callable[[Board, Section], ResponseReturnValue]) -> View:
    """Let a view of editors run with the board and the section of its address."""

    @editing_required
    @wraps(view)
    def found(slug: str, section_id: int) -> ResponseReturnValue:
        board = board_to_edit(slug)
        return view(board, section_of(board, section_id))

    return found


def seen_sections() -> Seen | None:
    """Return the sections that the page of the form showed, None where the form does not say."""
    text = request.form.get("seen")
    if text is None:
        return None
    pairs = (each.partition(":") for each in text.split()[:_MOST_SECTIONS])
    read = ((read_number(id_), seen) for id_, _colon, seen in pairs)
    return {id_: seen for id_, seen in read if id_ is not None}
