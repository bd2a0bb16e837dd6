"""An APScheduler trigger for cron expressions, in cron's own sense.

APScheduler's own crontab takes Sunday for Monday, and runs twice in the hour that the clock
repeats; see `launcher.schedule.cron`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger

from launcher.schedule.cron import next_runs


class CronExpressionTrigger(BaseTrigger):  # type: ignore[misc]
    """Comes due when `expression` does in `zone`; everything it returns is in UTC."""

    def __init__(self, expression: str, zone: ZoneInfo) -> None:
        self.expression = expression
        self.zone = zone

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return the next moment after `now`; missed moments are skipped."""
        after = max(previous_fire_time, now) if previous_fire_time else now
        runs = next_runs(self.expression, after=after.astimezone(UTC), zone=self.zone)
        return runs[0] if runs else None

    def __str__(self) -> str:
        return f"{self.expression} ({self.zone})"
