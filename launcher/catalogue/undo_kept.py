"""How long steps are kept to be undone, and the imports among them.

An import is undone later than a move: once the apps were used for a while. So the last imports of
each user are kept longer than other steps, whatever came after them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from launcher.catalogue.access import editable_boards
from launcher.catalogue.actions import Action
from launcher.extensions import db
from launcher.models import Board, UndoStep, User
from launcher.models.types import utc_now

KEEP = 50
"""So many steps of each user are kept."""

KEEP_FOR = timedelta(days=1)
"""So long a step can be undone. It is deleted when its user takes the next one after that."""

KEEP_IMPORTS = 5
"""So many imports of each user are kept, each of which may be some megabytes."""

KEEP_IMPORTS_FOR = timedelta(days=7)
"""So long an import can be undone."""

JUST_NOW = timedelta(hours=1)
"""So long `Ctrl Z` on the page of the board undoes an import, while its user changed nothing."""


@dataclass(frozen=True, slots=True)
class KeptImport:
    """An import, or its undo, that its user can undo.

    Attributes:
        facts: those of the step, with the name that the board has now.
        is_undone: it is an undo, so that undoing it imports the apps again.
    """

    step_id: int
    at: datetime
    facts: Mapping[str, Any]
    is_undone: bool


UNDONE = "is_undone"


def is_undone(facts: Mapping[str, Any]) -> bool:
    """Whether the step with these facts is an undo."""
    return bool(facts.get(UNDONE))


def is_too_old(step: UndoStep) -> bool:
    """Whether a step can no longer be undone because of its age."""
    length = KEEP_IMPORTS_FOR if step.action == Action.IMPORT else KEEP_FOR
    return step.at <= utc_now() - length


def kept_imports(viewer: User) -> Sequence[KeptImport]:
    """Return the imports of `viewer` to boards that they may still edit, the newest first.

    Each is undone by its step, or refused: not all that it added needs to be as it was.
    """
    names = {each.id: each.name for each in editable_boards(viewer)}
    # Without the rows of the steps, which are large.
    query = sa.select(UndoStep.id, UndoStep.at, UndoStep.facts).where(
        UndoStep.user_id == viewer.id,
        UndoStep.action == Action.IMPORT,
        UndoStep.at > utc_now() - KEEP_IMPORTS_FOR,
    )
    found = db.session.execute(query.order_by(UndoStep.id.desc()).limit(KEEP_IMPORTS))
    return [
        KeptImport(id_, at, {**facts, "board": names[facts["id"]]}, is_undone(facts))
        for id_, at, facts in found
        if facts.get("id") in names
    ]


def import_just_made(viewer: User, board: Board) -> int | None:
    """Return the step of an import to `board` when it is the last that `viewer` did, else None."""
    query = sa.select(UndoStep.id, UndoStep.at, UndoStep.action, UndoStep.facts)
    query = query.where(UndoStep.user_id == viewer.id).order_by(UndoStep.id.desc()).limit(1)
    last = db.session.execute(query).first()
    if last is None or last.action != Action.IMPORT or is_undone(last.facts):
        return None
    is_here = last.facts.get("id") == board.id and last.at > utc_now() - JUST_NOW
    return last.id if is_here else None


def forget_old(user_id: int) -> None:
    """Delete the steps of a user that are too old, or too many."""
    is_import = UndoStep.action == Action.IMPORT
    keeps = ((~is_import, KEEP, KEEP_FOR), (is_import, KEEP_IMPORTS, KEEP_IMPORTS_FOR))
    for kind, most, length in keeps:
        own = sa.select(UndoStep.id).where(UndoStep.user_id == user_id, kind)
        newest = own.order_by(UndoStep.id.desc()).limit(most)
        db.session.execute(
            sa.delete(UndoStep)
            .where(
                UndoStep.user_id == user_id,
                kind,
                sa.or_(UndoStep.id.not_in(newest), UndoStep.at < utc_now() - length),
            )
            .execution_options(synchronize_session=False)
        )
