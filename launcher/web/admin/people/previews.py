"""The start page as another sees it, for admins: what is shared with whom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flask import Blueprint, abort, url_for

from launcher.catalogue.access import find_board, home_board, visible_boards
from launcher.extensions import db
from launcher.models import User
from launcher.web.roles import admin_required, signed_in_user
from launcher.web.start_page import Preview, show_board

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("previews", __name__, url_prefix="/admin")


@blueprint.get("/users/<id:user_id>/start")
@blueprint.get("/users/<id:user_id>/start/<slug>")
@admin_required
def of_user(user_id: int, slug: str = "") -> ResponseReturnValue:
    """Show the start page as a user sees it, without a board that they do not see."""
    user = db.session.get(User, user_id) or abort(404)
    preview = Preview(
        user,
        back=url_for("users.show", user_id=user_id),
        url_of=lambda slug: url_for("previews.of_user", user_id=user_id, slug=slug),
    )
    return _show(preview, slug)


@blueprint.get("/guests/start")
@blueprint.get("/guests/start/<slug>")
@admin_required
def of_guests(slug: str = "") -> ResponseReturnValue:
    """Show the start page as guests see it; without guest access there is nothing on it."""
    preview = Preview(
        None,
        back=url_for("boards.settings", slug=slug) if slug else url_for("site.show"),
        url_of=lambda slug: url_for("previews.of_guests", slug=slug),
    )
    return _show(preview, slug)


def _show(preview: Preview, slug: str) -> str:
    boards = visible_boards(preview.viewer)
    shown = next((each for each in boards if each.slug == slug), None)
    if slug and shown is None:
        hidden = find_board(slug, signed_in_user()) or abort(404)
        return show_board(boards, None, preview=replace(preview, hidden=hidden))
    return show_board(boards, shown or home_board(boards, preview.viewer), preview=preview)
