"""`flask check pause` and `resume`: until when, as a person types it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import click
from flask.cli import with_appcontext

from launcher.audit import COMMAND_LINE
from launcher.catalogue.check_pauses import (
    LONGEST,
    PauseChoice,
    PauseRefusedError,
    pause_all,
    pause_check,
    pause_end,
)
from launcher.cli.failures import Failure, using_database
from launcher.cli.lookup import find_app
from launcher.cli.output import moment, say
from launcher.db.settings import current_settings
from launcher.models.types import utc_now

_SPAN = re.compile(r"(\d{1,4})(min|h|d)", re.ASCII)
_UNITS = {
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}

_reference = click.argument("reference", metavar="[APP]", required=False)
_for_all = click.option("--all", "is_all", is_flag=True, help="The checks of all apps.")


@click.command("pause")
@_reference
@_for_all
@click.option("--for", "span", metavar="SPAN", help="Like 30min, 2h or 3d. Default: 1h.")
@click.option(
    "--until",
    "end",
    metavar="WHEN",
    help="tomorrow or a date, at 08:00, or 2027-03-31T18:30. In the time zone of the site.",
)
@with_appcontext
@using_database()
def pause(reference: str | None, span: str | None, end: str | None, *, is_all: bool) -> None:
    """Pause the check of an app, or all checks.

    \b
    Examples:
      flask check pause Jellyfin --for 2h
      flask check pause --all --until tomorrow
    """
    _require_one(reference, is_all=is_all)
    if span is not None and end is not None:
        raise click.UsageError("Give --for or --until, not both.")
    now, zone = utc_now(), current_settings().zone
    until = _after(span or "1h", now) if end is None else _until(end, now, zone)
    if reference is None:
        pause_all(until, actor=COMMAND_LINE)
        say(f"All checks paused until {moment(until)}.")
        return
    app = find_app(reference)
    _require_check(app.check is not None and app.check.is_enabled, app.name)
    pause_check(app, until, actor=COMMAND_LINE)
    say(f"Check of {app.name} paused until {moment(until)}.")


@click.command("resume")
@_reference
@_for_all
@with_appcontext
@using_database()
def resume(reference: str | None, *, is_all: bool) -> None:
    """End the pause of an app, or that of all checks.

    A maintenance window continues.

    \b
    Examples:
      flask check resume Jellyfin
      flask check resume --all
    """
    _require_one(reference, is_all=is_all)
    if reference is None:
        pause_all(None, actor=COMMAND_LINE)
        say("All checks resumed.")
        return
    app = find_app(reference)
    _require_check(app.check is not None and app.check.is_enabled, app.name)
    pause_check(app, None, actor=COMMAND_LINE)
    say(f"Check of {app.name} resumed.")


def _require_one(reference: str | None, *, is_all: bool) -> None:
    if (reference is None) is not is_all:
        raise click.UsageError("Give APP or --all.")


def _require_check(is_checked: bool, name: str) -> None:
    if not is_checked:
        raise Failure(f"{name} is not checked", hint="`flask check list` lists checked apps.")


def _after(span: str, now: datetime) -> datetime:
    found = _SPAN.fullmatch(span)
    length = int(found[1]) * _UNITS[found[2]] if found else timedelta()
    if not timedelta() < length <= LONGEST:
        message = f"{span!r} is not like 30min, 2h or 3d, or is longer than a year."
        raise click.BadParameter(message, param_hint="'--for'")
    return now + length


def _until(end: str, now: datetime, zone: ZoneInfo) -> datetime:
    try:
        if end == PauseChoice.TOMORROW:
            return pause_end(PauseChoice.TOMORROW, "", now=now, zone=zone)
        if "T" not in end:
            return pause_end(PauseChoice.DATE, end, now=now, zone=zone)
        until = datetime.fromisoformat(end)
        until = until if until.tzinfo else until.replace(tzinfo=zone)
        if not now < until <= now + LONGEST:
            raise PauseRefusedError
    except (PauseRefusedError, ValueError, OverflowError):
        message = f"{end!r} is not tomorrow, or a time within the next year like 2027-03-31T18:30."
        raise click.BadParameter(message, param_hint="'--until'") from None
    return until
