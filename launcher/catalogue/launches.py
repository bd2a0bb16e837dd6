"""How often a user opens each app, so that what they use most is found first.

A count is no change of the catalogue. It is for its user alone, and has no audit entry: a line for
each click would hide all others.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from launcher import audit
from launcher.audit import Actor, Target
from launcher.catalogue.access import sees_app
from launcher.extensions import db
from launcher.models import App, Launch, User
from launcher.models.types import utc_now

KEPT_DAYS = 90
_MOST = 1_000_000  # a day; SQLite can add any number of these
_DAY_S = 86_400


def count(user: User, app_id: int) -> None:
    """Count that `user` opened an app, and commit.

    Nothing is counted of an app that they may not know of, or while they have switched it off. With
    their first launch of an app on a day, what they opened before the last 90 days is deleted.
    """
    if not user.counts_launches:
        return
    today = _today()
    known = sa.select(sa.literal(user.id), App.id, sa.literal(today), sa.literal(1))
    # With its WHERE, SQLite takes ON for no part of a join.
    known = known.where(App.id == app_id, sees_app(user))
    added = insert(Launch).from_select(["user_id", "app_id", "day", "count"], known)
    more = sa.func.min(Launch.count + 1, _MOST)
    upsert = added.on_conflict_do_update(
        index_elements=["user_id", "app_id", "day"], set_={"count": more}
    )
    counted = db.session.scalar(upsert.returning(Launch.count))
    if counted == 1:
        old = sa.delete(Launch).where(Launch.user_id == user.id, Launch.day <= today - KEPT_DAYS)
        db.session.execute(old)
    db.session.commit()


def usage(user: User | None) -> Mapping[int, int]:
    """Return how often `user` opened each app in the last 90 days: app id → count.

    Nothing for a guest, and for a user who has switched the counting off.
    """
    if user is None or not user.counts_launches:
        return {}
    today = _today()
    # A database from outside may hold any number.
    each = sa.func.min(sa.func.max(Launch.count, 0), _MOST)
    query = (
        sa.select(Launch.app_id, sa.func.sum(each))
        .where(Launch.user_id == user.id, Launch.day.between(today - KEPT_DAYS + 1, today))
        .group_by(Launch.app_id)
    )
    return {app_id: int(number) for app_id, number in db.session.execute(query)}


def clear(user: User) -> None:
    """Delete all counts of `user`, and commit."""
    db.session.execute(sa.delete(Launch).where(Launch.user_id == user.id))
    db.session.commit()


def set_counting(user: User, *, is_on: bool, actor: Actor) -> None:
    """Switch the counting on or off for `user`, and commit; off also deletes all counts."""
    if user.counts_launches is not is_on:
        changes = {"counts_launches": [user.counts_launches, is_on]}
        user.counts_launches = is_on
        target = Target("user", user.id, user.username)
        audit.record("user.set_launches", actor=actor, target=target, changes=changes)
    if is_on:
        db.session.commit()
    else:
        clear(user)


def _today() -> int:
    return int(utc_now().timestamp()) // _DAY_S
