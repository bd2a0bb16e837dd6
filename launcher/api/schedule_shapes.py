"""The settings of the schedule as the API takes and answers them, from the table of settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec

from launcher.settings.kinds import Choice, Cron, Number, Switch
from launcher.settings.schedule import SHOWN
from launcher.settings.table import SCHEDULE, SETTINGS, Setting


def _type_of(setting: Setting) -> Any:
    about = msgspec.Meta(description=setting.help, examples=[setting.default])
    match setting.kind:
        case Switch():
            return Annotated[bool, about]
        case Number(minimum, maximum):
            return Annotated[int, msgspec.Meta(ge=minimum, le=maximum), about]
        case Choice(values):
            return Annotated[Literal[tuple(values)], about]
        case Cron(maximum):
            return Annotated[str, msgspec.Meta(max_length=maximum), about]
        case _text:
            return Annotated[str, about]


def _struct(name: str, settings: Sequence[Setting], about: str) -> Any:
    members = [(each.name, _type_of(each)) for each in settings]
    space = {"__doc__": about}
    return msgspec.defstruct(name, members, namespace=space, module=__name__, kw_only=True)


ScheduleSettings = _struct(
    "ScheduleSettings", SHOWN, "The settings of the schedule, by their names in `flask settings`."
)

PlannedSchedule = _struct(
    "PlannedSchedule",
    [SETTINGS[name] for name in SCHEDULE],
    "The settings that a restore keeps, or takes from the backup.",
)
