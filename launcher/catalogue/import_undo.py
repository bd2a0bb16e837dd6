"""Undoing an import: what was changed since stays, and with it what that needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import sqlalchemy as sa

from launcher.catalogue.undo_rows import ChangedRow, Row, State, state
from launcher.extensions import db
from launcher.models import AppTag


@dataclass(frozen=True, slots=True)
class Undoable:
    """What an undo of an import takes back.

    Attributes:
        rows: those that go.
        apps, sections: how many of them are apps and sections.
        kept: how many apps stay because they were changed since.
    """

    rows: Sequence[ChangedRow]
    apps: int
    sections: int
    kept: int


def undoable(rows: Sequence[ChangedRow], board_id: int) -> Undoable:
    """Return which rows that an import to a board added can go without taking more with them.

    An app stays where it, its tags or its sections are not as the import left them, and a section
    where it has another name or another app. Positions do not count. What is deleted by now is in
    no number.
    """
    added = _by_table(rows)
    apps, sections, tags = (_by_id(added[name]) for name in ("apps", "sections", "tags"))
    now = state([board_id], apps, tags)
    going = _apps_as_left(apps, added, now)
    needed = {row["section_id"] for row in now["placements"].values() if row["app_id"] not in going}
    empty = {
        id_
        for id_, row in sections.items()
        if id_ not in needed and _essence(now["sections"].get((id_,))) == _essence(row)
    }
    unused = {id_ for id_, row in tags.items() if now["tags"].get((id_,)) == row}
    unused -= _used_by_others(unused, going)
    ids = {"apps": going, "sections": empty, "tags": unused}
    return Undoable(
        rows=[
            each
            for each in rows
            if (each.row["id"] if each.table in ids else each.row["app_id"])
            in ids.get(each.table, going)
        ],
        apps=len(going),
        sections=len(empty),
        kept=sum((id_,) in now["apps"] for id_ in apps) - len(going),
    )


def _by_table(rows: Sequence[ChangedRow]) -> Mapping[str, Sequence[Row]]:
    tables: dict[str, list[Row]] = {
        name: [] for name in ("apps", "sections", "tags", "placements", "app_tags")
    }
    for each in rows:
        tables[each.table].append(each.row)
    return tables


def _by_id(rows: Iterable[Row]) -> Mapping[int, Row]:
    return {row["id"]: row for row in rows}


def _apps_as_left(
    apps: Mapping[int, Row], added: Mapping[str, Sequence[Row]], now: State
) -> Set[int]:
    was, is_ = _parts(added), _parts({name: list(now[name].values()) for name in added})
    on_board = {id_ for (id_,) in now["sections"]}
    return {
        id_
        for id_, row in apps.items()
        if _essence(now["apps"].get((id_,))) == _essence(row)
        and was.get(id_) == is_.get(id_)
        and all(part in on_board for name, part in is_.get(id_, ()) if name == "placements")
    }


def _parts(tables: Mapping[str, Sequence[Row]]) -> Mapping[int, Set[tuple[str, int]]]:
    """Return the sections and tags of each app."""
    parts: dict[int, set[tuple[str, int]]] = {}
    for name, column in (("placements", "section_id"), ("app_tags", "tag_id")):
        for row in tables[name]:
            parts.setdefault(row["app_id"], set()).add((name, row[column]))
    return parts


def _essence(row: Row | None) -> Row | None:
    if row is None:
        return None
    return {
        name: value
        for name, value in row.items()
        if name not in {"revision", "updated_at", "position"}
    }


def _used_by_others(tags: Set[int], apps: Set[int]) -> Set[int]:
    query = sa.select(AppTag.tag_id, AppTag.app_id).where(AppTag.tag_id.in_(tags))
    return {tag_id for tag_id, app_id in db.session.execute(query) if app_id not in apps}
