"""What a page showed of the sections of a board, so that a change rests on what its author saw.

A change depends on the sections that it concerns and on nothing else of the board. So two editors
in different sections never refuse each other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import sqlalchemy as sa

from launcher.catalogue.actions import Action
from launcher.catalogue.errors import ChangedMeanwhileError, Since
from launcher.catalogue.history import last_change
from launcher.extensions import db
from launcher.models import AuditEvent, Board, Section

Seen = Mapping[int, str]
"""Section id → its version, in the order of the sections."""

_LOOKED_THROUGH = 200


def version(name: str, place_ids: Iterable[int]) -> str:
    """Return the version of a section that shows this name and these places, in this order."""
    text = json.dumps([name, *place_ids])
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def version_of(section: Section) -> str:
    """Return the version of a section as it is now."""
    places = sorted(section.placements, key=lambda each: (each.position, each.id))
    return version(section.name, [each.id for each in places if each.app.archived_at is None])


def seen_of(sections: Iterable[Section]) -> Seen:
    """Return what a page shows of these sections now."""
    return {each.id: version_of(each) for each in sections}


def require_sections_unchanged(
    seen: Seen | None, section: Section, target: Section | None = None
) -> None:
    """Check that a section is as the page showed it; None checks nothing.

    Args:
        target: where something goes; it is checked only if the page showed it.

    Raises:
        ChangedMeanwhileError
    """
    if seen is None:
        return
    changed = [section] if seen.get(section.id) != version_of(section) else []
    if target and target.id in seen and seen[target.id] != version_of(target):
        changed.append(target)
    if changed:
        raise _changed(changed)


def require_order_unchanged(seen: Seen | None, board: Board) -> None:
    """Check that the sections of a board have the order that the page showed.

    Raises:
        ChangedMeanwhileError
    """
    if seen is not None and list(seen) != [each.id for each in _in_order(board)]:
        raise ChangedMeanwhileError(board.name, last_change(board))


def require_nothing_gone(seen: Seen | None, board: Board) -> None:
    """Check, where something is not on a board, that the page was not older than the board.

    Raises:
        ChangedMeanwhileError: a section that the page showed is another now, or gone.
    """
    if seen is None:
        return
    now = {each.id: each for each in board.sections}
    if seen.keys() - now.keys():
        raise ChangedMeanwhileError(board.name, last_change(board))
    changed = [now[id_] for id_, was in seen.items() if was != version_of(now[id_])]
    if changed:
        raise _changed(changed)


def _changed(sections: Iterable[Section]) -> ChangedMeanwhileError:
    """Return the error about the section that was changed last."""
    found = [(_last_change(each), each.name) for each in sections]
    since, name = max(found, key=lambda each: each[0].at or datetime.min.replace(tzinfo=UTC))
    return ChangedMeanwhileError(name, since)


def _last_change(section: Section) -> Since:
    """Return who changed a section last, as far as the audit log names it."""
    app_ids = {str(each.app_id) for each in section.placements}
    of_board = sa.and_(
        AuditEvent.target_kind == "board", AuditEvent.target_id == str(section.board_id)
    )
    hidden = sa.and_(
        AuditEvent.target_id.in_(app_ids),
        AuditEvent.action.in_((Action.APP_ARCHIVE, Action.APP_UNARCHIVE)),
    )
    newest = (
        sa.select(AuditEvent)
        .where(sa.or_(of_board, hidden, AuditEvent.action == Action.APP_DELETE))
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(_LOOKED_THROUGH)
    )
    events = db.session.scalars(newest).all()
    event = next((each for each in events if _names(each, section)), None)
    return Since(event.actor_name, event.at) if event else Since()


def _names(event: AuditEvent, section: Section) -> bool:
    """Whether an event is about a section, which it names as one says it, not by its id."""
    if event.action in {Action.APP_ARCHIVE, Action.APP_UNARCHIVE}:
        return True
    if event.action == Action.APP_DELETE:
        return f"{section.board.name} · {section.name}" in _values(event, "places").split(", ")
    if event.action == Action.IMPORT:
        return section.name in _values(event, "section").split(", ")
    if section.name in {_values(event, "section", 0), _values(event, "section", 1)}:
        return True
    return f" · {section.name} · " in _values(event, "app")


def _values(event: AuditEvent, name: str, which: int | None = None) -> str:
    pair = (event.changes or {}).get(name) or ()
    found = pair if which is None else pair[which : which + 1]
    return ", ".join(str(each) for each in found if each is not None)


def _in_order(board: Board) -> list[Section]:
    return sorted(board.sections, key=lambda each: (each.position, each.id))
