"""The buttons for one app: archive, duplicate, delete."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import request

from launcher.catalogue import apps, bulk
from launcher.catalogue.access import sees_app
from launcher.catalogue.entries import NAME_MAX
from launcher.extensions import db
from launcher.i18n.locale import gettext as _
from launcher.models import App, Placement, Section
from launcher.web.apps.blueprint import APP, blueprint
from launcher.web.apps.returning import back_path, board_of, done, next_path, places_of
from launcher.web.apps.unsaved import app_to_edit
from launcher.web.change_words import show_change
from launcher.web.editing.rights import editing_required
from launcher.web.htmx import is_htmx, render
from launcher.web.roles import acting_user, signed_in_user

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


@blueprint.post(f"{APP}/archive")
@editing_required
def archive(app_id: int) -> ResponseReturnValue:
    """Hide an app on every board."""
    app = app_to_edit(app_id)
    show_change(bulk.archive_app(app, actor=acting_user()))
    return done(board_of(app))


@blueprint.post(f"{APP}/unarchive")
@editing_required
def unarchive(app_id: int) -> ResponseReturnValue:
    """Show an archived app in its places again."""
    app = app_to_edit(app_id)
    show_change(bulk.unarchive_apps([app], actor=acting_user()))
    return done(board_of(app))


@blueprint.post(f"{APP}/duplicate")
@editing_required
def duplicate(app_id: int) -> ResponseReturnValue:
    """Add a copy of an app, after it on the board in the field `board`, else in Apps alone."""
    app = app_to_edit(app_id)
    _copy, change = apps.duplicate_app(
        app, _place_on(app, request.form.get("board", "")), name=copy_name(app), actor=acting_user()
    )
    show_change(change)
    return done(board_of(app))


@blueprint.get(f"{APP}/delete")
@editing_required
def ask_to_delete(app_id: int) -> ResponseReturnValue:
    """Ask, naming what is deleted with the app."""
    app = app_to_edit(app_id)
    board = board_of(app)
    return render(
        "app_delete.html",
        part="_app_delete.html",
        app=app,
        boards=len({each.id for each, _section in places_of(app)}),
        board=board,
        back=back_path(board),
        next_path=next_path(),
        is_dialog=is_htmx(),
    )


@blueprint.post(f"{APP}/delete")
@editing_required
def delete(app_id: int) -> ResponseReturnValue:
    """Delete an app."""
    app = app_to_edit(app_id)
    board = board_of(app)
    show_change(bulk.delete_apps([app], actor=acting_user()))
    return done(board)


def copy_name(app: App) -> str:
    """Return a name for a copy of an app that no app the viewer knows of has."""
    viewer = signed_in_user()
    taken = set(db.session.scalars(sa.select(App.name).where(sees_app(viewer))))
    for number in count(1):
        mark = _("(copy)") if number == 1 else _("(copy %(number)s)", number=number)
        name = f"{app.name[: NAME_MAX - len(mark) - 1]} {mark}"
        if name not in taken:
            return name
    raise AssertionError  # never reached: the numbers do not end


def _place_on(app: App, slug: str) -> Placement | None:
    section_ids = {section.id for board, section in places_of(app) if board.slug == slug}
    query = sa.select(Placement).join(Section).where(Placement.app_id == app.id)
    query = query.where(Section.id.in_(section_ids)).order_by(Placement.id)
    return db.session.scalars(query).first()
