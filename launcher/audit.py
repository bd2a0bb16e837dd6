"""Who did what: one row for each change, in the same transaction as the change.

The rows lie in the database and are rewound by a restore, like all else in it. What backups went
through is therefore in the journal as well, which no restore touches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from launcher.extensions import db
from launcher.models import AuditEvent, User
from launcher.models.types import utc_now


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a user, the command line, or a job. `address` is where a request came from."""

    name: str
    id: int | None = None
    address: str = ""

    @classmethod
    def of(cls, user: User, *, address: str = "") -> Actor:
        """Return the actor that `user` is."""
        return cls(name=user.username, id=user.id, address=address)


COMMAND_LINE = Actor("command line")


@dataclass(frozen=True, slots=True)
class Target:
    """What was acted on; the name is copied, so that the row outlives the thing."""

    kind: str
    id: str | int
    name: str


def record(
    action: str,
    *,
    actor: Actor,
    target: Target | None = None,
    changes: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> AuditEvent:
    """Add one row to the session; it is kept when the caller commits, and lost when not.

    Args:
        action: `<kind>.<verb>`, like `app.update`; constant, for it is searched by.
        changes: field → [before, after]; never a secret.
    """
    event = AuditEvent(
        at=at or utc_now(),
        actor_id=actor.id,
        actor_name=actor.name,
        action=action,
        target_kind=target.kind if target else "",
        target_id=str(target.id) if target else "",
        target_name=target.name if target else "",
        changes=dict(changes or {}),
        address=actor.address,
    )
    db.session.add(event)
    return event


# Reading

_CURSOR = re.compile(r"(\d{8}T\d{6}\.\d{6})-(\d{1,18})", re.ASCII)
_CURSOR_TIME = "%Y%m%dT%H%M%S.%f"
_LATELY = 2000


@dataclass(frozen=True, slots=True)
class Search:
    """Which events somebody asks for; what is empty narrows nothing.

    Attributes:
        who: the exact name of an actor.
        kind: what an action begins with, like `user`.
        text: a piece of an actor's name, of a target's name or of an address, in any capitals.
        since, until: the first moment, and the first one after the last.
    """

    who: str = ""
    kind: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two events, which stays where it is when newer ones are added."""

    at: datetime
    id: int

    @classmethod
    def after(cls, event: AuditEvent) -> Cursor:
        """Return the place behind `event`, on the older side."""
        return cls(event.at, event.id)

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        """Return the place that `text` names, None when it names none."""
        match = _CURSOR.fullmatch(text)
        if not match:
            return None
        try:
            at = datetime.strptime(match[1], _CURSOR_TIME).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(at, int(match[2]))

    def __str__(self) -> str:
        return f"{self.at.astimezone(UTC).strftime(_CURSOR_TIME)}-{self.id}"


def events(
    search: Search, *, before: Cursor | None = None, limit: int = 50
) -> tuple[Sequence[AuditEvent], Cursor | None]:
    """Return what happened, newest first, and where older events go on, if there are any.

    It costs the same with a hundred events as with a hundred thousand, unless a search finds
    few: then it reads them all.
    """
    rows = sa.select(AuditEvent).where(*_conditions(search))
    if before:
        older = sa.or_(AuditEvent.at < before.at, AuditEvent.id < before.id)
        rows = rows.where(AuditEvent.at <= before.at, older)
    newest_first = rows.order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    found = db.session.scalars(newest_first.limit(limit + 1)).all()
    page = found[:limit]
    return page, Cursor.after(page[-1]) if len(found) > limit else None


def actors() -> Sequence[str]:
    """Return who did something lately, by name."""
    lately = sa.select(AuditEvent.actor_name).order_by(AuditEvent.at.desc()).limit(_LATELY)
    return sorted(db.session.scalars(sa.select(lately.subquery().c.actor_name).distinct()))


def _conditions(search: Search) -> Sequence[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if search.who:
        conditions.append(AuditEvent.actor_name == search.who)
    if search.kind:
        conditions.append(AuditEvent.action.startswith(f"{search.kind}.", autoescape=True))
    if search.text:
        conditions.append(_mentions(search.text))
    if search.since:
        conditions.append(AuditEvent.at >= search.since)
    if search.until:
        conditions.append(AuditEvent.at < search.until)
    return conditions


def _mentions(text: str) -> sa.ColumnElement[bool]:
    # SQLite takes a for A, but not \u0430 for \u0410.
    spellings = {text} if text.isascii() else {
        text, text.lower(), text.upper(), text.capitalize(),
    }  # fmt: skip
    columns = (AuditEvent.actor_name, AuditEvent.target_name, AuditEvent.address)
    return sa.or_(
        *(column.contains(each, autoescape=True) for column in columns for each in spellings)
    )
