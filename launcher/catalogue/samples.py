"""Sample apps: added to a board, and removed together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from launcher import audit
from launcher.audit import Actor
from launcher.catalogue import undo
from launcher.catalogue.access import edits_app, may_edit_board
from launcher.catalogue.actions import Action
from launcher.catalogue.apps import add_app
from launcher.catalogue.bulk import delete_in_session
from launcher.catalogue.entries import AppEntries
from launcher.catalogue.history import target_of
from launcher.catalogue.new_section import NewSection, made
from launcher.catalogue.places import touch
from launcher.catalogue.undo import Change
from launcher.extensions import db
from launcher.models import App, Board, Placement, Section, User


def add_samples(
    board: Board, sections: Mapping[str, Sequence[AppEntries]], *, actor: Actor
) -> Change:
    """Add sample apps to a board, in new sections; nothing where it has sample apps already.

    Their addresses do not exist, so nothing checks them.
    """
    facts: dict[str, object] = {"board": board.name, "id": board.id}
    placed = sa.select(App.id).join(Placement).join(Section)
    placed = placed.where(Section.board_id == board.id, App.is_sample)
    if db.session.scalar(placed.limit(1)) is not None:
        return Change(Action.SAMPLES_ADD, facts | {"count": 0})
    before = undo.state([board.id])
    apps: list[App] = []
    for name, samples in sections.items():
        section = made(NewSection(board, name), actor=actor)
        for entries in samples:
            app, _place = add_app(entries.checked(), section, actor=actor)
            app.is_sample, app.check = True, None
            apps.append(app)
        db.session.expire(board, ["sections"])
    touch([board])
    after = undo.state([board.id], [app.id for app in apps])
    facts |= {"count": len(apps)}
    change = undo.keep(before, after, actor=actor, action=Action.SAMPLES_ADD, facts=facts)
    db.session.commit()
    return change


def remove_samples(*, viewer: User | None, actor: Actor, urls: Collection[str] = ()) -> Change:
    """Delete the sample apps that `viewer` may change, and the sections that they leave empty.

    Args:
        viewer: who edits them; None for no check.
        urls: those of sample apps: an app with one that is no sample was edited.

    Returns:
        The change, with the number of apps in `count`, and of edited ones in `kept`.
    """
    is_known = edits_app(viewer) if viewer is not None else sa.true()
    found = sa.select(App).where(App.is_sample, is_known).order_by(App.id)
    apps = db.session.scalars(found).all()
    edited = sa.select(sa.func.count(App.id)).where(~App.is_sample, App.url.in_(urls), is_known)
    sections = {place.section for app in apps for place in app.placements}
    boards = {section.board for section in sections}
    board_ids, app_ids = [each.id for each in boards], [each.id for each in apps]
    before = undo.state(board_ids, app_ids)
    delete_in_session(apps, actor=actor)
    for section in sorted(sections, key=lambda each: each.id):
        db.session.expire(section, ["placements"])
        if not section.placements and (viewer is None or may_edit_board(viewer, section.board)):
            changes = {"section": [f"{section.name} (0)", None]}
            board = section.board
            db.session.delete(section)
            audit.record(
                Action.SECTION_DELETE, actor=actor, target=target_of(board), changes=changes
            )
    db.session.flush()
    after = undo.state(board_ids, app_ids)
    facts = {"count": len(apps), "kept": db.session.scalar(edited) or 0}
    change = undo.keep(before, after, actor=actor, action=Action.SAMPLES_REMOVE, facts=facts)
    db.session.commit()
    return change
