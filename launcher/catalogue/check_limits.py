"""Whose time limit does not fit into the interval of all checks."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from launcher.extensions import db
from launcher.models import App, HealthCheck
from launcher.models.health import CheckKind

_DEFAULT = HealthCheck.__table__.c.timeout_ms.default.arg


def apps_with_longer_limit(interval_s: int) -> Sequence[str]:
    """Return the names of the apps whose limit is not shorter than an interval of all checks.

    Those with an interval of their own are left out, and what is not checked.
    """
    query = (
        sa.select(App.name)
        .outerjoin(HealthCheck, HealthCheck.app_id == App.id)
        .where(
            App.archived_at.is_(None),
            HealthCheck.interval_s.is_(None),
            sa.func.coalesce(HealthCheck.is_enabled, True),
            sa.func.coalesce(HealthCheck.kind, CheckKind.HTTP.value) != CheckKind.SAMPLE.value,
            sa.func.coalesce(HealthCheck.timeout_ms, _DEFAULT) >= interval_s * 1000,
        )
        .order_by(App.name, App.id)
    )
    return db.session.scalars(query).all()
