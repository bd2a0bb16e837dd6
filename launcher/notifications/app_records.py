"""What is known and remembered of the apps that people are notified of, and what is to be sent.

Plain data without SQLAlchemy: commands that need no database read the file too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from launcher.backup.codec import decode_each, encode, try_decode


class AppState(StrEnum):
    """What is known of an app: `UNKNOWN` also while this server is offline."""

    UP = "up"
    DOWN = "down"
    PAUSED = "paused"
    UNKNOWN = "unknown"


class AppChange(StrEnum):
    """What is sent. In this order, where several are."""

    OFFLINE = "offline"
    ONLINE = "online"
    DOWN = "down"
    FLAPPING = "flapping"
    CERTIFICATE = "certificate"
    UP = "up"
    STABLE = "stable"


@dataclass(frozen=True, slots=True)
class AppSight:
    """What the checks know of one app whose check notifies.

    Attributes:
        created: when the app was added, as it is stored: with `app_id` it names the app.
        last_at: when the last check ended; None before the first.
        started_at: when its last outage began, `ended_at` when that ended. None where there was
            none lately; where it is up, `ended_at` is at least since when.
        outages: how many there were within a day; is_flapping: whether those are many.
        error, facts: why it is down.
        notify_after: how long it must be down.
    """

    app_id: int
    created: str
    name: str
    state: AppState
    last_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outages: int = 0
    is_flapping: bool = False
    error: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    certificate_until: datetime | None = None
    notify_after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Sights:
    """What the checks know.

    Attributes:
        offline_since: since when this server is offline, None while it is not.
        reached_at: when a check last found any app up.
    """

    apps: Sequence[AppSight] = ()
    offline_since: datetime | None = None
    reached_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AppAlert:
    """What was sent of an app that is or was down.

    Attributes:
        as_of: when the check ended whose result this rests on; older results are no news.
        over_at: when it counted as over, None while it is open.
        sent_to: the ids of the recipients that it was queued for.
        reached: when it arrived, by the id of the recipient.
    """

    app_id: int
    created: str
    started_at: datetime
    notified_at: datetime
    as_of: datetime
    is_flapping: bool = False
    over_at: datetime | None = None
    sent_to: tuple[str, ...] = ()
    reached: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CertificateAlert:
    """That a certificate expires was sent, last when it had `days` left."""

    app_id: int
    created: str
    until: datetime
    days: int


@dataclass(frozen=True, slots=True)
class AppAlerts:
    """Everything remembered: at most one alert of each app.

    Attributes:
        offline_since, offline_notified_at: of the message that this server is offline, until it is
            online again.
    """

    apps: Mapping[int, AppAlert] = field(default_factory=dict)
    certificates: tuple[CertificateAlert, ...] = ()
    offline_since: datetime | None = None
    offline_notified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AppEvent:
    """One change to send.

    Attributes:
        sight: None where it is about this server.
        started_at, ended_at: when the outage began and ended, as far as it has.
        days: of a certificate: 14 or 3.
    """

    change: AppChange
    sight: AppSight | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    days: int = 0


# --- in the file -------------------------------------------------------------------------


def write_facts(alerts: AppAlerts) -> Mapping[str, object]:
    """Return the alerts as JSON can hold them."""
    return {
        "apps": encode(list(alerts.apps.values())),
        "certificates": encode(alerts.certificates),
        "offline_since": encode(alerts.offline_since),
        "offline_notified_at": encode(alerts.offline_notified_at),
    }


def read_facts(facts: object) -> AppAlerts:
    """Return what `write_facts` made; what cannot be read is left out."""
    if not isinstance(facts, dict):
        return AppAlerts()
    return AppAlerts(
        {alert.app_id: alert for alert in decode_each(AppAlert, facts.get("apps"))},
        decode_each(CertificateAlert, facts.get("certificates")),
        try_decode(datetime, facts.get("offline_since")),
        try_decode(datetime, facts.get("offline_notified_at")),
    )
