"""The page of keyboard shortcuts, and the switch for those of a single key.

WCAG 2.1, success criterion 2.1.4: who dictates or has a tremor must be able to switch them off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import Blueprint, flash, redirect, request, url_for

from launcher.catalogue.access import edits_board, visible_boards
from launcher.catalogue.personal import set_shortcuts
from launcher.extensions import db
from launcher.i18n.locale import gettext as _
from launcher.models import Board
from launcher.web.auth import safe_path
from launcher.web.cookies import remember_choice
from launcher.web.frame import SHORTCUTS_COOKIE, current_viewer
from launcher.web.htmx import is_htmx, render
from launcher.web.navigation import go_pages
from launcher.web.roles import acting_user, redirect_to_sign_in

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("shortcuts", __name__)


@blueprint.get("/shortcuts")
def show() -> ResponseReturnValue:
    """Show the shortcuts that the viewer can use; for the script, the list alone."""
    viewer = current_viewer()
    boards = visible_boards(viewer)
    if viewer is None and not boards:
        return redirect_to_sign_in()
    return render(
        "shortcuts.html",
        part="_shortcuts.html",
        is_part=is_htmx(),
        board_count=min(len(boards), 9),
        can_edit=db.session.scalar(sa.select(Board.id).where(edits_board(viewer)).limit(1)),
        pages=list(go_pages(viewer.role if viewer else None)),
    )


@blueprint.post("/shortcuts")
def switch() -> ResponseReturnValue:
    """Switch the shortcuts of a single key on or off: for a user, or in the browser of a guest."""
    is_on = "has_shortcuts" in request.form
    viewer = current_viewer()
    if viewer is None and not visible_boards(None):
        return redirect_to_sign_in()
    response = redirect(safe_path(request.form.get("next") or url_for("shortcuts.show")), 303)
    if viewer is None:
        remember_choice(response, SHORTCUTS_COOKIE, "on" if is_on else "off")
    else:
        set_shortcuts(viewer, has_shortcuts=is_on, actor=acting_user())
    flash(_("Keyboard shortcuts saved."))
    return response
