"""The form of the schedule: its fields as settings, with their errors.

A preset is another way to write a cron expression; only the expression is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from launcher.backup.retention import RetentionPolicy
from launcher.i18n.locale import gettext as _
from launcher.schedule.cron import comes_due
from launcher.settings.kinds import Value
from launcher.settings.schedule import SHOWN
from launcher.settings.table import SiteSettings
from launcher.web.admin.schedule.cron_words import clock
from launcher.web.admin.setting_fields import read_fields

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

LAST_DAY = "L"
DAYS = (*map(str, range(1, 29)), LAST_DAY)
"""The days of a month that every month has."""
WEEKDAYS = ("1", "2", "3", "4", "5", "6", "0")

_KEEPS = ("backup_max_count", "backup_keep_daily", "backup_keep_weekly", "backup_keep_monthly")

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::\d\d)?", re.ASCII)


class Preset(StrEnum):
    """The presets of the schedule."""

    HOURLY = "hourly"
    SIX_HOURS = "six_hours"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    OWN = "own"


_WITHOUT_TIME = {Preset.HOURLY: "0 * * * *", Preset.SIX_HOURS: "0 */6 * * *"}


@dataclass(frozen=True, slots=True)
class Draft:
    """What the fields hold, valid or not.

    Attributes:
        typed: text, or True and False for a switch, by the name of the setting.
    """

    typed: Mapping[str, str | bool]
    preset: Preset
    at: str
    weekday: str
    day: str

    @classmethod
    def of(cls, settings: SiteSettings) -> Draft:
        """Return the current settings, with the equivalent preset."""
        preset, chosen = find_preset(settings.backup_cron_expression)
        values = {each.name: getattr(settings, each.name) for each in SHOWN}
        return cls(
            typed={
                name: value if isinstance(value, bool) else str(value)
                for name, value in values.items()
            },
            preset=preset,
            at=chosen.get("at", "03:00"),
            weekday=chosen.get("weekday", WEEKDAYS[-1]),
            day=chosen.get("day", DAYS[0]),
        )

    @classmethod
    def read(cls, form: MultiDict[str, str], settings: SiteSettings) -> Draft:
        """Return what was entered; a field that was not sent has the current value."""
        known = cls.of(settings)
        if "preset" not in form:
            return known
        preset = form["preset"]
        return cls(
            typed={
                name: name in form if isinstance(value, bool) else form.get(name, value)
                for name, value in known.typed.items()
            },
            preset=Preset(preset) if preset in set(Preset) else Preset.OWN,
            at=form.get("at", known.at),
            weekday=form.get("weekday", known.weekday),
            day=form.get("day", known.day),
        )


@dataclass(frozen=True, slots=True)
class CheckedDraft:
    """A draft with a value or an error for each setting."""

    draft: Draft
    values: Mapping[str, Value] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def cron(self) -> str | None:
        """The expression, None when there is no valid one."""
        return cast("str | None", self.values.get("backup_cron_expression"))

    @property
    def policy(self) -> RetentionPolicy | None:
        """How many to keep, None when a number is wrong."""
        if self.errors.keys() & set(_KEEPS):
            return None
        return SiteSettings.of({name: self.values[name] for name in _KEEPS}).policy

    def changes(self, settings: SiteSettings) -> int:
        """Return how many settings differ from the current ones."""
        different = [
            name for name, value in self.values.items() if value != getattr(settings, name)
        ]
        return len(self.errors) + len(different)


def check(draft: Draft) -> CheckedDraft:
    """Return the values and errors; `launcher.settings.table` checks them."""
    errors: dict[str, str] = {}
    typed: dict[str, object] = {**draft.typed}
    try:
        typed["backup_cron_expression"] = _expression(draft)
    except _FieldError as error:
        del typed["backup_cron_expression"]
        errors[error.field] = error.words
    values, refused = read_fields(typed)
    return CheckedDraft(draft, values, errors | refused)


class _FieldError(ValueError):
    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field
        self.words = words


def _expression(draft: Draft) -> str:
    """Return the cron expression of the preset and its fields."""
    if draft.preset is Preset.OWN:
        return str(draft.typed["backup_cron_expression"])
    if draft.preset in _WITHOUT_TIME:
        return _WITHOUT_TIME[draft.preset]
    match = _TIME.fullmatch(draft.at.strip())
    if not match:
        raise _FieldError("at", _("Write a time of day, like 03:00."))
    time = f"{int(match[2])} {int(match[1])}"
    if draft.preset is Preset.WEEKLY:
        if draft.weekday not in WEEKDAYS:
            raise _FieldError("weekday", _("Choose one of these days."))
        return f"{time} * * {draft.weekday}"
    if draft.preset is Preset.MONTHLY:
        if draft.day not in DAYS:
            raise _FieldError("day", _("Choose one of these days."))
        return f"{time} {draft.day} * *"
    return f"{time} * * *"


def find_preset(cron: str) -> tuple[Preset, dict[str, str]]:
    """Return the preset that equals an expression, with its fields."""
    for preset, expression in _WITHOUT_TIME.items():
        if cron == expression:
            return preset, {}
    if not comes_due(cron):
        return Preset.OWN, {}
    match cron.split():
        case [minute, hour, day, "*", weekday] if _is_clock(hour, minute):
            at = clock(hour, minute)
            if (day, weekday) == ("*", "*"):
                return Preset.DAILY, {"at": at}
            if day == "*" and weekday in WEEKDAYS:
                return Preset.WEEKLY, {"at": at, "weekday": weekday}
            if weekday == "*" and day in DAYS:
                return Preset.MONTHLY, {"at": at, "day": day}
    return Preset.OWN, {}


def _is_clock(hour: str, minute: str) -> bool:
    return _TIME.fullmatch(f"{hour}:{minute.zfill(2)}") is not None
