"""Folding the sections of a board, which each user does for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, abort, request

from launcher.catalogue.access import find_board, may_edit_board
from launcher.catalogue.sections import fold_section
from launcher.extensions import db
from launcher.models import Section
from launcher.web.editing.page import answer
from launcher.web.editing.rights import board_of_page
from launcher.web.editing.undoing import page_before
from launcher.web.htmx import is_htmx, redirect_to
from launcher.web.roles import signed_in_user, user_required

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("folding", __name__)


@blueprint.post("/b/<slug>/sections/<id:section_id>/fold")
@user_required
def fold(slug: str, section_id: int) -> ResponseReturnValue:
    """Fold a section for this user, or unfold it where the field `folded` is 0."""
    viewer = signed_in_user()
    board = find_board(slug, viewer) or abort(404)
    section = db.session.get(Section, section_id)
    if section is None or section.board_id != board.id:
        abort(404)
    fold_section(section, viewer, is_folded=request.form.get("folded") != "0")
    if is_htmx() and may_edit_board(viewer, board) and board_of_page() is not None:
        return answer(board)
    return redirect_to(f"{page_before()}#section-{section_id}")
