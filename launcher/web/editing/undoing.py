"""Undoing a step, which a toast is about, and undoing that again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Response, request, url_for

from launcher.catalogue import undo as steps
from launcher.catalogue.actions import Action
from launcher.catalogue.errors import (
    CatalogueError,
    NotAllowedError,
    UndoTooLateError,
    UndoUnknownError,
)
from launcher.extensions import db
from launcher.models import Board
from launcher.web.auth import safe_path
from launcher.web.change_words import show_change
from launcher.web.editing.page import answer, form_done
from launcher.web.editing.rights import blueprint, board_of_page, editing_required
from launcher.web.htmx import current_page, is_htmx, redirect_to, split_address
from launcher.web.roles import acting_user, signed_in_user
from launcher.web.toasts import make_toast, show
from launcher.web.undo_words import undo_refused_words

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@blueprint.post("/undo")
@editing_required
def undo() -> ResponseReturnValue:
    """Undo the step `id` of this user, and go back to the page."""
    viewer, shown = signed_in_user(), _shown_board()
    action = None
    try:
        change = steps.undo(_wanted_step(), viewer=viewer, actor=acting_user())
        action = change.facts["action"]
        show_change(change)
    except (UndoUnknownError, UndoTooLateError, NotAllowedError) as error:
        show_undo_refused(error)
    if shown is None:
        return redirect_to(page_before())
    board = db.session.get(Board, shown.board_id)
    if board is None:
        return redirect_to(url_for("start.home"))
    if shown.page != "editing.show" or not is_htmx():
        is_same = board.slug == shown.slug
        return redirect_to(page_before() if is_same else url_for(shown.page, slug=board.slug))
    if action == Action.BOARD_UPDATE:  # the bar has its name as well
        done = url_for("editing.show", slug=board.slug, saved=board.revision)
        return Response(status=204, headers={"Launcher-Done": done})
    return form_done(board, board) if action in _OF_TABS else answer(board)


_OF_TABS = {Action.BOARD_CREATE, Action.BOARD_MOVE, Action.BOARD_DELETE}
"""What changes which boards are listed above the one that is shown, or their order."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """The page of a board that a form was on; a step may change its address, or delete it."""

    page: str
    board_id: int
    slug: str


def _shown_board() -> _Shown | None:
    for page in ("editing.show", "start.board"):
        if board := board_of_page(page):
            return _Shown(page, board.id, board.slug)
    return None


def show_undo_refused(error: CatalogueError) -> None:
    """Show that a step was not undone, and why."""
    show(make_toast(undo_refused_words(error), severity="warn"))


def page_before() -> str:
    """Return the path of the page that the form was on, the start page when unknown."""
    parts = split_address(current_page() or request.referrer or "")
    query = f"?{parts.query}" if parts.query else ""
    return safe_path(f"{parts.path}{query}")


def _wanted_step() -> int:
    text = request.form.get("id", "")
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        raise UndoUnknownError
    return int(text)
