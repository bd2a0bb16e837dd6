"""When people are notified of apps: down, up again, flapping, certificates, this server offline.

`update_app_alerts` is a pure function of what is remembered and of what the checks found. It reads
no clock and sends nothing: `dispatch` does both.

- An app is announced as down once its outage has lasted as long as its check demands, and as up
  again only after that. Each of them once.
- With the third outage within a day it is announced as flapping, at once. Then nothing is sent
  until it has been up for an hour, which is its message that it is up again.
- A certificate that expires is announced 14 days before and 3 days before. Another expiry is
  another certificate. One that has expired already is left to the check.
- While checks are paused nothing is sent, and an outage that ends so is forgotten in silence.
- While this server is offline no app is announced, and this server is, once.

What is remembered names the app, and the result that it rests on. So a restore that brings back
older results repeats nothing, and an app that has the id of another is not taken for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from launcher.notifications.app_records import (
    AppAlert,
    AppAlerts,
    AppChange,
    AppEvent,
    AppSight,
    AppState,
    CertificateAlert,
    Sights,
)

STABLE_AFTER = timedelta(hours=1)
"""So long an app that was flapping must be up before anything is sent of it again."""
OFFLINE_AFTER = timedelta(minutes=5)
"""So long this server must be offline before that is sent: a router that restarts is no news."""
CERTIFICATE_DAYS = (14, 3)
_KEPT = timedelta(days=1)


def update_app_alerts(
    known: AppAlerts, sights: Sights, *, now: datetime, sent_to: Sequence[str] = ()
) -> tuple[AppAlerts, tuple[AppEvent, ...]]:
    """Return the alerts from now on, and the changes to send.

    Args:
        sent_to: the ids of the recipients of messages about apps.
    """
    known = _without_future(known, now)
    events: list[AppEvent] = []
    alerts: dict[int, AppAlert] = {}
    certificates: list[CertificateAlert] = []
    for sight in sights.apps:
        alert = known.apps.get(sight.app_id)
        if alert is not None and alert.created != sight.created:
            alert = None
        after, change = _follow(alert, sight, now)
        if change is not None and after is not None:
            after = after if after.over_at else replace(after, sent_to=tuple(sent_to))
            events.append(AppEvent(change, sight, after.started_at, sight.ended_at))
        if after is not None:
            alerts[sight.app_id] = after
        if certificate := _due_certificate(known, sight, now):
            certificates.append(certificate)
            events.append(AppEvent(AppChange.CERTIFICATE, sight, days=certificate.days))
    # An app that is not there may be back after an undo; nothing is sent of it meanwhile.
    seen = {sight.app_id for sight in sights.apps}
    alerts |= {app_id: each for app_id, each in known.apps.items() if app_id not in seen}
    names = {(each.app_id, each.created, each.until) for each in certificates}
    certificates += [
        each
        for each in known.certificates
        if (each.app_id, each.created, each.until) not in names and each.until > now
    ]
    found = replace(
        known,
        apps={app_id: each for app_id, each in alerts.items() if _is_kept(each, sights, now)},
        certificates=tuple(certificates),
    )
    found, event = _follow_server(found, sights, now)
    if event is not None:
        events.append(event)
    order = list(AppChange)
    return found, tuple(sorted(events, key=lambda each: (order.index(each.change), each.days)))


def _follow(
    alert: AppAlert | None, sight: AppSight, now: datetime
) -> tuple[AppAlert | None, AppChange | None]:
    """Return the alert of an app from now on, and what is to be sent."""
    if sight.state is AppState.PAUSED:
        is_open = alert is not None and alert.over_at is None
        return (replace(alert, over_at=now) if alert and is_open else alert), None
    is_old = sight.last_at is None or (alert is not None and sight.last_at < alert.as_of)
    if sight.state is AppState.UNKNOWN or is_old:
        return alert, None
    if sight.state is AppState.DOWN:
        return _follow_down(alert, sight, now)
    return _follow_up(alert, sight, now)


def _follow_down(
    alert: AppAlert | None, sight: AppSight, now: datetime
) -> tuple[AppAlert | None, AppChange | None]:
    started_at = sight.started_at or now
    if alert is not None and alert.over_at is None:
        is_news = sight.is_flapping and started_at > alert.started_at
        if alert.is_flapping or not is_news:
            return alert, None
    if sight.is_flapping:
        return _opened(sight, started_at, now, is_flapping=True), AppChange.FLAPPING
    if now - started_at >= sight.notify_after:
        return _opened(sight, started_at, now), AppChange.DOWN
    return alert, None


def _follow_up(
    alert: AppAlert | None, sight: AppSight, now: datetime
) -> tuple[AppAlert | None, AppChange | None]:
    ended_at = sight.ended_at or now
    is_stable = now - ended_at >= STABLE_AFTER
    if alert is not None and alert.over_at is None:
        if alert.is_flapping and not is_stable:
            return alert, None
        over = replace(alert, over_at=now, as_of=sight.last_at or now)
        return over, AppChange.STABLE if alert.is_flapping else AppChange.UP
    # Its outages may be so short that it is up whenever this looks.
    started_at = sight.started_at
    is_news = started_at is not None and (alert is None or started_at > alert.started_at)
    if sight.is_flapping and not is_stable and is_news:
        return _opened(sight, started_at or now, now, is_flapping=True), AppChange.FLAPPING
    return alert, None


def _opened(
    sight: AppSight, started_at: datetime, now: datetime, *, is_flapping: bool = False
) -> AppAlert:
    return AppAlert(
        app_id=sight.app_id,
        created=sight.created,
        started_at=started_at,
        notified_at=now,
        as_of=sight.last_at or now,
        is_flapping=is_flapping,
    )


def _due_certificate(known: AppAlerts, sight: AppSight, now: datetime) -> CertificateAlert | None:
    """Return what is to be remembered of a certificate once it is sent that it expires."""
    until = sight.certificate_until
    if until is None or until <= now or sight.state not in {AppState.UP, AppState.DOWN}:
        return None
    days = min((days for days in CERTIFICATE_DAYS if until - now <= timedelta(days)), default=0)
    sent = min(
        (
            each.days
            for each in known.certificates
            if (each.app_id, each.created, each.until) == (sight.app_id, sight.created, until)
        ),
        default=CERTIFICATE_DAYS[0] + 1,
    )
    if not days or sent <= days:
        return None
    return CertificateAlert(sight.app_id, sight.created, until, days)


def _follow_server(
    known: AppAlerts, sights: Sights, now: datetime
) -> tuple[AppAlerts, AppEvent | None]:
    """Return the alerts with that of this server, and what is to be sent of it."""
    since, sent_at = known.offline_since, known.offline_notified_at
    if sights.offline_since is not None:
        if since is not None or now - sights.offline_since < OFFLINE_AFTER:
            return known, None
        event = AppEvent(AppChange.OFFLINE, started_at=sights.offline_since)
        return replace(known, offline_since=event.started_at, offline_notified_at=now), event
    if since is None or sent_at is None or not sights.reached_at or sights.reached_at <= sent_at:
        return known, None
    event = AppEvent(AppChange.ONLINE, started_at=since, ended_at=sights.reached_at)
    return replace(known, offline_since=None, offline_notified_at=None), event


def _is_kept(alert: AppAlert, sights: Sights, now: datetime) -> bool:
    """Whether an alert is remembered: while it is open, and for a day after that."""
    if alert.over_at is not None:
        return now - alert.over_at < _KEPT
    is_there = any(
        (each.app_id, each.created) == (alert.app_id, alert.created) for each in sights.apps
    )
    return is_there or now - alert.as_of < _KEPT


def _without_future(known: AppAlerts, now: datetime) -> AppAlerts:
    """Return the alerts with no moment after `now`: a clock that ran ahead must not stall them."""
    sent_at = known.offline_notified_at
    return replace(
        known,
        apps={
            app_id: replace(
                each,
                notified_at=min(each.notified_at, now),
                as_of=min(each.as_of, now),
                over_at=min(each.over_at, now) if each.over_at else None,
            )
            for app_id, each in known.apps.items()
        },
        offline_notified_at=min(sent_at, now) if sent_at else None,
    )


def record_reached(known: AppAlerts, arrived: Mapping[str, datetime | None]) -> AppAlerts:
    """Return the alerts with the recipients whom their messages have reached.

    Args:
        arrived: when a message last arrived, by the id of the recipient; None while one waits.
    """
    apps = {}
    for app_id, alert in known.apps.items():
        news = {
            key: at
            for key in alert.sent_to
            if key not in alert.reached
            and alert.over_at is None
            and (at := arrived.get(key)) is not None
            and at >= alert.notified_at
        }
        apps[app_id] = replace(alert, reached={**alert.reached, **news}) if news else alert
    return replace(known, apps=apps)
