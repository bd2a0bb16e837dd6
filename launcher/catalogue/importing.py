"""An import: many apps on one board, in one transaction and one step.

Rows are inserted in bulk. No one else can write during that, and 5,000 apps are there within a
second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from launcher import audit
from launcher.audit import Actor, Target
from launcher.catalogue import undo
from launcher.catalogue.actions import Action
from launcher.catalogue.apps import created_changes
from launcher.catalogue.entries import AppEntries
from launcher.catalogue.history import target_of
from launcher.catalogue.import_plan import ImportPlan
from launcher.catalogue.places import heir_of, touch
from launcher.catalogue.tags import tags_called
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.icons.choice import Choice, ChoiceKind, media_of, read_choice
from launcher.models import App, Board, Placement, Section, Tag

_MOST_NAMES = 50
_TABLES = App.metadata.tables
"""Rows are inserted into tables, not by models: that takes half the time."""


def import_apps(plan: ImportPlan, board: Board, *, actor: Actor) -> Change:
    """Create what a plan says, which was made in this transaction, at the end of a board.

    Returns:
        The change, with the number of apps in `count` and of new sections in `sections`; without a
        step where the plan is empty.
    """
    facts = {"board": board.name, "id": board.id, "count": plan.count,
             "sections": plan.new_sections}  # fmt: skip
    if not plan.count:
        return Change(Action.IMPORT, facts)
    before = undo.state([board.id])
    known_tags = set(db.session.scalars(sa.select(Tag.id)))
    section_ids = _add_sections(plan, board, actor)
    apps = [
        _New(link.entries, section_ids[each.number], each.name)
        for each in plan.sections
        for link in each.links
    ]
    app_ids = _add_apps(apps, board, actor)
    tag_ids = _add_tags(apps, app_ids, actor) - known_tags
    _add_places(apps, app_ids)
    touch([board])
    _record(apps, app_ids, plan, board, actor)
    after = undo.state([board.id], app_ids, tag_ids)
    change = undo.keep(before, after, actor=actor, action=Action.IMPORT, facts=facts)
    db.session.commit()
    return change


@dataclass(frozen=True, slots=True)
class _New:
    """An app to add, and where it goes."""

    entries: AppEntries
    section_id: int
    section: str


def _add_sections(plan: ImportPlan, board: Board, actor: Actor) -> Mapping[int, int]:
    """Add the sections that are missing; return the id of each by its number in the plan."""
    start = len(board.sections)
    missing = [each for each in plan.sections if each.section_id is None]
    rows = [
        Section(board_id=board.id, name=each.name, position=start + index)
        for index, each in enumerate(missing)
    ]
    db.session.add_all(rows)
    db.session.flush()
    db.session.expire(board, ["sections"])
    target = target_of(board)
    changes = (({"section": [None, each.name]}) for each in missing)
    audit.record_each(Action.SECTION_ADD, ((target, each) for each in changes), actor=actor)
    added = {each.number: row.id for each, row in zip(missing, rows, strict=True)}
    return added | {
        each.number: each.section_id for each in plan.sections if each.section_id is not None
    }


def _add_apps(apps: Sequence[_New], board: Board, actor: Actor) -> list[int]:
    media = _pictures({each.entries.icon for each in apps}, actor)
    owner_id = heir_of(board)
    rows = []
    for each in apps:
        entries, choice = each.entries, read_choice(each.entries.icon)
        is_drawing = choice.kind in {ChoiceKind.SYMBOL, ChoiceKind.BRAND}
        rows.append(
            {
                "name": entries.name,
                "url": entries.url,
                "url_local": entries.url_local,
                "description": entries.description,
                "keywords": entries.keywords,
                "icon": str(choice) if is_drawing else "",
                "icon_media_id": media.get(entries.icon),
                "owner_id": owner_id,
            }
        )
    table = _TABLES["apps"]
    inserted = sa.insert(table).returning(table.c.id, sort_by_parameter_order=True)
    ids = list(db.session.scalars(inserted, rows))
    db.session.execute(sa.insert(_TABLES["health_checks"]), [{"app_id": each} for each in ids])
    return ids


def _pictures(icons: set[str], actor: Actor) -> Mapping[str, int]:
    """Return the pictures of icons: those of the colour set are copied, others there already."""
    choices: Mapping[str, Choice] = {each: read_choice(each) for each in icons}
    kept = {
        icon: media_of(choice, actor=actor)
        for icon, choice in choices.items()
        if choice.kind in {ChoiceKind.SET, ChoiceKind.MEDIA}
    }
    return {icon: media.id for icon, media in kept.items() if media is not None}


def _add_tags(apps: Sequence[_New], app_ids: Sequence[int], actor: Actor) -> set[int]:
    """Give the apps their tags; return the ids of all of these."""
    texts = [each.entries.tags.split(", ") if each.entries.tags else [] for each in apps]
    names = {name.casefold(): name for text in texts for name in text}
    if not names:
        return set()
    tags = tags_called(list(names.values()), actor=actor)
    db.session.add_all(tags)
    db.session.flush()
    ids = {name: tag.id for name, tag in zip(names, tags, strict=True)}
    rows = [
        {"app_id": app_id, "tag_id": ids[name.casefold()]}
        for app_id, text in zip(app_ids, texts, strict=True)
        for name in text
    ]
    db.session.execute(sa.insert(_TABLES["app_tags"]), rows)
    return set(ids.values())


def _add_places(apps: Sequence[_New], app_ids: Sequence[int]) -> None:
    ends = sa.select(Placement.section_id, sa.func.max(Placement.position))
    ends = ends.where(Placement.section_id.in_({each.section_id for each in apps}))
    last = {row[0]: row[1] for row in db.session.execute(ends.group_by(Placement.section_id))}
    rows = []
    for each, app_id in zip(apps, app_ids, strict=True):
        position = last[each.section_id] = last.get(each.section_id, -1) + 1
        rows.append({"section_id": each.section_id, "app_id": app_id, "position": position})
    db.session.execute(sa.insert(_TABLES["placements"]), rows)


def _record(
    apps: Sequence[_New], app_ids: Sequence[int], plan: ImportPlan, board: Board, actor: Actor
) -> None:
    names = [each.name for each in plan.sections]
    shown = ", ".join(names[:_MOST_NAMES]) + (" …" if len(names) > _MOST_NAMES else "")
    created = (
        (
            Target("app", app_id, each.entries.name),
            {**created_changes(each.entries), "places": [None, f"{board.name} · {each.section}"]},
        )
        for each, app_id in zip(apps, app_ids, strict=True)
    )
    audit.record_each(Action.APP_CREATE, created, actor=actor)
    # The newest line, before thousands of others.
    changes = {"apps": [None, len(apps)], "section": [None, shown]}
    audit.record(Action.IMPORT, actor=actor, target=target_of(board), changes=changes)
