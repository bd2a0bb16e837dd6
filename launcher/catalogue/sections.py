"""The sections of boards: added, renamed, moved, deleted; folded per user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from launcher import audit
from launcher.audit import Actor
from launcher.catalogue import undo
from launcher.catalogue.actions import Action
from launcher.catalogue.entries import TITLE_MAX, UnfitError, read_name
from launcher.catalogue.errors import FieldsRefusedError
from launcher.catalogue.history import target_of
from launcher.catalogue.new_section import NewSection, made
from launcher.catalogue.places import heir_of, leave_to, touch
from launcher.catalogue.seen import Seen, require_order_unchanged, require_sections_unchanged
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.models import Board, Section, SectionFold, User


def add_section(board: Board, name: str, *, actor: Actor) -> Change:
    """Add a section at the end of a board, where it is in no one's way.

    Raises:
        FieldsRefusedError: nothing was changed.
    """
    before = undo.state([board.id])
    section = put_section(board, name, actor=actor)
    change = _keep(before, [board], actor, Action.SECTION_ADD, _facts(section))
    db.session.commit()
    return change


def put_section(board: Board, name: str, *, actor: Actor) -> Section:
    """Add a section at the end of a board, inside the caller's transaction, without a step.

    Raises:
        FieldsRefusedError: nothing was changed.
    """
    section = made(NewSection(board, _name(name)), actor=actor)
    touch([board])
    return section


def rename_section(
    section: Section, name: str, *, actor: Actor, seen: Seen | None = None
) -> Change:
    """Rename a section.

    Raises:
        FieldsRefusedError, ChangedMeanwhileError: it keeps its name.
    """
    board, was, now = section.board, section.name, _name(name)
    require_sections_unchanged(seen, section)
    if was == now:
        return Change(Action.SECTION_RENAME, _facts(section))
    before = undo.state([board.id])
    section.name = now
    touch([board])
    facts = _facts(section) | {"before": was}
    change = _keep(before, [board], actor, Action.SECTION_RENAME, facts)
    _record([board], actor, Action.SECTION_RENAME, [was, now])
    db.session.commit()
    return change


def move_section(
    section: Section,
    board: Board,
    position: int,
    *,
    actor: Actor,
    seen: Seen | None = None,
) -> Change:
    """Move a section to a position, from 1, of a board; what is too large means the end.

    Args:
        seen: the sections that the page showed, None for no check. Where it was, their order must
            be the same.

    Raises:
        ChangedMeanwhileError: nothing was changed.
    """
    old = section.board
    require_order_unchanged(seen, old)
    was = _in_order(old).index(section) + 1
    boards = list(dict.fromkeys((old, board)))
    before = undo.state([each.id for each in boards])
    app_ids = [each.app_id for each in section.placements]
    others = [each for each in _in_order(board) if each is not section]
    others.insert(max(0, min(position - 1, len(others))), section)
    section.board = board
    _renumber(others)
    if board is not old:
        db.session.flush()
        db.session.expire(old, ["sections"])
        db.session.expire(board, ["sections"])
        _renumber(_in_order(old))
        leave_to(heir_of(old), app_ids)
    now = others.index(section) + 1
    if board is old and was == now:
        db.session.rollback()
        return Change(Action.SECTION_MOVE, _facts(section))
    touch(boards)
    facts = _facts(section) | {"from_board": old.name}
    change = _keep(before, boards, actor, Action.SECTION_MOVE, facts)
    words = [f"{section.name} · {old.name} · {was}", f"{section.name} · {board.name} · {now}"]
    _record(boards, actor, Action.SECTION_MOVE, words)
    db.session.commit()
    return change


def delete_section(section: Section, *, actor: Actor, seen: Seen | None = None) -> Change:
    """Delete a section; its apps stay in the catalogue.

    Raises:
        ChangedMeanwhileError: nothing was changed.
    """
    board, facts = section.board, _facts(section)
    require_sections_unchanged(seen, section)
    app_ids = [each.app_id for each in section.placements]
    before = undo.state([board.id], app_ids)
    db.session.delete(section)
    db.session.flush()
    db.session.expire(board, ["sections"])
    _renumber(_in_order(board))
    leave_to(heir_of(board), app_ids)
    touch([board])
    after = undo.state([board.id], app_ids)
    change = undo.keep(before, after, actor=actor, action=Action.SECTION_DELETE, facts=facts)
    _record([board], actor, Action.SECTION_DELETE, [f"{facts['section']} ({len(app_ids)})", None])
    db.session.commit()
    return change


def fold_section(section: Section, user: User, *, is_folded: bool) -> None:
    """Remember whether `user` has folded a section. No change of the board, so no audit entry."""
    fold = db.session.get(SectionFold, (user.id, section.id))
    if is_folded == section.is_collapsed:
        if fold:
            db.session.delete(fold)
    elif fold:
        fold.is_folded = is_folded
    else:
        db.session.add(SectionFold(user_id=user.id, section_id=section.id, is_folded=is_folded))
    db.session.commit()


def folds_of(user: User, board: Board) -> dict[int, bool]:
    """Return the sections of a board that `user` has folded or unfolded: id → is folded."""
    query = (
        sa.select(SectionFold.section_id, SectionFold.is_folded)
        .join(Section, Section.id == SectionFold.section_id)
        .where(SectionFold.user_id == user.id, Section.board_id == board.id)
    )
    return {row.section_id: row.is_folded for row in db.session.execute(query)}


def _name(text: str) -> str:
    try:
        return read_name(text, TITLE_MAX)
    except UnfitError as error:
        raise FieldsRefusedError({"name": error.refusal}) from None


def _facts(section: Section) -> dict[str, object]:
    return {
        "section": section.name,
        "section_id": section.id,
        "board": section.board.name,
        "id": section.board_id,
        "position": _in_order(section.board).index(section) + 1,
        "count": len(section.board.sections),
        "apps": len([each for each in section.placements if each.app.archived_at is None]),
    }


def _in_order(board: Board) -> list[Section]:
    return sorted(board.sections, key=lambda each: (each.position, each.id))


def _renumber(sections: Iterable[Section]) -> None:
    for position, each in enumerate(sections):
        if each.position != position:
            each.position = position


def _keep(
    before: undo.State, boards: list[Board], actor: Actor, action: Action, facts: dict[str, object]
) -> Change:
    after = undo.state([each.id for each in boards])
    return undo.keep(before, after, actor=actor, action=action, facts=facts)


def _record(
    boards: Iterable[Board], actor: Actor, action: Action, words: Sequence[str | None]
) -> None:
    for board in boards:
        audit.record(action, actor=actor, target=target_of(board), changes={"section": words})
