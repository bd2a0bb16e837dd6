"""Who was notified that an app is down, and when: what the pages of health say."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from launcher.config import Config
from launcher.notifications.memory import read_memory
from launcher.notifications.recipients import RecipientError, read_notification_settings


@dataclass(frozen=True, slots=True)
class Notified:
    """The names of the recipients whom a message reached, and when it reached the last of them."""

    names: tuple[str, ...]
    at: datetime


def notified_of_apps(config: Config) -> Mapping[int, Notified]:
    """Return who was notified of each app that is down or flapping, by the id of the app.

    A recipient whose message still waits is not among them, nor one that was removed. Reads two
    small files, and nothing where one cannot be read. Names of recipients are for admins alone.
    """
    with suppress(RecipientError):
        recipients = read_notification_settings(config).recipients
        found = {}
        for app_id, alert in read_memory(config).apps.apps.items():
            reached = [each for each in recipients if each.id in alert.reached]
            if reached and alert.over_at is None:
                names = tuple(each.name for each in reached)
                found[app_id] = Notified(names, max(alert.reached[each.id] for each in reached))
        return found
    return {}
