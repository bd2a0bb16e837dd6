"""The colour set: icons of dashboard-icons or selfh.st, which an admin uploads as a zip.

The zip is read by a process of its own, within limits, into a file of what is good. That takes
seconds and no lock. Then one transaction replaces the set before it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from launcher import audit
from launcher.audit import Actor, Target
from launcher.background.child import started
from launcher.extensions import db
from launcher.icons.uploads import environment
from launcher.models import SetIcon

LIMIT_BYTES = 100_000_000
"""The largest zip that is accepted."""
MOST_ICONS = 10_000

_TIME_S = 180.0
_ROWS_AT_ONCE = 200
_one_at_a_time = threading.BoundedSemaphore(1)


class SetRefusal(StrEnum):
    """Why a zip is refused.

    `TYPE`: it is no zip file. `EMPTY`: it has no icon in it. `LARGE`: more than `MOST_ICONS` icons,
    50,000 files, 100 MB of icons, or half a gigabyte to unpack. `STOPPED`: reading took
    too much time or memory.
    """

    TYPE = "type"
    EMPTY = "empty"
    LARGE = "large"
    STOPPED = "stopped"


class SetRefusedError(Exception):
    """A zip is not taken as the colour set; the set before it is as it was."""

    def __init__(self, reason: SetRefusal) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a zip holds, in a file: for each icon a line of JSON, then its bytes.

    `skipped` are the icons that no file of was good and small enough.
    """

    path: Path
    kept: int
    skipped: int


@dataclass(frozen=True, slots=True)
class SetSize:
    """How many icons the colour set has, and how many bytes they are."""

    icons: int
    size_bytes: int


def prepare(zip_path: Path, target: Path) -> Prepared:
    """Read a zip into the file `target`, which exists and is replaced; without a query.

    It takes seconds, at most three minutes, and waits for another one: the caller holds no
    transaction.

    Raises:
        SetRefusedError
    """
    request = json.dumps({"zip": str(zip_path), "target": str(target)})
    try:
        with _one_at_a_time, started("launcher.icons.unzip", environment=environment()) as child:
            answer = child.ask(request, timeout_s=_TIME_S)
        if answer.is_late or answer.code != 0:
            raise SetRefusedError(SetRefusal.STOPPED)
        reply = json.loads(answer.output)
    except (OSError, ValueError) as error:
        raise SetRefusedError(SetRefusal.STOPPED) from error
    if "reason" in reply:
        raise SetRefusedError(SetRefusal(reply["reason"]))
    return Prepared(target, int(reply["kept"]), int(reply["skipped"]))


def replace_set(prepared: Prepared, *, actor: Actor) -> SetSize:
    """Let `prepared` be the colour set, with an audit entry; the caller commits.

    Apps keep what they show: they have copies.
    """
    before = set_size()
    db.session.execute(sa.delete(SetIcon))
    # Never an id of before: forms and caches of browsers may still name those.
    first = int(time.time() * 1000) * MOST_ICONS
    rows: list[Mapping[str, Any]] = []
    for number, icon in enumerate(_icons(prepared.path)):
        rows.append({**icon, "id": first + number})
        if len(rows) == _ROWS_AT_ONCE:
            db.session.execute(sa.insert(SetIcon), rows)
            rows.clear()
    if rows:
        db.session.execute(sa.insert(SetIcon), rows)
    after = set_size()
    changes = _changes(before, after)
    audit.record("icon.replace_set", actor=actor, target=_TARGET, changes=changes)
    return after


def remove_set(*, actor: Actor) -> SetSize:
    """Remove the colour set, with an audit entry; return what it was. The caller commits."""
    before = set_size()
    if before.icons:
        db.session.execute(sa.delete(SetIcon))
        changes = _changes(before, SetSize(0, 0))
        audit.record("icon.remove_set", actor=actor, target=_TARGET, changes=changes)
    return before


def set_size() -> SetSize:
    """Return the size of the colour set."""
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(SetIcon.size_bytes), 0))
    return SetSize(*db.session.execute(query.select_from(SetIcon)).one())


def _icons(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        while line := file.readline():
            icon = json.loads(line)
            yield icon | {"content": file.read(icon["size_bytes"])}


_TARGET = Target("icon", "set", "")


def _changes(before: SetSize, after: SetSize) -> Mapping[str, Sequence[int]]:
    return {
        "icons": [before.icons, after.icons],
        "size_bytes": [before.size_bytes, after.size_bytes],
    }
