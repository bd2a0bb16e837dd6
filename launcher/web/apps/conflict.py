"""Two editors of one app: the entries of both side by side, and the decision between them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from launcher.catalogue.entries import AppEntries
from launcher.catalogue.merge import Merge
from launcher.i18n.locale import gettext as _
from launcher.web.apps.entries import LABELS, NAMES, OPENS, icon_words, picture_of_entries
from launcher.web.pictures import Picture

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict

_SHOWN_AS = {"letters": "icon"}
"""Letters are a part of the icon: the picture shows both, and one decision is about both."""

Parts = Sequence[tuple[str, bool]]
"""A text in parts, each with whether its editor changed it."""


@dataclass(frozen=True, slots=True)
class Versus:
    """One field that both changed."""

    name: str
    label: str
    mine: Parts
    theirs: Parts
    my_picture: Picture | None
    their_picture: Picture | None


@dataclass(frozen=True, slots=True)
class Taken:
    """One field that only one of the two changed."""

    label: str
    words: str
    is_mine: bool


def versus(merge: Merge, seen: AppEntries) -> Sequence[Versus]:
    """Return the fields to decide, in the order of the form; both editors began from `seen`."""
    asked = _as_shown(merge.both_changed)
    return [_versus(name, merge, seen) for name in LABELS if name in asked]


def taken(merge: Merge) -> Sequence[Taken]:
    """Return the fields that only one of the two changed, in the order of the form."""
    asked = _as_shown(merge.both_changed)
    mine = _as_shown(merge.theirs.changes(merge.merged)) - asked
    theirs = _as_shown(merge.only_theirs) - asked
    return [
        Taken(str(label), words_of(name, merge.merged), name in mine)
        for name, label in LABELS.items()
        if name in mine or name in theirs
    ]


def decide(entries: AppEntries, theirs: AppEntries, sent: MultiDict[str, str]) -> AppEntries:
    """Return `entries` with the fields of `theirs` that a form chose."""
    chosen = {name for name in NAMES if sent.get(f"keep_{_SHOWN_AS.get(name, name)}") == "theirs"}
    return replace(entries, **{name: getattr(theirs, name) for name in chosen})


def words_of(name: str, entries: AppEntries) -> str:
    """Return one field as a person reads it."""
    value: str = getattr(entries, name)
    if name == "icon":
        return icon_words(entries)
    if name == "opens":
        return str(OPENS.get(value, value))
    return value or _("Empty")


def changed_parts(text: str, before: str) -> Parts:
    """Return a text in parts of whole words, each with whether it is new since `before`."""
    now, then = _words(text), _words(before)
    parts: list[tuple[str, bool]] = []
    matcher = difflib.SequenceMatcher(None, then, now, autojunk=False)
    for kind, _then_from, _then_to, start, end in matcher.get_opcodes():
        if start < end:
            parts.append(("".join(now[start:end]), kind != "equal"))
    return parts


def _as_shown(names: Iterable[str]) -> set[str]:
    return {_SHOWN_AS.get(name, name) for name in names}


def _versus(name: str, merge: Merge, seen: AppEntries) -> Versus:
    before = words_of(name, seen) if getattr(seen, name) else ""
    is_icon = name == "icon"
    return Versus(
        name,
        str(LABELS[name]),
        changed_parts(words_of(name, merge.merged), before),
        changed_parts(words_of(name, merge.theirs), before),
        picture_of_entries(merge.merged) if is_icon else None,
        picture_of_entries(merge.theirs) if is_icon else None,
    )


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|\s+|.", text, re.DOTALL)
