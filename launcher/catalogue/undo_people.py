"""What an undo puts back of users and groups that are deleted by now."""

# ruff: noqa: S608 (the names put into queries are constants of this file and of undo_rows)

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from launcher.catalogue.undo_rows import ChangedRow
from launcher.extensions import db

# What belongs to a person or group, by its table: the table and the column that name them.
_OWNED: Mapping[str, tuple[str, str]] = {
    "users": ("users", "id"),
    "section_folds": ("users", "user_id"),
    "board_users": ("users", "user_id"),
    "board_groups": ("user_groups", "group_id"),
}


def without_gone_people(rows: Iterable[ChangedRow], heir_id: int | None) -> Sequence[ChangedRow]:
    """Return these rows without those of users and groups that are deleted by now.

    Boards and apps of a deleted user have the owner that they have now, or else `heir_id`.
    """
    run = db.session.connection().exec_driver_sql
    kept = []
    for each in rows:
        table, column = _OWNED.get(each.table, ("", ""))
        is_there = (
            not table or run(f"SELECT 1 FROM {table} WHERE id = ?", (each.row[column],)).first()
        )
        if is_there:
            kept.append(_with_owner(each, heir_id) if each.table in {"boards", "apps"} else each)
    return kept


def _with_owner(changed: ChangedRow, heir_id: int | None) -> ChangedRow:
    run = db.session.connection().exec_driver_sql
    owners = {row["owner_id"] for row in (changed.before, changed.after) if row} - {None}
    gone = {id_ for id_ in owners if not run("SELECT 1 FROM users WHERE id = ?", (id_,)).first()}
    if not gone:
        return changed
    query = f"SELECT owner_id FROM {changed.table} WHERE {changed.where}"
    now = run(query, changed.key).first()
    owner_id = now[0] if now else heir_id
    before, after = (
        {**row, "owner_id": owner_id} if row and row["owner_id"] in gone else row
        for row in (changed.before, changed.after)
    )
    return ChangedRow(changed.table, before, after)
