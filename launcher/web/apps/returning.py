"""Where a form of an app leads back to: the page that it came from, or the board of the app."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from flask import Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from launcher.catalogue.access import sees_board
from launcher.extensions import db
from launcher.models import App, Board, Placement, Section
from launcher.web.auth import safe_path
from launcher.web.frame import current_viewer
from launcher.web.htmx import current_page, is_htmx, split_address


def next_path() -> str:
    """Return the path that the address or the form names to go on to, "" for none."""
    wanted = request.values.get("next", "")
    return safe_path(wanted) if wanted else ""


def back_path(board: Board | None) -> str:
    """Return the page to go back to: the one that is named, else the edit page of a board."""
    if path := next_path():
        return path
    if board is None:
        return url_for("start.home")
    return url_for("editing.show", slug=board.slug)


def places_of(app: App) -> Sequence[tuple[Board, Section]]:
    """Return the sections with this app on boards that the viewer sees, in order."""
    query = (
        sa.select(Board, Section)
        .join(Section, Section.board_id == Board.id)
        .join(Placement, Placement.section_id == Section.id)
        .where(Placement.app_id == app.id, sees_board(current_viewer()))
        .order_by(Board.position, Board.id, Section.position, Section.id)
    )
    return [(board, section) for board, section in db.session.execute(query)]


def board_of(app: App) -> Board | None:
    """Return the first board with this app that the viewer sees."""
    return next((board for board, _section in places_of(app)), None)


def done(board: Board | None) -> AnyResponse:
    """Go back after a change; the script of the page that has the dialog closes it and reloads."""
    if not is_htmx():
        return redirect(back_path(board), 303)
    return Response(status=204, headers={"Launcher-Done": path_of_page(board)})


def path_of_page(board: Board | None) -> str:
    """Return the path of the page that has the dialog."""
    page = split_address(current_page())
    path = f"{page.path}?{page.query}" if page.query else page.path
    return safe_path(path) if path else back_path(board)
