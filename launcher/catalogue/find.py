"""Finds apps and boards by words, and what a door offers beside them.

Only what the viewer may know of is read, so nothing hidden is found, counted, or close to a typing
error. A search without words has the apps that its viewer uses most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from heapq import nsmallest
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import sqlalchemy as sa

from launcher.catalogue.access import sees_app, sees_board
from launcher.catalogue.launches import usage
from launcher.catalogue.matching import (
    Rank,
    Wanted,
    begins_a_word,
    folded,
    is_in_addresses,
    rank_of_word,
    readings,
)
from launcher.extensions import db
from launcher.models import App, AppTag, Board, Placement, Section, Tag, User

_BETWEEN, _BETWEEN_TAGS = "\x1f", "\x1e"  # no text that a person enters has these
_KEYWORDS = re.compile(r"[,;\s]+")


class Named(Protocol):
    """What a door offers to be found beside apps and boards."""

    @property
    def names(self) -> Sequence[str]:
        """What it is found by: its name first, then other words."""

    @property
    def foreign_names(self) -> Sequence[str]:
        """The same in languages that the viewer may not read: no typing errors are sought there."""


T = TypeVar("T", bound=Named)


class Field(StrEnum):
    """What an app was found by."""

    NAME = "name"
    TAG = "tag"
    KEYWORD = "keyword"
    DESCRIPTION = "description"
    URL = "url"


class FoundApp(NamedTuple):
    """An app that was found, by the `field` with this `text`; "" where its name says it."""

    id: int
    field: Field
    text: str


class FoundBoard(NamedTuple):
    """A board that was found, by its name or that of a section."""

    id: int
    slug: str
    name: str
    section_id: int | None = None
    section: str = ""


@dataclass(frozen=True, slots=True)
class Ranks:
    """How well the first app and the first board were found, and each of the others."""

    app: Rank = Rank.NAME_BEGINS
    board: Rank = Rank.NAME_BEGINS
    others: Sequence[Rank] = ()


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What was found, the best first, and the words that found it."""

    wanted: Wanted
    apps: Sequence[FoundApp]
    boards: Sequence[FoundBoard]
    others: Sequence[T]
    ranks: Ranks = Ranks()


def find(
    text: str, viewer: User | None, others: Sequence[T] = (), *, most_apps: int = 8
) -> Found[T]:
    """Return the apps, at most so many, boards and `others` that each word of `text` is found in.

    Where nothing is, the words are read as typed on another keyboard, then with typing errors.
    Without words: all apps, most used first, all boards in order, and none of the others.
    """
    search = _Search(viewer, others, most_apps)
    exact: Wanted | None = None
    for wanted in readings(text):
        if not wanted.words:
            return search.everything(wanted)
        exact = exact or wanted
        found = search.found(wanted)
        if found.apps or found.boards or found.others:
            return found
    assert exact is not None  # noqa: S101 (there is a first reading)
    return search.found(exact.tolerant(search.texts()))


