"""What holds for all checks now, as the database says: pauses, maintenance, no network."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session, scoped_session

from launcher.checks.pauses import MAX_WINDOWS, pause_at
from launcher.checks.shown import Conditions
from launcher.models import ChecksRun, MaintenanceWindow

_PLACE = sa.func.row_number().over(
    partition_by=MaintenanceWindow.app_id, order_by=MaintenanceWindow.id.desc()
)
_WINDOW = sa.select(MaintenanceWindow, _PLACE.label("place")).subquery()
_QUERY = (
    sa.select(
        ChecksRun.paused_until, ChecksRun.paused_by, ChecksRun.offline_since, ChecksRun.written_at,
        _WINDOW.c.id, _WINDOW.c.app_id, _WINDOW.c.days, _WINDOW.c.starts_at_min, _WINDOW.c.minutes,
    )
    .select_from(ChecksRun)
    .outerjoin(_WINDOW, _WINDOW.c.place <= MAX_WINDOWS)
    .where(ChecksRun.id == 1)
)  # fmt: skip


def read_conditions(
    session: Session | scoped_session[Any], *, now: datetime, interval_s: int, zone: ZoneInfo
) -> Conditions:
    """Return what holds for all checks at `now`, with one query.

    Args:
        interval_s: the interval of the site.
        zone: the time zone of the site, in which maintenance windows begin.
    """
    rows = session.execute(_QUERY).all()
    if not rows:
        return Conditions(now, interval_s)
    windows: dict[int | None, list[Any]] = defaultdict(list)
    for row in rows:
        if row.id is not None:
            windows[row.app_id].append(row)
    first, for_all = rows[0], windows.pop(None, [])
    pauses = {
        app_id: pause
        for app_id, each in windows.items()
        if app_id is not None and (pause := pause_at(now, zone=zone, windows=each))
    }
    pause = pause_at(
        now,
        zone=zone,
        all_until=first.paused_until,
        all_by=first.paused_by,
        windows=for_all,
    )
    return Conditions(now, interval_s, pause, pauses, first.offline_since, first.written_at)
