"""Boards: created, changed, ordered, deleted, and which one is home."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from launcher import audit
from launcher.audit import Actor
from launcher.catalogue import undo
from launcher.catalogue.access import may_govern
from launcher.catalogue.actions import Action
from launcher.catalogue.entries import BoardEntries, slug_of
from launcher.catalogue.errors import (
    FieldsRefusedError,
    NotAllowedError,
    Refusal,
    Unfit,
)
from launcher.catalogue.history import require_unchanged, target_of
from launcher.catalogue.new_section import NewSection, made
from launcher.catalogue.places import heir_of, leave_to
from launcher.catalogue.sharing import read_shares, shares_of, words_of, write_shares
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.models import Board, Density, Placement, Section, User, Visibility
from launcher.models.types import utc_now


def all_boards() -> Sequence[Board]:
    """Return every board, in order."""
    return db.session.scalars(sa.select(Board).order_by(Board.position, Board.id)).all()


def create_board(
    entries: BoardEntries, *, owner: User | None, actor: Actor, section: str = ""
) -> tuple[Board, Change]:
    """Create a board at the end, owned by `owner`; its address is made of its name if empty.

    Args:
        section: the name of its first section, "" for none.

    Raises:
        FieldsRefusedError: nothing was created.
    """
    board = add_board(entries, owner=owner, actor=actor)
    if section:
        made(NewSection(board, section), actor=actor)
    before: undo.State = {table: {} for table in undo.state()}
    change = undo.keep(
        before,
        undo.state([board.id]),
        actor=actor,
        action=Action.BOARD_CREATE,
        facts={"board": board.name, "id": board.id},
    )
    db.session.commit()
    return board, change


def add_board(entries: BoardEntries, *, owner: User | None, actor: Actor) -> Board:
    """Create a board as `create_board` does, inside the caller's transaction, without a step.

    The first board is the home board, so that another does not become it by moving to the front.
    """
    checked = entries.checked()
    taken = set(db.session.scalars(sa.select(Board.slug)))
    slug = checked.slug or slug_of(checked.name, taken)
    if slug in taken:
        raise FieldsRefusedError({"slug": Refusal(Unfit.ADDRESS_TAKEN)})
    last = db.session.scalar(sa.select(sa.func.max(Board.position)))
    board = Board(
        name=checked.name,
        slug=slug,
        density=Density(checked.density),
        columns=int(checked.columns),
        visibility=Visibility(checked.visibility),
        owner=owner,
        position=0 if last is None else last + 1,
        is_home=last is None,
    )
    db.session.add(board)
    db.session.flush()
    changes: dict[str, list[object]] = {"visibility": [None, str(board.visibility)]}
    if shared := write_shares(board, read_shares(checked.shared_with)):
        changes["shared_with"] = [None, shared[1]]
    if board.is_home:
        changes["is_home"] = [None, board.name]
    audit.record(Action.BOARD_CREATE, actor=actor, target=target_of(board), changes=changes)
    return board


def add_first_board(name: str, *, owner: User, actor: Actor) -> Board | None:
    """Create the first board of a site, for everyone signed in; None where there is a board."""
    if db.session.scalar(sa.select(Board.id).limit(1)) is not None:
        return None
    board = add_board(BoardEntries(name=name), owner=owner, actor=actor)
    db.session.commit()
    return board


def save_board(
    board: Board,
    entries: BoardEntries,
    *,
    viewer: User | None,
    actor: Actor,
    seen: int | None = None,
) -> Change:
    """Change the settings of a board.

    Args:
        viewer: who must be its owner or an admin to change who sees it; None for no check.

    Raises:
        FieldsRefusedError, NotAllowedError, ChangedMeanwhileError: nothing was changed.
    """
    require_unchanged(board, seen)
    before = undo.state([board.id])
    write_entries(board, entries, viewer=viewer, actor=actor)
    facts = {"board": board.name, "id": board.id}
    after = undo.state([board.id])
    change = undo.keep(before, after, actor=actor, action=Action.BOARD_UPDATE, facts=facts)
    db.session.commit()
    return change


def write_entries(
    board: Board, entries: BoardEntries, *, viewer: User | None, actor: Actor
) -> None:
    """Change the settings of a board as `save_board` does, inside the caller's transaction."""
    checked = entries.checked()
    taken = set(db.session.scalars(sa.select(Board.slug).where(Board.id != board.id)))
    slug = checked.slug or slug_of(checked.name, taken)
    if slug in taken:
        raise FieldsRefusedError({"slug": Refusal(Unfit.ADDRESS_TAKEN)})
    is_shared_otherwise = checked.shared_with != words_of(shares_of(board))
    if (
        (checked.visibility != board.visibility or is_shared_otherwise)
        and viewer is not None
        and not may_govern(viewer, board)
    ):
        raise NotAllowedError
    wanted = {
        "name": checked.name,
        "slug": slug,
        "density": Density(checked.density),
        "columns": int(checked.columns),
        "visibility": Visibility(checked.visibility),
    }
    changes = {
        name: [_plain(getattr(board, name)), _plain(value)]
        for name, value in wanted.items()
        if getattr(board, name) != value
    }
    for name in changes:
        setattr(board, name, wanted[name])
    if is_shared_otherwise and (names := write_shares(board, read_shares(checked.shared_with))):
        changes["shared_with"] = [*names]
        board.updated_at = utc_now()  # its next revision
    if changes:
        audit.record(Action.BOARD_UPDATE, actor=actor, target=target_of(board), changes=changes)


