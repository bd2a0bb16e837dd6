"""The audit log: one row for each change, in the same transaction as the change.

The rows are in the database, so a restore rewinds them. Operations on backups are therefore in the
journal too, which no restore changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
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
    """What was changed; its name is copied, so that the row is complete when it is deleted."""

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
    """Add one row to the session; the caller commits.

    Args:
        action: `<kind>.<verb>`, like `app.update`; constant, because it is searched.
        changes: field → [before, after]; never a secret.
    """
    event = AuditEvent(**_row(action, actor, target, changes, at or utc_now()))
    db.session.add(event)
    return event


def record_each(
    action: str, changed: Iterable[tuple[Target, Mapping[str, Any]]], *, actor: Actor
) -> None:
    """Add one row for each of thousands of targets, with its changes; the caller commits."""
    now = utc_now()
    rows = [_row(action, actor, target, changes, now) for target, changes in changed]
    if rows:
        db.session.execute(sa.insert(AuditEvent.metadata.tables["audit_events"]), rows)


def _row(
    action: str,
    actor: Actor,
    target: Target | None,
    changes: Mapping[str, Any] | None,
    at: datetime,
) -> dict[str, Any]:
    return {
        "at": at,
        "actor_id": actor.id,
        "actor_name": actor.name,
        "action": action,
        "target_kind": target.kind if target else "",
        "target_id": str(target.id) if target else "",
        "target_name": target.name if target else "",
        "changes": dict(changes or {}),
        "address": actor.address,
    }


# Reading

_CURSOR = re.compile(r"(\d{8}T\d{6}\.\d{6})-(\d{1,18})", re.ASCII)
_CURSOR_TIME = "%Y%m%dT%H%M%S.%f"
_LATELY = 2000


@dataclass(frozen=True, slots=True)
class Search:
    """Which events are searched for; an empty field does not limit them.

    Attributes:
        who: the exact name of an actor.
        kind: the first part of an action, like `user`.
        text: part of the name of actor or target, or of an address; case is ignored.
        since, until: from the first, up to and without the second.
    """

    who: str = ""
    kind: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two events, which stays the same when newer ones are added."""

    at: datetime
    id: int

    @classmethod
    def after(cls, event: AuditEvent) -> Cursor:
        """Return the place just older than `event`."""
        return cls(event.at, event.id)

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        """Return the place that `text` names, None for any other text."""
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
    """Return a page of events, newest first, and where older ones begin, if there are any.

    The price does not grow with the number of events, unless a search finds few: it then reads
    them all.
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
    """Return the names of recent actors, sorted."""
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
    # SQLite ignores the case of ASCII letters only.
    spellings = {text} if text.isascii() else {
        text, text.lower(), text.upper(), text.capitalize(),
    }  # fmt: skip
    columns = (AuditEvent.actor_name, AuditEvent.target_name, AuditEvent.address)
    return sa.or_(
        *(column.contains(each, autoescape=True) for column in columns for each in spellings)
    )
