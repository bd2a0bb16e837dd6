"""The list of boards, where they are ordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import Blueprint, render_template
from sqlalchemy.orm import selectinload

from launcher.catalogue.access import editable_boards, home_board, may_govern, visible_boards
from launcher.extensions import db
from launcher.models import App, Board, Placement, Section
from launcher.web.boards.form import visibility_words
from launcher.web.roles import editor_required, signed_in_user

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

blueprint = Blueprint("admin_boards", __name__, url_prefix="/admin/boards")


@dataclass(frozen=True, slots=True)
class Row:
    """One board; `apps` are those that it shows, each once.

    `shared_with` are the names of people and groups, for who may share the board.
    """

    board: Board
    visibility: LazyString
    shared_with: Sequence[str]
    owner: str
    apps: int
    sections: int
    is_home: bool
    is_own_home: bool
    may_edit: bool


@blueprint.get("")
@editor_required
def index() -> str:
    """Show the boards that the viewer sees, in order."""
    viewer = signed_in_user()
    boards = visible_boards(viewer)
    ids = [each.id for each in boards]
    apps, sections = _apps_on(ids), _sections_of(ids)
    _load_shares(ids)
    home = home_board(boards, None)
    edited = editable_boards(viewer)
    rows = [
        Row(
            each,
            visibility_words(each),
            _sharers(each) if may_govern(viewer, each) else (),
            each.owner.name if each.owner else "",
            apps.get(each.id, 0),
            sections.get(each.id, 0),
            each is home,
            each.id == viewer.home_board_id,
            each in edited,
        )
        for each in boards
    ]
    return render_template("admin/boards.html", rows=rows)


def _load_shares(board_ids: list[int]) -> None:
    """Read with whom these boards are shared, in one query for each kind."""
    query = sa.select(Board).where(Board.id.in_(board_ids))
    db.session.scalars(query.options(selectinload(Board.users), selectinload(Board.groups))).all()


def _sharers(board: Board) -> Sequence[str]:
    groups = sorted(each.group.name for each in board.groups)
    return groups + sorted(each.user.name for each in board.users)


def _apps_on(board_ids: list[int]) -> dict[int, int]:
    query = (
        sa.select(Section.board_id, sa.func.count(sa.distinct(Placement.app_id)))
        .join(Placement, Placement.section_id == Section.id)
        .join(App, App.id == Placement.app_id)
        .where(Section.board_id.in_(board_ids), App.archived_at.is_(None))
        .group_by(Section.board_id)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def _sections_of(board_ids: list[int]) -> dict[int, int]:
    query = (
        sa.select(Section.board_id, sa.func.count(Section.id))
        .where(Section.board_id.in_(board_ids))
        .group_by(Section.board_id)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}
