"""Visitors of every role, and a board with apps on it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask

from launcher.app import create_app
from launcher.audit import COMMAND_LINE
from launcher.db.connect import stored_moment
from launcher.db.settings import change_settings
from launcher.extensions import db
from launcher.models import (
    App,
    Board,
    CheckState,
    Health,
    HealthCheck,
    Media,
    Placement,
    Section,
    SetIcon,
    Visibility,
)
from launcher.models.types import utc_now
from tests.conftest import ADA, BEN, CHLOE, Person, Row, add_rows
from tests.support.api import Program, new_token
from tests.support.words import compile_words
from tests.web.app_forms import Find
from tests.web.visitor import Visitor

PIXEL = b"\x89PNG\r\n\x1a\n and the rest of a small picture"
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture(scope="session", autouse=True)
def _words() -> None:
    compile_words()


@pytest.fixture
def guest(app: Flask) -> Visitor:
    return Visitor(app)


@pytest.fixture
def ada(app: Flask, cast: object) -> Visitor:
    return _signed_in(app, ADA)


@pytest.fixture
def tired(ada: Visitor) -> Visitor:
    """Ada, who signed in sixteen minutes ago."""
    with ada.client.session_transaction() as session:
        session["password_at"] = (utc_now() - timedelta(minutes=16)).isoformat()
    return ada


@pytest.fixture
def ben(app: Flask, cast: object) -> Visitor:
    return _signed_in(app, BEN)


@pytest.fixture
def chloe(app: Flask, cast: object) -> Visitor:
    return _signed_in(app, CHLOE)


@pytest.fixture
def program(app: Flask, cast: object) -> Program:
    """A program with a token of Ada's that has every scope."""
    return Program(app, new_token(app))


@pytest.fixture
def set_site(app: Flask) -> Callable[..., None]:
    """Change settings as an admin would."""

    def change(**values: object) -> None:
        with app.app_context():
            change_settings(values, actor=COMMAND_LINE)

    return change


@pytest.fixture
def boards(app: Flask, cast: object, rows_of_boards: tuple[datetime, list[Row]]) -> None:
    """Three boards: Home for members, Garden for everybody, Attic for its owner Ben."""
    made_at, rows = rows_of_boards
    since = utc_now() - made_at
    add_rows(app, ((table, _later(row, by=since)) for table, row in rows))


@pytest.fixture(scope="session")
def rows_of_boards(
    new_data: Path, cast_rows: list[Row], tmp_path_factory: pytest.TempPathFactory
) -> tuple[datetime, list[Row]]:
    """What the boards are in the database, as they were made in the usual way, and when."""
    folder = tmp_path_factory.mktemp("boards") / "data"
    shutil.copytree(new_data, folder)
    app = create_app({"LAUNCHER_DATA_DIR": str(folder)})
    add_rows(app, cast_rows)
    _add_boards(app)
    made_at = utc_now()
    with closing(sqlite3.connect(folder / "launcher.db")) as database:
        database.row_factory = sqlite3.Row
        rows = [(each, database.execute(f"SELECT * FROM {each}").fetchall()) for each in _TABLES]
    return made_at, [(table, dict(row)) for table, found in rows for row in found]


_TABLES = ("boards", "sections", "apps", "placements", "health_checks", "check_states", "last_ids")
_MOMENTS = {"created_at", "updated_at", "archived_at", "paused_until", "since", "last_at"}


def _later(row: dict[str, object], *, by: timedelta) -> dict[str, object]:
    """Return a row with its moments moved: how long ago they were is what tests are about."""
    moved = {
        name: stored_moment(datetime.fromisoformat(str(row[name])).replace(tzinfo=UTC) + by)
        for name in _MOMENTS & row.keys()
        if row[name]
    }
    return row | moved


