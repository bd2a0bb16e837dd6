"""The schedule and retention: read, previewed and replaced as a whole, like on its page.

Weakening the protection asks for no password here: the scope of the token is the permission. The
audit log has the change all the same.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Annotated, Any

import msgspec

from launcher.api.authentication import actor_of
from launcher.api.door import Answer, Call, door
from launcher.api.moments import Moment, written
from launcher.api.preconditions import IF_MATCH, require_match
from launcher.api.problems import Problem
from launcher.api.schedule_shapes import ScheduleSettings
from launcher.backup.errors import BackupError
from launcher.backup.records.backup import Kind
from launcher.backup.retention import KeepDecision, KeepReason
from launcher.current import current_backups
from launcher.db.settings import SettingsRefusedError, change_settings, current_settings
from launcher.extensions import db
from launcher.models import TokenScope
from launcher.models.types import utc_now
from launcher.schedule.cron import next_runs
from launcher.settings.kinds import SettingError
from launcher.settings.schedule import SHOWN, version_of
from launcher.settings.table import SiteSettings, read

_RUNS = 5
_ETAG = {"ETag": "The version of the settings and of the time zone."}


class RetentionBackup(msgspec.Struct, kw_only=True):
    """A backup, and why retention keeps it; for no reason it is removed."""

    id: Annotated[str | None, msgspec.Meta(description="null for the next scheduled one.")]
    kind: Kind
    created_at: Moment
    size_bytes: Annotated[int | None, msgspec.Meta(description="null where it is not known.")]
    reasons: list[KeepReason]


class RetentionPreview(msgspec.Struct, kw_only=True):
    """What retention would do after one more good scheduled backup; newest first."""

    kept: list[RetentionBackup]
    removed: list[RetentionBackup]
    freed_bytes: int


class Schedule(msgspec.Struct, kw_only=True):
    """The settings of the schedule, and their effect."""

    settings: ScheduleSettings
    time_zone: Annotated[str, msgspec.Meta(description="The zone of the cron expression.")]
    next_runs: Annotated[
        list[Moment],
        msgspec.Meta(
            description="The next scheduled backups. Empty while scheduled backups are off."
        ),
    ]
    retention: Annotated[
        RetentionPreview | None,
        msgspec.Meta(description="null while the backup folder cannot be read."),
    ]


class ScheduleQuery(msgspec.Struct, kw_only=True):
    """Whether the settings are saved."""

    dry_run: Annotated[
        bool, msgspec.Meta(description="Return the effect of the settings, and save nothing.")
    ] = False


@door(
    "GET",
    "/schedule",
    scope=TokenScope.SCHEDULE,
    summary="Get the schedule",
    about=(
        "Returns the settings of the schedule and of retention, the next runs, and what retention "
        "would remove after the next scheduled backup."
    ),
    result=Schedule,
    response_headers=_ETAG,
)
def get_schedule(_call: Call) -> Answer:
    """Answer with the schedule as it is set."""
    return _answer(current_settings())


def _settings_in(given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings in what `GET` answers; any other body stays as it is."""
    settings = given.get("settings")
    if not isinstance(settings, dict) or not given.keys() <= set(Schedule.__struct_fields__):
        return given
    if given.get("time_zone", zone := current_settings().time_zone) != zone:
        raise Problem(
            "invalid_field",
            "time_zone: it cannot be changed here.",
            hint="Change it in Administration, Settings.",
            field="time_zone",
        )
    return settings


@door(
    "PUT",
    "/schedule",
    scope=TokenScope.SCHEDULE,
    summary="Change schedule",
    about=(
        "Replaces all settings of the schedule. Send the settings that you "
        "received, with your changes: only the settings, or the complete answer of "
        "`GET`. With `If-Match` the change is refused if the settings have changed "
        "since. `dry_run=true` returns the effect and saves nothing. The server "
        "applies the settings within seconds."
    ),
    query=ScheduleQuery,
    body=ScheduleSettings,
    body_of_answer=_settings_in,
    result=Schedule,
    problems=("precondition_failed",),
    request_headers=IF_MATCH,
    response_headers=_ETAG,
)
def put_schedule(call: Call) -> Answer:
    """Save the settings, all or none."""
    assert call.token is not None  # noqa: S101 (the call has a scope)
    current = current_settings()  # in one transaction with the change below
    require_match(version_of(current))
    values = msgspec.to_builtins(call.body)
    if call.query.dry_run:
        db.session.rollback()  # what follows takes time, and writes nothing
        return _answer(_with(current, values))
    try:
        change_settings(values, actor=actor_of(call.token))
    except SettingsRefusedError as error:
        raise _refusal(error.errors[0]) from None
    return _answer(current_settings())


def _with(settings: SiteSettings, values: dict[str, object]) -> SiteSettings:
    """Return the settings as they would be, or refuse a value."""
    try:
        accepted: dict[str, Any] = {name: read(name, value) for name, value in values.items()}
    except SettingError as error:
        raise _refusal(error) from None
    return dataclasses.replace(settings, **accepted)


def _refusal(error: SettingError) -> Problem:
    return Problem("invalid_field", f"{error}.", field=error.name, reason=error.code)


def _answer(settings: SiteSettings) -> Answer:
    db.session.rollback()  # the list of backups must not delay whoever writes
    now = utc_now()
    runs = (
        next_runs(settings.backup_cron_expression, after=now, zone=settings.zone, count=_RUNS)
        if settings.backup_enabled
        else ()
    )
    values = {each.name: getattr(settings, each.name) for each in SHOWN}
    result = Schedule(
        settings=ScheduleSettings(**values),
        time_zone=settings.time_zone,
        next_runs=[written(each) for each in runs],
        retention=_retention(settings, runs[0] if runs else None),
    )
    return Answer(result, headers={"ETag": f'"{version_of(settings)}"'})


def _retention(settings: SiteSettings, next_run_at: datetime | None) -> RetentionPreview | None:
    try:
        decisions = current_backups().preview_retention(
            settings.policy, zone=settings.zone, next_run_at=next_run_at
        )
    except BackupError:
        return None
    removed = [_described(each) for each in decisions if not each.keep]
    return RetentionPreview(
        kept=[_described(each) for each in decisions if each.keep],
        removed=removed,
        freed_bytes=sum(each.size_bytes or 0 for each in removed),
    )


def _described(decision: KeepDecision) -> RetentionBackup:
    backup = decision.backup
    return RetentionBackup(
        id=backup.id or None,
        kind=backup.kind,
        created_at=written(backup.created_at),
        size_bytes=backup.file.size_bytes if backup.file else None,
        reasons=list(decision.reasons),
    )
