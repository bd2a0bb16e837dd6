"""Finds apps and boards by words, and what a door offers beside them.

Only what the viewer may know of is read, so nothing hidden is found, counted, or close to a typing
error. A search without words has the apps that its viewer uses most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import sqlalchemy as sa

from launcher.catalogue.access import sees_app, sees_board
from launcher.catalogue.launches import usage
from launcher.catalogue.matching import (
    Rank,
    Wanted,
    begins_a_word,
    folded,
    is_in_address,
    rank_of_word,
    readings,
    tokens_of,
)
from launcher.extensions import db
from launcher.models import App, AppTag, Board, Section, Tag, User

_BETWEEN, _BETWEEN_TAGS = "\x1f", "\x1e"  # no text that a person enters has these
_KEYWORDS = re.compile(r"[,;\s]+")


class Named(Protocol):
    """What a door offers to be found beside apps and boards."""

    @property
    def names(self) -> Sequence[str]:
        """What it is found by: its name, and that in other languages."""


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
class Found(Generic[T]):
    """What was found, the best first, and the words that found it."""

    wanted: Wanted
    apps: Sequence[FoundApp]
    boards: Sequence[FoundBoard]
    others: Sequence[T]


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
    return search.found(exact.tolerant(search.tokens()))


class _Search(Generic[T]):
    """What is searched, read once for all readings of a text."""

    def __init__(self, viewer: User | None, others: Sequence[T], most_apps: int) -> None:
        self.apps = db.session.execute(_apps(viewer)).all()
        self.boards = db.session.execute(_boards(viewer)).all()
        self.sections: Sequence[Any] | None = None
        self.viewer, self.most_apps = viewer, most_apps
        self.others = others
        self.usage = usage(viewer)

    def everything(self, wanted: Wanted) -> Found[T]:
        """Return all apps and boards."""
        ranked = [
            (-self.usage.get(row.id, 0), folded(row.name), row.id)
            for row in self.apps
            if row.archived_at is None
        ]
        apps = [FoundApp(id_, Field.NAME, "") for _, _, id_ in sorted(ranked)[: self.most_apps]]
        boards = [FoundBoard(row.id, row.slug, row.name) for row in self.boards]
        return Found(wanted, apps, boards, ())

    def found(self, wanted: Wanted) -> Found[T]:
        """Return what has all the words."""
        return Found(wanted, self._apps(wanted), self._boards(wanted), self._others(wanted))

    def tokens(self) -> set[str]:
        """Return all words that another may be a typing error of."""
        names = [_BETWEEN.join((row.name, row.tags or "", row.keywords)) for row in self.apps]
        names += [row.name for row in (*self.boards, *self._sections())]
        names += [name for each in self.others for name in each.names]
        return set().union(*(tokens_of(folded(name)) for name in names))

    def _apps(self, wanted: Wanted) -> Sequence[FoundApp]:
        hits = []
        for row in self.apps:
            fields = folded(
                f"{row.name}\x1f{row.tags or ''}\x1f{row.keywords}\x1f{row.description}\x1f"
                f"{row.url}\x1f{row.url_local}"
            )
            if not wanted.near and not all(word in fields for word in wanted.words):
                continue
            rank = _rank_of_app(wanted, *fields.split(_BETWEEN, 5))
            if rank is not None:
                hits.append((rank, -self.usage.get(row.id, 0), folded(row.name), row.id, row))
        hits.sort(key=lambda hit: hit[:4])
        return [_found_app(wanted, row) for *_, row in hits[: self.most_apps]]

    def _sections(self) -> Sequence[Any]:
        if self.sections is None:
            self.sections = db.session.execute(_sections(self.viewer)).all()
        return self.sections

    def _boards(self, wanted: Wanted) -> Sequence[FoundBoard]:
        names = {row.id: folded(row.name) for row in self.boards}
        best: dict[int, tuple[Rank, int | None, str]] = {}
        for id_, name in names.items():
            if (rank := wanted.rank_in_name(name)) is not None:
                best[id_] = (rank, None, "")
        for section in self._sections():
            if section.board_id in best:
                continue
            both = f"{names[section.board_id]}{_BETWEEN}{folded(section.name)}"
            if (rank := wanted.rank_in_name(both)) is not None:
                best[section.board_id] = (max(rank, Rank.TAGGED), section.id, section.name)
        found = [
            FoundBoard(row.id, row.slug, row.name, *best[row.id][1:])
            for row in self.boards
            if row.id in best
        ]
        return sorted(found, key=lambda each: best[each.id][0])

    def _others(self, wanted: Wanted) -> Sequence[T]:
        ranked = [(_best(wanted, each.names), each) for each in self.others]
        hits = [(rank, each) for rank, each in ranked if rank is not None]
        return [each for _, each in sorted(hits, key=lambda hit: hit[0])]


def _apps(viewer: User | None) -> sa.Select[*tuple[Any, ...]]:
    tags = sa.select(sa.func.group_concat(Tag.name, _BETWEEN_TAGS)).join(AppTag)
    tags = tags.where(AppTag.app_id == App.id)
    return sa.select(
        App.id,
        App.name,
        App.url,
        App.url_local,
        App.keywords,
        App.description,
        App.archived_at,
        tags.scalar_subquery().label("tags"),
    ).where(sees_app(viewer))


def _boards(viewer: User | None) -> sa.Select[*tuple[Any, ...]]:
    query = sa.select(Board.id, Board.slug, Board.name).where(sees_board(viewer))
    return query.order_by(Board.position, Board.id)


def _sections(viewer: User | None) -> sa.Select[*tuple[Any, ...]]:
    query = sa.select(Section.id, Section.board_id, Section.name).join(Board)
    return query.where(sees_board(viewer)).order_by(Section.position, Section.id)


def _rank_of_app(
    wanted: Wanted, name: str, tags: str, keywords: str, description: str, *urls: str
) -> Rank | None:
    """Return how all words are found in the folded fields of an app, None where they are not."""
    if name.startswith(wanted.phrase):
        return Rank.NAME_BEGINS
    worst = Rank.NAME_BEGINS
    for word in wanted.words:
        rank = rank_of_word(word, name)
        if rank is None:
            if begins_a_word(word, tags) or begins_a_word(word, keywords):
                rank = Rank.TAGGED
            elif begins_a_word(word, description) or any(is_in_address(word, u) for u in urls):
                rank = Rank.ABOUT
            elif wanted.near and wanted.is_near(
                word, tokens_of(name) | tokens_of(tags) | tokens_of(keywords)
            ):
                rank = Rank.MISTYPED
            else:
                return None
        worst = max(worst, rank)
    return worst


def _found_app(wanted: Wanted, row: Any) -> FoundApp:
    """Return what says why an app was found: the field of the first word not in its name."""
    name = folded(row.name)
    for word in wanted.words:
        if rank_of_word(word, name) is not None or wanted.is_near(word, tokens_of(name)):
            continue
        for field, texts in (
            (Field.TAG, (row.tags or "").split(_BETWEEN_TAGS)),
            (Field.KEYWORD, _KEYWORDS.split(row.keywords)),
            (Field.DESCRIPTION, (row.description,)),
        ):
            for text in texts:
                plain = folded(text)
                if begins_a_word(word, plain) or wanted.is_near(word, tokens_of(plain)):
                    return FoundApp(row.id, field, text)
        for url in (row.url, row.url_local):
            if is_in_address(word, folded(url)):
                return FoundApp(row.id, Field.URL, url)
    return FoundApp(row.id, Field.NAME, "")


def _best(wanted: Wanted, names: Iterable[str]) -> Rank | None:
    ranks = [wanted.rank_in_name(folded(name)) for name in names]
    return min((rank for rank in ranks if rank is not None), default=None)
