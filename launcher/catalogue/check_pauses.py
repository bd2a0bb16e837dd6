"""Pauses and maintenance windows: of the check of one app, and of all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from launcher import audit
from launcher.audit import Actor, Target
from launcher.catalogue.check_edits import target_of_check
from launcher.checks.pauses import MAX_WINDOWS
from launcher.extensions import db
from launcher.models import App, ChecksRun, HealthCheck, MaintenanceWindow

MORNING = time(8)
LONGEST = timedelta(days=366)
MAX_MINUTES = 1440
_ALL = Target("check", "all", "")


class PauseChoice(StrEnum):
    """Until when a person pauses."""

    HOUR = "hour"
    TOMORROW = "tomorrow"
    DATE = "date"


class PauseRefusedError(ValueError):
    """It is no date, or one that is past or more than a year away."""


class WindowRefusedError(ValueError):
    """A maintenance window is not allowed; `fields` are those that are wrong."""

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


def pause_end(choice: str, day: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """Return when a pause ends: in an hour, or at eight in the morning of a day.

    Args:
        day: `2026-12-24`, for `DATE` alone.
        zone: that of the site.

    Raises:
        PauseRefusedError
    """
    if choice == PauseChoice.HOUR:
        return now + timedelta(hours=1)
    today = now.astimezone(zone).date()
    if choice == PauseChoice.TOMORROW:
        on = today + timedelta(days=1)
    else:
        try:
            on = date.fromisoformat(day.strip())
        except ValueError:
            raise PauseRefusedError from None
    until = datetime.combine(on, MORNING, zone)
    if choice not in set(PauseChoice) or not now < until <= now + LONGEST:
        raise PauseRefusedError
    return until


def pause_check(app: App, until: datetime | None, *, actor: Actor) -> None:
    """Pause the check of an app until a moment, or resume it."""
    check = app.check
    if check is None:
        check = app.check = HealthCheck()
        db.session.flush()
    before, check.paused_until = check.paused_until, until
    check.paused_by = actor.name if until else ""
    changes, target = _moments(before, until), target_of_check(app)
    if until:
        audit.record("check.pause", actor=actor, target=target, changes=changes)
    else:
        audit.record("check.resume", actor=actor, target=target, changes=changes)
    db.session.commit()


def pause_all(until: datetime | None, *, actor: Actor) -> None:
    """Pause the checks of all apps until a moment, or resume them."""
    run = db.session.get(ChecksRun, 1)
    if run is None:
        run = ChecksRun(id=1, cost={})
        db.session.add(run)
    before, run.paused_until = run.paused_until, until
    run.paused_by = actor.name if until else ""
    changes = _moments(before, until)
    if until:
        audit.record("check.pause_all", actor=actor, target=_ALL, changes=changes)
    else:
        audit.record("check.resume_all", actor=actor, target=_ALL, changes=changes)
    db.session.commit()


def _moments(before: datetime | None, after: datetime | None) -> dict[str, list[str | None]]:
    return {"paused_until": [each.isoformat() if each else None for each in (before, after)]}


def windows_of(app: App | None) -> Sequence[MaintenanceWindow]:
    """Return the maintenance windows of an app, for None those of all apps."""
    query = sa.select(MaintenanceWindow).where(
        MaintenanceWindow.app_id == app.id if app else MaintenanceWindow.app_id.is_(None)
    )
    order = (MaintenanceWindow.starts_at_min, MaintenanceWindow.id)
    return db.session.scalars(query.order_by(*order)).all()


def add_window(
    app: App | None, days: Sequence[str], starts_at: str, minutes: str, *, actor: Actor
) -> MaintenanceWindow:
    """Add a maintenance window, of all apps for None.

    Args:
        days: the days on which it begins, Monday is `0`.
        starts_at: `03:00`, in the time zone of the site.

    Raises:
        WindowRefusedError
    """
    wrong = []
    chosen = "".join(sorted({each for each in days if each in set("0123456")}))
    if not chosen:
        wrong.append("days")
    begin = _read_time(starts_at)
    if begin is None:
        wrong.append("starts_at")
    typed = minutes.strip()
    length = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 5 else 0
    if not 1 <= length <= MAX_MINUTES:
        wrong.append("minutes")
    if len(windows_of(app)) >= MAX_WINDOWS:
        wrong.append("many")
    if wrong or begin is None:
        raise WindowRefusedError(wrong)
    window = MaintenanceWindow(
        app_id=app.id if app else None, days=chosen, starts_at_min=begin, minutes=length
    )
    db.session.add(window)
    changes = {"maintenance": [None, window_text(window)]}
    if app:
        target = target_of_check(app)
        audit.record("check.add_window", actor=actor, target=target, changes=changes)
    else:
        audit.record("check.add_window_for_all", actor=actor, target=_ALL, changes=changes)
    db.session.commit()
    return window


def delete_window(app: App | None, window_id: int, *, actor: Actor) -> bool:
    """Delete a maintenance window of an app, of all apps for None; False where it is gone."""
    window = db.session.get(MaintenanceWindow, window_id)
    if window is None or window.app_id != (app.id if app else None):
        return False
    db.session.delete(window)
    changes = {"maintenance": [window_text(window), None]}
    if app:
        target = target_of_check(app)
        audit.record("check.delete_window", actor=actor, target=target, changes=changes)
    else:
        audit.record("check.delete_window_for_all", actor=actor, target=_ALL, changes=changes)
    db.session.commit()
    return True


def window_text(window: MaintenanceWindow) -> str:
    """Return a window as the log has it: days, start and minutes, like `056 03:00 60`."""
    hour, minute = divmod(window.starts_at_min, 60)
    return f"{window.days} {hour:02}:{minute:02} {window.minutes}"


def _read_time(text: str) -> int | None:
    hour, colon, minute = text.strip()[:5].partition(":")
    parts = (hour, minute)
    if not colon or not all(each.isascii() and each.isdigit() for each in parts):
        return None
    found = int(hour) * 60 + int(minute)
    return found if int(hour) < 24 and int(minute) < 60 else None