class _Apps:
    """All apps that a viewer may know of, as texts, with how often they use each.

    What is compared with the words is one text for each app: of thousands, few are taken apart.
    """

    def __init__(self, viewer: User | None) -> None:
        self.rows = [tuple(row) for row in db.session.execute(_apps(viewer))]
        self.plain = [(folded(about), folded(urls)) for _, _, about, urls in self.rows]
        self.usage = usage(viewer)

    def most_used(self, most: int) -> Sequence[FoundApp]:
        """Return those that are not archived, most used first."""
        ranked = [
            (-self.usage.get(id_, 0), plain[0].partition(_BETWEEN)[0], id_)
            for (id_, is_archived, _, _), plain in zip(self.rows, self.plain, strict=True)
            if not is_archived
        ]
        return [FoundApp(id_, Field.NAME, "") for _, _, id_ in nsmallest(most, ranked)]

    def found(self, wanted: Wanted, most: int) -> tuple[Sequence[FoundApp], Rank]:
        """Return those that have all the words, the best first, and how that was found."""
        hits = []
        for (id_, is_archived, about, urls), (plain, plain_urls) in zip(
            self.rows, self.plain, strict=True
        ):
            if not all(wanted.may_be_in(word, plain, plain_urls) for word in wanted.words):
                continue
            name, tags, keywords, description = plain.split(_BETWEEN, 3)
            rank = _rank_of_app(
                wanted, name, f"{tags}{_BETWEEN}{keywords}", description, plain_urls
            )
            if rank is not None:
                used = self.usage.get(id_, 0)
                hits.append((rank, is_archived, -used, name, id_, about, urls))
        best = nsmallest(most, hits)
        found = [_found_app(wanted, id_, about, urls) for *_, id_, about, urls in best]
        return found, best[0][0] if best else Rank.NAME_BEGINS

    def texts(self) -> Iterator[str]:
        """Yield what each is called by, folded: names, tags and search words."""
        for plain, _ in self.plain:
            yield plain.rpartition(_BETWEEN)[0]


class _Search(Generic[T]):
    """What is searched, read once for all readings of a text."""

    def __init__(self, viewer: User | None, others: Sequence[T], most_apps: int) -> None:
        self.apps = _Apps(viewer)
        self.boards = db.session.execute(_boards(viewer)).all()
        self.viewer, self.most_apps = viewer, most_apps
        self.others = [
            (each, [folded(name) for name in (*each.names, *each.foreign_names)]) for each in others
        ]

    def everything(self, wanted: Wanted) -> Found[T]:
        """Return all apps and boards."""
        boards = [FoundBoard(row.id, row.slug, row.name) for row in self.boards]
        return Found(wanted, self.apps.most_used(self.most_apps), boards, ())

    def found(self, wanted: Wanted) -> Found[T]:
        """Return what has all the words."""
        apps, app_rank = self.apps.found(wanted, self.most_apps)
        boards, board_rank = self._boards(wanted)
        others = self._others(wanted)
        ranks = Ranks(app_rank, board_rank, [rank for rank, _ in others])
        return Found(wanted, apps, boards, [each for _, each in others], ranks)

    def texts(self) -> Iterator[str]:
        """Yield all folded texts whose words another may be a typing error of."""
        yield from self.apps.texts()
        yield from (name for _, name in (*self.board_names, *self.sections))
        for each, names in self.others:
            yield from names[: len(each.names)]

    @cached_property
    def board_names(self) -> Sequence[tuple[Any, str]]:
        """All boards, each with its folded name."""
        return [(row, folded(row.name)) for row in self.boards]

    @cached_property
    def sections(self) -> Sequence[tuple[Any, str]]:
        """The sections of all boards, each with the folded names of its board and itself."""
        boards = {row.id: name for row, name in self.board_names}
        return [
            (row, f"{boards[row.board_id]}{_BETWEEN}{folded(row.name)}")
            for row in db.session.execute(_sections(self.viewer))
        ]

    def _boards(self, wanted: Wanted) -> tuple[Sequence[FoundBoard], Rank]:
        best: dict[int, tuple[Rank, int | None, str]] = {}
        for board, name in self.board_names:
            if (rank := wanted.rank_in_name(name)) is not None:
                best[board.id] = (rank, None, "")
        for section, names in self.sections:
            if section.board_id in best:
                continue
            if (rank := wanted.rank_in_name(names)) is not None:
                best[section.board_id] = (max(rank, Rank.TAGGED), section.id, section.name)
        found = [
            FoundBoard(row.id, row.slug, row.name, *best[row.id][1:])
            for row in self.boards
            if row.id in best
        ]
        found.sort(key=lambda each: best[each.id][0])
        return found, best[found[0].id][0] if found else Rank.NAME_BEGINS

    def _others(self, wanted: Wanted) -> Sequence[tuple[Rank, T]]:
        """Return those found, the best first; by its name before by any other word."""
        hits = []
        for each, names in self.others:
            ranks = [
                (rank if at == 0 else max(rank, Rank.ABOUT), rank)
                for at, name in enumerate(names)
                if (rank := wanted.rank_in_name(name)) is not None
            ]
            if ranks:
                hits.append((min(ranks), each))
        return [(rank, each) for (rank, _), each in sorted(hits, key=lambda hit: hit[0])]


