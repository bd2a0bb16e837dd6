"""Removes what is older than the history keeps, or of the future, a few apps at a time.

Each step is part of a transaction that writes results, so it costs none of its own. One round an
hour goes through all apps. None begins before the clock has been steady for an hour: a clock that
is wrong for a moment must not cost a year. What it recorded a day ahead or more is removed then.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from launcher.models.health import KEEP_DAYS, KEEP_HOURS, KEEP_PROBES

ROUND_EVERY_S = 3600.0
APPS_A_STEP = 25
AHEAD = timedelta(days=1)
"""What is further in the future was recorded while the clock was wrong."""

_ENDED_AHEAD = """\
UPDATE outages SET ended_at = coalesce(
    (SELECT max(at) FROM probes WHERE probes.app_id = outages.app_id
        AND at BETWEEN started_at AND ?1 AND NOT is_up),
    (SELECT max(at) FROM probe_hours WHERE probe_hours.app_id = outages.app_id
        AND at BETWEEN started_at AND ?1 AND up < probes),
    started_at)
WHERE app_id = ?2 AND ended_at > ?3"""
"""When the outage ended is not known, so it ends with the last check that failed."""

_TIERS = (("probes", KEEP_PROBES), ("probe_hours", KEEP_HOURS), ("probe_days", KEEP_DAYS))


class Pruning:
    """Where the round is; the clock counts as steady from its creation on."""

    def __init__(self, *, steady_s: float) -> None:
        self._next_round_s = steady_s + ROUND_EVERY_S
        self._after_id: int | None = None

    def clock_was_set(self, *, steady_s: float) -> None:
        """Stop, and begin the next round in an hour."""
        self._next_round_s = steady_s + ROUND_EVERY_S
        self._after_id = None

    def step(self, connection: sqlite3.Connection, *, now: datetime, steady_s: float) -> None:
        """Prune the next apps within the caller's transaction, if a round is due."""
        if self._after_id is None:
            if steady_s < self._next_round_s:
                return
            self._next_round_s = steady_s + ROUND_EVERY_S
            self._after_id = -1
        self._after_id = prune_some(connection, now=now, after_id=self._after_id)


def prune_some(
    connection: sqlite3.Connection, *, now: datetime, after_id: int, apps: int = APPS_A_STEP
) -> int | None:
    """Remove what is too old, or of the future, of the first `apps` apps after `after_id`.

    Returns the id of the last of them, None once there are no more.
    """
    ids = [
        row[0]
        for row in connection.execute(
            "SELECT id FROM apps WHERE id > ? ORDER BY id LIMIT ?", (after_id, apps)
        )
    ]
    ahead = int((now + AHEAD).timestamp())
    for table, keep in _TIERS:
        before = int((now - keep).timestamp())
        # Two queries an app: the key begins with it.
        connection.executemany(
            f"DELETE FROM {table} WHERE app_id = ? AND at < ?",  # noqa: S608 (constants)
            [(each, before) for each in ids],
        )
        connection.executemany(
            f"DELETE FROM {table} WHERE app_id = ? AND at > ?",  # noqa: S608 (constants)
            [(each, ahead) for each in ids],
        )
    before = int((now - KEEP_DAYS).timestamp())
    connection.executemany(
        "DELETE FROM outages WHERE app_id = ? AND (ended_at < ? OR started_at > ?)",
        [(each, before, ahead) for each in ids],
    )
    connection.executemany(_ENDED_AHEAD, [(int(now.timestamp()), each, ahead) for each in ids])
    return ids[-1] if len(ids) == apps else None
