"""Failed sign-ins in the audit log: the account and the address, never what was typed.

People type their password into the field of the name, so a name that is no account's is not kept.
Failures of the same account from the same address are one row, which moves with the last of them:
an attacker must neither fill the disk nor hide what else happened.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from launcher import audit
from launcher.audit import Actor
from launcher.extensions import db
from launcher.models import AuditEvent, User

SIGN_IN = "session.refuse"
CONFIRMATION = "session.refuse_confirmation"
UNKNOWN_NAME = Actor("unknown name")
"""Who failed, where no account has the name. A user name has no space."""

TOGETHER = timedelta(hours=1)
"""Failures that are no further apart are one row."""

MAX_ADDRESSES = 100
"""How many rows with an address are added in a day; further addresses share one row."""


def record_refusal(action: str, *, user: User | None, address: str, at: datetime) -> None:
    """Count a failure in its row, or begin one; the caller commits."""
    actor = Actor.of(user, address=address) if user else Actor(UNKNOWN_NAME.name, address=address)
    row = _row(action, actor, at)
    if row is None and _addresses(at) >= MAX_ADDRESSES:
        actor = Actor(actor.name, actor.id)
        row = _row(action, actor, at)
    if row is None:
        row = _begin(action, actor, at)
    row.changes = row.changes | {"attempts": row.changes["attempts"] + 1}
    row.at = at


def _begin(action: str, actor: Actor, at: datetime) -> AuditEvent:
    changes = {"attempts": 0, "since": at.isoformat()}
    if action == CONFIRMATION:
        return audit.record("session.refuse_confirmation", actor=actor, at=at, changes=changes)
    return audit.record("session.refuse", actor=actor, at=at, changes=changes)


def _row(action: str, actor: Actor, at: datetime) -> AuditEvent | None:
    rows = sa.select(AuditEvent).where(
        AuditEvent.action == action,
        AuditEvent.actor_name == actor.name,
        AuditEvent.address == actor.address,
        AuditEvent.at >= at - TOGETHER,
        AuditEvent.at <= at,
    )
    row = db.session.scalars(rows.order_by(AuditEvent.at.desc()).limit(1)).first()
    # Restored data may hold any JSON.
    is_ours = row and isinstance(row.changes, dict) and isinstance(row.changes.get("attempts"), int)
    return row if is_ours else None


def _addresses(at: datetime) -> int:
    """Return how many rows with an address the last day has."""
    rows = sa.select(sa.func.count()).where(
        AuditEvent.at > at - timedelta(days=1),
        AuditEvent.action.in_((SIGN_IN, CONFIRMATION)),
        AuditEvent.address != "",
    )
    return db.session.scalar(rows) or 0
