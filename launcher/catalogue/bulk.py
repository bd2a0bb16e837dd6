"""Several apps changed at once: tagged, moved to a section, archived, deleted.

The number of queries that read is the same for one app and for five hundred: the next editor waits
meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from launcher import audit
from launcher.audit import Actor
from launcher.catalogue import undo
from launcher.catalogue.access import sees_board
from launcher.catalogue.actions import Action
from launcher.catalogue.entries import TAGS_MAX, AppEntries
from launcher.catalogue.errors import FieldsRefusedError, Refusal, Unfit
from launcher.catalogue.history import facts_of_apps, place_words, target_of
from launcher.catalogue.places import renumber, touch
from launcher.catalogue.tags import tags_named
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.models import App, Board, Placement, Section, User
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


def archive_app(app: App, *, actor: Actor, at: datetime | None = None) -> Change:
    """Hide an app on every board; it keeps its places."""
    return _set_archived([app], at or utc_now(), Action.APP_ARCHIVE, actor=actor)


def archive_apps(apps: Sequence[App], *, actor: Actor) -> Change:
    """Hide several apps on every board, all or none."""
    return _set_archived(apps, utc_now(), Action.APP_ARCHIVE, actor=actor)


def unarchive_apps(apps: Sequence[App], *, actor: Actor) -> Change:
    """Show archived apps again, in the places that they had."""
    return _set_archived(apps, None, Action.APP_UNARCHIVE, actor=actor)


def delete_apps(apps: Sequence[App], *, actor: Actor) -> Change:
    """Delete apps with their places and the history of their checks. There is no undo."""
    facts = facts_of_apps(apps)
    delete_in_session(apps, actor=actor)
    db.session.commit()
    return Change(Action.APP_DELETE, facts)


def delete_in_session(apps: Sequence[App], *, actor: Actor) -> None:
    """Delete apps as `delete_apps` does, inside the caller's transaction."""
    boards = _boards_of(apps)
    placed = selectinload(App.placements).joinedload(Placement.section)
    parts = (placed, selectinload(App.tags), joinedload(App.icon_media))
    wanted = sa.select(App).where(App.id.in_([app.id for app in apps])).options(*parts)
    db.session.scalars(wanted).all()  # all at once what is read of each below
    sections = list(dict.fromkeys(place.section for app in apps for place in app.placements))
    for app in apps:
        changes = _deleted(AppEntries.of(app), app.placements)
        audit.record(Action.APP_DELETE, actor=actor, target=target_of(app), changes=changes)
        db.session.delete(app)
    db.session.flush()
    for section in sections:
        db.session.expire(section, ["placements"])
        renumber(section.placements)
    touch(boards)


def _set_archived(
    apps: Sequence[App], at: datetime | None, action: Action, *, actor: Actor
) -> Change:
    wanted = [app for app in apps if (app.archived_at is None) != (at is None)]
    before = undo.state((), [app.id for app in wanted])
    boards = _boards_of(wanted)
    for app in wanted:
        changes = {"archived": [app.archived_at is not None, at is not None]}
        app.archived_at = at
        audit.record(action, actor=actor, target=target_of(app), changes=changes)
    touch(boards)
    after = undo.state((), [app.id for app in wanted])
    facts = facts_of_apps(wanted or apps) | {"boards": _seen_by(actor, boards)}
    if not wanted:
        return Change(action, facts | {"is_unchanged": True})
    change = undo.keep(before, after, actor=actor, action=action, facts=facts)
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


def _deleted(entries: AppEntries, places: Sequence[Placement]) -> Mapping[str, Sequence[object]]:
    empty = AppEntries()
    changes = {name: [getattr(entries, name), None] for name in empty.changes(entries)}
    words = [f"{each.section.board.name} · {each.section.name}" for each in places]
    return changes | ({"places": [", ".join(words), None]} if words else {})


def _seen_by(actor: Actor, boards: Sequence[Board]) -> int:
    """Return how many of these boards the actor sees: others are not counted for them."""
    viewer = db.session.get(User, actor.id) if actor.id is not None else None
    if viewer is None:
        return len(boards)
    query = sa.select(sa.func.count(Board.id)).where(
        Board.id.in_([each.id for each in boards]), sees_board(viewer)
    )
    return db.session.scalar(query) or 0


def _boards_of(apps: Sequence[App]) -> Sequence[Board]:
    query = (
        sa.select(Board)
        .join(Section, Section.board_id == Board.id)
        .join(Placement, Placement.section_id == Section.id)
        .where(Placement.app_id.in_([app.id for app in apps]))
    )
    return db.session.scalars(query.distinct()).all()
