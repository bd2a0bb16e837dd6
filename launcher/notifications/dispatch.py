"""The telling: once a trouble, as soon as it is seen, and never in the way of a backup.

What was told, and what could not be, lies in `alerts.json` of the data directory, outside the
database: a restore makes nobody be told twice. Who is told is in `recipients`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from launcher.backup.codec import encode, try_decode
from launcher.backup.errors import SourceDatabaseError
from launcher.backup.files import write_atomic
from launcher.backup.fingerprints import Fingerprint, fingerprint_of
from launcher.backup.locks import try_lock
from launcher.backup.records.operation import Outcome
from launcher.current import current_backups, current_config, current_gate
from launcher.db import settings_reader as rule_book
from launcher.db.settings_reader import read_settings
from launcher.monitoring.problems import Findings, ProblemKind, detect_problems, is_scheduled
from launcher.monitoring.snapshot import PATIENCE_S, FailingRecipient, Snapshot, look
from launcher.notifications import alerts as alert_states
from launcher.notifications import sender
from launcher.notifications.alerts import AlertChange, AlertEvent, Alerts, update_alerts
from launcher.notifications.recipients import (
    SETTINGS_FILE,
    Event,
    NotificationSettings,
    Recipient,
    RecipientError,
    find_recipient,
    read_notification_settings,
)
from launcher.notifications.sender import Delivery, Message
from launcher.schedule.leader import leader
from launcher.settings.table import FALLBACK, SiteSettings

if TYPE_CHECKING:
    from flask import Flask

    from launcher.backup.locks import Gate
    from launcher.backup.records.operation import JournalEntry
    from launcher.backup.service import BackupService
    from launcher.config import Config

HEARTBEAT = "heartbeat"

_MOST_WAITING = 20
_LONGEST_BACK_OFF = timedelta(hours=1)
_AT_ONCE = 4
_NOTHING_YET = "-"

_log = logging.getLogger(__name__)


_EVENT_OF = {
    AlertChange.OPENED: Event.FAILURE,
    AlertChange.WORSE: Event.FAILURE,
    AlertChange.STILL: Event.FAILURE,
    AlertChange.ENDED: Event.RECOVERY,
}


# --- what is remembered ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """The line to one target: what waits for it, and how it went.

    Attributes:
        mark: of the address that the rest is about.
        reason, status: why it last failed, see `messenger.Delivery`.
    """

    version: str = ""
    waiting: tuple[Message, ...] = ()
    attempts: int = 0
    failed_since: datetime | None = None
    failed_at: datetime | None = None
    reason: str = ""
    status: int = 0
    next_try_at: datetime | None = None
    notified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything that `alerts.json` holds.

    Attributes:
        seen: the last operation that was looked at, "" before the first look.
    """

    alerts: Alerts = field(default_factory=Alerts)
    deliveries: Mapping[str, DeliveryState] = field(default_factory=dict)
    seen: str = ""
    settings: SiteSettings | None = None


def read_memory(config: Config) -> Memory:
    """Return what is remembered; of a file that cannot be read, nothing."""
    path = _memory_path(config)
    fingerprint, held = _held.get(path, (None, None))
    if held and fingerprint == _fingerprint(path):
        return held
    try:
        facts = json.loads(path.read_bytes())
        return Memory(
            alerts=alert_states.read_facts(facts.get("alerts")),
            deliveries=_read_deliveries(facts.get("deliveries")),
            seen=str(facts.get("seen", "")),
            settings=rule_book.read_facts(facts.get("settings")),
        )
    except FileNotFoundError:
        pass
    except (OSError, ValueError, AttributeError, TypeError):
        _log.warning("%s cannot be read; alarms begin anew", path)
    return Memory()


_held: dict[Path, tuple[Fingerprint | None, Memory]] = {}
"""What could not be written, until somebody writes the file: a full disk must not make an alarm of
every look of this process. Another process may repeat one."""


def _save_memory(config: Config, memory: Memory) -> None:
    path = _memory_path(config)
    facts = {
        "alerts": alert_states.write_facts(memory.alerts),
        "deliveries": encode(memory.deliveries),
        "seen": memory.seen,
        "settings": rule_book.write_facts(memory.settings) if memory.settings else None,
    }
    try:
        write_atomic(path, json.dumps(facts, ensure_ascii=False).encode(errors="replace"))
        _held.pop(path, None)
    except OSError as error:
        _log.warning("%s cannot be replaced: %s", path.name, error.strerror)
        _held[path] = (_fingerprint(path), memory)


