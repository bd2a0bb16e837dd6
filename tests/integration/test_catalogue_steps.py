"""Any changes of boards, sections, apps and tags by two users, with undo in between."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from launcher.audit import Actor
from launcher.catalogue import apps, boards, bulk, places, sections, tags, undo
from launcher.catalogue.access import sees_app, sees_board, visible_boards, visible_tags
from launcher.catalogue.actions import IN_LOG
from launcher.catalogue.entries import AppEntries, BoardEntries
from launcher.catalogue.errors import CatalogueError
from launcher.catalogue.new_section import NewSection
from launcher.extensions import db
from launcher.models import App, Board, Placement, Section, Tag, UndoStep, User

Row = dict[str, Any]
Rows = Mapping[tuple[Any, ...], Row]

KEYS = {
    "boards": ("id",),
    "sections": ("id",),
    "apps": ("id",),
    "tags": ("id",),
    "app_tags": ("app_id", "tag_id"),
    "placements": ("id",),
    "section_folds": ("user_id", "section_id"),
}
GROWING = {"revision", "updated_at"}
NAMES = ("Media", "House", "Work", "Films")
VISIBILITIES = ("private", "members", "public")


@dataclass(frozen=True)
class Step:
    """One change: its number in `CHANGES`, who makes it, and what it is about."""

    change: int
    is_by_ben: bool
    a: int
    b: int
    c: int


@dataclass
class Hand:
    """One of the users at work; picks only what they see."""

    user: User
    step: Step

    @property
    def actor(self) -> Actor:
        return Actor.of(self.user)

    @property
    def name(self) -> str:
        return NAMES[self.step.c % len(NAMES)]

    @property
    def boards(self) -> Sequence[Board]:
        return visible_boards(self.user)

    @property
    def board(self) -> Board:
        return self.boards[self.step.a % len(self.boards)]

    @property
    def other(self) -> Board:
        return self.boards[self.step.b % len(self.boards)]

    def section(self, number: int) -> Section:
        found = [each for board in self.boards for each in board.sections]
        return found[number % len(found)]

    def app(self, number: int) -> App:
        known = db.session.scalars(sa.select(App).where(sees_app(self.user)).order_by(App.id)).all()
        return known[number % len(known)]

    @property
    def place(self) -> Placement:
        query = (
            sa.select(Placement)
            .join(Section, Section.id == Placement.section_id)
            .join(Board, Board.id == Section.board_id)
            .where(sees_board(self.user))
        )
        found = db.session.scalars(query.order_by(Placement.id)).all()
        return found[self.step.a % len(found)]

    @property
    def tag(self) -> Tag:
        known = visible_tags(self.user)
        return known[self.step.a % len(known)][0]


def _create_app(hand: Hand) -> None:
    entries = AppEntries(name=hand.name, url="https://x.test", tags=NAMES[hand.step.b % 4])
    section = None if hand.step.b == 0 else hand.section(hand.step.a)
    apps.create_app(entries, section, actor=hand.actor)


def _save_app(hand: Hand) -> None:
    app = hand.app(hand.step.a)
    entries = replace(AppEntries.of(app), name=hand.name, icon=f"letters:{hand.step.b}")
    apps.save_app(app, replace(entries, tags=NAMES[hand.step.b % 4]), actor=hand.actor)


def _duplicate(hand: Hand) -> None:
    place = hand.place
    apps.duplicate_app(place.app, place if hand.step.b else None, name="Copy", actor=hand.actor)


def _pair(hand: Hand) -> list[App]:
    return list(dict.fromkeys((hand.app(hand.step.a), hand.app(hand.step.b))))


def _save_board(hand: Hand) -> None:
    board = hand.board
    entries = replace(
        BoardEntries.of(board), name=hand.name, visibility=VISIBILITIES[hand.step.b % 3]
    )
    boards.save_board(board, entries, viewer=hand.user, actor=hand.actor)


def _create_board(hand: Hand) -> None:
    entries = BoardEntries(name=hand.name, visibility=VISIBILITIES[hand.step.b % 3])
    board, _ = boards.create_board(entries, owner=hand.user, actor=hand.actor)
    sections.add_section(board, hand.name, actor=hand.actor)


def _set_home(hand: Hand) -> None:
    if hand.user.is_admin:
        boards.set_home(hand.board, is_home=hand.step.b % 2 == 0, actor=hand.actor)
    else:
        hand.user.home_board_id = hand.board.id
        db.session.commit()


def _undo(hand: Hand) -> None:
    own = sa.select(UndoStep.id).where(UndoStep.user_id == hand.user.id)
    steps = db.session.scalars(own.order_by(UndoStep.id.desc())).all()
    if steps:
        undo.undo(steps[hand.step.a % len(steps)], viewer=hand.user, actor=hand.actor)


def _undo_and_redo(hand: Hand) -> None:
    own = sa.select(UndoStep.id).where(UndoStep.user_id == hand.user.id)
    step = db.session.scalar(own.order_by(UndoStep.id.desc()))
    if step is None:
        return
    redo = undo.undo(step, viewer=hand.user, actor=hand.actor).step_id
    assert redo is not None
    undo.undo(redo, viewer=hand.user, actor=hand.actor)


CHANGES: Sequence[Callable[[Hand], object]] = (
    _undo,
    _undo,
    _undo,
    _undo_and_redo,
    _create_app,
    _save_app,
    _duplicate,
    lambda hand: bulk.archive_apps(_pair(hand), actor=hand.actor),
    lambda hand: bulk.unarchive_apps(_pair(hand), actor=hand.actor),
    lambda hand: bulk.delete_apps([hand.app(hand.step.a)], actor=hand.actor),
    lambda hand: bulk.tag_apps(_pair(hand), hand.name, actor=hand.actor),
    lambda hand: bulk.move_apps(_pair(hand), hand.section(hand.step.c), actor=hand.actor),
    lambda hand: places.add_place(
        hand.app(hand.step.a), hand.section(hand.step.b), actor=hand.actor
    ),
    lambda hand: places.move_place(
        hand.place, hand.section(hand.step.b), hand.step.c, actor=hand.actor
    ),
    lambda hand: places.move_place(
        hand.place, NewSection(hand.board, hand.name), hand.step.c, actor=hand.actor
    ),
    lambda hand: places.remove_place(hand.place, actor=hand.actor),
    lambda hand: sections.add_section(hand.board, hand.name, actor=hand.actor),
    lambda hand: sections.rename_section(hand.section(hand.step.a), hand.name, actor=hand.actor),
    lambda hand: sections.move_section(
        hand.section(hand.step.a), hand.other, hand.step.c, actor=hand.actor
    ),
    lambda hand: sections.delete_section(hand.section(hand.step.a), actor=hand.actor),
    _create_board,
    _save_board,
    lambda hand: boards.move_board(hand.board, hand.step.b, among=hand.boards, actor=hand.actor),
    _set_home,
    lambda hand: boards.delete_board(hand.board, viewer=hand.user, actor=hand.actor),
    lambda hand: tags.rename_tag(hand.tag, hand.name, actor=hand.actor),
    lambda hand: tags.delete_tag(hand.tag, actor=hand.actor),
    lambda hand: sections.fold_section(
        hand.section(hand.step.a), hand.user, is_folded=hand.step.b % 2 == 0
    ),
)

NUMBERS = st.integers(0, 7)
STEPS = st.lists(
    st.builds(Step, st.integers(0, len(CHANGES) - 1), st.booleans(), NUMBERS, NUMBERS, NUMBERS),
    min_size=1,
    max_size=14,
)


@dataclass
class World:
    """A site that begins anew for each example, read past SQLAlchemy."""

    app: Flask
    path: Path
    template: Path
    revisions: dict[tuple[Any, ...], int]

    def begin(self) -> None:
        for ending in ("-wal", "-shm"):
            self.path.with_name(f"{self.path.name}{ending}").unlink(missing_ok=True)
        shutil.copy(self.template, self.path)
        self.revisions = {}

    def read(self) -> dict[str, Rows]:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            return {
                table: {
                    tuple(row[name] for name in key): dict(row)
                    for row in connection.execute(f"SELECT * FROM {table}")
                }
                for table, key in KEYS.items()
            }

    def query(self, text: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(text).fetchall()

    def take(self, step: Step) -> None:
        """Take one step as a request does, and check what holds after every one."""
        before, hidden, steps = self.read(), self.hidden(), self.steps()
        logged = self.query("SELECT count(*) FROM audit_events")
        was_refused = False
        with self.app.app_context():
            name = "ben" if step.is_by_ben else "ada"
            user = db.session.scalars(sa.select(User).where(User.username == name)).one()
            hand = Hand(user, step)
            try:
                CHANGES[step.change](hand)
            except CatalogueError:
                was_refused = True
            except ZeroDivisionError:  # there is nothing of this kind to pick
                was_refused = True
        after = self.read()
        if was_refused:
            assert after == before, f"{step} was refused and changed something"
        if CHANGES[step.change] is _undo_and_redo:
            for table in KEYS:
                was, now = before[table], after[table]
                assert was.keys() == now.keys(), table
                for key in was:
                    assert _still(was[key], GROWING) == _still(now[key], GROWING), (table, key)
            return
        if after == before:
            said = self.query("SELECT count(*) FROM audit_events")
            assert said == logged, f"{step} changed nothing, and the log says it did"
        self.check(before, after, hidden, step)
        if CHANGES[step.change] is _undo and not was_refused:
            self.check_undone(before, after, steps)

    def steps(self) -> dict[int, Any]:
        return {number: json.loads(rows) for number, rows in self.query(
            "SELECT id, rows FROM undo_steps")}  # fmt: skip

    def hidden(self) -> set[int]:
        """The ids of the apps that Ben must not know of, by the rules and not by the code."""
        shown = self.query(
            "SELECT p.app_id FROM placements p JOIN sections s ON s.id = p.section_id JOIN boards b"
            " ON b.id = s.board_id WHERE b.visibility IN ('members', 'public') OR b.owner_id = 2"
            " UNION SELECT id FROM apps WHERE (owner_id IS NULL OR owner_id = 2)"
            " AND id NOT IN (SELECT app_id FROM placements)"
        )
        return {row[0] for row in self.query("SELECT id FROM apps")} - {row[0] for row in shown}

    def check(
        self, before: Mapping[str, Rows], after: Mapping[str, Rows], hidden: set[int], step: Step
    ) -> None:
        for table, of in (("placements", "section_id"), ("sections", "board_id")):
            groups: dict[int, list[int]] = {}
            for row in after[table].values():
                groups.setdefault(row[of], []).append(row["position"])
            for group in groups.values():
                assert sorted(group) == list(range(len(group))), f"gaps in {table} after {step}"
        pairs = [(row["section_id"], row["app_id"]) for row in after["placements"].values()]
        assert len(pairs) == len(set(pairs))
        for table in ("boards", "apps"):
            for row in after[table].values():
                # An id may be used again; a new row has a moment of its own.
                key = (table, row["id"], row["created_at"])
                assert row["revision"] >= self.revisions.get(key, 0), f"{key} after {step}"
                self.revisions[key] = row["revision"]
        for action, changes in self.query("SELECT action, changes FROM audit_events"):
            if action not in IN_LOG:
                continue
            values = json.loads(changes)
            assert values, action
            # Two sections may have one name.
            is_apart = action == "board.move_app"
            assert all(
                len(pair) == 2 and (is_apart or pair[0] != pair[1]) for pair in values.values()
            ), (action, values)
        with self.app.app_context():
            ben = db.session.get(User, 2)
            known = set(db.session.scalars(sa.select(App.id).where(sees_app(ben))))
        now_hidden = self.hidden()
        assert not known & now_hidden
        if step.is_by_ben:
            same = {each for each in hidden if after["apps"].get((each,)) is not None
                    and before["apps"][(each,)]["created_at"]
                    == after["apps"][(each,)]["created_at"]}  # fmt: skip
            assert same <= now_hidden, f"{step} by Ben shows Ben what was hidden"
            for each in hidden:
                assert after["apps"].get((each,)) is not None, f"{step} deleted what Ben cannot see"

    def check_undone(
        self, before: Mapping[str, Rows], after: Mapping[str, Rows], steps: Mapping[int, Any]
    ) -> None:
        undone = steps.keys() - self.steps().keys()
        if not undone:
            return  # there was no step to undo
        (gone,) = undone
        # Places move up where others came or went since.
        but = GROWING if gone == max(steps) else GROWING | {"position"}
        touched = {table: set[tuple[Any, ...]]() for table in KEYS}
        for table, was, now in steps[gone]["rows"]:
            if table not in KEYS:
                continue
            key = tuple((was or now)[name] for name in KEYS[table])
            touched[table].add(key)
            assert _still(after[table].get(key), but) == _still(was, but), (table, key)
        for table in KEYS:
            for key in before[table].keys() | after[table].keys():
                if key not in touched[table]:
                    was, now = before[table].get(key), after[table].get(key)
                    assert _still(was, but) == _still(now, but), (table, key)


def _still(row: Row | None, but: Set[str]) -> Row | None:
    return row and {name: value for name, value in row.items() if name not in but}


@pytest.fixture
def world(app: Flask, cast: object, data_dir: Path) -> World:
    """Home with two sections for all, and Ada's private Cellar, with apps and tags."""
    with app.app_context():
        ada = db.session.get(User, 1)
        by = Actor.of(ada)
        for name, visibility in (("Home", "members"), ("Cellar", "private")):
            board, _ = boards.create_board(
                BoardEntries(name=name, visibility=visibility), owner=ada, actor=by
            )
            for section in ("Media", "House"):
                sections.add_section(board, section, actor=by)
            for number in range(3):
                entries = AppEntries(
                    name=f"{name} {number}", url="https://x.test", tags=f"{name}, all"
                )
                apps.create_app(entries, board.sections[number % 2], actor=by)
    path = data_dir / "launcher.db"
    with closing(sqlite3.connect(path)) as live:
        live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    template = data_dir.with_name("template.db")
    shutil.copy(path, template)
    return World(app, path, template, {})


def _any_steps(examples: int) -> Callable[..., Any]:
    quiet = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    return lambda test: quiet(given(steps=STEPS)(test))


@_any_steps(20)
def test_whatever_two_users_do_the_boards_stay_whole(world: World, steps: list[Step]) -> None:
    world.begin()
    for step in steps:
        world.take(step)


@pytest.mark.slow
@_any_steps(600)
def test_whatever_two_users_do_for_long_the_boards_stay_whole(
    world: World, steps: list[Step]
) -> None:
    world.begin()
    for step in steps:
        world.take(step)
