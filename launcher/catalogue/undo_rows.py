"""The rows of boards, apps and tags that a step changed: read and compared.

Revisions and times of change are not compared: they only grow, also by an undo.
"""

# ruff: noqa: S608 (the names put into queries are constants of this file)

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from launcher.extensions import db

Row = dict[str, Any]
State = Mapping[str, Mapping[tuple[Any, ...], Row]]
"""Table → key → row, as SQLite stores it."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "boards": ("id",),
    "sections": ("id",),
    "apps": ("id",),
    "tags": ("id",),
    "app_tags": ("app_id", "tag_id"),
    "placements": ("id",),
    "section_folds": ("user_id", "section_id"),
    "users": ("id",),
    "board_users": ("board_id", "user_id"),
    "board_groups": ("board_id", "group_id"),
}
"""The tables with their keys, parents first."""
SHARES = frozenset({"board_users", "board_groups"})
_GROWING = frozenset({"revision", "updated_at"})
_OF_BOARDS = {
    "boards": "SELECT * FROM boards WHERE id IN ({ids})",
    "sections": "SELECT * FROM sections WHERE board_id IN ({ids})",
    "placements": (
        "SELECT p.* FROM placements p JOIN sections s ON s.id = p.section_id"
        " WHERE s.board_id IN ({ids})"
    ),
    "section_folds": (
        "SELECT f.* FROM section_folds f JOIN sections s ON s.id = f.section_id"
        " WHERE s.board_id IN ({ids})"
    ),
    "users": "SELECT id, home_board_id FROM users WHERE home_board_id IN ({ids})",
    "board_users": "SELECT * FROM board_users WHERE board_id IN ({ids})",
    "board_groups": "SELECT * FROM board_groups WHERE board_id IN ({ids})",
}
_OF_APPS = {
    "apps": "SELECT * FROM apps WHERE id IN ({ids})",
    "app_tags": "SELECT * FROM app_tags WHERE app_id IN ({ids})",
    "placements": "SELECT * FROM placements WHERE app_id IN ({ids})",
}
_OF_TAGS = {"tags": "SELECT * FROM tags WHERE id IN ({ids})"}


def state(
    boards: Collection[int] = (), apps: Collection[int] = (), tags: Collection[int] = ()
) -> State:
    """Return the rows of these boards, apps and tags; what is in the session is written first."""
    db.session.flush()
    found: dict[str, dict[tuple[Any, ...], Row]] = {name: {} for name in KEYS}
    for queries, ids in ((_OF_BOARDS, boards), (_OF_APPS, apps), (_OF_TAGS, tags)):
        if not ids:
            continue
        listed = ", ".join(str(int(each)) for each in ids)
        for table, query in queries.items():
            result = db.session.connection().exec_driver_sql(query.format(ids=listed))
            names = tuple(result.keys())
            # Not `mappings()`: a large board has a thousand rows, which are read twice.
            rows = (dict(zip(names, values, strict=True)) for values in result)
            found[table] |= {_key(table, row): row for row in rows}
    return found


def differences(before: State, after: State) -> list[list[Any]]:
    """Return the rows that are not the same: table, before and after."""
    rows: list[list[Any]] = []
    for table in KEYS:
        old, new = before[table], after[table]
        for key in dict.fromkeys((*old, *new)):
            # Users stay; a board may be their home no more.
            otherwise = {"id": key[0], "home_board_id": None} if table == "users" else None
            was, now = old.get(key, otherwise), new.get(key, otherwise)
            if was != now and _compared(was) != _compared(now):
                rows.append([table, was, now])
    return rows


def _key(table: str, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEYS[table])


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """One row: `before` is None where the step added it, `after` where it deleted it."""

    table: str
    before: Row | None
    after: Row | None

    @classmethod
    def read(cls, stored: Sequence[Any]) -> ChangedRow:
        """Return a row as `differences` has it."""
        table, before, after = stored
        return cls(table, before, after)

    @property
    def row(self) -> Row:
        """The row after the step, before it where the step deleted it."""
        return self.after if self.after is not None else self.before or {}

    @property
    def is_update(self) -> bool:
        """Whether the row was there before the step and after it."""
        return self.before is not None and self.after is not None

    @property
    def changed(self) -> Set[str]:
        """The columns that an update changed; none where the row was added or deleted."""
        if self.before is None or self.after is None:
            return set()
        was, now = _compared(self.before) or {}, _compared(self.after) or {}
        return {name for name in was if was[name] != now.get(name)}

    @property
    def is_move(self) -> bool:
        """Whether a board has another position among the boards, and nothing else."""
        if self.table != "boards" or self.before is None or self.after is None:
            return False
        return {**self.before, **_of_order(self.after)} == self.after

    @property
    def key(self) -> tuple[Any, ...]:
        """The values of its key."""
        return _key(self.table, self.row)

    @property
    def where(self) -> str:
        """The condition on its key."""
        return " AND ".join(f"{name} = ?" for name in KEYS[self.table])

    def is_as_left(self) -> bool:
        """Whether the row is as the step left it."""
        names = ", ".join(self.row)
        found = (
            db.session.connection()
            .exec_driver_sql(f"SELECT {names} FROM {self.table} WHERE {self.where}", self.key)
            .mappings()
            .one_or_none()
        )
        return _compared(dict(found) if found else None) == _compared(self.after)


def _of_order(row: Row) -> Row:
    return {name: row[name] for name in ("position", *_GROWING) if name in row}


def _compared(row: Row | None) -> Row | None:
    if row is None:
        return None
    return {name: value for name, value in row.items() if name not in _GROWING}


def are_as_left(rows: Sequence[ChangedRow]) -> bool:
    """Whether each of these rows is as the step left it: `is_as_left` with a query each table."""
    run = db.session.connection().exec_driver_sql
    of_tables: dict[tuple[str, tuple[str, ...]], list[ChangedRow]] = {}
    for each in rows:
        of_tables.setdefault((each.table, tuple(each.row)), []).append(each)
    for (table, names), same in of_tables.items():
        keys = ", ".join(f"({', '.join(str(int(part)) for part in each.key)})" for each in same)
        key = f"({', '.join(KEYS[table])})" if len(KEYS[table]) > 1 else KEYS[table][0]
        listed = f"(VALUES {keys})"
        found = run(f"SELECT {', '.join(names)} FROM {table} WHERE {key} IN {listed}")
        now = {
            _key(table, row): row for row in (dict(zip(names, one, strict=True)) for one in found)
        }
        if any(_compared(now.get(each.key)) != _compared(each.after) for each in same):
            return False
    return True


PARTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "boards": (("sections", "board_id"),),
    "sections": (("placements", "section_id"),),
    "apps": (("placements", "app_id"), ("app_tags", "app_id")),
    "tags": (("app_tags", "tag_id"),),
}
"""What goes with a row that is deleted, by the table of that row: table and column."""


def would_take_more(rows: Sequence[ChangedRow]) -> bool:
    """Whether rows that the step did not add would be deleted with those that it added."""
    run = db.session.connection().exec_driver_sql
    own = {(each.table, each.key) for each in rows}
    for each in rows:
        if each.before is not None:
            continue
        for table, column in PARTS.get(each.table, ()):
            keys = ", ".join(KEYS[table])
            parts = run(f"SELECT {keys} FROM {table} WHERE {column} = ?", (each.row["id"],))
            if any((table, tuple(part)) not in own for part in parts):
                return True
    return False


def touched_ids(rows: Iterable[ChangedRow]) -> tuple[set[int], set[int]]:
    """Return the boards and the apps that a step changed, also by way of sections and places."""
    boards: set[int] = set()
    apps: set[int] = set()
    sections: set[int] = set()
    for each in rows:
        for row in filter(None, (each.before, each.after)):
            if each.table == "boards":
                boards.add(row["id"])
            elif each.table in {"sections", "board_users", "board_groups"}:
                boards.add(row["board_id"])
            elif each.table == "placements":
                sections.add(row["section_id"])
            elif each.table == "apps":
                apps.add(row["id"])
            elif each.table == "app_tags":
                apps.add(row["app_id"])
    if sections:
        query = sa.text("SELECT board_id FROM sections WHERE id IN :ids").bindparams(
            sa.bindparam("ids", expanding=True)
        )
        boards |= set(db.session.scalars(query, {"ids": list(sections)}))
    return boards, apps
