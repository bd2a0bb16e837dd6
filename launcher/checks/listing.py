"""The checks of all apps with what is shown of each, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, scoped_session

from launcher.checks.shown import Conditions, Shown, state_shown
from launcher.models import App, AppTag, CheckKind, CheckState, Health, HealthCheck, Media, Tag

CERTIFICATE_SOON = timedelta(days=14)
"""A certificate that expires within this time is named."""

_ORDER = {
    Health.DOWN: 0, Health.SLOW: 1, Health.OFFLINE: 4, Health.PAUSED: 5, Health.UNKNOWN: 6,
    Health.UP: 7,
}  # fmt: skip
_FLAPPING, _CERTIFICATE = 2, 3


class Listed(NamedTuple):
    """One app that is checked; the columns are those of its rows."""

    app_id: int
    name: str
    url: str
    icon: str
    letters: str
    hue: int | None
    media_sha256: str | None
    kind: CheckKind
    interval_s: int | None
    slow_ms: int
    paused_until: datetime | None
    paused_by: str
    known: Health | None
    since: datetime | None
    last_at: datetime | None
    last_ms: int | None
    error: str | None
    facts: Mapping[str, Any] | None
    certificate_until: datetime | None

    def shown(self, conditions: Conditions) -> Shown:
        """Return what is shown of it."""
        return state_shown(
            conditions,
            self.app_id,
            known=self.known,
            since=self.since,
            last_at=self.last_at,
            interval_s=self.interval_s,
            paused_until=self.paused_until,
            paused_by=self.paused_by,
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One app and what is shown of it; `outages` is 0 where it is not flapping."""

    app: Listed
    shown: Shown
    outages: int
    has_certificate_soon: bool

    @property
    def rank(self) -> tuple[int, str]:
        """Its place in the list: the worst first, then by name."""
        rank = _ORDER[self.shown.state]
        if rank > _FLAPPING and self.outages:
            rank = _FLAPPING
        elif rank > _CERTIFICATE and self.has_certificate_soon:
            rank = _CERTIFICATE
        return rank, self.app.name.casefold()


_CHECKED = (
    sa.select(
        App.id, App.name, App.url, App.icon, App.letters, App.hue, Media.sha256,
        HealthCheck.kind, HealthCheck.interval_s, HealthCheck.slow_ms, HealthCheck.paused_until,
        HealthCheck.paused_by,
        CheckState.state, CheckState.since, CheckState.last_at, CheckState.last_ms,
        CheckState.error, CheckState.facts, CheckState.certificate_until,
    )
    .select_from(HealthCheck)
    .join(App, App.id == HealthCheck.app_id)
    .outerjoin(CheckState, CheckState.app_id == App.id)
    .outerjoin(Media, Media.id == App.icon_media_id)
    .where(HealthCheck.is_enabled, App.archived_at.is_(None))
)  # fmt: skip


def list_checked(
    session: Session | scoped_session[Any],
    may_see: sa.ColumnElement[bool],
    conditions: Conditions,
    *,
    flapping: Mapping[int, int],
    tag: str = "",
) -> list[Entry]:
    """Return the apps that are checked, the worst first, in one query.

    Args:
        may_see: the condition on `App` for those that the reader may know of.
        flapping: how often apps were down that were so several times in the last day.
        tag: the name of a tag that they have, "" for all.
    """
    query = _CHECKED.where(may_see)
    if tag:
        tagged = sa.select(AppTag.app_id).join(Tag, Tag.id == AppTag.tag_id).where(Tag.name == tag)
        query = query.where(App.id.in_(tagged))
    soon = conditions.now + CERTIFICATE_SOON
    entries = []
    for row in session.execute(query):
        app = Listed._make(row)
        until = app.certificate_until
        entries.append(
            Entry(
                app,
                app.shown(conditions),
                flapping.get(app.app_id, 0),
                has_certificate_soon=until is not None and until < soon,
            )
        )
    return sorted(entries, key=lambda each: each.rank)


def counts_of(entries: Sequence[Entry]) -> Counter[Health]:
    """Return how many apps are in each state."""
    return Counter(each.shown.state for each in entries)
