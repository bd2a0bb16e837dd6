"""Whether the data is safe, with what is remembered of it: the answer that every door shows.

It lies here and not in `monitoring`, because recipients that fail are a problem too, and because
remembered settings stand in for those of a database that cannot be read.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Flask

from launcher.backup.errors import BackupError
from launcher.current import current_backups, current_config, current_gate, current_offsite
from launcher.db.settings_reader import read_settings
from launcher.monitoring.problems import Findings, detect_problems
from launcher.monitoring.snapshot import PATIENCE_S, FailingRecipient, Snapshot, take_snapshot
from launcher.notifications.alerts import Alerts
from launcher.notifications.memory import HEARTBEAT, Memory, read_memory
from launcher.notifications.recipients import (
    SETTINGS_FILE,
    Event,
    NotificationSettings,
    RecipientError,
    read_notification_settings,
)
from launcher.schedule.leader import leader
from launcher.settings.table import FALLBACK, SiteSettings


@dataclass(frozen=True, slots=True)
class Assessment:
    """A snapshot, the problems found in it, and the alerts that are remembered."""

    snapshot: Snapshot
    findings: Findings
    alerts: Alerts


def assess(
    app: Flask,
    *,
    now: datetime | None = None,
    settings: SiteSettings | None = None,
    memory: Memory | None = None,
    patience_s: float = PATIENCE_S,
) -> Assessment:
    """Return whether the data is safe at this moment; sends and changes nothing else.

    Operations that were killed are recorded first, see `take_snapshot`.

    Cheap, without SQLAlchemy, and without waiting for a restore: remembered settings do then.

    Args:
        settings, memory: where the caller has read them.
        patience_s: how long to wait for the backup folder, see `take_snapshot`.

    Raises:
        TimeoutError: `patience_s` is less than `PATIENCE_S`, and the folder never answered.
    """
    config, now = current_config(app), now or datetime.now(UTC)
    memory = memory or read_memory(config)
    has_recipients = True
    failed_tests: tuple[FailingRecipient, ...] = ()
    try:
        notification_settings = read_notification_settings(config)
        failing, failed_tests = _failing_recipients(notification_settings, memory)
        has_recipients = any(
            Event.FAILURE in each.events for each in notification_settings.recipients
        )
    except RecipientError as error:
        failing = (FailingRecipient(name=SETTINGS_FILE, since=now, reason=error.code),)
    settings = settings or known_settings(app, memory)
    snapshot = take_snapshot(
        current_backups(app),
        settings=settings,
        now=now,
        leader=leader(config.lock_dir),
        is_scheduler_wanted=config.scheduler,
        failing_recipients=failing,
        failed_tests=failed_tests,
        has_recipients=has_recipients,
        read_offsite=lambda listing: current_offsite(app).status(
            settings or FALLBACK, listing=listing
        ),
        patience_s=patience_s,
    )
    return Assessment(snapshot, detect_problems(snapshot), memory.alerts)


def known_settings(app: Flask, memory: Memory | None = None) -> SiteSettings | None:
    """Return the settings of the site, or those remembered, None where neither can be read."""
    found = settings_if_readable(app)
    return found or (memory or read_memory(current_config(app))).settings


def settings_if_readable(app: Flask, *, timeout_s: float = 0.0) -> SiteSettings | None:
    """Return the settings of the site, None while the database cannot be read."""
    with suppress(BackupError):
        database_path = current_config(app).database_path
        return read_settings(database_path, current_gate(app), timeout_s=timeout_s)
    return None


def _failing_recipients(
    settings: NotificationSettings, memory: Memory
) -> tuple[tuple[FailingRecipient, ...], tuple[FailingRecipient, ...]]:
    """Return those whose last delivery failed, and those of which only a test did.

    Both in the order of the list, the heartbeat last.
    """
    addressed = [(each.id, each.name, each.url) for each in settings.recipients]
    if heartbeat := settings.heartbeat:
        addressed.append((HEARTBEAT, heartbeat.shown_url, heartbeat.url))
    failing: list[FailingRecipient] = []
    failed_tests: list[FailingRecipient] = []
    for key, name, url in addressed:
        # A failure with another URL says nothing about this one.
        state = memory.delivery_to(key, url)
        if state.failed_since:
            failing.append(FailingRecipient(name, state.failed_since, state.reason))
        elif state.test_failed_at:
            failed_tests.append(FailingRecipient(name, state.test_failed_at, state.reason))
    return tuple(failing), tuple(failed_tests)
