"""Boards and apps, icons included, come back from a backup as they were."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from launcher.audit import Actor
from launcher.catalogue import undo
from launcher.catalogue.apps import create_app, save_app
from launcher.catalogue.boards import create_board, delete_board, move_board, save_board, set_home
from launcher.catalogue.bulk import delete_apps, tag_apps
from launcher.catalogue.entries import AppEntries, BoardEntries
from launcher.catalogue.errors import UndoTooLateError, UndoUnknownError
from launcher.catalogue.places import add_place, move_place, remove_place
from launcher.catalogue.sections import (
    add_section,
    delete_section,
    fold_section,
    move_section,
    rename_section,
)
from launcher.catalogue.tags import delete_tag, rename_tag
from launcher.current import current_backups
from launcher.extensions import db
from launcher.models import App, Board, Media, SetIcon, Tag, UndoStep, User

TABLES = (
    "boards", "sections", "placements", "apps", "tags", "app_tags", "media", "set_icons",
    "section_folds", "undo_steps", "health_checks",
)  # fmt: skip
BYTES = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


def digest(path: Path) -> dict[str, str]:
    """The content of each table of the catalogue, icons to the byte, and each user's home."""
    found = {}
    with closing(sqlite3.connect(path)) as connection:
        for table in TABLES:
            rows = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            assert rows, f"nothing is in {table}"
            found[table] = hashlib.sha256(repr(rows).encode()).hexdigest()
        homes = connection.execute("SELECT id, home_board_id FROM users ORDER BY id").fetchall()
    return found | {"homes": repr(homes)}


def _media(name: str, content: bytes) -> Media:
    sha256 = hashlib.sha256(content).hexdigest()
    return Media(
        sha256=sha256, name=name, mime="image/png", size_bytes=len(content), content=content
    )


@pytest.fixture
def filled(app: Flask, cast: object) -> None:
    """Something in every table of the catalogue."""
    with app.app_context():
        ada = db.session.get(User, 1)
        assert ada
        by = Actor.of(ada)
        icon = _media("jellyfin.png", BYTES)
        in_set = SetIcon(name="grocy", mime="image/png", size_bytes=len(BYTES), content=BYTES[::-1])
        db.session.add_all((icon, in_set))
        db.session.commit()
        home, _ = create_board(BoardEntries(name="Home", columns="4"), owner=ada, actor=by)
        work, _ = create_board(
            BoardEntries(name="Work", visibility="private", density="compact"), owner=ada, actor=by
        )
        for name in ("Media", "House"):
            add_section(home, name, actor=by)
        add_section(work, "Tools", actor=by)
        create_app(
            AppEntries(
                name="Jellyfin", url="https://jellyfin.test", url_local="http://10.0.0.5",
                description="Films", keywords="films series", tags="films, family", opens="new",
                icon=f"media:{icon.sha256}",
            ),
            home.sections[0], actor=by,
        )  # fmt: skip
        for name, chosen in (("Grocy", "symbol:carrot"), ("Forgejo", "letters:7")):
            entries = AppEntries(name=name, url="https://x.test", icon=chosen, letters="ab")
            create_app(entries, home.sections[1], actor=by)
        fold_section(home.sections[0], ada, is_folded=True)
        set_home(home, is_home=True, actor=by)
        ada.home_board_id = work.id
        db.session.commit()


def _edit_everything(app: Flask) -> None:
    with app.app_context():
        ada = db.session.get(User, 1)
        assert ada
        by = Actor.of(ada)
        home, work = db.session.scalars(sa.select(Board).order_by(Board.id)).all()
        jellyfin, grocy, forgejo = db.session.scalars(sa.select(App).order_by(App.id)).all()
        media, house = home.sections
        (tools,) = work.sections
        other = _media("other.png", BYTES[::-1])
        db.session.add(other)
        db.session.commit()
        icons = {"icon": f"media:{other.sha256}"}
        save_app(jellyfin, AppEntries(name="Films", url="https://f.test", **icons), actor=by)
        tag_apps([grocy, forgejo], "new, family", actor=by)
        move_place(grocy.placements[0], media, 1, actor=by)
        add_place(jellyfin, tools, actor=by)
        remove_place(forgejo.placements[0], actor=by)
        delete_apps([forgejo], actor=by)
        rename_section(media, "Screens", actor=by)
        fold_section(media, ada, is_folded=False)
        fold_section(tools, ada, is_folded=True)
        delete_section(house, actor=by)
        move_section(media, work, 1, actor=by)
        set_home(work, is_home=True, actor=by)
        move_board(work, 1, among=[home, work], actor=by)
        save_board(work, BoardEntries(name="Office", columns="2"), viewer=ada, actor=by)
        create_board(BoardEntries(name="Third"), owner=ada, actor=by)
        delete_board(home, viewer=ada, actor=by)
        (family,) = (each for each in db.session.scalars(sa.select(Tag)) if each.name == "family")
        rename_tag(family, "kin", actor=by)
        delete_tag(db.session.scalars(sa.select(Tag).where(Tag.name == "new")).one(), actor=by)
        ada.home_board_id = None
        db.session.execute(sa.delete(SetIcon))
        db.session.execute(sa.delete(Media).where(Media.sha256 != other.sha256))
        db.session.add(SetIcon(name="new", mime="image/png", size_bytes=1, content=b"x"))
        db.session.commit()


