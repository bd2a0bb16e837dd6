"""Icons that were fetched from apps: kept when they are proposed, removed when no app took them.

A proposal is kept before its form is saved, in the database that all processes share. One that
no one saved is removed after a day, when the next is kept. What a user uploaded stays until it is
deleted.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from launcher.audit import Actor
from launcher.extensions import db
from launcher.icons import store
from launcher.icons.uploads import Image
from launcher.models import App, AuditEvent, Media, UndoStep
from launcher.models.types import utc_now

_FETCH, _UPLOAD = "icon.fetch", "icon.upload"
KEPT_FOR = timedelta(days=1)


def keep_fetched(image: Image, *, actor: Actor) -> Media:
    """Return the row with the content of a fetched icon; earlier ones that no app took are removed.

    The caller commits. Additions and removals are in the audit log.
    """
    media = store.keep(image, actor=actor, is_fetched=True)
    for each in _left_over(media):
        store.remove(each, actor=actor)
    return media


def _left_over(kept: Media) -> list[Media]:
    """Return the fetched icons that no app shows, nor would show after an undo."""
    is_used = sa.exists().where(App.icon_media_id == Media.id)
    in_step = sa.literal('%"icon_media_id": ').concat(Media.id).concat(",%")
    is_in_undo = sa.exists().where(sa.cast(UndoStep.rows, sa.Text).like(in_step))
    old = Media.created_at < utc_now() - KEPT_FOR
    unused = db.session.scalars(
        sa.select(Media).where(Media.id != kept.id, old, ~is_used, ~is_in_undo)
    ).all()
    if not unused:
        return []
    # Apart, so that the log, which may be long, is read once at most.
    hashes = [each.sha256 for each in unused]
    brought = db.session.execute(
        sa.select(AuditEvent.target_id, AuditEvent.action)
        .where(AuditEvent.action.in_((_FETCH, _UPLOAD)), AuditEvent.target_id.in_(hashes))
        .distinct()
    )
    ways: dict[str, set[str]] = {}
    for sha256, action in brought:
        ways.setdefault(sha256, set()).add(action)
    return [each for each in unused if ways.get(each.sha256) == {_FETCH}]
