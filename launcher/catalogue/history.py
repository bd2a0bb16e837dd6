"""Who changed a board or an app last, from the audit log, and how its rows name them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from launcher.audit import Target
from launcher.catalogue.errors import ChangedMeanwhileError, Since
from launcher.extensions import db
from launcher.models import App, AuditEvent, Board


def target_of(item: Board | App) -> Target:
    """Return how the audit log names a board or an app.

    Changes of the sections and places of a board are changes of the board.
    """
    return Target("board" if isinstance(item, Board) else "app", item.id, item.name)


def place_words(app: str, section: str, position: int) -> str:
    """Return the place of an app as the audit log has it: `Jellyfin · Media · 3`."""
    return f"{app} · {section} · {position}"


def facts_of_apps(apps: Sequence[App]) -> dict[str, object]:
    """Return the facts of a change of several apps: the name of the first, and how many."""
    first = apps[0] if apps else None
    facts: dict[str, object] = {"app": first.name if first else "", "count": len(apps)}
    return facts | ({"id": first.id} if first and len(apps) == 1 else {})


def last_change(item: Board | App) -> Since:
    """Return who changed a board or an app last, and when."""
    target = target_of(item)
    newest = (
        sa.select(AuditEvent.actor_name, AuditEvent.at)
        .where(AuditEvent.target_kind == target.kind, AuditEvent.target_id == str(target.id))
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(1)
    )
    row = db.session.execute(newest).one_or_none()
    return Since(*row) if row else Since()


def require_unchanged(item: Board | App, seen: int | None) -> None:
    """Check that a board or an app has the revision that the page showed; None checks nothing.

    Raises:
        ChangedMeanwhileError
    """
    if seen is not None and item.revision != seen:
        raise ChangedMeanwhileError(item.name, last_change(item))
