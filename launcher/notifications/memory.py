"""What is remembered between two rounds: `alerts.json` in the data directory.

It lies outside the database, so that a restore sends no message twice.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from launcher.backup.codec import encode, parse, try_decode
from launcher.backup.files import write_atomic
from launcher.backup.fingerprints import Fingerprint, fingerprint_at
from launcher.config import Config
from launcher.notifications import alerts as alert_states
from launcher.notifications import app_records
from launcher.notifications.alerts import Alerts
from launcher.notifications.app_records import AppAlerts
from launcher.notifications.sender import Message
from launcher.settings.table import SiteSettings

HEARTBEAT = "heartbeat"
"""The key of the heartbeat among the deliveries; recipients have their id."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """What waits for a recipient, and how the last delivery went.

    Attributes:
        version: of the URL that the rest is about.
        reason, status: why the last delivery failed, see `sender.Delivery`.
        test_failed_at: when a test failed, None once a message arrived.
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
    test_failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """Everything that `alerts.json` holds.

    Attributes:
        apps: what was sent of apps.
        seen: the newest operation of the last round, "" before the first.
        settings: of the site, as they were last read.
    """

    alerts: Alerts = field(default_factory=Alerts)
    apps: AppAlerts = field(default_factory=AppAlerts)
    deliveries: Mapping[str, DeliveryState] = field(default_factory=dict)
    seen: str = ""
    settings: SiteSettings | None = None

    def delivery_to(self, key: str, url: str) -> DeliveryState:
        """Return the state of a recipient; after a change of its URL only what waits is kept."""
        version = hashlib.sha256(url.encode(errors="replace")).hexdigest()[:8]
        state = self.deliveries.get(key, DeliveryState())
        if state.version == version:
            return state
        return DeliveryState(version=version, waiting=state.waiting)


_unwritten: dict[Path, tuple[Fingerprint | None, Memory]] = {}
"""What could not be written, until the file changes: on a full disk this process sends an alert
once. Another process may repeat it."""


def read_memory(config: Config) -> Memory:
    """Return what is remembered; nothing where the file cannot be read."""
    path = _memory_path(config)
    fingerprint, unwritten = _unwritten.get(path, (None, None))
    if unwritten and fingerprint == fingerprint_at(path):
        return unwritten
    try:
        facts: Any = parse(path.read_bytes())
        settings = facts.get("settings")
        return Memory(
            alerts=alert_states.read_facts(facts.get("alerts")),
            apps=app_records.read_facts(facts.get("apps")),
            deliveries=_read_deliveries(facts.get("deliveries")),
            seen=str(facts.get("seen", "")),
            settings=SiteSettings.of(settings) if isinstance(settings, dict) else None,
        )
    except FileNotFoundError:
        pass
    except (OSError, ValueError, AttributeError, TypeError):
        _log.warning("%s cannot be read; all alerts are forgotten", path)
    return Memory()


def save_memory(config: Config, memory: Memory) -> None:
    """Replace the file; where that fails, this process alone remembers."""
    path = _memory_path(config)
    facts = {
        "alerts": alert_states.write_facts(memory.alerts),
        "apps": app_records.write_facts(memory.apps),
        "deliveries": encode(memory.deliveries),
        "seen": memory.seen,
        "settings": encode(memory.settings),
    }
    try:
        write_atomic(path, json.dumps(facts, ensure_ascii=False).encode(errors="replace"))
        _unwritten.pop(path, None)
    except OSError as error:
        _log.warning("%s cannot be replaced: %s", path.name, error.strerror)
        _unwritten[path] = (fingerprint_at(path), memory)


def _memory_path(config: Config) -> Path:
    return config.data_dir / "alerts.json"


def _read_deliveries(facts: object) -> dict[str, DeliveryState]:
    found = facts if isinstance(facts, dict) else {}
    return {key: state for key, each in found.items() if (state := try_decode(DeliveryState, each))}
