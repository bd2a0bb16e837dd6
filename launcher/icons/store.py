"""Icons in the database: each content once, however many apps show it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from launcher import audit
from launcher.audit import Actor, Target
from launcher.extensions import db
from launcher.icons.uploads import Image
from launcher.models import App, AuditEvent, Media
from launcher.models.types import utc_now

_FITTING_NAME = 100
BROUGHT_FOR = timedelta(days=1)
"""So long after an upload, or a request to an app, its user may choose the icon."""
_NOTED_AGAIN = timedelta(hours=1)


def keep(image: Image, *, actor: Actor, is_fetched: bool = False, is_copy: bool = False) -> Media:
    """Return the row with the content of `image`, added if there is none; the caller commits.

    A row of the same content keeps its first name. A new one is in the audit log, with
    how it came; and one that was there, unless it is copied from the colour set: who brought the
    same content knows it, whatever else shows it.
    """
    sha256 = hashlib.sha256(image.content).hexdigest()
    values = {
        "sha256": sha256,
        "name": image.name[:_FITTING_NAME],
        "mime": image.mime,
        "size_bytes": len(image.content),
        "content": image.content,
        "created_at": utc_now(),
    }
    added = db.session.execute(sqlite.insert(Media).values(values).on_conflict_do_nothing())
    media = db.session.scalars(sa.select(Media).where(Media.sha256 == sha256)).one()
    is_new = bool(added.rowcount)  # type: ignore[attr-defined]  # a CursorResult
    if is_new or not (is_copy or was_brought(sha256, actor.id, within=_NOTED_AGAIN)):
        row = {"mime": [None, media.mime], "size_bytes": [None, media.size_bytes]}
        changes = row if is_new else {}
        if is_fetched:
            audit.record("icon.fetch", actor=actor, target=_target(media), changes=changes)
        else:
            audit.record("icon.upload", actor=actor, target=_target(media), changes=changes)
    return media


def was_brought(sha256: str, user_id: int | None, *, within: timedelta = BROUGHT_FOR) -> bool:
    """Whether this user has uploaded this content, or had it fetched, a short time ago."""
    query = sa.select(AuditEvent.id).where(
        AuditEvent.at > utc_now() - within,
        AuditEvent.action.in_(("icon.upload", "icon.fetch")),
        AuditEvent.target_id == sha256,
        AuditEvent.actor_id == user_id,
    )
    return bool(db.session.scalar(sa.select(query.exists())))


def find_media(sha256: str) -> Media | None:
    """Return the row with this content, without reading the content itself."""
    return db.session.scalars(sa.select(Media).where(Media.sha256 == sha256)).one_or_none()


def unused() -> Sequence[Media]:
    """Return the icons that no app uses, newest first."""
    is_used = sa.exists().where(App.icon_media_id == Media.id)
    query = sa.select(Media).where(~is_used).order_by(Media.created_at.desc(), Media.id.desc())
    return db.session.scalars(query).all()


def remove(media: Media, *, actor: Actor) -> None:
    """Delete an icon; apps that use it show their letters from then on. The caller commits."""
    changes = {"mime": [media.mime, None], "size_bytes": [media.size_bytes, None]}
    audit.record("icon.delete", actor=actor, target=_target(media), changes=changes)
    db.session.delete(media)


def _target(media: Media) -> Target:
    return Target("icon", media.sha256, media.name)