def _add_boards(app: Flask) -> None:
    with app.app_context():
        home = _board("Home", Visibility.MEMBERS, 0)
        garden = _board("Garden", Visibility.PUBLIC, 1)
        attic = _board("Attic", Visibility.PRIVATE, 2, owner_id=2)
        media, work = _section(home, "Media", 0), _section(home, "Work", 1)
        _section(home, "Nothing yet", 2)
        outside, trunk = _section(garden, "Outside", 0), _section(attic, "Trunk", 0)
        jellyfin = _app("Jellyfin", "https://jellyfin.home.arpa", description="Films and series")
        _place(media, jellyfin, Health.UP, ms=12)
        _place(media, _app("Home Assistant", "http://10.0.0.3:8123"), Health.DOWN)
        _place(
            work, _app("Nextcloud", "https://cloud.home.arpa/", letters="Nc"), Health.SLOW, ms=2400
        )
        _place(work, _app("Forgejo", "https://git.home.arpa", archived_at=utc_now()), Health.UP)
        _place(work, _app("Яблоко", "https://apple.home.arpa", keywords="фрукт"), Health.PAUSED)
        _place(
            outside,
            _app("Sprinkler", "https://water.home.arpa", icon="symbol:timer"),
            Health.UNKNOWN,
        )
        _place(trunk, _app("Diary", "https://diary.home.arpa"), None)
        _place(outside, jellyfin, None)
        db.session.commit()


@pytest.fixture
def pictures(app: Flask, boards: None) -> dict[str, str]:
    """A PNG on Jellyfin, and an SVG with a script in it; their hashes by name."""
    hashes = {"png": "a" * 64, "svg": "b" * 64}
    with app.app_context():
        png = Media(
            sha256=hashes["png"], name="j.png", mime="image/png", size_bytes=len(PIXEL),
            content=PIXEL,
        )  # fmt: skip
        svg = Media(
            sha256=hashes["svg"], name="d.svg", mime="image/svg+xml", size_bytes=len(DRAWING),
            content=DRAWING,
        )  # fmt: skip
        page = Media(sha256="c" * 64, name="p.html", mime="text/html", size_bytes=1, content=b"x")
        logo = SetIcon(name="logo", mime="image/svg+xml", size_bytes=len(DRAWING), content=DRAWING)
        db.session.add_all((png, svg, page, logo))
        db.session.scalars(db.select(App).where(App.name == "Jellyfin")).one().icon_media = png
        db.session.commit()
    return hashes


def _signed_in(app: Flask, person: Person) -> Visitor:
    visitor = Visitor(app)
    visitor.hold_session(person)
    return visitor


def _board(name: str, visibility: Visibility, position: int, owner_id: int | None = None) -> Board:
    board = Board(
        slug=name.lower(), name=name, visibility=visibility, position=position, owner_id=owner_id
    )
    db.session.add(board)
    return board


def _section(board: Board, name: str, position: int) -> Section:
    db.session.flush()
    section = Section(board_id=board.id, name=name, position=position)
    db.session.add(section)
    db.session.flush()
    return section


def _app(name: str, url: str, **more: object) -> App:
    app = App(name=name, url=url, **more)
    db.session.add(app)
    return app


def _place(section: Section, app: App, state: Health | None, *, ms: int | None = None) -> None:
    db.session.flush()
    place = Placement(section_id=section.id, app_id=app.id, position=app.id)
    db.session.add(place)
    if state is not None:
        now = utc_now()
        since = now - timedelta(minutes=45)
        paused_until = now + timedelta(days=3) if state is Health.PAUSED else None
        db.session.add(HealthCheck(app_id=app.id, paused_until=paused_until))
        db.session.add(CheckState(app_id=app.id, state=state, since=since, last_at=now, last_ms=ms))
    db.session.flush()


@pytest.fixture
def find(app: Flask, boards: None) -> Find:
    """Read an app by its name, fresh from the database."""

    def read(name: str) -> dict[str, object]:
        with app.app_context():
            found = db.session.scalars(db.select(App).where(App.name == name)).first()
            if found is None:
                return {}
            return {
                "id": found.id, "url": found.url, "url_local": found.url_local,
                "description": found.description, "tags": [tag.name for tag in found.tags],
                "keywords": found.keywords, "opens": str(found.opens), "icon": found.icon,
                "places": [
                    f"{each.section.board.name} · {each.section.name}" for each in found.placements
                ],
            }  # fmt: skip

    return read
