"""When a cron expression comes due, with cron's own meaning of every field.

Days follow the zone's calendar: a time that daylight saving skips runs at the jump, and one that
it repeats runs once (https://manpages.debian.org/bookworm/cron/cron.8.en.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice

from cronsim import CronSim
from cronsim import CronSimError as CronError

__all__ = ["CRON_MACROS", "CronError", "expand_cron", "last_due", "next_runs"]

CRON_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@midnight": "0 0 * * *",
}

_BEYOND = timedelta(hours=3)


def expand_cron(expression: str) -> str:
    """Return `expression` as five fields, `@daily` and its kin written out."""
    return CRON_MACROS.get(expression, expression)


def next_runs(
    expression: str, *, after: datetime, zone: tzinfo, count: int = 1
) -> Sequence[datetime]:
    """Return the next moments at which `expression` comes due, in UTC, strictly after `after`.

    Raises:
        CronError: no valid expression; `launcher.settings` lets none in.
    """
    return list(islice(_runs(expression, after=after, zone=zone), count))


def _runs(expression: str, *, after: datetime, zone: tzinfo) -> Iterator[datetime]:
    newest = after
    for run in CronSim(expand_cron(expression), after.astimezone(zone)):
        moment = run.astimezone(UTC)
        # In the hour that daylight saving repeats, cronsim names the first of the two again.
        if moment > newest:
            newest = moment
            yield moment


def last_due(expression: str, *, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the newest moment not after `now` at which `expression` came due, in UTC.

    None when it never did within the fifty years that are looked through.

    Raises:
        CronError: no valid expression.
    """
    # From beyond any repeated hour, for what it holds is seen from its end alone.
    start = (now + _BEYOND).astimezone(zone).replace(second=0, microsecond=0)
    dues = (run.astimezone(UTC) for run in CronSim(expand_cron(expression), start, reverse=True))
    return next((due for due in dues if due <= now), None)
