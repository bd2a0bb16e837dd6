"""Health checks: how an app is probed, its last state, and the history.

The start page reads `check_states` alone, one row an app. The history has three tiers: every
probe for a day, hours for a month, days for a year. The first has no rowid and is ordered by its
key, which takes a seventh of the space of a table with indexes: 3 MB in all for 50 apps. Outages
follow from the history.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from launcher.models.types import EnumText, Model, UtcSeconds

KEEP_PROBES = timedelta(hours=24)
KEEP_HOURS = timedelta(days=30)
KEEP_DAYS = timedelta(days=365)


class CheckKind(StrEnum):
    """How an app is probed."""

    HTTP = "http"
    TCP = "tcp"


class CheckMethod(StrEnum):
    """The HTTP method of a check."""

    GET = "GET"
    HEAD = "HEAD"


class Health(StrEnum):
    """What is known of an app; an admin can pause its checks."""

    UP = "up"
    SLOW = "slow"
    DOWN = "down"
    PAUSED = "paused"
    UNKNOWN = "unknown"


class HealthCheck(Model):
    """How one app is probed.

    `url` is empty for the app's own address; `interval_s` is None for the site's interval.
    `accept` lists HTTP status codes and ranges that count as up, like `200-399,401`.
    """

    __tablename__ = "health_checks"

    app_id: Mapped[int] = mapped_column(
        sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[CheckKind] = mapped_column(
        EnumText(CheckKind, otherwise=CheckKind.HTTP), default=CheckKind.HTTP
    )
    url: Mapped[str] = mapped_column(default="")
    method: Mapped[CheckMethod] = mapped_column(
        EnumText(CheckMethod, otherwise=CheckMethod.GET), default=CheckMethod.GET
    )
    interval_s: Mapped[int | None] = mapped_column(info={"range": (1, 86_400)})
    timeout_ms: Mapped[int] = mapped_column(default=5000, info={"range": (1, 600_000)})
    accept: Mapped[str] = mapped_column(default="200-399,401,403")
    keyword: Mapped[str] = mapped_column(default="")
    verify_tls: Mapped[bool] = mapped_column(default=True)
    follow_redirects: Mapped[bool] = mapped_column(default=True)
    retries: Mapped[int] = mapped_column(default=1, info={"range": (0, 100)})
    slow_ms: Mapped[int] = mapped_column(default=1000, info={"range": (1, 600_000)})
    is_enabled: Mapped[bool] = mapped_column(default=True)
    paused_until: Mapped[datetime | None]


class CheckState(Model):
    """The last state of one app. `streak` counts the probes with this state in a row."""

    __tablename__ = "check_states"

    app_id: Mapped[int] = mapped_column(
        sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[Health] = mapped_column(
        EnumText(Health, otherwise=Health.UNKNOWN), default=Health.UNKNOWN
    )
    since: Mapped[datetime]
    last_at: Mapped[datetime | None]
    last_ms: Mapped[int | None]
    last_code: Mapped[int | None]
    error: Mapped[str] = mapped_column(default="")
    streak: Mapped[int] = mapped_column(default=0)


class Probe(Model):
    """One probe. `ms` and `code` are None when there was no answer."""

    __tablename__ = "probes"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    app_id: Mapped[int] = mapped_column(
        sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True
    )
    at: Mapped[datetime] = mapped_column(UtcSeconds, primary_key=True)
    is_up: Mapped[bool]
    ms: Mapped[int | None]
    code: Mapped[int | None]
    error: Mapped[str | None]


class ProbeHour(Model):
    """The probes of one app in the hour that begins at `at`."""

    __tablename__ = "probe_hours"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    app_id: Mapped[int] = mapped_column(
        sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True
    )
    at: Mapped[datetime] = mapped_column(UtcSeconds, primary_key=True)
    probes: Mapped[int]
    up: Mapped[int]
    ms_min: Mapped[int | None]
    ms_max: Mapped[int | None]
    ms_sum: Mapped[int]


class ProbeDay(Model):
    """The probes of one app in the day that begins at `at`, midnight UTC."""

    __tablename__ = "probe_days"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    app_id: Mapped[int] = mapped_column(
        sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True
    )
    at: Mapped[datetime] = mapped_column(UtcSeconds, primary_key=True)
    probes: Mapped[int]
    up: Mapped[int]
    ms_min: Mapped[int | None]
    ms_max: Mapped[int | None]
    ms_sum: Mapped[int]
