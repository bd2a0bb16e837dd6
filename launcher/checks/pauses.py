"""Whether the checks of an app are paused, by what, and until when: a pure function.

The check of one app can be paused, those of all apps, and in maintenance windows they are. Of
several pauses at once the one that ends last counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

MAX_WINDOWS = 20
"""So many windows of an app, and of all apps, count: the newest."""


class PauseKind(StrEnum):
    """What pauses the checks of an app."""

    CHECK = "check"
    ALL = "all"
    MAINTENANCE = "maintenance"


class Window(Protocol):
    """A maintenance window, as `MaintenanceWindow` has it."""

    @property
    def days(self) -> str:
        """The days on which it begins, Monday is 0."""

    @property
    def starts_at_min(self) -> int:
        """Minutes after midnight in the time zone of the site."""

    @property
    def minutes(self) -> int:
        """How long it lasts."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that runs now.

    Attributes:
        by: the name of who paused, "" for a maintenance window.
        window: the maintenance window, None for the other kinds.
    """

    kind: PauseKind
    until: datetime
    by: str = ""
    window: Window | None = None


def pause_at(
    now: datetime,
    *,
    zone: ZoneInfo,
    check_until: datetime | None = None,
    check_by: str = "",
    all_until: datetime | None = None,
    all_by: str = "",
    windows: Iterable[Window] = (),
) -> Pause | None:
    """Return the pause of one app at `now`, None where it is checked.

    Args:
        check_until, check_by: of the check itself; all_until, all_by: of all checks.
        windows: those of the app and those for all apps.
        zone: that of the site, in which windows begin.
    """
    found = []
    if check_until is not None and now < check_until:
        found.append(Pause(PauseKind.CHECK, check_until, check_by))
    if all_until is not None and now < all_until:
        found.append(Pause(PauseKind.ALL, all_until, all_by))
    for window in windows:
        end = _end(window.days, window.starts_at_min, window.minutes, now, zone)
        if end is not None:
            found.append(Pause(PauseKind.MAINTENANCE, end, window=window))
    return max(found, key=lambda pause: pause.until, default=None)


@lru_cache(maxsize=4096)  # a look at all apps asks for those of all apps once each
def _end(
    days: str, starts_at_min: int, minutes: int, now: datetime, zone: ZoneInfo
) -> datetime | None:
    """Return when the window that runs at `now` ends, the last where it overlaps itself."""
    times = _times(days, starts_at_min, minutes, now, zone)
    return max((end for begin, end in times if begin <= now < end), default=None)


def _times(
    days: str, starts_at_min: int, minutes: int, now: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """Yield begin and end of a window for the days on which one that runs now may have begun.

    It lasts as many minutes as it says, also in a night in which the clocks change. One that
    begins in the hour that is skipped begins an hour later by the clock on the wall.
    """
    today = now.astimezone(zone).date()
    for days_ago in range(3):
        day = today - timedelta(days=days_ago)
        if str(day.weekday()) not in days:
            continue
        hour, minute = divmod(starts_at_min, 60)
        begin = datetime.combine(day, time(hour % 24, minute), zone).astimezone(UTC)
        yield begin, begin + timedelta(minutes=minutes)