def _fingerprint(path: Path) -> Fingerprint | None:
    try:
        return fingerprint_of(path.stat())
    except OSError:
        return None


def _memory_path(config: Config) -> Path:
    return config.data_dir / "alerts.json"


def _read_deliveries(facts: object) -> dict[str, DeliveryState]:
    found = facts if isinstance(facts, dict) else {}
    return {key: line for key, each in found.items() if (line := try_decode(DeliveryState, each))}


# --- the look ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look came to. `alerts` are those that were told and have not ended."""

    snapshot: Snapshot
    findings: Findings
    alerts: Alerts


def see(
    app: Flask,
    *,
    now: datetime | None = None,
    site: SiteSettings | None = None,
    patience_s: float = PATIENCE_S,
) -> Seen:
    """Look at everything and tell nobody.

    Cheap, without SQLAlchemy, and without waiting for a restore: remembered settings do then.

    Args:
        rules: the settings, where the caller has read them.
        patience_s: how long to wait for the disk of the backups, see `snapshot.look`.

    Raises:
        TimeoutError: it was waited for less than `PATIENCE_S`, and nothing is known of that disk.
    """
    config, service, gate = current_config(app), current_backups(app), current_gate(app)
    memory = read_memory(config)
    site = site or _site(config, gate) or memory.settings
    return _see(config, service, site, memory, now=now or _now(), patience_s=patience_s)


def _see(
    config: Config,
    service: BackupService,
    site: SiteSettings | None,
    memory: Memory,
    *,
    now: datetime,
    patience_s: float,
) -> Seen:
    has_recipients = True
    try:
        saved = read_notification_settings(config)
        failing_recipients = _failing_recipients(saved, memory)
        has_recipients = any(Event.FAILURE in each.events for each in saved.recipients)
    except RecipientError as error:
        failing_recipients = [FailingRecipient(name=SETTINGS_FILE, since=now, reason=error.code)]
    snapshot = look(
        service,
        site=site,
        now=now,
        leader=leader(config.lock_dir),
        is_scheduler_wanted=config.scheduler,
        failing_recipients=failing_recipients,
        has_recipients=has_recipients,
        patience_s=patience_s,
    )
    return Seen(snapshot, detect_problems(snapshot), memory.alerts)


def _site(config: Config, gate: Gate, *, timeout_s: float = 0.0) -> SiteSettings | None:
    with suppress(SourceDatabaseError):
        return read_settings(config.database_path, gate, timeout_s=timeout_s)
    return None


def _failing_recipients(saved: NotificationSettings, memory: Memory) -> Sequence[FailingRecipient]:
    """Return who could not be told and still has not been, in the order of the list."""
    reached_by = {recipient.id: (recipient.name, recipient.url) for recipient in saved.recipients}
    if saved.heartbeat:
        reached_by[HEARTBEAT] = (saved.heartbeat.shown_url, saved.heartbeat.url)
    return [
        FailingRecipient(name=name, since=line.failed_since, reason=line.reason)
        for key, (name, url) in reached_by.items()
        # What another address failed at is nothing to say of this one.
        if (line := delivery_to(memory, key, url)).failed_since
    ]


def evaluate(app: Flask, *, now: datetime | None = None) -> Seen | None:
    """Look, open and end alarms, and tell whoever wants to know; what failed before is retried.

    Called once a minute, and after each scheduled operation. However many processes call it at
    once, one of them does it; the others return None at once. It may take as long as the
    slowest target, which is bounded; the gate is not held meanwhile, and must not be held by
    the caller. No target can make it raise.
    """
    config, service, gate = current_config(app), current_backups(app), current_gate(app)
    try:
        descriptor = try_lock(config.lock_dir / "notifications", exclusive=True)
    except OSError as error:
        _log.warning("nobody can be told: %s", error)
        return None
    if descriptor is None:
        return None
    try:
        moment = now or _now()
        memory = before = read_memory(config)
        site = _site(config, gate, timeout_s=2.0) or memory.settings
        seen = _see(config, service, site, memory, now=moment, patience_s=30.0)
        alerts, events = update_alerts(memory.alerts, seen.findings, now=moment)
        ended = _ended_since(seen.snapshot, memory.seen)
        memory = replace(
            memory,
            alerts=alerts,
            seen=_newest(seen.snapshot) or memory.seen or _NOTHING_YET,
            settings=seen.snapshot.site if seen.snapshot.knows_settings else memory.settings,
        )
        with suppress(RecipientError):  # that is a trouble, and already among them
            saved = read_notification_settings(config)
            memory = _with_mail(
                app,
                memory,
                saved,
                snapshot=seen.snapshot,
                events=events,
                ended=ended,
            )
            if memory != before:
                _save_memory(config, memory)  # first, so that being killed repeats no alarm
            before, memory = memory, _delivered(memory, saved, now=moment)
        if memory != before:
            _save_memory(config, memory)
        return replace(seen, alerts=alerts)
    finally:
        os.close(descriptor)


