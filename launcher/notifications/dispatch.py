"""One round, each minute: find problems, open and end alerts, queue messages, deliver what waits.

It never delays a backup. What was sent, and what still waits, is in `memory`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

from flask import Flask

from launcher.backup.locks import locked
from launcher.backup.records.operation import JournalEntry
from launcher.config import Config
from launcher.current import current_config
from launcher.monitoring.problems import is_scheduled
from launcher.monitoring.snapshot import Snapshot
from launcher.notifications import sender
from launcher.notifications.alerts import update_alerts
from launcher.notifications.app_alerts import record_reached, update_app_alerts
from launcher.notifications.app_records import AppAlerts, AppEvent
from launcher.notifications.assessment import (
    Assessment,
    assess,
    known_settings,
    settings_if_readable,
)
from launcher.notifications.delivery import deliver_waiting, queue_messages
from launcher.notifications.memory import (
    HEARTBEAT,
    DeliveryState,
    Memory,
    read_memory,
    save_memory,
)
from launcher.notifications.recipients import (
    Event,
    NotificationSettings,
    RecipientError,
    find_recipient,
    read_notification_settings,
)
from launcher.notifications.sender import Delivery
from launcher.settings.table import FALLBACK

_NO_OPERATION = "-"
_PATIENCE_S = 30.0

_log = logging.getLogger(__name__)


def send_notifications(app: Flask, *, now: datetime | None = None) -> Assessment | None:
    """Update the alerts and send what there is to send; try again what failed before.

    Called once a minute, and after each scheduled operation. Of several processes that call it at
    once, one does the work; the others return None at once. It takes as long as the slowest
    recipient, which is bounded. The gate is not held meanwhile, and the caller must not hold it.
    A recipient cannot make it raise.
    """
    config = current_config(app)
    with _lock(config) as is_locked:
        if not is_locked:
            return None
        now = now or datetime.now(UTC)
        memory = before = read_memory(config)
        settings = settings_if_readable(app, timeout_s=2.0) or memory.settings
        found = assess(app, memory=memory, settings=settings, now=now, patience_s=_PATIENCE_S)
        snapshot = found.snapshot
        alerts, events = update_alerts(memory.alerts, found.findings, now=now)
        recipients = _recipients(config)
        apps, of_apps = _follow_apps(app, memory.apps, recipients, now)
        ended = _ended_since(snapshot, memory.seen)
        newest = next((entry.operation_id for entry in snapshot.entries), "")
        seen = newest or memory.seen or _NO_OPERATION
        memory = replace(memory, alerts=alerts, apps=apps, seen=seen, settings=settings)
        if recipients is not None:
            memory = queue_messages(
                app,
                memory,
                recipients,
                snapshot=snapshot,
                events=events,
                ended=ended,
                of_apps=of_apps,
            )
            if memory != before:
                save_memory(config, memory)  # first, so that a killed process repeats no message
            before, memory = memory, deliver_waiting(memory, recipients, now=now)
            memory = replace(memory, apps=record_reached(memory.apps, _arrivals(memory)))
        if memory != before:
            save_memory(config, memory)
        return replace(found, alerts=alerts)


def _recipients(config: Config) -> NotificationSettings | None:
    """Return the recipients; None where they cannot be read, which is among the problems."""
    with suppress(RecipientError):
        return read_notification_settings(config)
    return None


def _follow_apps(
    app: Flask, known: AppAlerts, settings: NotificationSettings | None, now: datetime
) -> tuple[AppAlerts, Sequence[AppEvent]]:
    """Return what is remembered of apps from now on, and what is to be sent of them.

    Without a recipient of it nothing is remembered, so that the first one hears of what is down.
    Where the database cannot be read, nothing changes.
    """
    if settings is None:
        return known, ()
    sent_to = [each.id for each in settings.recipients if Event.APPS in each.events]
    if not sent_to:
        return AppAlerts(), ()
    from launcher.notifications.app_sights import read_sights  # noqa: PLC0415  (SQLAlchemy)

    sights = read_sights(app, now=now)
    if sights is None:
        return known, ()
    return update_app_alerts(known, sights, now=now, sent_to=sent_to)


def _arrivals(memory: Memory) -> Mapping[str, datetime | None]:
    """Return when a message last arrived at each recipient for whom none waits."""
    return {
        key: None if state.waiting else state.notified_at
        for key, state in memory.deliveries.items()
    }


@contextmanager
def _lock(config: Config) -> Iterator[bool]:
    """Take the lock of all rounds for the block; yields False where it cannot be had at once."""
    is_locked = False
    with ExitStack() as stack:
        try:
            is_locked = stack.enter_context(locked(config.lock_dir / "notifications"))
        except OSError as error:
            _log.warning("no notifications can be sent: %s", error)
        yield is_locked


def _ended_since(snapshot: Snapshot, seen: str) -> Sequence[JournalEntry]:
    """Return the scheduled backups that ended since the last round, the oldest first."""
    new: list[JournalEntry] = []
    for entry in snapshot.entries:
        if entry.operation_id == seen:
            break
        new.append(entry)
    else:
        if seen != _NO_OPERATION:
            return []  # the first round, or the first after weeks: too old to report
    return [entry for entry in reversed(new) if is_scheduled(entry)]


def send_test(app: Flask, recipient_id: str) -> Delivery:
    """Send a test message now, and return whether it arrived.

    After a success, what waits for this recipient is sent with the next round. A failure is
    shown until a message arrives, and is no problem that others are notified of. The caller must
    not hold the gate. Takes up to `sender.TIMEOUT_S` seconds.

    Raises:
        RecipientError: there is no such recipient.
    """
    from launcher.i18n.app import speaking  # noqa: PLC0415
    from launcher.notifications import messages  # noqa: PLC0415  (it imports the database)

    config = current_config(app)
    settings = read_notification_settings(config)
    recipient = find_recipient(settings, recipient_id)
    site = known_settings(app) or FALLBACK
    language = recipient.language or site.default_locale
    with app.app_context(), speaking(language, site.zone.key):
        message = messages.compose_test()
    message = messages.signed(message, site_name=site.site_name, panel_url=settings.panel_url)
    delivery = sender.deliver(recipient.url, [message])
    _log.info("test to %s: %s", recipient.name, delivery.reason or "delivered")
    _record_test(config, recipient.id, recipient.url, delivery)
    return delivery


def ping_heartbeat(app: Flask) -> Delivery:
    """Ping the heartbeat now, as a successful backup does, and return whether it answered.

    Raises:
        RecipientError: there is no heartbeat.
    """
    config = current_config(app)
    heart = read_notification_settings(config).heartbeat
    if heart is None:
        raise RecipientError("not_found", "there is no heartbeat")
    delivery = sender.ping(heart.url)
    _log.info("ping of the heartbeat: %s", delivery.reason or "answered")
    _record_test(config, HEARTBEAT, heart.url, delivery)
    return delivery


def _record_test(config: Config, key: str, url: str, delivery: Delivery) -> None:
    """Remember whether a test arrived, unless a round is at work, which finds that out itself."""
    with _lock(config) as is_locked:
        if not is_locked:
            return
        memory = read_memory(config)
        state = memory.delivery_to(key, url)
        now = datetime.now(UTC)
        tested = DeliveryState(version=state.version, notified_at=now)
        if delivery.reason is not None:
            tested = replace(
                state,
                test_failed_at=now,
                reason=delivery.reason,
                status=delivery.status,
            )
        elif state.waiting:
            tested = replace(state, notified_at=now, next_try_at=None)
        deliveries = {**memory.deliveries, key: tested}
        save_memory(config, replace(memory, deliveries=deliveries))
