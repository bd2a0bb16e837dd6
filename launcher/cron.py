"""When a cron expression comes due, with cron's own meaning of every field.

Days follow the zone's calendar: a time that daylight saving skips runs at the jump, and one that
it repeats runs once (https://manpages.debian.org/bookworm/cron/cron.8.en.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice

from cronsim import CronSim

CRON_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}


def expand_cron(expression: str) -> str:
    """Return `expression` as five fields, `@daily` and its kin written out."""
    return CRON_MACROS.get(expression, expression)


def next_runs(
    expression: str, *, after: datetime, zone: tzinfo, count: int = 1
) -> Sequence[datetime]:
    """Return the next moments at which `expression` comes due, in UTC, strictly after `after`.

    Raises:
        cronsim.CronSimError: no valid expression; `launcher.settings` lets none in.
    """
    runs = CronSim(expand_cron(expression), after.astimezone(zone))
    return [run.astimezone(UTC) for run in islice(runs, count)]


def last_due(expression: str, *, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the newest moment not after `now` at which `expression` came due, in UTC.

    None when it never did within the fifty years that are looked through.

    Raises:
        cronsim.CronSimError: no valid expression.
    """
    # Looking back is exclusive, and this very minute counts.
    start = (now + timedelta(minutes=1)).astimezone(zone).replace(second=0, microsecond=0)
    due = next(CronSim(expand_cron(expression), start, reverse=True), None)
    return due.astimezone(UTC) if due else None