def move_board(board: Board, position: int, *, among: Sequence[Board], actor: Actor) -> Change:
    """Move a board to a position, from 1, among the boards that the user sees.

    Boards that they do not see keep their place among the others. What is too large means the end.
    """
    ids = [each.id for each in all_boards()]
    before = undo.state(ids)
    facts = write_position(board, position, among=among, actor=actor)
    after = undo.state(ids)
    change = undo.keep(before, after, actor=actor, action=Action.BOARD_MOVE, facts=facts)
    db.session.commit()
    return change


def write_position(
    board: Board, position: int, *, among: Sequence[Board], actor: Actor
) -> dict[str, object]:
    """Move a board as `move_board` does, inside the caller's transaction; return the facts."""
    everything = list(all_boards())
    seen = [each for each in everything if each in among and each is not board]
    was = [each for each in everything if each in among].index(board) + 1
    now = max(1, min(position, len(seen) + 1))
    facts = {"board": board.name, "id": board.id, "position": now, "count": len(seen) + 1}
    if was == now:
        return facts
    everything.remove(board)
    index = everything.index(seen[now - 1]) if now <= len(seen) else len(everything)
    everything.insert(index, board)
    for place, each in enumerate(everything):
        if each.position != place:
            each.position = place
    changes = {"position": [was, now]}
    audit.record(Action.BOARD_MOVE, actor=actor, target=target_of(board), changes=changes)
    return facts


def set_home(board: Board, *, is_home: bool, actor: Actor) -> Change:
    """Make a board the home of the site, or end that; there is one at most."""
    ids = {*(each.id for each in all_boards() if each.is_home), board.id}
    before = undo.state(ids)
    write_home(board, is_home=is_home, actor=actor)
    after = undo.state(ids)
    facts = {"board": board.name, "id": board.id}
    change = undo.keep(before, after, actor=actor, action=Action.BOARD_SET_HOME, facts=facts)
    db.session.commit()
    return change


def write_home(board: Board, *, is_home: bool, actor: Actor) -> None:
    """Make a board the home as `set_home` does, inside the caller's transaction."""
    others = [each for each in all_boards() if each.is_home]
    if is_home == board.is_home and (not is_home or others == [board]):
        return
    for each in others:
        each.is_home = False
    board.is_home = is_home
    changes = {
        "is_home": [
            ", ".join(each.name for each in others) or None,
            board.name if is_home else None,
        ]
    }
    audit.record(Action.BOARD_SET_HOME, actor=actor, target=target_of(board), changes=changes)


def delete_board(
    board: Board, *, viewer: User | None, actor: Actor, seen: int | None = None
) -> Change:
    """Delete a board with its sections; its apps stay in the catalogue.

    Args:
        viewer: who must be its owner or an admin; None for no check.

    Raises:
        NotAllowedError, ChangedMeanwhileError: nothing was deleted.
    """
    if viewer is not None and not may_govern(viewer, board):
        raise NotAllowedError
    require_unchanged(board, seen)
    placed = sa.select(Placement.app_id).join(Section).where(Section.board_id == board.id)
    app_ids = set(db.session.scalars(placed))
    facts = {"board": board.name, "id": board.id, "sections": len(board.sections)}
    target, heir, board_id = target_of(board), heir_of(board), board.id
    before = undo.state([board.id], app_ids)
    changes = {
        "board": [f"{board.name} ({len(app_ids)})", None],
        "visibility": [str(board.visibility), None],
    }
    db.session.delete(board)
    db.session.flush()
    leave_to(heir, app_ids)
    after = undo.state([board_id], app_ids)
    change = undo.keep(before, after, actor=actor, action=Action.BOARD_DELETE, facts=facts)
    audit.record(Action.BOARD_DELETE, actor=actor, target=target, changes=changes)
    db.session.commit()
    return change


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Density | Visibility) else value
