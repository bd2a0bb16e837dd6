"""Uploaded icons, as far as a user knows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from launcher.catalogue.access import may_edit, sees_app
from launcher.extensions import db
from launcher.models import App, Media, User


@dataclass(frozen=True, slots=True)
class Upload:
    """An icon and the apps that show it, as far as the viewer knows of them, by name."""

    media: Media
    apps: Sequence[App]
    is_unused: bool


def known_uploads(viewer: User | None) -> Sequence[Upload]:
    """Return the icons of the apps that `viewer` knows of, and for editors those of no app.

    The newest come first.
    """
    by_media: dict[int, list[App]] = {}
    used = sa.select(App).where(App.icon_media_id.is_not(None), sees_app(viewer)).order_by(App.name)
    for app in db.session.scalars(used):
        by_media.setdefault(app.icon_media_id or 0, []).append(app)
    of_any = set(db.session.scalars(sa.select(App.icon_media_id).distinct()))
    newest_first = sa.select(Media).order_by(Media.created_at.desc(), Media.id.desc())
    return [
        Upload(media, by_media.get(media.id, ()), media.id not in of_any)
        for media in db.session.scalars(newest_first)
        if media.id in by_media or (may_edit(viewer) and media.id not in of_any)
    ]
