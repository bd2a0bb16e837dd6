"""The settings of a board, saved together as one step, also by two editors at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from launcher.audit import Actor
from launcher.catalogue import undo
from launcher.catalogue.access import visible_boards
from launcher.catalogue.actions import Action
from launcher.catalogue.boards import all_boards, write_entries, write_home, write_position
from launcher.catalogue.entries import BoardEntries
from launcher.catalogue.errors import CatalogueError, NotAllowedError, Since
from launcher.catalogue.history import last_change
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.models import Board, User


@dataclass(frozen=True, slots=True)
class BoardSettings:
    """What a form of a board holds besides its entries.

    Attributes:
        position: among the boards that the user sees, from 1; None to leave it.
        is_home: whether it is the home board of the site; None to leave that.
    """

    entries: BoardEntries
    position: int | None = None
    is_home: bool | None = None


class BoardEditedByTwoError(CatalogueError):
    """Both editors changed the same fields of a board since the form was shown.

    Attributes:
        merged: the entries with the changes of both; the own ones where both changed a field.
        theirs: what the other saved.
        names: the fields that both changed.
    """

    code = "board_edited_by_two"

    def __init__(
        self, merged: BoardEntries, theirs: BoardEntries, names: Sequence[str], since: Since
    ) -> None:
        super().__init__(", ".join(names))
        self.merged = merged
        self.theirs = theirs
        self.names = names
        self.since = since


def save_settings(
    board: Board, settings: BoardSettings, *, viewer: User, actor: Actor, seen: BoardEntries
) -> Change:
    """Change the settings of a board, all or none, as one step.

    A field that only another changed since `seen` stays as they saved it.

    Raises:
        FieldsRefusedError, NotAllowedError, BoardEditedByTwoError: nothing was changed.
    """
    if settings.is_home not in {None, board.is_home} and not viewer.is_admin:
        raise NotAllowedError
    entries = _merge(board, settings.entries, seen)
    moves_others = settings.position is not None or settings.is_home is not None
    ids = [each.id for each in all_boards()] if moves_others else [board.id]
    before = undo.state(ids)
    write_entries(board, entries, viewer=viewer, actor=actor)
    facts: dict[str, object] = {"board": board.name, "id": board.id}
    if settings.position is not None:
        among = visible_boards(viewer)
        write_position(board, settings.position, among=among, actor=actor)
    if settings.is_home is not None:
        write_home(board, is_home=settings.is_home, actor=actor)
    after = undo.state(ids)
    change = undo.keep(before, after, actor=actor, action=Action.BOARD_UPDATE, facts=facts)
    db.session.commit()
    return change


def _merge(board: Board, entries: BoardEntries, seen: BoardEntries) -> BoardEntries:
    """Return `entries` with what another changed since `seen`.

    Raises:
        BoardEditedByTwoError
    """
    theirs = BoardEntries.of(board)
    mine = {each.name for each in fields(seen) if _of(entries, each.name) != _of(seen, each.name)}
    merged = replace(theirs, **{name: _of(entries, name) for name in mine})
    both = [
        each.name
        for each in fields(seen)
        if each.name in mine
        and _of(theirs, each.name) not in {_of(seen, each.name), _of(entries, each.name)}
    ]
    if both:
        raise BoardEditedByTwoError(merged, theirs, both, last_change(board))
    return merged


def _of(entries: BoardEntries, name: str) -> str:
    return str(getattr(entries, name))
