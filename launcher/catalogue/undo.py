"""Steps that a user can undo: the rows that a change touched, before and after.

A step is undone only where each of these rows is still as the step left it. So an undo never
removes what another has done since; it is refused instead, with the name of the other. Revisions
and times of change are not compared: they only grow, also by an undo.

An undo is a step as well, with the rows the other way round: undoing it is the redo.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from launcher import audit
from launcher.audit import Actor, Target
from launcher.catalogue.access import (
    edits_app,
    may_edit,
    may_edit_board,
    may_govern,
    sees_app,
    sees_board,
)
from launcher.catalogue.actions import Action
from launcher.catalogue.errors import (
    NotAllowedError,
    UndoTooLateError,
    UndoUnknownError,
)
from launcher.catalogue.import_undo import undoable
from launcher.catalogue.undo_kept import UNDONE, forget_old, is_too_old, is_undone
from launcher.catalogue.undo_order import fit_order, moved_boards
from launcher.catalogue.undo_people import without_gone_people
from launcher.catalogue.undo_rows import (
    SHARES,
    ChangedRow,
    State,
    are_as_left,
    differences,
    state,
    touched_ids,
    would_take_more,
)
from launcher.catalogue.undo_since import since_of
from launcher.catalogue.undo_writes import close_ranks, write_back
from launcher.extensions import db
from launcher.models import App, Board, Placement, UndoStep, User
from launcher.models.types import utc_now

__all__ = ["Change", "State", "is_undone", "keep", "state", "undo"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change that was made.

    Attributes:
        action: which kind of change.
        facts: the names and numbers for a sentence: `app`, `section`, `board`, `count` …
        step_id: the step to undo it, None where that is not possible.
    """

    action: Action
    facts: Mapping[str, Any] = field(default_factory=dict)
    step_id: int | None = None


def keep(
    before: State,
    after: State,
    *,
    actor: Actor,
    action: Action,
    facts: Mapping[str, Any] | None = None,
    replaces: UndoStep | None = None,
) -> Change:
    """Keep the step from one state to the next for its actor; the caller commits.

    Args:
        replaces: the step that it undoes, which is deleted.

    Returns:
        The change; without a step when the actor is no user, or nothing is different.
    """
    facts = dict(facts or {})
    rows, id_ = differences(before, after), _next_id()
    if replaces is not None:
        db.session.delete(replaces)
    if actor.id is None or not rows:
        return Change(action, facts)
    step = UndoStep(id=id_, user_id=actor.id, action=action, facts=facts, rows={"rows": rows})
    db.session.add(step)
    db.session.flush()
    forget_old(actor.id)
    return Change(action, facts, step.id)


def _next_id() -> int:
    """Return an id that no step had: a page that is still open may name one that was undone.

    SQLite would use the largest id again. The moment of a restore is later than all its steps.
    """
    largest = db.session.scalar(sa.select(sa.func.max(UndoStep.id))) or 0
    return max(int(utc_now().timestamp() * 1_000_000), largest + 1)


