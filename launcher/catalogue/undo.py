"""Steps that a user can undo: the rows that a change touched, before and after.

A step is undone only where each of these rows is still as the step left it. So an undo never
removes what another has done since; it is refused instead, with the name of the other. Revisions
and times of change are not compared: they only grow, also by an undo.
"""

# ruff: noqa: S608 (the names put into queries are constants of this file)

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from launcher import audit
from launcher.audit import Actor, Target
from launcher.catalogue.access import may_edit, sees_app, sees_board
from launcher.catalogue.actions import Action
from launcher.catalogue.errors import (
    NotAllowedError,
    Since,
    UndoTooLateError,
    UndoUnknownError,
)
from launcher.extensions import db
from launcher.models import App, AuditEvent, Board, UndoStep, User
from launcher.models.types import utc_now

KEEP = 50
"""So many steps of each user are kept."""

KEEP_FOR = timedelta(days=1)

Row = Mapping[str, Any]
State = Mapping[str, Mapping[tuple[Any, ...], Row]]
"""Table → key → row, as SQLite stores it."""

# Parents first. Each with its key, and the columns that do not count.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "boards": ("id",),
    "sections": ("id",),
    "apps": ("id",),
    "tags": ("id",),
    "app_tags": ("app_id", "tag_id"),
    "placements": ("id",),
    "section_folds": ("user_id", "section_id"),
    "users": ("id",),
}
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
}
_OF_APPS = {
    "apps": "SELECT * FROM apps WHERE id IN ({ids})",
    "app_tags": "SELECT * FROM app_tags WHERE app_id IN ({ids})",
    "placements": "SELECT * FROM placements WHERE app_id IN ({ids})",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One change that was made.

    Attributes:
        action: which kind of change.
        facts: the names and numbers for a sentence: `app`, `section`, `board`, `count` …
        step_id: the step to undo it, None where that is not possible.
    """

    action: Action
    facts: Mapping[str, Any] = field(default_factory=dict)
    step_id: int | None = None


_OF_TAGS = {"tags": "SELECT * FROM tags WHERE id IN ({ids})"}


def state(
    boards: Collection[int] = (), apps: Collection[int] = (), tags: Collection[int] = ()
) -> State:
    """Return the rows of these boards, apps and tags; what is in the session is written first."""
    db.session.flush()
    found: dict[str, dict[tuple[Any, ...], Row]] = {name: {} for name in _KEYS}
    for queries, ids in ((_OF_BOARDS, boards), (_OF_APPS, apps), (_OF_TAGS, tags)):
        if not ids:
            continue
        listed = ", ".join(str(int(each)) for each in ids)
        for table, query in queries.items():
            rows = db.session.connection().exec_driver_sql(query.format(ids=listed)).mappings()
            found[table] |= {_key(table, dict(row)): dict(row) for row in rows}
    return found


def keep(
    before: State,
    after: State,
    *,
    actor: Actor,
    action: Action,
    facts: Mapping[str, Any] | None = None,
) -> Change:
    """Keep the step from one state to the next for its actor; the caller commits.

    Returns:
        The change; without a step when the actor is no user, or nothing is different.
    """
    facts = dict(facts or {})
    rows = _differences(before, after)
    if actor.id is None or not rows:
        return Change(action, facts)
    step = UndoStep(
        id=_next_id(), user_id=actor.id, action=action, facts=facts, rows={"rows": rows}
    )
    db.session.add(step)
    db.session.flush()
    _forget_old(actor.id)
    return Change(action, facts, step.id)


def _next_id() -> int:
    """Return an id that no step had: a page that is still open may name one that was undone.

    SQLite would use the largest id again. The moment of a restore is later than all its steps.
    """
    largest = db.session.scalar(sa.select(sa.func.max(UndoStep.id))) or 0
    return max(int(utc_now().timestamp() * 1_000_000), largest + 1)


def last_step(user: User) -> UndoStep | None:
    """Return the newest step that `user` could undo."""
    query = sa.select(UndoStep).where(UndoStep.user_id == user.id).order_by(UndoStep.id.desc())
    return db.session.scalar(query.limit(1))


def undo(step_id: int, *, viewer: User, actor: Actor) -> Change:
    """Undo a step of `viewer`: its rows are as they were before it, or all are left alone.

    Raises:
        UndoUnknownError: it is not theirs, or was undone already.
        NotAllowedError: `viewer` may no longer edit what it changed.
        UndoTooLateError: something that it changed has been changed since.
    """
    step = db.session.get(UndoStep, step_id)
    if step is None or step.user_id != viewer.id:
        raise UndoUnknownError
    rows = [_Changed.read(each) for each in step.rows.get("rows", ())]
    boards, apps = _ids(rows)
    if not _may_undo(viewer, boards, apps, rows):
        raise NotAllowedError
    if not all(each.is_as_left() for each in rows) or _would_take_more(rows):
        raise UndoTooLateError(step.action, step.facts, _since(step, boards, apps))
    try:
        with db.session.begin_nested():
            _write(rows, boards, apps)
            _close_ranks(rows)
    except IntegrityError:
        raise UndoTooLateError(step.action, step.facts, _since(step, boards, apps)) from None
    name = str(step.facts.get("app") or step.facts.get("section") or step.facts.get("board") or "")
    kind = step.action.partition(".")[0]
    audit.record(
        Action(f"{kind}.undo"),
        actor=actor,
        target=Target(kind, str(step.facts.get("id", "")), name),
        changes={"undone": [step.action, None]},
    )
    change = Change(Action.UNDO, {"action": step.action, **step.facts})
    db.session.delete(step)
    db.session.commit()
    db.session.expire_all()
    return change


@dataclass(frozen=True, slots=True)
class _Changed:
    """One row: `before` is None where the step added it, `after` where it deleted it."""

    table: str
    before: Row | None
    after: Row | None

    @classmethod
    def read(cls, stored: Sequence[Any]) -> _Changed:
        table, before, after = stored
        return cls(table, before, after)

    @property
    def row(self) -> Row:
        return self.after if self.after is not None else self.before or {}

    @property
    def key(self) -> tuple[Any, ...]:
        return _key(self.table, self.row)

    @property
    def where(self) -> str:
        return " AND ".join(f"{name} = ?" for name in _KEYS[self.table])

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


def _compared(row: Row | None) -> Row | None:
    if row is None:
        return None
    return {name: value for name, value in row.items() if name not in _GROWING}


def _write(rows: Sequence[_Changed], boards: Collection[int], apps: Collection[int]) -> None:
    run = db.session.connection().exec_driver_sql
    order = list(_KEYS)
    by_parents = sorted(rows, key=lambda each: order.index(each.table))
    for each in reversed(by_parents):
        if each.before is None:
            run(f"DELETE FROM {each.table} WHERE {each.where}", each.key)
    for each in by_parents:
        if each.before is not None and each.after is None:
            names, marks = ", ".join(each.before), ", ".join("?" * len(each.before))
            run(f"INSERT INTO {each.table} ({names}) VALUES ({marks})", tuple(each.before.values()))
        elif each.before is not None and each.after is not None:
            values = {
                name: value
                for name, value in each.before.items()
                if name not in _GROWING and each.after.get(name) != value
            }
            if values:
                assigned = ", ".join(f"{name} = ?" for name in values)
                run(
                    f"UPDATE {each.table} SET {assigned} WHERE {each.where}",
                    (*values.values(), *each.key),
                )
    now = utc_now()
    for model, ids in ((Board, boards), (App, apps)):
        grown = {"revision": model.revision + 1, "updated_at": now}
        db.session.execute(
            sa.update(model)
            .where(model.id.in_(ids))
            .values(grown)
            .execution_options(synchronize_session=False)
        )


# What goes with a row that is deleted, by the table of that row: table and column.
_PARTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "boards": (("sections", "board_id"),),
    "sections": (("placements", "section_id"),),
    "apps": (("placements", "app_id"), ("app_tags", "app_id")),
    "tags": (("app_tags", "tag_id"),),
}


def _would_take_more(rows: Sequence[_Changed]) -> bool:
    """Whether rows that the step did not add would be deleted with those that it added."""
    run = db.session.connection().exec_driver_sql
    own = {(each.table, each.key) for each in rows}
    for each in rows:
        if each.before is not None:
            continue
        for table, column in _PARTS.get(each.table, ()):
            keys = ", ".join(_KEYS[table])
            parts = run(f"SELECT {keys} FROM {table} WHERE {column} = ?", (each.row["id"],))
            if any((table, tuple(part)) not in own for part in parts):
                return True
    return False


def _close_ranks(rows: Sequence[_Changed]) -> None:
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


def _ids(rows: Iterable[_Changed]) -> tuple[set[int], set[int]]:
    """Return the boards and the apps that a step changed, also by way of sections and places."""
    boards: set[int] = set()
    apps: set[int] = set()
    sections: set[int] = set()
    for each in rows:
        for row in filter(None, (each.before, each.after)):
            if each.table == "boards":
                boards.add(row["id"])
            elif each.table == "sections":
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


def _may_undo(
    viewer: User, boards: Collection[int], apps: Collection[int], rows: Sequence[_Changed]
) -> bool:
    """Whether `viewer` may still edit all that the step changed and that is still there."""
    if not may_edit(viewer):
        return False
    seen = set(
        db.session.scalars(sa.select(Board.id).where(Board.id.in_(boards), sees_board(viewer)))
    )
    known = set(db.session.scalars(sa.select(App.id).where(App.id.in_(apps), sees_app(viewer))))
    there = set(db.session.scalars(sa.select(Board.id).where(Board.id.in_(boards))))
    apps_there = set(db.session.scalars(sa.select(App.id).where(App.id.in_(apps))))
    # A board that the step deleted belongs to its owner.
    deleted = [each.before for each in rows if each.table == "boards" and each.after is None]
    is_theirs = all(
        viewer.is_admin or row is None or row.get("owner_id") == viewer.id for row in deleted
    )
    return seen == there and known == apps_there and is_theirs


def _since(step: UndoStep, boards: Collection[int], apps: Collection[int]) -> Since:
    """Return who changed the boards and apps of a step last, if that was another or later."""
    targets = sa.or_(
        sa.and_(AuditEvent.target_kind == "board", AuditEvent.target_id.in_(map(str, boards))),
        sa.and_(AuditEvent.target_kind == "app", AuditEvent.target_id.in_(map(str, apps))),
    )
    newest = db.session.scalar(
        sa.select(AuditEvent)
        .where(targets, AuditEvent.at > step.at)
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(1)
    )
    return Since(newest.actor_name, newest.at) if newest else Since()


def _differences(before: State, after: State) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for table in _KEYS:
        old, new = before[table], after[table]
        for key in dict.fromkeys((*old, *new)):
            # Users stay; a board may be their home no more.
            otherwise = {"id": key[0], "home_board_id": None} if table == "users" else None
            was, now = old.get(key, otherwise), new.get(key, otherwise)
            if _compared(was) != _compared(now):
                rows.append([table, was, now])
    return rows


def _key(table: str, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _KEYS[table])


def _forget_old(user_id: int) -> None:
    own = sa.select(UndoStep.id).where(UndoStep.user_id == user_id)
    newest = own.order_by(UndoStep.id.desc()).limit(KEEP)
    db.session.execute(
        sa.delete(UndoStep)
        .where(
            UndoStep.user_id == user_id,
            sa.or_(UndoStep.id.not_in(newest), UndoStep.at < utc_now() - KEEP_FOR),
        )
        .execution_options(synchronize_session=False)
    )
