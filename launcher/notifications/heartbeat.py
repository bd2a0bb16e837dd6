"""The heartbeat: a URL that is pinged at each scheduled backup, so that silence is noticed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

from flask import Flask

from launcher.backup.records.operation import JournalEntry, Outcome
from launcher.current import current_config
from launcher.notifications import sender
from launcher.notifications.memory import DeliveryState
from launcher.notifications.recipients import RecipientError, read_notification_settings
from launcher.notifications.sender import Delivery, Message


def ping_start(app: Flask) -> None:
    """Ping `/start`, if the heartbeat wants that; returns at once."""
    with suppress(RecipientError):
        heartbeat = read_notification_settings(current_config(app)).heartbeat
        if heartbeat and heartbeat.pings_start:
            url = _with_end(heartbeat.url, "start")
            threading.Thread(target=sender.ping, args=(url,), name="ping", daemon=True).start()


def queue_ping(state: DeliveryState, ended: Sequence[JournalEntry]) -> DeliveryState:
    """Queue one ping for the last of the scheduled backups that ended, in place of older ones."""
    if not ended:
        return state
    is_success = ended[-1].outcome is Outcome.SUCCEEDED
    return replace(state, waiting=(Message("", "" if is_success else "fail"),))


def ping(url: str, state: DeliveryState) -> Delivery:
    """Send the ping that waits."""
    return sender.ping(_with_end(url, state.waiting[-1].body))


def _with_end(url: str, end: str) -> str:
    """Return the URL with `end` as one more part of its path, before any parameters."""
    if not end:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{end}"))
