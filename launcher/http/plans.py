"""What every door that shows the plan of a restore asks of it: its version, and what to show."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from launcher.backup.records.backup import Backup
from launcher.backup.records.plan import FieldChange, NameChange, RestorePlan, ThingChange
from launcher.db.plan_values import LISTS, SECTION

GAP = "…"
"""Stands in a part of a list for the names that are not shown."""


def plan_version(backup: Backup, live_version: str) -> str:
    """Return the version of what a plan is made from: the live data and the file.

    Args:
        backup: what would be restored.
        live_version: `BackupService.live_version`, or that of the plan.
    """
    file = backup.file.sha256 if backup.file else ""
    return hashlib.sha256(f"{live_version} {file}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Icon:
    """The icon of an app, from the field `icon` of a plan.

    Attributes:
        drawing: a symbol or a brand icon like `symbol:tv`, or "".
        media_sha256: the hash of an upload, or "".
        media_name: the name of the upload.
        letters: letters of its own, or "".
        hue: a tint of its own, 0 to 11, or None.
    """

    drawing: str = ""
    media_sha256: str = ""
    media_name: str = ""
    letters: str = ""
    hue: int | None = None


def read_icon(value: str) -> Icon:
    """Return the icon that a value like `letters:Js tint:3` names."""
    choice, _, rest = value.partition(" ")
    hue = None
    if rest.startswith("tint:"):
        number, _, rest = rest.removeprefix("tint:").partition(" ")
        hue = int(number) if number.isdecimal() and len(number) < 3 else None
    kind, _, text = choice.partition(":")
    if kind == "media":
        return Icon(media_sha256=text, media_name=rest, hue=hue)
    if kind == "letters":
        return Icon(letters=text, hue=hue)
    return Icon(drawing=choice, hue=hue)


def is_list(field: str) -> bool:
    """Whether the values of a field are names, one a line."""
    return field in LISTS or field.startswith(SECTION)


def shown_changes(change: NameChange) -> Sequence[ThingChange]:
    """Return the changes of one kind without what others say: boards that only came or went."""
    things = [
        ThingChange(thing.name, tuple(each for each in thing.fields if _says_more(each)))
        for thing in change.changed
    ]
    return [thing for thing in things if thing.fields]


def changed_part(now: str, then: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return two lists, each as lines, without the names at their start and end that are the same.

    `GAP` stands for those.
    """
    before, after = now.split("\n") if now else [], then.split("\n") if then else []
    head, shorter = 0, min(len(before), len(after))
    while head < shorter and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < shorter - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return _cut(before, head, tail), _cut(after, head, tail)


def only_added(now: str, then: str) -> Sequence[str]:
    """Return what a list that is not empty gains, none where it also loses or moves a name."""
    before, after = changed_part(now, then)
    return [] if before or not now else [name for name in after if name != GAP]


def reactivated(plan: RestorePlan) -> Sequence[str]:
    """Return the users who are deactivated now and could sign in afterwards."""
    return [
        thing.name
        for change in plan.names
        if change.kind == "user"
        for thing in change.changed
        if any(each.field == "is_active" and each.then == "yes" for each in thing.fields)
    ]


def _says_more(change: FieldChange) -> bool:
    if change.field != "boards":
        return True
    now, then = change.now.split("\n"), change.then.split("\n")
    common = {*now} & {*then}
    return [each for each in now if each in common] != [each for each in then if each in common]


def _cut(names: Sequence[str], head: int, tail: int) -> Sequence[str]:
    middle = names[head : len(names) - tail]
    if not middle:
        return []
    return [*([GAP] if head else []), *middle, *([GAP] if tail else [])]
