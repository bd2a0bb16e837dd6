"""What an admin may change about the site: every value is checked here and nowhere else.

The page, the API and the command line hand in text or plain values and show what `SettingError`
says. `FIELDS` is the one table of names, defaults and limits.
"""

from __future__ import annotations

import contextlib
import zoneinfo
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import cast

from cronsim import CronSim, CronSimError

from launcher import audit
from launcher.audit import Actor, Target
from launcher.cron import CRON_MACROS, REHEARSAL_CRONS, expand_cron
from launcher.extensions import db
from launcher.models import SystemSettings

Value = str | int | bool

LOCALES = ("en", "de", "ru")


class SettingError(ValueError):
    """One value is not allowed.

    Attributes:
        name: the setting.
        code: stable reason, the key of translations: `unknown`, `switch`, `number`, `range`,
            `empty`, `too_long`, `control_characters`, `locale`, `choice`, `time_zone`,
            `cron_fields`, `cron_seconds`, `cron_never`, `cron`.
        data: what the sentence needs: `minimum`, `maximum`, `detail`, `allowed`, `count`, `day`,
            `month`.
    """

    def __init__(self, name: str, code: str, message: str, **data: str | int) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.code = code
        self.message = message
        self.data = data


class SettingsRefusedError(ValueError):
    """Nothing was changed, because of every one of `errors`."""

    def __init__(self, errors: tuple[SettingError, ...]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Field:
    """One setting: what it is at first, what it may be, and what it is for."""

    name: str
    default: Value
    read: Callable[[str, object], Value]
    help: str


def _switch(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
    try:
        return words[str(value).strip().lower()]
    except KeyError:
        raise SettingError(name, "switch", "must be on or off") from None


def _number(minimum: int, maximum: int) -> Callable[[str, object], int]:
    def read(name: str, value: object) -> int:
        text = str(value).strip()
        if isinstance(value, bool | float) or not (text.isascii() and text.isdigit()):
            raise SettingError(name, "number", "must be a whole number")
        number = int(text[:12])
        if not minimum <= number <= maximum:
            raise SettingError(
                name,
                "range",
                f"must be from {minimum} to {maximum}",
                minimum=minimum,
                maximum=maximum,
            )
        return number

    return read


def _line(maximum: int) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        text = str(value).strip()
        if not text:
            raise SettingError(name, "empty", "must not be empty")
        if len(text) > maximum:
            raise SettingError(
                name, "too_long", f"must not exceed {maximum} characters", maximum=maximum
            )
        if not text.isprintable():
            raise SettingError(
                name, "control_characters", "must be one line without control characters"
            )
        return text

    return read


def _locale(name: str, value: object) -> str:
    if value not in LOCALES:
        allowed = ", ".join(LOCALES)
        raise SettingError(name, "locale", f"must be one of {allowed}", allowed=allowed)
    return str(value)


def _choice(values: Collection[str]) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        text = str(value).strip().lower()
        if text not in values:
            allowed = ", ".join(values)
            raise SettingError(name, "choice", f"must be one of {allowed}", allowed=allowed)
        return text

    return read


@cache
def time_zones() -> frozenset[str]:
    """Return the names of every known time zone."""
    return frozenset(zoneinfo.available_timezones())


def _time_zone(name: str, value: object) -> str:
    text = str(value).strip()
    if text not in time_zones():
        raise SettingError(
            name, "time_zone", f"{text!r} is no time zone; one looks like Europe/Berlin"
        )
    return text


_CRON_MAX_CHARACTERS = 200
_CRON_FIELDS = {  # by the name that cronsim has for a field: what may stand there
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, or L for the last day",
    "month": "1 to 12, or jan to dec",
    "day-of-week": "0 to 7 or sun to sat, with #2 for the second and 5L for the last Friday",
}


def _cron(name: str, value: object) -> str:
    text = " ".join(str(value).split())
    if text.startswith("@"):
        text = text.lower()
    if len(text) > _CRON_MAX_CHARACTERS:
        raise SettingError(
            name,
            "too_long",
            f"must not exceed {_CRON_MAX_CHARACTERS} characters",
            maximum=_CRON_MAX_CHARACTERS,
        )
    expanded = expand_cron(text)
    macros = ", ".join(CRON_MACROS)
    count = len(expanded.split(" "))
    if count == 6 or (count == 7 and not text.startswith("@")):
        raise SettingError(
            name,
            "cron_seconds",
            f"has {count} fields: leave the seconds (and the year) out, a minute is the shortest "
            "step",
            count=count,
        )
    if count != 5:
        raise SettingError(
            name,
            "cron_fields",
            f"must have five fields (minute, hour, day, month, weekday) or be one of {macros}",
            allowed=macros,
        )
    try:
        # Asked for a first run, it also finds the dates that never come, like 31 February.
        next(CronSim(expanded, datetime.now(UTC)))
    except (CronSimError, StopIteration, ValueError, OverflowError) as error:
        raise _cron_refusal(name, text, expanded, error) from None
    return text


def _cron_refusal(name: str, text: str, expanded: str, error: Exception) -> SettingError:
    """Return why an expression of five fields is none, or never comes due."""
    field = str(error).removeprefix("Bad ")
    fields = expanded.split(" ")
    with contextlib.suppress(CronSimError, StopIteration, ValueError, OverflowError):
        # Fit for some month: then it is the month that has no such day.
        next(CronSim(" ".join([*fields[:3], "*", fields[4]]), datetime.now(UTC)))
        if field == "day-of-month" or isinstance(error, StopIteration):
            return SettingError(
                name,
                "cron_never",
                f"{text!r} never comes due: no month it names has such a day",
                day=fields[2],
                month=fields[3],
            )
    if field in _CRON_FIELDS:
        given = fields[list(_CRON_FIELDS).index(field)]
        return SettingError(
            name,
            "cron",
            f"{text!r} is no cron expression: {given!r} is no {field}; "
            f"allowed are {_CRON_FIELDS[field]}, *, lists, ranges and steps",
            detail=f"{field} {given}",
        )
    detail = str(error) or "it never comes due"
    return SettingError(name, "cron", f"{text!r} is no cron expression: {detail}", detail=detail)


FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("site_name", "Launcher", _line(60), "The name in the bar and in page titles."),
        Field("default_locale", "en", _locale, "The language of those who chose none."),
        Field("time_zone", "UTC", _time_zone, "The zone of shown times and of the schedule."),
        Field("accent_hue", 256, _number(0, 359), "The one colour, as an angle in degrees."),
        Field("guest_access", False, _switch, "Whether public boards are seen without signing in."),
        Field("check_interval_s", 60, _number(10, 86400), "Seconds between two health checks."),
        Field("backup_enabled", True, _switch, "Whether backups are made by the schedule."),
        Field("backup_cron_expression", "0 3 * * *", _cron, "When, as a cron expression."),
        Field("backup_max_count", 10, _number(1, 1000), "Newest scheduled backups to keep."),
        Field("backup_keep_daily", 0, _number(0, 1000), "Daily backups to keep besides."),
        Field("backup_keep_weekly", 0, _number(0, 1000), "Weekly backups to keep besides."),
        Field("backup_keep_monthly", 0, _number(0, 1000), "Monthly backups to keep besides."),
        Field(
            "backup_stale_after_h",
            30,
            _number(1, 8760),
            "Hours without a good backup that raise the alarm.",
        ),
        Field(
            "backup_rehearsal",
            "weekly",
            _choice(REHEARSAL_CRONS),
            "How often a restore is rehearsed.",
        ),
    )
}


