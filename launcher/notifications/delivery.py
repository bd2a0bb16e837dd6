"""From an alert to a delivered message: compose, queue, send, and try again after a pause."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from flask import Flask

from launcher.backup.records.operation import JournalEntry, Outcome
from launcher.monitoring.problems import ProblemKind
from launcher.monitoring.snapshot import Snapshot
from launcher.notifications import heartbeat, sender
from launcher.notifications.alerts import AlertChange, AlertEvent
from launcher.notifications.app_records import AppChange, AppEvent
from launcher.notifications.memory import HEARTBEAT, DeliveryState, Memory
from launcher.notifications.recipients import Event, NotificationSettings
from launcher.notifications.sender import Delivery, Message
from launcher.settings.table import FALLBACK

_MOST_WAITING = 20
_MOST_AT_ONCE = 4
_LONGEST_PAUSE = timedelta(hours=1)

_log = logging.getLogger(__name__)


def queue_messages(
    app: Flask,
    memory: Memory,
    settings: NotificationSettings,
    *,
    snapshot: Snapshot,
    events: Sequence[AlertEvent],
    ended: Sequence[JournalEntry],
    of_apps: Sequence[AppEvent] = (),
) -> Memory:
    """Queue each message for the recipients of its event.

    Args:
        ended: the scheduled backups that ended since the last round, the oldest first.
        of_apps: what there is to send of apps.
    """
    news = _News(snapshot, events, ended, of_apps)
    composed = _compose(app, memory, settings, news)
    deliveries: dict[str, DeliveryState] = {}
    for recipient in settings.recipients:
        state = memory.delivery_to(recipient.id, recipient.url)
        news_for = composed.get(recipient.language, _NO_NEWS)
        own = tuple(
            message
            for event, kind, message in news_for.messages
            if event in recipient.events
            and not (kind is ProblemKind.NOTIFICATIONS_FAILING and state.failed_since)
        )
        waiting = [each for each in state.waiting if each not in news_for.replaced]
        deliveries[recipient.id] = replace(state, waiting=_bounded((*waiting, *own)))
    if settings.heartbeat:
        state = memory.delivery_to(HEARTBEAT, settings.heartbeat.url)
        deliveries[HEARTBEAT] = heartbeat.queue_ping(state, ended)
    return replace(memory, deliveries=deliveries)


def _bounded(waiting: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return what may wait: without the oldest, and those about apps go before any other."""
    too_many = len(waiting) - _MOST_WAITING
    if too_many <= 0:
        return waiting
    order = sorted(range(len(waiting)), key=lambda at: (not waiting[at].about_apps, at))
    dropped = set(order[:too_many])
    return tuple(each for at, each in enumerate(waiting) if at not in dropped)


@dataclass(frozen=True, slots=True)
class _Composed:
    """What is sent in one language.

    Attributes:
        messages: each with its event, and the problem that it is about.
        replaced: older messages, of which one here says all: they are sent no more.
    """

    messages: Sequence[tuple[Event, ProblemKind | None, Message]] = ()
    replaced: Sequence[Message] = ()


_NO_NEWS = _Composed()


@dataclass(frozen=True, slots=True)
class _News:
    """What there is to send."""

    snapshot: Snapshot
    events: Sequence[AlertEvent]
    ended: Sequence[JournalEntry]
    of_apps: Sequence[AppEvent]


def _compose(
    app: Flask, memory: Memory, settings: NotificationSettings, news: _News
) -> Mapping[str, _Composed]:
    """Return every message with the event that it is sent for, by the language of recipients."""
    succeeded = [entry for entry in news.ended if entry.outcome is Outcome.SUCCEEDED]
    if not (news.events or succeeded or news.of_apps):
        return {}
    from launcher.i18n.app import speaking  # noqa: PLC0415
    from launcher.notifications import app_messages, messages  # noqa: PLC0415  (the database)

    site, snapshot = memory.settings or FALLBACK, news.snapshot
    sign = partial(messages.signed, site_name=site.site_name, panel_url=settings.panel_url)
    # Back before that was sent: that it is online again says since when it was offline.
    outdated = [
        replace(each, change=AppChange.OFFLINE, ended_at=None)
        for each in news.of_apps
        if each.change is AppChange.ONLINE
    ]
    found: dict[str, _Composed] = {}
    for language in {each.language for each in settings.recipients}:
        composed: list[tuple[Event, ProblemKind | None, Message]] = []

        def of_apps(events: Sequence[AppEvent]) -> list[Message]:
            return [
                sign(about.message, panel_url=settings.url_of(about.path))
                for about in app_messages.compose_apps(events, now=snapshot.now)
            ]

        with app.app_context(), speaking(language or site.default_locale, site.zone.key):
            for each in news.events:
                event = Event.RECOVERY if each.change is AlertChange.ENDED else Event.FAILURE
                text = sign(messages.compose(each, snapshot))
                composed.append((event, each.alert.kind, text))
            for entry in succeeded:
                text = sign(messages.compose_success(entry, snapshot))
                composed.append((Event.SUCCESS, None, text))
            composed += [(Event.APPS, None, text) for text in of_apps(news.of_apps)]
            found[language] = _Composed(composed, of_apps(outdated))
    return found


def deliver_waiting(memory: Memory, settings: NotificationSettings, *, now: datetime) -> Memory:
    """Send what waits, to several recipients at once, and return the memory with the results."""
    senders: dict[str, Callable[[DeliveryState], Delivery]] = {
        recipient.id: partial(_deliver, recipient.url) for recipient in settings.recipients
    }
    if settings.heartbeat:
        senders[HEARTBEAT] = partial(heartbeat.ping, settings.heartbeat.url)
    due = {
        key: state
        for key in senders
        if (state := memory.deliveries[key]).waiting and _is_due(state.next_try_at, now)
    }
    if not due:
        return memory
    with ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="delivery") as pool:
        results = pool.map(lambda key: senders[key](due[key]), due)
        deliveries = {
            key: record_result(due[key], result, now=now)
            for key, result in zip(due, results, strict=True)
        }
    _log_failures(deliveries, settings)
    return replace(memory, deliveries={**memory.deliveries, **deliveries})


def _deliver(url: str, state: DeliveryState) -> Delivery:
    return sender.deliver(url, state.waiting)


def _is_due(at: datetime | None, now: datetime) -> bool:
    # A moment far in the future comes from a clock that was wrong.
    return at is None or at <= now or at - now > _LONGEST_PAUSE


def record_result(state: DeliveryState, delivery: Delivery, *, now: datetime) -> DeliveryState:
    """Return the state after a delivery: what still waits, and when it is tried again."""
    if delivery.reason is None:
        return DeliveryState(version=state.version, notified_at=now)
    attempts = 1 if delivery.delivered else state.attempts + 1
    pause = min(timedelta(minutes=2 ** min(attempts - 1, 10)), _LONGEST_PAUSE)
    return replace(
        state,
        waiting=state.waiting[delivery.delivered :],
        attempts=attempts,
        failed_since=state.failed_since or now,
        failed_at=now,
        reason=delivery.reason,
        status=delivery.status,
        next_try_at=now + pause,
        notified_at=now if delivery.delivered else state.notified_at,
    )


def _log_failures(deliveries: Mapping[str, DeliveryState], settings: NotificationSettings) -> None:
    names = {recipient.id: recipient.name for recipient in settings.recipients}
    for key, state in deliveries.items():
        if state.reason:
            name = names.get(key, key)
            _log.warning("%s could not be notified: %s %s", name, state.reason, state.status)