def test_after_a_restore_every_board_app_and_icon_is_as_it_was(
    app: Flask, filled: None, data_dir: Path
) -> None:
    live = data_dir / "launcher.db"
    before = digest(live)
    with app.app_context():
        backup = current_backups().create(by="ada")
    _edit_everything(app)
    changed = digest(live)
    assert [name for name in before if before[name] == changed[name]] == []
    with app.app_context():
        current_backups().restore(backup.id, by="ada")
    assert digest(live) == before
    with app.app_context():
        content = db.session.scalars(sa.select(Media)).one().content
    assert content == BYTES


def test_after_a_restore_an_undo_is_exact_or_refused(
    app: Flask, filled: None, data_dir: Path
) -> None:
    live = data_dir / "launcher.db"
    with app.app_context():
        ada = db.session.get(User, 1)
        assert ada
        by = Actor.of(ada)
        home = db.session.scalars(sa.select(Board).where(Board.slug == "home")).one()
        first = home.sections[0].name
        known = rename_section(home.sections[0], "Before the backup", actor=by).step_id
        backup = current_backups().create(by="ada")
        later = rename_section(home.sections[0], "After the backup", actor=by).step_id
    _edit_everything(app)
    with app.app_context():
        current_backups().restore(backup.id, by="ada")
    restored = digest(live)
    with app.app_context():
        ada = db.session.get(User, 1)
        assert ada
        by = Actor.of(ada)
        with pytest.raises(UndoUnknownError):
            undo.undo(later or 0, viewer=ada, actor=by)
        db.session.rollback()
        assert digest(live) == restored
        # A step that is made now has no id that a page from before the restore may name.
        tag_apps([db.session.get_one(App, 1)], "now", actor=by)
        assert later not in db.session.scalars(sa.select(UndoStep.id)).all()
        undo.undo(known or 0, viewer=ada, actor=by)
        home = db.session.scalars(sa.select(Board).where(Board.slug == "home")).one()
        assert home.sections[0].name == first


def test_a_toast_that_stayed_open_does_not_undo_a_later_change(app: Flask, filled: None) -> None:
    with app.app_context():
        ada = db.session.get(User, 1)
        assert ada
        by = Actor.of(ada)
        home = db.session.scalars(sa.select(Board).where(Board.slug == "home")).one()
        step = rename_section(home.sections[0], "A", actor=by).step_id or 0
        undo.undo(step, viewer=ada, actor=by)
        rename_section(home.sections[0], "B", actor=by)
        with pytest.raises(UndoUnknownError):
            undo.undo(step, viewer=ada, actor=by)
        assert home.sections[0].name == "B"


def test_a_section_in_which_another_has_put_an_app_is_not_undone_away(
    app: Flask, filled: None
) -> None:
    with app.app_context():
        ada, ben = db.session.get(User, 1), db.session.get(User, 2)
        assert ada
        assert ben
        home = db.session.scalars(sa.select(Board).where(Board.slug == "home")).one()
        step = add_section(home, "New", actor=Actor.of(ada)).step_id or 0
        db.session.expire_all()
        add_place(db.session.get_one(App, 1), home.sections[-1], actor=Actor.of(ben))
        with pytest.raises(UndoTooLateError) as caught:
            undo.undo(step, viewer=ada, actor=Actor.of(ada))
        assert caught.value.since.by == "ben"
