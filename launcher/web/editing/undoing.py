"""Undoing a step, which a toast is about, and undoing that again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request

from launcher.catalogue import undo as steps
from launcher.catalogue.errors import (
    CatalogueError,
    NotAllowedError,
    UndoTooLateError,
    UndoUnknownError,
)
from launcher.web.auth import safe_path
from launcher.web.change_words import show_change
from launcher.web.editing.page import answer
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
    viewer = signed_in_user()
    try:
        show_change(steps.undo(_wanted_step(), viewer=viewer, actor=acting_user()))
    except (UndoUnknownError, UndoTooLateError, NotAllowedError) as error:
        show_undo_refused(error)
    board = board_of_page()
    return answer(board) if is_htmx() and board else redirect_to(page_before())


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
