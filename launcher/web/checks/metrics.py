"""The gauges of health checks in `/metrics`: one series an app, and six for its state.

A state is one gauge for each value that it may have, 1 for the one that holds, as
https://prometheus.io/docs/instrumenting/writing_exporters/ advises for sets of states. Names of
apps are labels beside their id, so that a message can name the app. Deleted apps are not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from launcher.checks.checked_apps import CheckedApp, checked_apps
from launcher.checks.conditions import read_conditions
from launcher.checks.shown import Conditions
from launcher.db.session import enter_at_once, release
from launcher.db.settings import current_settings
from launcher.extensions import db
from launcher.models import ChecksRun, Health
from launcher.models.types import utc_now
from launcher.web.gauges import gauge

if TYPE_CHECKING:
    from prometheus_client import Metric

_NAME_MAX = 100
_HELP = {
    "app_state": "The state that is shown of an app, 1 for the one that holds.",
    "app_response_seconds": "How long the last response took. Missing without a response.",
    "app_last_check_timestamp_seconds": "When the last check ended.",
    "app_certificate_expiry_timestamp_seconds": "When the certificate expires.",
    "checks_enabled": "Whether apps are checked.",
    "checks_paused": "Whether the checks of all apps are paused.",
    "checks_offline": "Whether this server is offline, so that no app can be checked.",
    "checks_per_minute": "Checks a minute, over the last minutes.",
    "checks_cpu_ratio": "What checks use of one processor, over the last minutes.",
    "checks_late_ratio": "Share of checks that started late, over the last minutes.",
}
"""What each gauge says, by its name without `launcher_`."""
_COST = {
    "checks_per_minute": "checks_per_min",
    "checks_cpu_ratio": "cpu_share",
    "checks_late_ratio": "late_share",
}


def collect() -> Iterator[Metric]:
    """Yield the gauges; none during a restore, and while the database cannot be read.

    Enters the gate for the query alone, and never waits for it.
    """
    if not enter_at_once():
        return
    try:
        settings = current_settings()
        conditions = read_conditions(
            db.session,
            now=utc_now(),
            interval_s=settings.check_interval_s,
            zone=settings.zone,
        )
        apps = checked_apps(db.session, conditions)
        cost = db.session.scalar(sa.select(ChecksRun.cost).where(ChecksRun.id == 1)) or {}
    except (SQLAlchemyError, OSError):
        return
    finally:
        release()
    yield from _of_apps(apps)
    yield _value("checks_enabled", settings.checks_enabled)
    yield from _of_all(conditions)
    for name, fact in _COST.items():
        yield _value(name, cost.get(fact))


def _of_apps(apps: Sequence[CheckedApp]) -> Iterator[Metric]:
    labels: dict[int, tuple[str, ...]] = {
        app.id: (str(app.id), app.name[:_NAME_MAX]) for app in apps
    }
    states: dict[tuple[str, ...], float] = {
        (*labels[app.id], state.value): float(app.shown.state is state)
        for app in apps
        for state in Health
    }
    yield gauge("app_state", _HELP["app_state"], ("id", "app", "state"), states)
    for name, values in {
        "app_response_seconds": {
            app.id: app.last_ms / 1000 for app in apps if app.last_ms is not None
        },
        "app_last_check_timestamp_seconds": {
            app.id: app.last_at.timestamp() for app in apps if app.last_at
        },
        "app_certificate_expiry_timestamp_seconds": {
            app.id: app.certificate_until.timestamp() for app in apps if app.certificate_until
        },
    }.items():
        by_labels = {labels[app_id]: value for app_id, value in values.items()}
        yield gauge(name, _HELP[name], ("id", "app"), by_labels)


def _of_all(conditions: Conditions) -> Iterator[Metric]:
    yield _value("checks_paused", conditions.pause is not None)
    yield _value("checks_offline", conditions.offline_since is not None)


def _value(name: str, value: object) -> Metric:
    is_known = isinstance(value, int | float)
    return gauge(name, _HELP[name], (), {(): float(value)} if is_known else {})  # type: ignore[arg-type]
