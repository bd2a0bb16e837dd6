"""The plan of an import as its page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask import url_for

from launcher.catalogue.import_draft import Link
from launcher.catalogue.import_plan import ImportPlan
from launcher.extensions import db
from launcher.icons.choice import ChoiceKind
from launcher.models import SetIcon
from launcher.models.catalogue import hue_of, letters_of
from launcher.web.importing.kept import Kept
from launcher.web.importing.words import draft_words, left_words
from launcher.web.pictures import Picture, drawing_address

_SCHEMES = ("https://", "http://")


@dataclass(frozen=True, slots=True)
class ShownApp:
    """One line of a section."""

    number: int
    name: str
    address: str
    picture: Picture


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A section with what would be created in it."""

    number: int
    name: str
    is_new: bool
    apps: Sequence[ShownApp]


@dataclass(frozen=True, slots=True)
class ShownLeft:
    """A line that is left out, or a part of it, and why."""

    line: int
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of a plan shows."""

    sections: Sequence[ShownSection]
    left: Sequence[ShownLeft]
    notes: Sequence[ShownLeft]
    warnings: Sequence[str]


def shown(plan: ImportPlan, kept: Kept) -> Shown:
    """Return what the page of this plan shows."""
    images = _images(plan)
    draft = kept.draft
    return Shown(
        sections=[
            ShownSection(
                each.number,
                each.name,
                each.section_id is None,
                [_app(link, images) for link in each.links],
            )
            for each in plan.sections
        ],
        left=[
            ShownLeft(each.line, each.name, left_words(each, draft.source)) for each in draft.left
        ],
        notes=[
            ShownLeft(each.line, each.name, left_words(each, draft.source)) for each in draft.notes
        ],
        warnings=draft_words(draft),
    )


def _app(link: Link, images: Mapping[str, str]) -> ShownApp:
    entries = link.entries
    image_url = images.get(entries.icon, "")
    picture = Picture(
        letters_of(entries.name),
        hue_of(entries.name),
        image_url,
        "" if image_url else drawing_address(entries.icon),
    )
    address = entries.url.rstrip("/")
    for scheme in _SCHEMES:
        address = address.removeprefix(scheme)
    return ShownApp(link.number, entries.name, address, picture)


def _images(plan: ImportPlan) -> Mapping[str, str]:
    """Return the addresses of the icons of the colour set."""
    chosen = {link.entries.icon for each in plan.sections for link in each.links}
    ids = {each.partition(":")[2] for each in chosen if each.startswith(f"{ChoiceKind.SET}:")}
    there = db.session.scalars(sa.select(SetIcon.id).where(SetIcon.id.in_(map(int, ids))))
    return {f"{ChoiceKind.SET}:{id_}": url_for("icons.set_icon", icon_id=id_) for id_ in there}
