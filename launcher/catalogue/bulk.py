"""Changes of several apps at once: tags added, moved to a section.

The number of queries that read is the same for one app and for five hundred: the next editor waits
meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from launcher import audit
from launcher.audit import Actor
from launcher.catalogue import undo
from launcher.catalogue.actions import Action
from launcher.catalogue.entries import TAGS_MAX, AppEntries
from launcher.catalogue.errors import FieldsRefusedError, Refusal, Unfit
from launcher.catalogue.history import facts_of_apps, place_words, target_of
from launcher.catalogue.places import renumber, touch
from launcher.catalogue.tags import tags_named
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.models import App, Placement, Section
from launcher.models.types import utc_now

_Order = Mapping[int, list[Placement]]


def tag_apps(apps: Sequence[App], text: str, *, actor: Actor) -> Change:
    """Add tags, named between commas, to several apps; each keeps those that it has.

    Raises:
        FieldsRefusedError: no app was changed.
    """
    names = AppEntries(name="x", url="http://x", tags=text).checked().tags
    if not names:
        raise FieldsRefusedError({"tags": Refusal(Unfit.EMPTY)})
    ids = [app.id for app in apps]
    db.session.scalars(sa.select(App).where(App.id.in_(ids)).options(selectinload(App.tags))).all()
    wanted = {name.casefold() for name in names.split(", ")}
    if any(len(wanted | {tag.name.casefold() for tag in app.tags}) > TAGS_MAX for app in apps):
        raise FieldsRefusedError({"tags": Refusal(Unfit.TOO_MANY, TAGS_MAX)})
    before = undo.state((), ids)
    tags = tags_named(names, actor=actor)
    now = utc_now()
    for app in apps:
        was = ", ".join(tag.name for tag in app.tags)
        if missing := [tag for tag in tags if tag not in app.tags]:
            app.tags.extend(missing)
            app.updated_at = now
            changes = {"tags": [was, ", ".join(tag.name for tag in app.tags)]}
            audit.record(Action.APP_UPDATE, actor=actor, target=target_of(app), changes=changes)
    after = undo.state((), ids)
    facts = facts_of_apps(apps) | {"tags": names}
    change = undo.keep(before, after, actor=actor, action=Action.APPS_TAG, facts=facts)
    db.session.commit()
    return change


def move_apps(apps: Sequence[App], section: Section, *, actor: Actor) -> Change:
    """Put several apps at the end of a section, and remove them from the rest of its board.

    One that is in the section already keeps its place there.
    """
    board, ids = section.board, [app.id for app in apps]
    before = undo.state([board.id], ids)
    names = {each.id: each.name for each in board.sections}
    order = _order(names)
    was = _words(order, names)
    there = {each.app_id for each in order[section.id]}
    moving = set(ids)
    for section_id, places in order.items():
        if section_id != section.id:
            for each in places:
                if each.app_id in moving:
                    db.session.delete(each)
            places[:] = [each for each in places if each.app_id not in moving]
            renumber(places)
    renumber(order[section.id])
    for app in apps:
        if app.id not in there:
            position = len(order[section.id])
            place = Placement(app_id=app.id, section_id=section.id, position=position, app=app)
            db.session.add(place)
            order[section.id].append(place)
    db.session.flush()
    now = _words(order, names)
    changed = [app for app in apps if app.id not in there or len(was[app.id]) > 1]
    for app in changed:
        words = [", ".join(was.get(app.id, ())) or None, ", ".join(now[app.id])]
        audit.record(
            Action.PLACE_MOVE, actor=actor, target=target_of(board), changes={"app": words}
        )
    touch([board] if changed else [])
    after = undo.state([board.id], ids)
    facts = facts_of_apps(apps) | {"section": section.name, "board": board.name, "id": board.id}
    change = undo.keep(before, after, actor=actor, action=Action.APPS_MOVE, facts=facts)
    db.session.commit()
    return change


def _order(section_ids: Mapping[int, str]) -> _Order:
    """Return the places of these sections in order, by section."""
    order: dict[int, list[Placement]] = {each: [] for each in section_ids}
    query = sa.select(Placement).where(Placement.section_id.in_(order))
    for place in db.session.scalars(query.order_by(Placement.position, Placement.id)):
        order[place.section_id].append(place)
    return order


def _words(order: _Order, names: Mapping[int, str]) -> Mapping[int, Sequence[str]]:
    """Return each app's places as the audit log has them."""
    words: dict[int, list[str]] = {}
    for section_id, places in order.items():
        position = 1
        for each in places:
            name = place_words(each.app.name, names[section_id], position)
            words.setdefault(each.app_id, []).append(name)
            position += each.app.archived_at is None
    return words
