"""Sessions: a row for each browser that is signed in.

The cookie names its row, so whatever removes the row ends the session and every copy of its
cookie. A restore brings old rows back; they are of an older epoch, in which none counts.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from launcher import audit
from launcher.audit import Actor
from launcher.extensions import db
from launcher.models import User, UserSession
from launcher.models.types import utc_now

MAX_AGE = timedelta(days=90)
"""After this a session ends, however much it is used."""

MAX_SESSIONS = 100
"""How many sessions of one user are kept: a script that signs in each minute fills no disk."""


def begin_session(user_id: int, *, epoch: str, now: datetime | None = None) -> str:
    """Begin a session of a user, and return its id."""
    session_id = secrets.token_urlsafe(24)
    continue_session(session_id, user_id=user_id, epoch=epoch, began_at=now or utc_now())
    return session_id


def continue_session(session_id: str, *, user_id: int, epoch: str, began_at: datetime) -> None:
    """Make a session valid in `epoch`, and remove the rows that are valid no more."""
    row = {"user_id": user_id, "epoch": epoch, "began_at": began_at}
    statement = insert(UserSession).values(id=session_id, **row)
    # Restored data may have the row, of an older epoch.
    db.session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))
    newest = (
        sa.select(UserSession.id)
        .where(UserSession.user_id == user_id)
        .order_by(UserSession.began_at.desc())
        .limit(MAX_SESSIONS)
    )
    is_over = sa.or_(UserSession.epoch != epoch, UserSession.began_at < utc_now() - MAX_AGE)
    is_one_too_many = sa.and_(UserSession.user_id == user_id, UserSession.id.not_in(newest))
    _delete(sa.or_(is_over, is_one_too_many), UserSession.id != session_id)
    db.session.commit()


def find_session_user(session_id: str, *, epoch: str, now: datetime | None = None) -> User | None:
    """Return the active user whose session this is, None when it has ended."""
    kept = db.session.get(UserSession, session_id)
    if kept is None or kept.epoch != epoch or not kept.user.is_active:
        return None
    age = (now or utc_now()) - kept.began_at
    return kept.user if age < MAX_AGE else None


def began_at(session_id: str) -> datetime:
    """Return when a session began."""
    return db.session.get_one(UserSession, session_id).began_at


def end_session(session_id: str) -> None:
    """End one session; nothing happens when it has ended already."""
    _delete(UserSession.id == session_id)
    db.session.commit()


def end_sessions(user: User) -> None:
    """End every session of `user`; the caller commits."""
    _delete(UserSession.user_id == user.id)


def end_own_sessions(user: User, *, actor: Actor) -> Sequence[str]:
    """End every session of `user` at their own request; return the ids."""
    own = sa.select(UserSession.id).where(UserSession.user_id == user.id)
    ids = db.session.scalars(own).all()
    end_sessions(user)
    audit.record("session.delete_all", actor=actor)
    db.session.commit()
    return ids


def _delete(*conditions: sa.ColumnElement[bool]) -> None:
    statement = sa.delete(UserSession).where(*conditions)
    db.session.execute(statement.execution_options(synchronize_session=False))
