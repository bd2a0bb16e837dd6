"""The apps that a user knows of, as a list: narrowed, sorted, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from launcher.catalogue.access import edits_app, sees_app, sees_board
from launcher.catalogue.matching import folded
from launcher.extensions import db
from launcher.models import App, AppTag, Board, Placement, Section, Tag, User

PAGE = 100
NO_BOARD = "-"
"""In `Search.board`: apps on no board. No board has this address."""


class Sort(StrEnum):
    """What a list is sorted by, each upwards and downwards."""

    NAME = "name"
    NAME_DOWN = "-name"
    BOARDS = "boards"
    BOARDS_DOWN = "-boards"
    CHANGED = "changed"
    CHANGED_DOWN = "-changed"


class Status(StrEnum):
    """Which apps, by what they are."""

    ANY = ""
    ARCHIVED = "archived"
    SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Search:
    """Which apps are searched for; an empty field does not limit them.

    Attributes:
        text: words that name, URL or search words all have; case and accents are ignored.
        tag: the name of a tag.
        board: the address of a board, or `NO_BOARD`.
    """

    text: str = ""
    tag: str = ""
    board: str = ""
    status: Status = Status.ANY
    sort: Sort = Sort.NAME


@dataclass(frozen=True, slots=True)
class Entry:
    """One app of a list, with the names of the boards it is on that its reader may see.

    `may_edit` says whether its reader may change it.
    """

    app: App
    boards: Sequence[str]
    may_edit: bool


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        number, pages: from 1; a list of nothing has one page.
        found: how many apps the search has.
        known: how many there are without it, and how many of them are archived.
    """

    entries: Sequence[Entry]
    number: int
    pages: int
    found: int
    known: int
    archived: int

    @property
    def first(self) -> int:
        """The place of the first app of this page in the list, from 1; 0 for none."""
        return (self.number - 1) * PAGE + 1 if self.entries else 0

    @property
    def last(self) -> int:
        """The place of its last app."""
        return self.first + len(self.entries) - 1 if self.entries else 0


def list_apps(search: Search, viewer: User | None, *, page: int = 1) -> Page:
    """Return a page of the apps that `viewer` may know of; beyond the last page, the last."""
    rows = db.session.execute(_light_rows(search, viewer)).all()
    found = [row for row in rows if _matches(row, search)]
    key, is_down = _ORDERS[search.sort]
    found.sort(key=lambda row: (folded(row.name), row.id))
    found.sort(key=key, reverse=is_down)
    pages = max(1, -(-len(found) // PAGE))
    number = max(1, min(page, pages))
    ids = [row.id for row in found[(number - 1) * PAGE : number * PAGE]]
    return Page(
        entries=_entries(ids, viewer),
        number=number,
        pages=pages,
        found=len(found),
        known=len(rows),
        archived=sum(row.archived_at is not None for row in rows),
    )


def known_apps(ids: Sequence[int], viewer: User | None, *, to_edit: bool = False) -> Sequence[App]:
    """Return those of these apps that `viewer` may know of, or change, by name."""
    query = sa.select(App).where(App.id.in_(ids), sees_app(viewer))
    query = query.where(edits_app(viewer)) if to_edit else query
    return sorted(db.session.scalars(query), key=lambda app: (folded(app.name), app.id))


def boards_seen(apps: Sequence[App], viewer: User | None) -> int:
    """Return on how many boards that `viewer` may see these apps are."""
    query = (
        sa.select(sa.func.count(sa.distinct(Board.id)))
        .join(Section, Section.board_id == Board.id)
        .join(Placement, Placement.section_id == Section.id)
        .where(Placement.app_id.in_([app.id for app in apps]), sees_board(viewer))
    )
    return db.session.scalar(query) or 0


def _light_rows(search: Search, viewer: User | None) -> sa.Select[Any]:
    """Every known app, with what narrows and sorts: SQLite folds the case of ASCII only."""
    places = (
        sa.select(Placement.id)
        .join(Section, Section.id == Placement.section_id)
        .join(Board, Board.id == Section.board_id)
        .where(Placement.app_id == App.id, sees_board(viewer))
    )
    on_board: sa.ColumnElement[bool] = places.where(Board.slug == search.board).exists()
    if search.board == NO_BOARD:
        on_board = ~places.exists()
    tagged = sa.select(AppTag.app_id).join(Tag, Tag.id == AppTag.tag_id)
    has_tag = tagged.where(AppTag.app_id == App.id, Tag.name == search.tag).exists()
    return sa.select(
        App.id,
        App.name,
        App.url,
        App.url_local,
        App.keywords,
        App.archived_at,
        App.is_sample,
        App.updated_at,
        places.with_only_columns(sa.func.min(Board.position)).scalar_subquery().label("board"),
        (on_board if search.board else sa.true()).label("on_board"),
        (has_tag if search.tag else sa.true()).label("has_tag"),
    ).where(sees_app(viewer))


def _matches(row: Any, search: Search) -> bool:
    if not (row.on_board and row.has_tag):
        return False
    if search.status is Status.ARCHIVED and row.archived_at is None:
        return False
    if search.status is Status.SAMPLE and not row.is_sample:
        return False
    words = folded(search.text).split()
    text = folded(f"{row.name} {row.url} {row.url_local} {row.keywords}") if words else ""
    return all(word in text for word in words)


_ORDERS: Mapping[Sort, tuple[Callable[[Any], Any], bool]] = {
    Sort.NAME: (lambda _row: 0, False),
    Sort.NAME_DOWN: (lambda row: folded(row.name), True),
    Sort.BOARDS: (lambda row: (row.board is None, row.board or 0), False),
    Sort.BOARDS_DOWN: (lambda row: (row.board is None, row.board or 0), True),
    Sort.CHANGED: (lambda row: row.updated_at, False),
    Sort.CHANGED_DOWN: (lambda row: row.updated_at, True),
}


def _entries(ids: Sequence[int], viewer: User | None) -> Sequence[Entry]:
    boards = _board_names(ids, viewer)
    query = sa.select(App).where(App.id.in_(ids))
    query = query.options(selectinload(App.tags), joinedload(App.icon_media))
    apps = {app.id: app for app in db.session.scalars(query)}
    edited = set(db.session.scalars(sa.select(App.id).where(App.id.in_(ids), edits_app(viewer))))
    return [Entry(apps[each], boards.get(each, ()), each in edited) for each in ids]


def _board_names(ids: Sequence[int], viewer: User | None) -> Mapping[int, Sequence[str]]:
    query = (
        sa.select(Placement.app_id, Board.name)
        .join(Section, Section.id == Placement.section_id)
        .join(Board, Board.id == Section.board_id)
        .where(Placement.app_id.in_(ids), sees_board(viewer))
        .order_by(Board.position, Board.id)
        .distinct()
    )
    found: dict[int, list[str]] = {}
    for app_id, name in db.session.execute(query):
        found.setdefault(app_id, []).append(name)
    return found
