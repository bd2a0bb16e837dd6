"""What a setting may be: one class for each kind of value, with its limits as data.

Each reads text or a plain value, so that all doors share its checks.
"""

from __future__ import annotations

import contextlib
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import ClassVar, Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from launcher.schedule.cron import CRON_MACROS, expand_cron

Value = str | int | bool


class SettingError(ValueError):
    """One value is not allowed.

    Attributes:
        name: the setting.
        code: stable reason, the key of translations: `unknown`, `switch`, `number`, `range`,
            `empty`, `too_long`, `control_characters`, `locale`, `choice`, `time_zone`,
            `cron_fields`, `cron_seconds`, `cron_never`, `cron`, `network`, `host_name`, `too_many`.
        data: what the sentence needs: `minimum`, `maximum`, `detail`, `allowed`, `count`, `day`,
            `month`, `line`.
    """

    def __init__(self, name: str, code: str, message: str, **data: str | int) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.code = code
        self.message = message
        self.data = data


class SettingKind(Protocol):
    """One kind of value."""

    @property
    def allowed(self) -> str:
        """The values that are allowed, for the documentation."""

    def read(self, name: str, value: object) -> Value:
        """Return `value` as the setting `name` holds it.

        Raises:
            SettingError: the setting may not have this value.
        """


@dataclass(frozen=True, slots=True)
class Switch:
    """On or off."""

    allowed: ClassVar[str] = "`on` or `off`"

    def read(self, name: str, value: object) -> bool:
        """Return True for on."""
        if isinstance(value, bool):
            return value
        words = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
        try:
            return words[str(value).strip().lower()]
        except KeyError:
            raise SettingError(name, "switch", "must be on or off") from None


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number, both limits included."""

    minimum: int
    maximum: int

    @property
    def allowed(self) -> str:
        """The limits."""
        return f"{self.minimum} to {self.maximum}"

    def read(self, name: str, value: object) -> int:
        """Return the number."""
        text = str(value).strip()
        if isinstance(value, bool | float) or not (text.isascii() and text.isdigit()):
            raise SettingError(name, "number", "must be a whole number")
        if len(text) > 12 or not self.minimum <= int(text) <= self.maximum:
            raise SettingError(
                name,
                "range",
                f"must be from {self.minimum} to {self.maximum}",
                minimum=self.minimum,
                maximum=self.maximum,
            )
        return int(text)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of printable text."""

    maximum: int

    @property
    def allowed(self) -> str:
        """The limit."""
        return f"1 to {self.maximum} characters"

    def read(self, name: str, value: object) -> str:
        """Return the text without spaces around it."""
        text = str(value).strip()
        if not text:
            raise SettingError(name, "empty", "must not be empty")
        _check_length(name, text, self.maximum)
        if not text.isprintable():
            raise SettingError(
                name, "control_characters", "must be one line without control characters"
            )
        return text


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words, in lower case. `code` is the code of the error."""

    values: Sequence[str]
    code: str = "choice"

    @property
    def allowed(self) -> str:
        """The words."""
        return ", ".join(f"`{value}`" for value in self.values)

    def read(self, name: str, value: object) -> str:
        """Return the word."""
        text = str(value).strip().lower()
        if text not in self.values:
            allowed = ", ".join(self.values)
            raise SettingError(name, self.code, f"must be one of {allowed}", allowed=allowed)
        return text


@lru_cache(maxsize=1024)
def known_zone(name: str) -> ZoneInfo:
    """Return a zone by name, UTC where this machine does not know it.

    A restored database may name an unknown one, which must not stop a backup or a page. All zones
    are kept: `ZoneInfo` keeps eight, and the page with all of them would read 400 files each time.
    """
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class TimeZone:
    """The name of a time zone that this machine knows."""

    allowed: ClassVar[str] = "a time zone, like `Europe/Berlin`"

    def read(self, name: str, value: object) -> str:
        """Return the name."""
        text = str(value).strip()
        if known_zone(text).key != text or text.startswith(("posix", "right/")):
            raise SettingError(
                name, "time_zone", f"{text!r} is no time zone; one looks like Europe/Berlin"
            )
        return text


_CRON_FIELDS = {  # by cronsim's name of a field: what it may hold
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, or L for the last day",
    "month": "1 to 12, or jan to dec",
    "day-of-week": "0 to 7 or sun to sat, with #2 for the second and 5L for the last Friday",
}


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression of five fields, or a macro, that comes due one day."""

    maximum: int = 200
    allowed: ClassVar[str] = "a cron expression of five fields, or one like `@daily`"

    def read(self, name: str, value: object) -> str:
        """Return the expression with one space between its fields."""
        text = " ".join(str(value).split())
        if text.startswith("@"):
            text = text.lower()
        _check_length(name, text, self.maximum)
        expanded = expand_cron(text)
        macros = ", ".join(CRON_MACROS)
        count = len(expanded.split(" "))
        if count == 6 or (count == 7 and not text.startswith("@")):
            raise SettingError(
                name,
                "cron_seconds",
                f"has {count} fields: leave the seconds (and the year) out, a minute is the "
                "shortest step",
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
            # The search for a first run also finds dates that do not exist, like 31 February.
            next(CronSim(expanded, datetime.now(UTC)))
        except (CronSimError, StopIteration, ValueError, OverflowError) as error:
            raise _cron_refusal(name, text, expanded, error) from None
        return text


def _cron_refusal(name: str, text: str, expanded: str, error: Exception) -> SettingError:
    """Return what is wrong with an expression of five fields."""
    field = str(error).removeprefix("Bad ")
    fields = expanded.split(" ")
    with contextlib.suppress(CronSimError, StopIteration, ValueError, OverflowError):
        # It comes due in another month: no month that it names has such a day.
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


def _check_length(name: str, text: str, maximum: int) -> None:
    if len(text) > maximum:
        raise SettingError(
            name, "too_long", f"must not exceed {maximum} characters", maximum=maximum
        )
