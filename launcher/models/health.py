"""Health checks: how an app is probed, its last state, and the history.

The start page reads `check_states` alone, one row an app. The history has three tiers: every
probe for a day, hours for a month, days for a year. The first has no rowid and is ordered by its
key, which takes a seventh of the space of a table with indexes: 3 MB in all for 50 apps. Outages
have rows of their own, since hours and days do not say when one began.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from launcher.models.types import EnumText, Model, UtcSeconds

KEEP_PROBES = timedelta(hours=24)
KEEP_HOURS = timedelta(days=30)
KEEP_DAYS = timedelta(days=365)


class CheckKind(StrEnum):
    """How an app is probed. `SAMPLE` requests nothing: the content of `flask demo` has it."""

    HTTP = "http"
    TCP = "tcp"
    PING = "ping"
    SAMPLE = "sample"


class CheckTarget(StrEnum):
    """Which address is probed: the app's own, its one in the home network, or another."""

    OWN = "own"
    LOCAL = "local"
    OTHER = "other"


class CheckMethod(StrEnum):
    """The HTTP method of a check. Where HEAD is refused, GET follows."""

    HEAD = "HEAD"
    GET = "GET"


class CheckVerify(StrEnum):
    """Whose certificates are verified: those of public addresses alone, all, or none."""

    PUBLIC = "public"
    ALWAYS = "always"
    NEVER = "never"


class Health(StrEnum):
    """What is known of an app; an admin can pause its checks.

    `PAUSED`, `UNKNOWN` and `OFFLINE` are what a page shows in place of an old result; see
    `launcher.checks.shown`. The checks themselves write `UP`, `SLOW`, `DOWN` and, before the first
    of them, `UNKNOWN`.
    """

    UP = "up"
    SLOW = "slow"
    DOWN = "down"
    PAUSED = "paused"
    UNKNOWN = "unknown"
    OFFLINE = "offline"