def _apps(viewer: User | None) -> sa.Select[*tuple[Any, ...]]:
    """Return the query for id, whether it is archived, what it is about, and its URLs.

    SQLite joins the fields in a tenth of the time that reading each of them takes.
    """
    tags = sa.select(sa.func.group_concat(Tag.name, _BETWEEN_TAGS)).join(AppTag)
    tags = tags.where(AppTag.app_id == App.id)
    about = _joined(
        App.name, sa.func.ifnull(tags.scalar_subquery(), ""), App.keywords, App.description
    )
    query = sa.select(App.id, App.archived_at.is_not(None), about, _joined(App.url, App.url_local))
    query = query.where(sees_app(viewer))
    if viewer is not None and viewer.may_edit:
        return query
    # Others know of apps on boards that they see and of none else. To begin there takes no time
    # for each hidden app, which would say how many there are.
    seen = sa.select(Placement.app_id).join(Section).join(Board).where(sees_board(viewer))
    return query.where(App.id.in_(seen))


def _joined(*columns: Any) -> sa.ColumnElement[str]:
    """Return one text of the columns. What is no text in one of them becomes text."""
    first, *rest = (sa.type_coerce(each, sa.Text) for each in columns)
    joined: Any = first
    for each in rest:
        joined = joined + _BETWEEN + each
    return sa.type_coerce(joined, sa.Text)


def _boards(viewer: User | None) -> sa.Select[*tuple[Any, ...]]:
    query = sa.select(Board.id, Board.slug, Board.name).where(sees_board(viewer))
    return query.order_by(Board.position, Board.id)


def _sections(viewer: User | None) -> sa.Select[*tuple[Any, ...]]:
    query = sa.select(Section.id, Section.board_id, Section.name).join(Board)
    return query.where(sees_board(viewer)).order_by(Section.position, Section.id)


def _rank_of_app(
    wanted: Wanted, name: str, labels: str, description: str, urls: str
) -> Rank | None:
    """Return how all words are found in the folded fields of an app, None where they are not."""
    if name.startswith(wanted.phrase):
        return Rank.NAME_BEGINS
    worst = Rank.NAME_BEGINS
    for word in wanted.words:
        rank = rank_of_word(word, name)
        if rank is None:
            if begins_a_word(word, labels):
                rank = Rank.TAGGED
            elif begins_a_word(word, description) or is_in_addresses(word, urls):
                rank = Rank.ABOUT
            elif wanted.is_near(word, name) or wanted.is_near(word, labels):
                rank = Rank.MISTYPED
            else:
                return None
        worst = max(worst, rank)
    return worst


def _found_app(wanted: Wanted, id_: int, about: str, urls: str) -> FoundApp:
    """Return what says why an app was found: the field of the first word not in its name."""
    name, tags, keywords, description = about.split(_BETWEEN, 3)
    plain = folded(name)
    for word in wanted.words:
        if rank_of_word(word, plain) is not None or wanted.is_near(word, plain):
            continue
        for field, texts in (
            (Field.TAG, tags.split(_BETWEEN_TAGS)),
            (Field.KEYWORD, _KEYWORDS.split(keywords)),
            (Field.DESCRIPTION, [description]),
        ):
            for text in texts:
                if begins_a_word(word, folded(text)) or wanted.is_near(word, folded(text)):
                    return FoundApp(id_, field, text)
        for url in urls.split(_BETWEEN):
            if is_in_addresses(word, folded(url)):
                return FoundApp(id_, Field.URL, url)
    return FoundApp(id_, Field.NAME, "")