def note_start(app: Flask) -> None:
    """Tell the heartbeat, if it wants that, that a scheduled backup begins; waits for nothing."""
    config = current_config(app)
    with suppress(RecipientError):
        heartbeat = read_notification_settings(config).heartbeat
        if heartbeat and heartbeat.pings_start:
            url = _with_end(heartbeat.url, "start")
            threading.Thread(target=sender.ping, args=(url,), name="ping", daemon=True).start()


def send_test(app: Flask, recipient_id: str) -> Delivery:
    """Send a test to one target now, and return how that went.

    One that arrived is remembered, and what waits for this target goes out with the next look.
    One that did not is forgotten: it was no alarm, and whoever sent it was told. The caller
    must not hold the gate. Takes up to `messenger.TIMEOUT_S` seconds.

    Raises:
        RecipientError: there is no such target.
    """
    from launcher.i18n.app import speaking  # noqa: PLC0415
    from launcher.notifications import messages  # noqa: PLC0415  (it brings in the database)

    config, gate = current_config(app), current_gate(app)
    saved = read_notification_settings(config)
    recipient = find_recipient(saved, recipient_id)
    site = _site(config, gate) or read_memory(config).settings or FALLBACK
    with app.app_context(), speaking(site.default_locale, site.zone.key):
        message = messages.compose_test(site=site, panel_url=saved.panel_url)
    delivery = sender.deliver(recipient.url, [message])
    _log.info("test to %s: %s", recipient.name, delivery.reason or "told")
    if delivery.is_done:
        _note_test(config, recipient)
    return delivery


def _note_test(config: Config, recipient: Recipient) -> None:
    """Remember that somebody was reached, unless whoever looks just now is about to find out."""
    try:
        descriptor = try_lock(config.lock_dir / "notifications", exclusive=True)
    except OSError:
        return
    if descriptor is None:
        return
    try:
        memory = read_memory(config)
        line = delivery_to(memory, recipient.id, recipient.url)
        told = DeliveryState(version=line.version, notified_at=_now())
        if line.waiting:
            told = replace(line, notified_at=told.notified_at, next_try_at=None)
        _save_memory(config, replace(memory, deliveries={**memory.deliveries, recipient.id: told}))
    finally:
        os.close(descriptor)


def _now() -> datetime:
    return datetime.now(UTC)


def _newest(snapshot: Snapshot) -> str:
    return snapshot.entries[0].operation_id if snapshot.entries else ""


def _ended_since(snapshot: Snapshot, seen: str) -> Sequence[JournalEntry]:
    """Return the scheduled backups that ended since the last look, the oldest first."""
    fresh: list[JournalEntry] = []
    for entry in snapshot.entries:
        if entry.operation_id == seen:
            return [each for each in reversed(fresh) if is_scheduled(each)]
        fresh.append(entry)
    if seen == _NOTHING_YET:
        return [each for each in reversed(fresh) if is_scheduled(each)]
    return []  # the first look, or one after a very long time: yesterday's news


# --- the mail ----------------------------------------------------------------------------


def _with_mail(
    app: Flask,
    memory: Memory,
    saved: NotificationSettings,
    *,
    snapshot: Snapshot,
    events: Sequence[AlertEvent],
    ended: Sequence[JournalEntry],
) -> Memory:
    """Put what there is to tell into the line of everybody who wants to know it."""
    lines = {
        recipient.id: delivery_to(memory, recipient.id, recipient.url)
        for recipient in saved.recipients
    }
    mail: Sequence[tuple[Event, ProblemKind | None, Message]] = []
    if lines:
        mail = _mail(
            app, saved, snapshot=snapshot, known=memory.settings, events=events, ended=ended
        )
    for recipient in saved.recipients:
        line = lines[recipient.id]
        own = tuple(
            message
            for event, kind, message in mail
            if event in recipient.events
            and not (kind is ProblemKind.NOTIFICATIONS_FAILING and line.failed_since)
        )
        lines[recipient.id] = replace(line, waiting=(*line.waiting, *own)[-_MOST_WAITING:])
    if saved.heartbeat:
        line = delivery_to(memory, HEARTBEAT, saved.heartbeat.url)
        if ended:
            # Only how the last one ended is of interest to whoever listens to a heart.
            is_well = ended[-1].outcome is Outcome.SUCCEEDED
            line = replace(line, waiting=(Message("", "" if is_well else "fail"),))
        lines[HEARTBEAT] = line
    return replace(memory, deliveries=lines)


