"""The places of apps on boards: added, moved, removed.

Positions are those that a person sees: from 1, without archived apps, which keep their place among
the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import sqlalchemy as sa

from launcher import audit
from launcher.audit import Actor
from launcher.catalogue import undo
from launcher.catalogue.actions import Action
from launcher.catalogue.errors import AlreadyThereError
from launcher.catalogue.history import place_words, target_of
from launcher.catalogue.new_section import NewSection, made
from launcher.catalogue.seen import Seen, require_sections_unchanged
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.models import App, Board, Placement, Role, Section, User, Visibility
from launcher.models.types import utc_now


def add_place(app: App, section: Section, *, actor: Actor) -> Change:
    """Put an app at the end of a section, where it is in no one's way.

    Raises:
        AlreadyThereError: nothing was changed.
    """
    board = section.board
    before = undo.state([board.id])
    place = append(app, section)
    change = _kept(before, [board], actor, Action.PLACE_ADD, place)
    db.session.commit()
    return change


def move_place(
    place: Placement,
    section: Section | NewSection,
    position: int,
    *,
    actor: Actor,
    seen: Seen | None = None,
) -> Change:
    """Move an app to a position of a section, perhaps on another board or one that is made.

    Args:
        position: from 1; what is too large means the end.
        seen: the sections that the page showed, None for no check. Where it was and where it goes
            must be as they were.

    Raises:
        AlreadyThereError: the section has this app at another place.
        ChangedMeanwhileError: nothing was changed.
    """
    old = place.section
    boards = list(dict.fromkeys((old.board, section.board)))
    target = section if isinstance(section, Section) else None
    require_sections_unchanged(seen, old, target)
    if target and target is not old:
        _require_absent(place.app_id, target)
    was = position_of(place)
    before = undo.state([each.id for each in boards])
    section = made(section, actor=actor)
    if section is not old:
        place.section = section
        db.session.flush()
        db.session.expire(old, ["placements"])
        db.session.expire(section, ["placements"])
        renumber(old.placements)
    order = [each for each in _in_order(section) if each is not place]
    shown = [each for each in order if each.app.archived_at is None]
    index = order.index(shown[position - 1]) if 1 <= position <= len(shown) else len(order)
    order.insert(index, place)
    renumber(order)
    db.session.flush()
    now = position_of(place)
    if section is old and was == now:
        db.session.rollback()
        return Change(Action.PLACE_MOVE, facts_of(place))
    touch(boards)
    words = [
        place_words(place.app.name, old.name, was),
        place_words(place.app.name, section.name, now),
    ]
    facts = facts_of(place) | {"from_section": old.name, "from_board": old.board.name}
    change = undo.keep(
        before,
        undo.state([each.id for each in boards]),
        actor=actor,
        action=Action.PLACE_MOVE,
        facts=facts,
    )
    for board in boards:
        audit.record(
            Action.PLACE_MOVE, actor=actor, target=target_of(board), changes={"app": words}
        )
    db.session.commit()
    return change


def remove_place(place: Placement, *, actor: Actor, seen: Seen | None = None) -> Change:
    """Remove an app from a section; it stays in the catalogue.

    Raises:
        ChangedMeanwhileError: nothing was changed.
    """
    section, board, app = place.section, place.section.board, place.app
    require_sections_unchanged(seen, section)
    facts = facts_of(place)
    words = place_words(app.name, section.name, position_of(place))
    before = undo.state([board.id], [app.id])
    db.session.delete(place)
    db.session.flush()
    db.session.expire(section, ["placements"])
    renumber(section.placements)
    leave_to(heir_of(board), [app.id])
    touch([board])
    change = undo.keep(
        before,
        undo.state([board.id], [app.id]),
        actor=actor,
        action=Action.PLACE_REMOVE,
        facts=facts,
    )
    audit.record(
        Action.PLACE_REMOVE, actor=actor, target=target_of(board), changes={"app": [words, None]}
    )
    db.session.commit()
    return change


def append(app: App, section: Section) -> Placement:
    """Put an app at the end of a section, inside the caller's transaction.

    Raises:
        AlreadyThereError
    """
    if app.id is not None:
        _require_absent(app.id, section)
    place = Placement(app=app, section=section, position=len(section.placements))
    db.session.add(place)
    db.session.flush()
    db.session.expire(section, ["placements"])
    renumber(_in_order(section))
    return place


def position_of(place: Placement) -> int:
    """Return the position of an app in its section, from 1, without archived ones before it."""
    before = 0
    for each in _in_order(place.section):
        if each is place:
            break
        before += each.app.archived_at is None
    return before + 1


def facts_of(place: Placement) -> dict[str, object]:
    """Return the names and numbers for a sentence about the place of an app."""
    shown = [each for each in place.section.placements if each.app.archived_at is None]
    return {
        "app": place.app.name,
        "app_id": place.app_id,
        "place_id": place.id,
        "section": place.section.name,
        "board": place.section.board.name,
        "id": place.section.board_id,
        "position": position_of(place),
        "count": len(shown),
    }


def renumber(placements: Iterable[Placement]) -> None:
    """Number placements in this order; rows that keep their number are not written."""
    for position, each in enumerate(placements):
        if each.position != position:
            each.position = position


def touch(boards: Iterable[Board]) -> None:
    """Give boards their next revision, since sections or places of theirs changed."""
    for board in boards:
        board.updated_at = utc_now()


def heir_of(board: Board) -> int | None:
    """Return who knows of the apps that leave a board: the owner of a private one, else all.

    Where a private board has no owner, the first admin: only admins see it.
    """
    if board.visibility is not Visibility.PRIVATE:
        return None
    admins = sa.select(User.id).where(User.role == Role.ADMIN).order_by(User.id)
    return board.owner_id or db.session.scalar(admins.limit(1))


def leave_to(owner_id: int | None, app_ids: Collection[int]) -> None:
    """Note who knows of those of these apps that are on no board now; None for every editor."""
    placed = sa.select(Placement.app_id).where(Placement.app_id == App.id)
    # The revision stays: no field of the app was edited.
    db.session.execute(
        sa.update(App)
        .where(App.id.in_(app_ids), ~placed.exists())
        .values(owner_id=owner_id, updated_at=App.updated_at, revision=App.revision)
        .execution_options(synchronize_session=False)
    )


def _kept(
    before: undo.State, boards: Sequence[Board], actor: Actor, action: Action, place: Placement
) -> Change:
    touch(boards)
    words = place_words(place.app.name, place.section.name, position_of(place))
    change = undo.keep(
        before,
        undo.state([each.id for each in boards]),
        actor=actor,
        action=action,
        facts=facts_of(place),
    )
    for board in boards:
        audit.record(action, actor=actor, target=target_of(board), changes={"app": [None, words]})
    return change


def _in_order(section: Section) -> list[Placement]:
    return sorted(section.placements, key=lambda each: (each.position, each.id))


def _require_absent(app_id: int, section: Section) -> None:
    if any(each.app_id == app_id for each in section.placements):
        raise AlreadyThereError
