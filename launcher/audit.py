"""Who did what: one row for each change, in the same transaction as the change.

The rows lie in the database and are rewound by a restore, like all else in it. What backups went
through is therefore in the journal as well, which no restore touches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
