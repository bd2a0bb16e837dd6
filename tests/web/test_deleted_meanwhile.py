"""A board that another deletes between a change and the answer to it, which is another turn."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import product
from pathlib import Path

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from launcher.extensions import db
from tests.web.visitor import Visitor

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://localhost/b/home/edit"}

CHANGES: tuple[tuple[str, dict[str, str]], ...] = (
    ("/b/home/sections", {"name": "New"}),
    ("/b/home/sections/1/rename", {"name": "Films"}),
    ("/b/home/sections/1/move", {"position": "2"}),
    ("/b/home/sections/1/move-to", {"board": "2"}),
    ("/b/home/sections/1/delete", {}),
    ("/b/home/sections/1/fold", {"folded": "1"}),
    ("/b/home/apps/1/move", {"position": "2"}),
    ("/b/home/apps/1/move", {"section": "2"}),
    ("/b/home/apps/1/move-to", {"section": "2"}),
    ("/b/home/apps/1/duplicate", {}),
    ("/b/home/apps/1/remove", {}),
    ("/b/home/apps/1/archive", {}),
    ("/b/home/move", {"position": "2"}),
    ("/b/home/settings", {"name": "House", "slug": "house"}),
    ("/b/home/settings", {"name": "House", "home_board": "1", "own_home": "1"}),
    ("/b/home/samples", {}),
    ("/b/attic/delete", {}),
    ("/apps/new", {"name": "A", "url": "http://a", "section": "1"}),
    ("/apps/new", {"name": "A", "url": "http://a", "section": "1", "next_app": "1"}),
    ("/apps/1/edit", {"name": "J", "archive": "1"}),
    ("/apps/1/archive", {}),
    ("/apps/1/duplicate", {"board": "home"}),
    ("/apps/1/delete", {}),
    ("/admin/apps", {"do": "move", "app": "1", "section": "1"}),
    ("/boards/new", {"name": "Another"}),
    ("/undo", {"id": "newest"}),
)


def test_a_change_of_a_board_that_is_deleted_before_the_answer_is_no_internal_error(
    app: Flask, ben: Visitor, data_dir: Path, boards: None
) -> None:
    app.testing = False
    ben.send("/b/home/sections", name="To be undone")
    failed = []
    with closing(sqlite3.connect(":memory:")) as as_it_was:
        with closing(sqlite3.connect(data_dir / "launcher.db")) as live:
            live.backup(as_it_was)
            newest = live.execute("SELECT max(id) FROM undo_steps").fetchone()[0]
        for (path, fields), script in product(CHANGES, ({}, HTMX)):
            ben.open("/b/home/edit")
            with deleting(app, data_dir, "DELETE FROM boards WHERE name <> 'Garden'"):
                named = {key: str(newest) if key == "id" else each for key, each in fields.items()}
                answer = ben.send_with(script, path, **named)
            if answer.status_code not in {200, 204, 303, 404, 409, 422}:
                failed.append((path, fields, script, answer.status_code))
            assert ben.open("/b/home").status_code == 404, "it was deleted meanwhile"
            with closing(sqlite3.connect(data_dir / "launcher.db")) as live:
                as_it_was.backup(live)
    assert not failed


def test_an_app_that_is_deleted_before_the_answer_is_no_internal_error(
    app: Flask, ben: Visitor, data_dir: Path, boards: None
) -> None:
    app.testing = False
    ben.open("/apps/1/edit")
    with deleting(app, data_dir, "DELETE FROM apps WHERE id = 1"):
        answer = ben.send("/apps/1/edit", name="J", archive="1")
    assert answer.status_code == 404
    assert "Page not found" in ben.page


def test_a_board_that_is_deleted_while_a_conflict_is_answered_is_not_found(
    app: Flask, ben: Visitor, data_dir: Path, boards: None
) -> None:
    app.testing = False
    ben.open("/b/home/edit")
    with deleting(app, data_dir, "DELETE FROM boards", on="after_rollback"):
        answer = ben.send("/b/home/sections/1/rename", name="Films", seen="1:0000", revision="999")
    assert answer.status_code == 404


@contextmanager
def deleting(app: Flask, data_dir: Path, sql: str, *, on: str = "after_commit") -> Iterator[None]:
    """Let another process do this after the first commit of the application."""
    done = []

    def delete(session: Session) -> None:
        if not done and not session.in_nested_transaction():
            done.append(1)
            with closing(sqlite3.connect(data_dir / "launcher.db")) as live, live:
                live.execute("PRAGMA foreign_keys = ON")
                live.execute(sql)

    with app.app_context():
        target = db.session
    sa.event.listen(target, on, delete)
    try:
        yield
    finally:
        sa.event.remove(target, on, delete)
        assert done, "nothing was committed"
