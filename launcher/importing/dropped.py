"""What of an entry is never taken over: passwords and keys, and widgets that need them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from launcher.importing.draft import LeaveReason, LeftOut
from launcher.importing.yaml_tree import Fields, Items, Node, walk

_SECRET = re.compile(
    r"(?i).*(?:password|passwd|passphrase|token|secret)|(?:.*[_-])?(?:pass|(?:api)?key)"
    r"|(?:.*[_-])?auth(?:orization)?"
)

_ENTRIES = ("subItems", "quick")


def is_secret(key: str) -> bool:
    """Whether what stands under `key` is a password, a token or a key."""
    return len(key) <= 100 and _SECRET.fullmatch(key) is not None


def dropped_from(entry: Fields, widgets: Iterable[str] = ()) -> tuple[LeftOut, ...]:
    """Return the notes on secrets in `entry` and on the fields `widgets`, which are not read."""
    notes = []
    if any(text and is_secret(key) for key, text in walk(entry, without=_ENTRIES)):
        notes.append(LeftOut(LeaveReason.PASSWORD))
    if kinds := [kind for name in widgets for kind in widget_kinds(entry.fields.get(name))]:
        notes.append(LeftOut(LeaveReason.WIDGET_DROPPED, detail=", ".join(kinds)))
    return tuple(notes)


def widget_kinds(node: Node | None) -> list[str]:
    """Return the types of one widget or of a list of them."""
    if isinstance(node, Fields):
        return [node.text("type")]
    items = node.items if isinstance(node, Items) else []
    return [each.text("type") for each in items if isinstance(each, Fields)]
