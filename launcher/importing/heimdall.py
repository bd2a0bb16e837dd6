"""Heimdall: the JSON that its settings export, a list of items.

The description of an item is no description: it holds the settings of its widget, with the password
and the key of the app, and is dropped.
"""

from __future__ import annotations

import json
import re
from typing import Any

from launcher.importing.collector import Collector, Found
from launcher.importing.draft import (
    Draft,
    LeaveReason,
    LeftOut,
    Source,
    Unreadable,
    UnreadableFileError,
)
from launcher.importing.dropped import is_secret

MAX_VALUES = 300_000
MAX_DEPTH = 100
"""What an error names; the parser takes somewhat more."""
_IN_SETTINGS = re.compile(r'"([^"\\]{1,100})"\s*:\s*(?:"[^"]|[1-9])')


def is_heimdall(text: str) -> bool:
    """Whether a text looks like an export."""
    start = text[:100_000].lstrip()
    return start.startswith("[") and '"url"' in start and '"title"' in start


def read_heimdall(text: str) -> Draft:
    """Return what an export holds, in no section: its tags are tags.

    Raises:
        UnreadableFileError: it is none, is cut off, or holds more than the limits.
    """
    if text.lstrip()[:1] not in {"[", "{"}:
        raise UnreadableFileError(Unreadable.FORMAT)
    # The parser makes all values before they could be counted.
    if text.count("[") + text.count("{") > MAX_VALUES or text.count(",") > 4 * MAX_VALUES:
        raise UnreadableFileError(Unreadable.TOO_MANY_VALUES, line=0, limit=MAX_VALUES)
    try:
        items: Any = json.loads(text, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        is_at_end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        code = Unreadable.CUT_OFF if is_at_end else Unreadable.SYNTAX
        raise UnreadableFileError(code, line=error.lineno) from None
    except RecursionError:
        raise UnreadableFileError(Unreadable.TOO_DEEP, line=0, limit=MAX_DEPTH) from None
    if not isinstance(items, list) or (items and not any(map(_is_item, items))):
        raise UnreadableFileError(Unreadable.FORMAT)
    collector = Collector(Source.HEIMDALL)
    for item in items:
        if _is_item(item):
            _read_item(collector, item)
        else:
            collector.leave_out(LeaveReason.NOT_AN_ENTRY)
    return collector.draft(ends_in_line=text.rstrip().count("\n") + 1)


def _is_item(item: object) -> bool:
    return isinstance(item, dict) and "url" in item and "title" in item


def _read_item(collector: Collector, item: dict[str, Any]) -> None:
    tags = item.get("tags")
    collector.add(
        "",
        Found(
            name=_text(item, "title"),
            url=_text(item, "url"),
            description=_text(item, "appdescription"),
            tags=[each for each in tags if isinstance(each, str)] if isinstance(tags, list) else (),
            notes=_dropped(item.get("description")),
        ),
    )


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _dropped(settings: object) -> tuple[LeftOut, ...]:
    """Return the note on secrets in the settings of an item; they need not be well-formed."""
    if isinstance(settings, dict):
        keys = [key for key, value in settings.items() if value]
    else:
        keys = _IN_SETTINGS.findall(settings) if isinstance(settings, str) else []
    if any(is_secret(key) for key in keys):
        return (LeftOut(LeaveReason.PASSWORD),)
    return ()
