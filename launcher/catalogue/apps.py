"""One app: added, edited by one or two at a time, duplicated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from launcher import audit
from launcher.audit import Actor
from launcher.catalogue import undo
from launcher.catalogue.actions import Action
from launcher.catalogue.entries import NAME_MAX, AppEntries
from launcher.catalogue.errors import FieldsRefusedError, Refusal, Unfit
from launcher.catalogue.history import place_words, target_of
from launcher.catalogue.merge import EditedByTwoError, merge
from launcher.catalogue.new_section import NewSection, made
from launcher.catalogue.places import append, facts_of, position_of, renumber, touch
from launcher.catalogue.tags import set_tags
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.icons.choice import ChoiceRefusedError, apply_choice, read_choice
from launcher.models import App, HealthCheck, Opening, Placement, Section
from launcher.models.types import utc_now


def create_app(
    entries: AppEntries,
    section: Section | NewSection | None,
    *,
    actor: Actor,
    owner_id: int | None = None,
) -> tuple[App, Change]:
    """Add an app to the catalogue and, unless `section` is None, at the end of a section.

    Args:
        owner_id: who alone knows of an app on no board, besides admins; None for every editor.

    Raises:
        FieldsRefusedError: nothing was added.
    """
    checked = entries.checked()
    board_ids = [section.board.id] if section else []
    before = undo.state(board_ids)
    into = made(section, actor=actor) if section else None
    app, place = add_app(checked, into, actor=actor, owner_id=owner_id)
    facts = facts_of(place) if place else {"app": app.name}
    change = undo.keep(
        before,
        undo.state(board_ids, [app.id]),
        actor=actor,
        action=Action.APP_CREATE,
        facts=facts | {"id": app.id},
    )
    db.session.commit()
    return app, change


def add_app(
    checked: AppEntries, section: Section | None, *, actor: Actor, owner_id: int | None = None
) -> tuple[App, Placement | None]:
    """Add an app of entries that are checked, inside the caller's transaction, without a step.

    Raises:
        FieldsRefusedError: an upload or an icon of the colour set is gone; the transaction is
            rolled back.
    """
    app = App(owner_id=owner_id, name=checked.name, url=checked.url)
    _apply(app, checked, actor)
    app.check = HealthCheck()
    db.session.add(app)
    db.session.flush()
    audit.record(
        Action.APP_CREATE, actor=actor, target=target_of(app), changes=created_changes(checked)
    )
    place = append(app, section) if section else None
    if place:
        _record_place(place, actor)
    return app, place


def save_app(
    app: App,
    entries: AppEntries,
    *,
    actor: Actor,
    seen: AppEntries | None = None,
    seen_revision: int | None = None,
) -> Change:
    """Change an app. A sample app becomes an ordinary one.

    Args:
        seen, seen_revision: what the form showed; None for no check.

    Raises:
        FieldsRefusedError: some entries are not allowed; nothing was changed.
        EditedByTwoError: another has saved it since; nothing was changed, and the error has the
            entries of both.
    """
    checked, now = entries.checked(), AppEntries.of(app)
    if seen_revision is not None and seen_revision != app.revision:
        raise EditedByTwoError(merge(app, checked, seen or now))
    names = now.changes(checked)
    if not names and not app.is_sample:
        return Change(Action.APP_UPDATE, {"app": app.name, "id": app.id})
    before = undo.state((), [app.id])
    _apply(app, checked, actor)
    app.is_sample = False
    after = undo.state((), [app.id])
    facts = {"app": app.name, "id": app.id}
    change = undo.keep(before, after, actor=actor, action=Action.APP_UPDATE, facts=facts)
    stored = AppEntries.of(app)  # an icon of the colour set is a picture of its own now
    changes = {name: [getattr(now, name), getattr(stored, name)] for name in names}
    audit.record(Action.APP_UPDATE, actor=actor, target=target_of(app), changes=changes)
    db.session.commit()
    return change


def duplicate_app(
    app: App, place: Placement | None, *, name: str, actor: Actor
) -> tuple[App, Change]:
    """Add a copy of an app called `name`, after `place` when that is given."""
    entries = replace(AppEntries.of(app), name=name[:NAME_MAX]).checked()
    board_ids = [place.section.board_id] if place else []
    before = undo.state(board_ids)
    copy, new_place = add_app(
        entries, place.section if place else None, actor=actor, owner_id=app.owner_id
    )
    if app.check and copy.check:
        for column in HealthCheck.__table__.columns:
            if column.name != "app_id":
                setattr(copy.check, column.name, getattr(app.check, column.name))
    if place and new_place:
        order = sorted(place.section.placements, key=lambda each: (each.position, each.id))
        order.remove(new_place)
        order.insert(order.index(place) + 1, new_place)
        renumber(order)
        touch([place.section.board])
    facts = facts_of(new_place) if new_place else {"app": copy.name}
    after = undo.state(board_ids, [copy.id])
    facts |= {"id": copy.id, "original": app.name}
    change = undo.keep(before, after, actor=actor, action=Action.APP_DUPLICATE, facts=facts)
    db.session.commit()
    return copy, change


def _apply(app: App, checked: AppEntries, actor: Actor) -> None:
    app.name, app.url, app.url_local = checked.name, checked.url, checked.url_local
    app.description, app.keywords = checked.description, checked.keywords
    app.opens = Opening(checked.opens)
    _set_icon(app, checked, actor)
    set_tags(app, checked.tags, actor=actor)
    # Tags are rows of their own: without this, a change of tags alone keeps the revision.
    app.updated_at = utc_now()


def _set_icon(app: App, checked: AppEntries, actor: Actor) -> None:
    try:
        apply_choice(app, read_choice(checked.icon, checked.letters), actor=actor)
    except ChoiceRefusedError:
        db.session.rollback()
        raise FieldsRefusedError({"icon": Refusal(Unfit.CHOICE)}) from None


def created_changes(checked: AppEntries) -> Mapping[str, Sequence[object]]:
    """Return the fields of a new app as the audit log has them."""
    empty = AppEntries()
    return {name: [None, getattr(checked, name)] for name in empty.changes(checked)}


def _record_place(place: Placement, actor: Actor) -> None:
    board = place.section.board
    touch([board])
    words = place_words(place.app.name, place.section.name, position_of(place))
    audit.record(
        Action.PLACE_ADD, actor=actor, target=target_of(board), changes={"app": [None, words]}
    )
