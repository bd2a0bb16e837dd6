"""Which state of an app is shown, and since when: the one place that says so.

Pure. A pause comes before offline, offline before a result that is too old, and that before the
result itself: nothing older than the limits here is shown as how the app is now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from launcher.checks.pauses import Pause, PauseKind
from launcher.models import Health

OVERDUE_CHECKS = 5
"""A result is shown until so many checks are overdue …"""
OVERDUE_S = 600.0
"""… and for these seconds at least."""
FLAPPING_OUTAGES = 3
"""So many outages within `FLAPPING_TIME` are named as flapping."""
FLAPPING_TIME = timedelta(hours=24)
SILENT_TIME = timedelta(minutes=3)
"""A process that checks is heard of once a minute; after this it is taken for gone."""

_RESULTS = {Health.UP, Health.SLOW, Health.DOWN}


class Why(StrEnum):
    """Where the state that is shown comes from."""

    RESULT = "result"
    NEVER = "never"
    OVERDUE = "overdue"
    PAUSED = "paused"
    OFFLINE = "offline"


class Shown(NamedTuple):
    """What is shown of one app.

    Attributes:
        since: when the state began; where it is overdue, when the last check ended; None for a
            pause, and before the first check.
        pause: what pauses it, by whom and until when; None where it is not paused.
    """

    state: Health
    why: Why
    since: datetime | None = None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """What holds for all checks at one moment.

    Attributes:
        now: the moment.
        interval_s: of checks that have no interval of their own.
        pause: what pauses all checks, None while nothing does.
        pauses: the maintenance of single apps that runs now, by the id of the app.
        offline_since: since when this server reaches nothing; None while it does.
        written_at: when the process that checks was last heard of; None for never.
    """

    now: datetime
    interval_s: int
    pause: Pause | None = None
    pauses: Mapping[int, Pause] = field(default_factory=dict)
    offline_since: datetime | None = None
    written_at: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Whether a process checks now, as far as is known."""
        return self.written_at is not None and self.now - self.written_at < SILENT_TIME

    def pause_of(self, app_id: int, until: datetime | None, by: str) -> Pause | None:
        """Return the pause of an app that ends last; its own check is paused `until`, by `by`."""
        found = [each for each in (self.pause, self.pauses.get(app_id)) if each]
        if until is not None and until > self.now:
            found.append(Pause(PauseKind.CHECK, until, by))
        return max(found, key=lambda each: each.until, default=None)


def state_shown(
    conditions: Conditions,
    app_id: int,
    *,
    known: Health | None,
    since: datetime | None,
    last_at: datetime | None,
    interval_s: int | None,
    paused_until: datetime | None,
    paused_by: str,
) -> Shown:
    """Return what is shown of an app that has a check.

    Args:
        known: what the last check found, `since` when; None before the first.
        last_at: when the last check ended.
        interval_s: of its check; None for the interval of the site.
        paused_until: until when its own check is paused, by `paused_by`.
    """
    if pause := conditions.pause_of(app_id, paused_until, paused_by):
        return Shown(Health.PAUSED, Why.PAUSED, pause=pause)
    if conditions.offline_since is not None:
        return Shown(Health.OFFLINE, Why.OFFLINE, since=conditions.offline_since)
    if last_at is None:
        return _NEVER
    limit_s = max(OVERDUE_S, OVERDUE_CHECKS * (interval_s or conditions.interval_s))
    is_overdue = (conditions.now - last_at).total_seconds() > limit_s
    if known is None or known not in _RESULTS or is_overdue:
        return Shown(Health.UNKNOWN, Why.OVERDUE, since=last_at)
    return Shown(known, Why.RESULT, since=since)


_NEVER = Shown(Health.UNKNOWN, Why.NEVER)