def delivery_to(memory: Memory, key: str, url: str) -> DeliveryState:
    """Return the line to a target; a corrected address is tried at once."""
    version = hashlib.sha256(url.encode(errors="replace")).hexdigest()[:8]
    line = memory.deliveries.get(key, DeliveryState())
    if line.version == version:
        return line
    return DeliveryState(version=version, waiting=line.waiting)


def _mail(
    app: Flask,
    saved: NotificationSettings,
    *,
    snapshot: Snapshot,
    known: SiteSettings | None,
    events: Sequence[AlertEvent],
    ended: Sequence[JournalEntry],
) -> Sequence[tuple[Event, ProblemKind | None, Message]]:
    made = [entry for entry in ended if entry.outcome is Outcome.SUCCEEDED]
    if not (events or made):
        return []
    from launcher.i18n.app import speaking  # noqa: PLC0415
    from launcher.notifications import messages  # noqa: PLC0415  (it brings in the database)

    site = known or FALLBACK
    about: dict[str, Any] = {
        "snapshot": snapshot,
        "site": site,
        "panel_url": saved.panel_url,
    }
    with app.app_context(), speaking(site.default_locale, site.zone.key):
        mail: list[tuple[Event, ProblemKind | None, Message]] = [
            (
                _EVENT_OF[event.news],
                event.alert.kind,
                messages.compose(event, **about),
            )
            for event in events
        ]
        mail += [(Event.SUCCESS, None, messages.compose_success(entry, **about)) for entry in made]
    return mail


def _delivered(memory: Memory, saved: NotificationSettings, *, now: datetime) -> Memory:
    """Send what waits, to everybody at once, and remember how that went."""
    errands: dict[str, Callable[[DeliveryState], Delivery]] = {
        recipient.id: _letters(recipient.url) for recipient in saved.recipients
    }
    if saved.heartbeat:
        errands[HEARTBEAT] = _beat(saved.heartbeat.url)
    due = [
        key
        for key in errands
        if memory.deliveries[key].waiting and _is_due(memory.deliveries[key].next_try_at, now)
    ]
    if not due:
        return memory
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="notice") as pool:
        came = pool.map(lambda key: errands[key](memory.deliveries[key]), due)
        lines = {
            key: _noted(memory.deliveries[key], each, now)
            for key, each in zip(due, came, strict=True)
        }
    for key, line in lines.items():
        if line.reason:
            _log.warning("%s was not told: %s %s", _name(saved, key), line.reason, line.status)
    return replace(memory, deliveries={**memory.deliveries, **lines})


def _is_due(at: datetime | None, now: datetime) -> bool:
    # Not in the time to come either: a clock that ran ahead must not silence anybody.
    return at is None or at <= now or at - now > _LONGEST_BACK_OFF


def _letters(url: str) -> Callable[[DeliveryState], Delivery]:
    return lambda line: sender.deliver(url, line.waiting)


def _beat(url: str) -> Callable[[DeliveryState], Delivery]:
    return lambda line: sender.ping(_with_end(url, line.waiting[-1].body))


def _with_end(url: str, end: str) -> str:
    """Return the address with `end` as one more part of its path, before any parameters."""
    if not end:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{end}"))


def _noted(line: DeliveryState, delivery: Delivery, now: datetime) -> DeliveryState:
    left = line.waiting[delivery.delivered :]
    if delivery.reason is None:
        return DeliveryState(version=line.version, notified_at=now)
    attempts = 1 if delivery.delivered else line.attempts + 1
    back_off = min(timedelta(minutes=2 ** min(attempts - 1, 10)), _LONGEST_BACK_OFF)
    return replace(
        line,
        waiting=left,
        attempts=attempts,
        failed_since=line.failed_since or now,
        failed_at=now,
        reason=delivery.reason,
        status=delivery.status,
        next_try_at=now + back_off,
        notified_at=now if delivery.delivered else line.notified_at,
    )


def _name(saved: NotificationSettings, key: str) -> str:
    return next((each.name for each in saved.recipients if each.id == key), key)