class HealthCheck(Model):
    """How one app is probed.

    Attributes:
        url: what is probed, where `target` is `OTHER`; `host:port` for a TCP port.
        headers: sent with each request, by name. Their values are secrets: never shown again.
        headers_for: the origin that they were entered for, as `checks.fields.origin_of` has it;
            they are sent nowhere else, whoever changes the URL of the check or of the app.
        interval_s: None for the site's interval.
        accept: HTTP status codes and ranges that count as up, like `200-399,401`.
        keyword: plain text that the page contains, or does not if `is_keyword_absent`; "" for none.
        ca_pem: the certificates of authorities, as PEM, that are trusted besides those of the
            system; "" for none. With them, certificates of private addresses are verified too.
        retries: further tries before a check that failed counts.
        paused_until: None while it is not paused; `paused_by` is the name of who paused it.
        notify_after_min: minutes that it must be down before a notification is sent.
    """

    __tablename__ = "health_checks"

    app_id: Mapped[int] = mapped_column(
        sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[CheckKind] = mapped_column(
        EnumText(CheckKind, otherwise=CheckKind.HTTP), default=CheckKind.HTTP
    )
    target: Mapped[CheckTarget] = mapped_column(
        EnumText(CheckTarget, otherwise=CheckTarget.OWN), default=CheckTarget.OWN
    )
    url: Mapped[str] = mapped_column(default="")
    method: Mapped[CheckMethod] = mapped_column(
        EnumText(CheckMethod, otherwise=CheckMethod.HEAD), default=CheckMethod.HEAD
    )
    headers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    headers_for: Mapped[str] = mapped_column(default="")
    interval_s: Mapped[int | None] = mapped_column(info={"range": (1, 86_400)})
    timeout_ms: Mapped[int] = mapped_column(default=10_000, info={"range": (1, 600_000)})
    accept: Mapped[str] = mapped_column(default="100-499")
    keyword: Mapped[str] = mapped_column(default="")
    is_keyword_absent: Mapped[bool] = mapped_column(default=False)
    verify: Mapped[CheckVerify] = mapped_column(
        EnumText(CheckVerify, otherwise=CheckVerify.PUBLIC), default=CheckVerify.PUBLIC
    )
    ca_pem: Mapped[str] = mapped_column(default="")
    follow_redirects: Mapped[bool] = mapped_column(default=True)
    retries: Mapped[int] = mapped_column(default=2, info={"range": (0, 100)})
    slow_ms: Mapped[int] = mapped_column(default=1000, info={"range": (1, 600_000)})
    is_enabled: Mapped[bool] = mapped_column(default=True)
    paused_until: Mapped[datetime | None]
    paused_by: Mapped[str] = mapped_column(default="")
    is_notifying: Mapped[bool] = mapped_column(default=True)
    notify_after_min: Mapped[int] = mapped_column(default=5, info={"range": (0, 10_080)})


class CheckState(Model):
    """The last result of one app.

    Attributes:
        since: when the state began: for `DOWN` when the first check began that failed.
        last_at: when the last check ended; None before the first.
        last_ms, last_code: of that check; None when there was no answer.
        error: the stable name of the reason why it failed, "" where it did not; `facts` are what
            its sentence needs.
        streak: how many checks in a row had this state.
        certificate: `issuer`, `names`, `is_verified` and `is_self_signed` of the certificate that
            was seen last, {} for none; `certificate_until` is when it expires.
        probed: the digest of the address that was checked, so that no result is taken for one of
            another; None where it is not known.
    """

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
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    streak: Mapped[int] = mapped_column(default=0)
    certificate: Mapped[dict[str, Any]] = mapped_column(default=dict)
    certificate_until: Mapped[datetime | None]
    probed: Mapped[str | None]


class Probe(Model):
    """One check, at the moment in which it began. Without an answer `ms` and `code` are None."""

    __tablename__ = "probes"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    app_id: Mapped[int] = mapped_column(
        sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True
    )
    at: Mapped[datetime] = mapped_column(UtcSeconds, primary_key=True)
    is_up: Mapped[bool]
    is_slow: Mapped[bool] = mapped_column(default=False)
    ms: Mapped[int | None]
    code: Mapped[int | None]
    error: Mapped[str | None]


class ProbeHour(Model):
    """The probes of one app in the hour that begins at `at`; `ms_…` of those that were up."""

    __tablename__ = "probe_hours"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    app_id: Mapped[int] = mapped_column(
        sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True
    )
    at: Mapped[datetime] = mapped_column(UtcSeconds, primary_key=True)
    probes: Mapped[int]
    up: Mapped[int]
    slow: Mapped[int] = mapped_column(default=0)
    ms_min: Mapped[int | None]
    ms_max: Mapped[int | None]
    ms_sum: Mapped[int]


class ProbeDay(Model):
    """The probes of one app in the day that begins at `at`, midnight UTC, as `ProbeHour`."""

    __tablename__ = "probe_days"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    app_id: Mapped[int] = mapped_column(
        sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True
    )
    at: Mapped[datetime] = mapped_column(UtcSeconds, primary_key=True)
    probes: Mapped[int]
    up: Mapped[int]
    slow: Mapped[int] = mapped_column(default=0)
    ms_min: Mapped[int | None]
    ms_max: Mapped[int | None]
    ms_sum: Mapped[int]


class Outage(Model):
    """A time in which an app was down. `ended_at` is None while it is; kept for `KEEP_DAYS`.

    Where it was not checked for a while, so that the end is not known, `ended_at` is the last check
    that failed: when it is up after a gap, is paused, not checked any more, or at another address.

    `error` and `facts` are those of the check that found it down.
    """

    __tablename__ = "outages"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    app_id: Mapped[int] = mapped_column(
        sa.ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True
    )
    started_at: Mapped[datetime] = mapped_column(UtcSeconds, primary_key=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcSeconds)
    error: Mapped[str] = mapped_column(default="")
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)


class MaintenanceWindow(Model):
    """A time each week in which nothing is checked.

    Attributes:
        app_id: None for all apps.
        days: the days on which it begins, Monday is 0: `056` for Monday, Saturday and Sunday.
        starts_at_min: minutes after midnight, in the time zone of the site.
        minutes: how long it lasts.
    """

    __tablename__ = "maintenance_windows"
    __table_args__ = (sa.Index("maintenance_windows_app", "app_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[int | None] = mapped_column(sa.ForeignKey("apps.id", ondelete="CASCADE"))
    days: Mapped[str] = mapped_column(default="0123456")
    starts_at_min: Mapped[int] = mapped_column(info={"range": (0, 1439)})
    minutes: Mapped[int] = mapped_column(info={"range": (1, 1440), "odd": 60})


class ChecksRun(Model):
    """The one row about all checks, with id 1. It exists from the migration on.

    Attributes:
        paused_until: until when no app is checked; None while checks are not paused.
        offline_since: since when no check could reach its target; None while one can.
        written_at: when results were last written; once a minute also when there were none.
        cost: what the checks cost in the last minutes: `checks_per_min`; `cpu_share` of one
            processor, and `late_share` of them, that began a tenth of their interval late or more.
    """

    __tablename__ = "checks_run"

    id: Mapped[int] = mapped_column(primary_key=True)
    paused_until: Mapped[datetime | None]
    paused_by: Mapped[str] = mapped_column(default="")
    offline_since: Mapped[datetime | None]
    written_at: Mapped[datetime | None]
    cost: Mapped[dict[str, Any]] = mapped_column(default=dict)
