"""Time zones in words: one with its offset, and all of them to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel.dates import format_time, get_timezone_location

from launcher.i18n.locale import format_locale
from launcher.i18n.locale import lazy_gettext as _
from launcher.settings.kinds import known_zone

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

_UTC = {"UTC", "Etc/UTC"}
_MINUS = "\N{MINUS SIGN}"
_REGIONS: Mapping[str, LazyString] = {
    "Africa": _("Africa"),
    "America": _("America"),
    "Antarctica": _("Antarctica"),
    "Arctic": _("Arctic"),
    "Asia": _("Asia"),
    "Atlantic": _("Atlantic Ocean"),
    "Australia": _("Australia"),
    "Europe": _("Europe"),
    "Indian": _("Indian Ocean"),
    "Pacific": _("Pacific Ocean"),
}
"""The first part of a zone's name."""


@dataclass(frozen=True, slots=True)
class ZoneGroup:
    """The zones of one region: what each is called, by its name."""

    name: str
    zones: Mapping[str, str]


def zone_words(zone: ZoneInfo, now: datetime) -> str:
    """Return a zone with its offset from UTC: `Berlin (UTC+1)`."""
    return _with(_place(zone.key, str(format_locale())), _offset_words(zone, now))


def time_there(zone: ZoneInfo, now: datetime) -> str:
    """Return the time of day in a zone: `14:07`."""
    return str(format_time(now.astimezone(zone), "short", locale=format_locale()))


def zone_groups(now: datetime, *, chosen: str) -> list[ZoneGroup]:
    """Return every zone to choose from with its time of day: `Berlin, 14:07 (UTC+1)`.

    UTC stands first, and `chosen` where it is none of them; regions and places follow in the order
    of the reader's alphabet.
    """
    locale = str(format_locale())
    first = [chosen] if chosen not in _zone_names() and chosen not in _UTC else []
    groups: dict[str, dict[str, str]] = {each: {} for each in _REGIONS}
    for name in sorted(_zone_names(), key=lambda each: _place(each, locale).casefold()):
        groups[name.partition("/")[0]][name] = _choice(name, now, locale)
    others = {name: _choice(name, now, locale) for name in ("UTC", *first)}
    regions = [ZoneGroup(str(_REGIONS[each]), zones) for each, zones in groups.items() if zones]
    return [ZoneGroup("", others), *sorted(regions, key=lambda each: each.name)]


def _choice(name: str, now: datetime, locale: str) -> str:
    zone = known_zone(name)
    return _with(f"{_place(name, locale)}, {now.astimezone(zone):%H:%M}", _offset_words(zone, now))


def _with(words: str, offset: str) -> str:
    return f"{words} ({offset})" if offset else words


def _offset_words(zone: ZoneInfo, now: datetime) -> str:
    """Return `UTC+1`, and "" for UTC itself."""
    offset = now.astimezone(zone).utcoffset() or timedelta()
    if not offset and zone.key in _UTC:
        return ""
    minutes = round(abs(offset).total_seconds() / 60)
    sign = "+" if offset >= timedelta() else _MINUS
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")


@cache
def _zone_names() -> frozenset[str]:
    """Return one name for each place of the tz database, without its older spellings."""
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    lines = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    names = {fields[2] for fields in lines}
    return frozenset(
        name
        for name in names
        if name.partition("/")[0] in _REGIONS and known_zone(name).key == name
    )


@lru_cache(maxsize=2048)
def _place(name: str, locale: str) -> str:
    if name in _UTC:
        return "UTC"
    if known_zone(name).key != name:
        return name  # typed or restored, and unknown here
    return str(get_timezone_location(known_zone(name), locale=locale, return_city=True))
