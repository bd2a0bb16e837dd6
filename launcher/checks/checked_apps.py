"""Every app that is checked, with the state that is shown of it: for lists, commands and metrics.

What a page shows of the apps on a board is read with their tiles. This reads all, whoever sees
them, so only doors for admins may ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, scoped_session

from launcher.checks.shown import Conditions, Shown, Why, state_shown
from launcher.models import App, CheckState, Health, HealthCheck
from launcher.models.health import CheckKind

_QUERY = (
    sa.select(
        App.id, App.name, HealthCheck.kind, HealthCheck.interval_s,
        HealthCheck.paused_until, HealthCheck.paused_by,
        CheckState.state, CheckState.since, CheckState.last_at, CheckState.last_ms,
        CheckState.last_code, CheckState.error, CheckState.facts, CheckState.certificate,
        CheckState.certificate_until,
    )
    .select_from(App)
    .join(HealthCheck, HealthCheck.app_id == App.id)
    .outerjoin(CheckState, CheckState.app_id == App.id)
    .where(HealthCheck.is_enabled, App.archived_at.is_(None))
    .order_by(sa.func.lower(App.name), App.id)
)  # fmt: skip


class CheckedApp(NamedTuple):
    """One app that is checked.

    Attributes:
        shown: its state now, see `launcher.checks.shown`.
        last_at: when the last check ended; None before the first.
        last_ms, last_code: of that check; None where there was no answer.
        error: the stable name of the reason why the last check failed, "" where it did not; `facts`
            are what its sentence needs.
        certificate: `issuer` and `names` of the certificate that was seen last, {} for none.
        certificate_until: when that certificate expires.
        interval_s: seconds between two checks.
        is_sample: whether its results are made up, for `flask demo`.
    """

    id: int
    name: str
    shown: Shown
    last_at: datetime | None
    last_ms: int | None
    last_code: int | None
    error: str
    facts: Mapping[str, Any]
    certificate: Mapping[str, Any]
    certificate_until: datetime | None
    interval_s: int
    is_sample: bool

    @property
    def has_failed(self) -> bool:
        """Whether it is shown as down, so that `error` says why."""
        return self.shown.why is Why.RESULT and self.shown.state is Health.DOWN


def checked_apps(
    session: Session | scoped_session[Any], conditions: Conditions, *, app_id: int | None = None
) -> Sequence[CheckedApp]:
    """Return every app that is checked by name, or only `app_id`, with one query.

    Archived apps are left out: no page shows them.
    """
    query = _QUERY if app_id is None else _QUERY.where(App.id == app_id)
    return [_checked(row, conditions) for row in session.execute(query)]


def _checked(row: Any, conditions: Conditions) -> CheckedApp:
    shown = state_shown(
        conditions,
        row.id,
        known=row.state,
        since=row.since,
        last_at=row.last_at,
        interval_s=row.interval_s,
        paused_until=row.paused_until,
        paused_by=row.paused_by,
    )
    return CheckedApp(
        id=row.id,
        name=row.name,
        shown=shown,
        last_at=row.last_at,
        last_ms=row.last_ms,
        last_code=row.last_code,
        error=row.error or "",
        facts=row.facts or {},
        certificate=row.certificate or {},
        certificate_until=row.certificate_until,
        interval_s=row.interval_s or conditions.interval_s,
        is_sample=row.kind is CheckKind.SAMPLE,
    )
