"""Who changed or deleted what a step had changed, since then."""

from __future__ import annotations

from collections.abc import Sequence, Set

import sqlalchemy as sa

from launcher.catalogue.actions import Action
from launcher.catalogue.errors import Since
from launcher.catalogue.undo_rows import ChangedRow
from launcher.extensions import db
from launcher.models import App, AuditEvent, Board, Section, UndoStep, Visibility


def since_of(step: UndoStep, rows: Sequence[ChangedRow], boards: Set[int], apps: Set[int]) -> Since:
    """Return who deleted what a step had changed, else who changed it last since then."""
    return _deletion_since(step, rows, boards, apps) or _change_since(step, boards, apps)


def _deletion_since(
    step: UndoStep, rows: Sequence[ChangedRow], boards: Set[int], apps: Set[int]
) -> Since | None:
    """Return who deleted what the step changed, None where all of it is there."""
    gone = {
        model: ids - set(db.session.scalars(sa.select(model.id).where(model.id.in_(ids))))
        for model, ids in ((Board, boards), (App, apps), (Section, _sections_of(rows)))
    }
    ids = {
        Action.BOARD_DELETE: gone[Board],
        Action.APP_DELETE: gone[App],
        Action.SECTION_DELETE: boards if gone[Section] else set(),
    }
    found = _newest_first(step).where(
        sa.or_(
            *(
                sa.and_(AuditEvent.action == action, AuditEvent.target_id.in_(map(str, of)))
                for action, of in ids.items()
            )
        )
    )
    # The log has the board of a section, and its name.
    named = {step.facts.get("section"), step.facts.get("from_section"), step.facts.get("before")}
    for event in db.session.scalars(found):
        if event.action != Action.SECTION_DELETE or _deleted_by(event, step) in named:
            return Since(event.actor_name, event.at, _deleted_by(event, step))
    return None


def _sections_of(rows: Sequence[ChangedRow]) -> set[int]:
    """Return the sections that were there after a step."""
    columns = {"sections": "id", "placements": "section_id"}
    return {
        each.after[columns[each.table]]
        for each in rows
        if each.after is not None and each.table in columns
    }


def _change_since(step: UndoStep, boards: Set[int], apps: Set[int]) -> Since:
    """Return who changed the boards and apps of a step last; empty where the log has nothing."""
    of_these = sa.or_(
        sa.and_(AuditEvent.target_kind == "board", AuditEvent.target_id.in_(map(str, boards))),
        sa.and_(AuditEvent.target_kind == "app", AuditEvent.target_id.in_(map(str, apps))),
    )
    event = db.session.scalar(_newest_first(step).where(of_these).limit(1))
    return Since(event.actor_name, event.at, _deleted_by(event, step)) if event else Since()


def _newest_first(step: UndoStep) -> sa.Select[AuditEvent]:
    """Return the query of what happened after a step."""
    order = (AuditEvent.at.desc(), AuditEvent.id.desc())
    return sa.select(AuditEvent).where(AuditEvent.at > step.at).order_by(*order)


def _deleted_by(event: AuditEvent, step: UndoStep) -> str:
    """Return the name of what an event deleted, "" where it deleted nothing.

    What the step names has that name: under another it may have been hidden from its user since.
    """
    if event.action == Action.SECTION_DELETE:
        words = str((event.changes.get("section") or [""])[0])
        return words.rpartition(" (")[0] or words
    if event.action not in {Action.APP_DELETE, Action.BOARD_DELETE}:
        return ""
    facts, kind = step.facts, event.target_kind
    of_kind = "app_id" if kind == "app" and "app_id" in facts else "id"
    if kind in facts and event.target_id == str(facts.get(of_kind)):
        return str(facts[kind])
    is_private = (event.changes.get("visibility") or [""])[0] == Visibility.PRIVATE
    return "" if is_private else event.target_name