def undo(step_id: int, *, viewer: User, actor: Actor) -> Change:
    """Undo a step of `viewer`: its rows are as they were before it, or all are left alone.

    Returns:
        The change, `Action.REDO` where the step was an undo itself, with the step that reverses
        it. Its facts are those of the step, with its `action`.

    Raises:
        UndoUnknownError: it is not theirs, was undone already, or is too old, like those that
            an old backup brings back.
        NotAllowedError: `viewer` may no longer edit what it changed.
        UndoTooLateError: something that it changed has been changed since.
    """
    step = db.session.get(UndoStep, step_id)
    if step is None or step.user_id != viewer.id or is_too_old(step):
        raise UndoUnknownError
    if step.action not in set(Action):
        raise UndoUnknownError
    stored = without_gone_people(
        (ChangedRow.read(each) for each in step.rows.get("rows", ())),
        viewer.id if viewer.is_admin else None,
    )
    is_redo, facts = is_undone(step.facts), dict(step.facts)
    is_import = step.action == Action.IMPORT and not is_redo
    if is_import:  # each app for itself: what was changed since is kept
        imported, found = stored, undoable(stored, step.facts["id"])
        stored = found.rows
        facts |= {"count": found.apps, "sections": found.sections, "kept": found.kept}
    visible = set(db.session.scalars(sa.select(Board.id).where(sees_board(viewer))))
    made_way = moved_boards(stored) - {step.facts.get("id")}
    rows = fit_order(stored, visible, target=step.facts.get("id"))
    boards, apps = touched_ids(rows)
    concerned = boards - (made_way - visible)
    # An app that comes back to a board may be hidden by now.
    placed = {each.row["app_id"] for each in rows if each.table == "placements"}
    # A tag is deleted with all its uses, also by who does not see all the apps.
    needed = set() if step.action == Action.TAG_DELETE else apps
    if not _may_undo(viewer, concerned, needed, placed, rows):
        raise NotAllowedError
    if is_import and not rows:
        raise _too_late(step, imported, *touched_ids(imported))
    is_as_left = is_import or are_as_left(rows)
    if not rows or not is_as_left or (not is_import and would_take_more(rows)):
        raise _too_late(step, rows, concerned, apps | placed)
    tags = {each.row["id"] for each in rows if each.table == "tags"}
    before = state(boards, apps, tags)
    try:
        with db.session.begin_nested():
            write_back(rows, boards, apps)
            close_ranks(rows)
    except IntegrityError:
        raise _too_late(step, rows, concerned, apps | placed) from None
    after = state(boards, apps, tags)
    kept_facts = {**facts, UNDONE: not is_redo}
    _record(step, actor, is_redo=is_redo)
    reverse = keep(
        before, after, actor=actor, action=Action(step.action), facts=kept_facts, replaces=step
    )
    done = Action.REDO if is_redo else Action.UNDO
    change = Change(done, {**facts, "action": step.action}, reverse.step_id)
    db.session.commit()
    db.session.expire_all()
    return change


def _record(step: UndoStep, actor: Actor, *, is_redo: bool) -> None:
    name = str(step.facts.get("app") or step.facts.get("section") or step.facts.get("board") or "")
    kind = step.action.partition(".")[0]
    changes = {"undone": [None, step.action] if is_redo else [step.action, None]}
    audit.record(
        Action(f"{kind}.{'redo' if is_redo else 'undo'}"),
        actor=actor,
        target=Target(kind, str(step.facts.get("id", "")), name),
        changes=changes,
    )


def _may_undo(
    viewer: User,
    boards: Collection[int],
    apps: Set[int],
    placed: Set[int],
    rows: Sequence[ChangedRow],
) -> bool:
    """Whether `viewer` may still edit all that the step changed and that is still there.

    Apps that were only moved, or removed from a board, they must still know of.
    """
    if not may_edit(viewer):
        return False
    there = db.session.scalars(sa.select(Board).where(Board.id.in_(boards))).all()
    # Who orders the boards moves those, too, that they only see.
    edited, _apps = touched_ids(each for each in rows if not each.is_move)
    seen = sa.select(Board.id).where(Board.id.in_(boards), sees_board(viewer))
    if len(db.session.scalars(seen).all()) < len(there) or not all(
        may_edit_board(viewer, board) for board in there if board.id in edited
    ):
        return False
    # Who shares a board may put back what they removed from it, though it is on no board now.
    owners = {None, viewer.id, *(board.owner_id for board in there)}
    has_place = sa.select(Placement.id).where(Placement.app_id == App.id).exists()
    left = sa.and_(
        ~has_place, sa.or_(*(App.owner_id.is_not_distinct_from(each) for each in owners))
    )
    for ids, condition in ((apps, edits_app(viewer)), (placed - apps, sees_app(viewer))):
        query = sa.select(App.id).where(App.id.in_(ids))
        known = db.session.scalars(query.where(sa.or_(condition, left)))
        if set(known) != set(db.session.scalars(query)):
            return False
    # A board that comes back or goes, and who sees it, is its owner's.
    whole = [each.row for each in rows if each.table == "boards" and not each.is_update]
    is_theirs = all(viewer.is_admin or row.get("owner_id") == viewer.id for row in whole)
    governed = {each.row["board_id"] for each in rows if each.table in SHARES}
    governed |= {
        each.row["id"]
        for each in rows
        if each.table == "boards" and each.before and each.after
        and each.before.get("visibility") != each.after.get("visibility")
    }  # fmt: skip
    return is_theirs and all(may_govern(viewer, each) for each in there if each.id in governed)


def _too_late(
    step: UndoStep, rows: Sequence[ChangedRow], boards: Set[int], apps: Set[int]
) -> UndoTooLateError:
    since = since_of(step, rows, boards, apps)
    return UndoTooLateError(step.action, step.facts, since, is_redo=is_undone(step.facts))