def read(name: str, value: object) -> Value:
    """Return `value` as the setting `name` holds it.

    Raises:
        SettingError: there is no such setting, or it may not have this value.
    """
    field = FIELDS.get(name)
    if field is None:
        raise SettingError(name, "unknown", "there is no such setting")
    return field.read(name, value)


def current() -> SystemSettings:
    """Return the one row; read its attributes, and change it with `change` only."""
    return db.session.get_one(SystemSettings, 1)


def change(values: Mapping[str, object], *, actor: Actor) -> dict[str, tuple[Value, Value]]:
    """Change the settings named in `values`, all or none, and commit with an audit entry.

    Returns:
        Every setting that is different now: name → (before, after).

    Raises:
        SettingsRefusedError: some value is not allowed; nothing was changed.
    """
    accepted = _read_all(values)
    row = current()
    changes: dict[str, tuple[Value, Value]] = {}
    for name, after in accepted.items():
        before = cast("Value", getattr(row, name))
        if before != after:
            setattr(row, name, after)
            changes[name] = (before, after)
    if changes:
        audit.record(
            "settings.update",
            actor=actor,
            target=Target("settings", 1, row.site_name),
            changes={name: list(pair) for name, pair in changes.items()},
        )
    db.session.commit()
    return changes


def _read_all(values: Mapping[str, object]) -> dict[str, Value]:
    accepted: dict[str, Value] = {}
    errors: list[SettingError] = []
    for name, value in values.items():
        try:
            accepted[name] = read(name, value)
        except SettingError as error:
            errors.append(error)
    if errors:
        raise SettingsRefusedError(tuple(errors))
    return accepted
