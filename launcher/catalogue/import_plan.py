"""What an import would create on a board, and what is there already: read, not written."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from launcher.catalogue.access import sees_app, sees_board
from launcher.catalogue.entries import TITLE_MAX, UnfitError, read_name, without_unshown
from launcher.catalogue.errors import FieldsRefusedError
from launcher.catalogue.import_draft import CheckedDraft, Link, url_key
from launcher.extensions import db
from launcher.icons.choice import Choice, ChoiceKind
from launcher.icons.matching import IconMatcher
from launcher.models import App, Board, Placement, Section, User

_LETTERS = str(Choice(ChoiceKind.LETTERS))


@dataclass(frozen=True, slots=True)
class PlannedSection:
    """A section that gets apps; `section_id` is None for one that is created.

    `number` names it in forms.
    """

    number: int
    name: str
    section_id: int | None
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class There:
    """A link of the file whose URL an app has already, and the boards that show it."""

    link: Link
    app: str
    boards: tuple[str, ...]
    is_archived: bool


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would create, and what is there already."""

    sections: tuple[PlannedSection, ...]
    there: tuple[There, ...]

    @property
    def count(self) -> int:
        """How many apps would be created."""
        return sum(len(each.links) for each in self.sections)

    @property
    def new_sections(self) -> int:
        """How many sections would be created."""
        return sum(each.section_id is None for each in self.sections)

    @property
    def icon_urls(self) -> tuple[str, ...]:
        """Where the icons are of which none of ours has the name, each once."""
        links = (link for each in self.sections for link in each.links)
        wanted = (link.icon_url for link in links if link.entries.icon == _LETTERS)
        return tuple(dict.fromkeys(filter(None, wanted)))

    def with_icons(self, icons: Mapping[str, str]) -> ImportPlan:
        """Return the plan with these choices of icons, by the URLs they were fetched from."""
        sections = (
            replace(each, links=tuple(_with_icon(link, icons) for link in each.links))
            for each in self.sections
        )
        return replace(self, sections=tuple(sections))

    def without(self, *, links: Collection[int], sections: Collection[int]) -> ImportPlan:
        """Return the plan without these links and sections; no section is left without a link."""
        kept = (
            replace(each, links=tuple(one for one in each.links if one.number not in links))
            for each in self.sections
            if each.number not in sections
        )
        return replace(self, sections=tuple(each for each in kept if each.links))


def _with_icon(link: Link, icons: Mapping[str, str]) -> Link:
    icon = icons.get(link.icon_url) if link.entries.icon == _LETTERS else None
    return replace(link, entries=replace(link.entries, icon=icon)) if icon else link


def plan_import(
    draft: CheckedDraft,
    board: Board | None,
    *,
    viewer: User | None,
    nameless: str,
    one_section: str | None = None,
) -> ImportPlan:
    """Return what an import to a board would do now.

    An app that `viewer` may not know of does not exist, and is not there already.

    Args:
        board: None for one that is created for it.
        viewer: who imports; None for no check.
        nameless: the name of the section for links in no folder.
        one_section: the name of the section for all links, None for one a folder.

    Raises:
        FieldsRefusedError: `one_section` is no name that a section can have.
    """
    if one_section is not None:
        one_section = _checked(one_section)
    there = _Existing.known_to(viewer)
    icons = IconMatcher.of_database()
    sections = {} if board is None else _sections(board)
    planned: dict[str, PlannedSection] = {}
    numbers: dict[str, int] = {}
    links: dict[str, list[Link]] = {}
    found: list[tuple[Link, int]] = []
    for number, folder in enumerate(draft.folders):
        name = one_section or _title(folder.name) or nameless
        key = name.casefold()
        numbers.setdefault(key, number)  # also where its links are there already: forms name it
        for link in folder.links:
            if (app_id := there.find(link)) is not None:
                found.append((link, app_id))
                continue
            if key not in planned:
                row = sections.get(key)
                shown, row_id = (row.name, row.id) if row else (name, None)
                planned[key] = PlannedSection(numbers[key], shown, row_id, ())
            entries = replace(link.entries, icon=icons.choice(link.icon, link.entries.name))
            links.setdefault(key, []).append(replace(link, entries=entries))
    filled = (replace(each, links=tuple(links[key])) for key, each in planned.items())
    return ImportPlan(tuple(filled), there.described(found))


def _checked(name: str) -> str:
    try:
        return read_name(name, TITLE_MAX)
    except UnfitError as error:
        raise FieldsRefusedError({"section": error.refusal}) from None


def _title(folder: str) -> str:
    """Return what a section for a folder is called, "" where nothing of its name would be seen."""
    name = unicodedata.normalize("NFC", without_unshown(" ".join(folder.split())))
    try:
        return read_name(_shortened(name), TITLE_MAX)
    except UnfitError:
        return ""


def _shortened(name: str) -> str:
    return name if len(name) <= TITLE_MAX else f"{name[: TITLE_MAX - 1].rstrip()}…"


def _sections(board: Board) -> Mapping[str, Section]:
    """Return the sections of a board by their names; of equal names the first section counts."""
    query = sa.select(Section).where(Section.board_id == board.id)
    rows = db.session.scalars(query.order_by(Section.position, Section.id)).all()
    return {row.name.casefold(): row for row in reversed(rows)}


@dataclass(frozen=True, slots=True)
class _Existing:
    """The apps that someone may know of, by their URLs."""

    viewer: User | None
    by_url: Mapping[str, int]

    @classmethod
    def known_to(cls, viewer: User | None) -> _Existing:
        query = sa.select(App.id, App.url, App.url_local).order_by(App.id.desc())
        if viewer is not None:
            query = query.where(sees_app(viewer))
        by_url: dict[str, int] = {}
        for row in db.session.execute(query):
            for url in filter(None, (row.url_local, row.url)):
                by_url[url_key(url)] = row.id
        return cls(viewer, by_url)

    def find(self, link: Link) -> int | None:
        return self.by_url.get(url_key(link.entries.url))

    def described(self, found: list[tuple[Link, int]]) -> tuple[There, ...]:
        ids = {app_id for _link, app_id in found}
        apps = {
            row.id: row
            for row in db.session.execute(
                sa.select(App.id, App.name, App.archived_at).where(App.id.in_(ids))
            )
        }
        boards: dict[int, dict[str, None]] = {}
        places = (
            sa.select(Placement.app_id, Board.name)
            .join(Section, Section.id == Placement.section_id)
            .join(Board, Board.id == Section.board_id)
            .where(Placement.app_id.in_(ids))
            .order_by(Board.position, Board.id)
        )
        if self.viewer is not None:
            places = places.where(sees_board(self.viewer))
        for app_id, name in db.session.execute(places):
            boards.setdefault(app_id, {})[name] = None
        return tuple(
            There(
                link,
                apps[app_id].name,
                tuple(boards.get(app_id, ())),
                apps[app_id].archived_at is not None,
            )
            for link, app_id in found
        )
