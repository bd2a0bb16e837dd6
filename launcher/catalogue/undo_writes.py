"""The rows that a step changed, written back as they were before it."""

# ruff: noqa: S608 (the names put into queries are constants of undo_rows)

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

import sqlalchemy as sa

from launcher.catalogue.undo_rows import KEYS, PARTS, ChangedRow
from launcher.extensions import db
from launcher.models import App, Board, HealthCheck
from launcher.models.types import utc_now


def write_back(rows: Sequence[ChangedRow], boards: Collection[int], apps: Collection[int]) -> None:
    """Make these rows as they were before the step, and give boards and apps their next revision.

    Raises:
        IntegrityError: something that they need is gone, or has taken their place.
    """
    order = list(KEYS)
    by_parents = sorted(rows, key=lambda each: order.index(each.table))
    added = [each for each in reversed(by_parents) if each.before is None]
    _delete(each for each in added if each.table not in PARTS)
    back = (each for each in by_parents if each.before is not None)
    for is_update, group in groupby(back, key=lambda each: each.is_update):
        if is_update:
            _update(group)
        else:
            _insert(group)
    # What was moved into it is back by now, and does not go with it.
    _delete(each for each in added if each.table in PARTS)
    now = utc_now()
    for model, ids in ((Board, boards), (App, apps)):
        grown = {"revision": model.revision + 1, "updated_at": now}
        db.session.execute(
            sa.update(model)
            .where(model.id.in_(ids))
            .values(grown)
            .execution_options(synchronize_session=False)
        )


def _delete(rows: Iterable[ChangedRow]) -> None:
    # Thousands of rows take one call each table.
    for table, group in groupby(rows, key=lambda each: each.table):
        same = list(group)
        where, keys = same[0].where, [each.key for each in same]
        db.session.connection().exec_driver_sql(f"DELETE FROM {table} WHERE {where}", keys)


def _insert(rows: Iterable[ChangedRow]) -> None:
    befores = ((each.table, each.before or {}) for each in rows)
    for (table, columns), group in groupby(befores, key=lambda each: (each[0], tuple(each[1]))):
        added = [row for _table, row in group]
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        values = [tuple(row.values()) for row in added]
        query = f"INSERT INTO {table} ({names}) VALUES ({marks})"
        db.session.connection().exec_driver_sql(query, values)
        # Its check went with it. How it is checked is no field that a step changes.
        checks = [
            {"app_id": row["id"]} for row in added if table == "apps" and not row["is_sample"]
        ]
        if checks:
            db.session.execute(sa.insert(HealthCheck.metadata.tables["health_checks"]), checks)


def _update(rows: Iterable[ChangedRow]) -> None:
    for each in rows:
        values = {name: (each.before or {})[name] for name in sorted(each.changed)}
        if values:
            assigned = ", ".join(f"{name} = ?" for name in values)
            db.session.connection().exec_driver_sql(
                f"UPDATE {each.table} SET {assigned} WHERE {each.where}",
                (*values.values(), *each.key),
            )


def close_ranks(rows: Sequence[ChangedRow]) -> None:
    """Number the places and sections around the rows of a step from 0, without gaps.

    What came or went since may have the positions of the step; its rows come first then.
    """
    run = db.session.connection().exec_driver_sql
    for table, parent in (("placements", "section_id"), ("sections", "board_id")):
        own = {each.row["id"] for each in rows if each.table == table}
        states = (row for each in rows if each.table == table for row in (each.before, each.after))
        for group in {row[parent] for row in states if row is not None}:
            found = run(f"SELECT id, position FROM {table} WHERE {parent} = ?", (group,)).all()
            found = sorted(found, key=lambda row: (row.position, row.id not in own, row.id))
            for position, row in enumerate(found):
                if row.position != position:
                    run(f"UPDATE {table} SET position = ? WHERE id = ?", (position, row.id))
