"""What a person types at the shell, by id, address or name: apps, boards, sections, groups,
tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from launcher.accounts.groups import all_groups
from launcher.accounts.tokens import all_tokens
from launcher.catalogue.boards import all_boards
from launcher.cli.failures import Failure
from launcher.extensions import db
from launcher.models import ApiToken, App, Board, Group, Placement, Section

Found = TypeVar("Found", App, ApiToken, Board, Group, Section)


def all_apps() -> Sequence[App]:
    """Return every app by name, also archived ones and those of private boards."""
    places = selectinload(App.placements).joinedload(Placement.section).joinedload(Section.board)
    query = sa.select(App).options(selectinload(App.tags), places, joinedload(App.icon_media))
    return db.session.scalars(query.order_by(App.name, App.id)).all()


def find_app(reference: str) -> App:
    """Return the app with this id, or else with this name, whose case is ignored.

    Raises:
        Failure: there is none, or several have this name.
    """
    return _one(all_apps(), reference, "app", hint="`flask app list` shows them all.")


def find_board(reference: str) -> Board:
    """Return the board with this id, or else with this address, or else with this name.

    Raises:
        Failure: there is none, or several have this name.
    """
    boards = all_boards()
    if not _with_id(boards, reference):
        for board in boards:
            if board.slug == reference:
                return board
    return _one(boards, reference, "board", hint="`flask board list` shows them all.")


def find_group(reference: str) -> Group:
    """Return the group with this id, or else with this name, whose case is ignored.

    Raises:
        Failure: there is none.
    """
    return _one(all_groups(), reference, "group", hint="`flask group list` lists all groups.")


def find_token(reference: str) -> ApiToken:
    """Return the token with this id, or else with this name, whose case is ignored.

    Raises:
        Failure: there is none, or several have this name.
    """
    return _one(all_tokens(), reference, "token", hint="`flask token list` shows them all.")


def find_section(board: Board, reference: str) -> Section:
    """Return the section of a board with this id, or else with this name.

    Raises:
        Failure: there is none, or several have this name.
    """
    hint = f"`flask board section list {board.slug}` shows them all."
    return _one(board.sections, reference, "section", hint=hint)


def find_or_none(board: Board, reference: str) -> Section | None:
    """Return the section of a board as `find_section` does, None when there is none."""
    is_there = _with_id(board.sections, reference) or _named(board.sections, reference)
    return find_section(board, reference) if is_there else None


def _one(items: Sequence[Found], reference: str, kind: str, *, hint: str) -> Found:
    if found := _with_id(items, reference):
        return found
    named = _named(items, reference)
    if not named:
        raise Failure(f"there is no {kind} '{reference}'", hint=hint)
    if len(named) > 1:
        ids = ", ".join(str(each.id) for each in named)
        raise Failure(
            f"{len(named)} {kind}s have the name '{reference}': {ids}", hint="Give the id instead."
        )
    return named[0]


def _with_id(items: Sequence[Found], reference: str) -> Found | None:
    return next((each for each in items if str(each.id) == reference), None)


def _named(items: Sequence[Found], name: str) -> list[Found]:
    return [each for each in items if each.name.casefold() == name.strip().casefold()]
