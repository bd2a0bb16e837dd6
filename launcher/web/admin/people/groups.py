"""The pages of the groups: users under one name, to share boards with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for

from launcher.accounts import groups, users
from launcher.accounts.errors import (
    GROUP_NAME_MAX_LENGTH,
    AccountError,
)
from launcher.catalogue.sharing import boards_shared_with
from launcher.extensions import db
from launcher.i18n.formats import isolated
from launcher.i18n.labels import ACCOUNT_WORDS
from launcher.i18n.locale import gettext as _
from launcher.models import Board, BoardGroup, Group
from launcher.web.boards.sharing import ACCESSES
from launcher.web.numbers import read_number
from launcher.web.roles import acting_user, admin_required

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from flask.typing import ResponseReturnValue

blueprint = Blueprint("groups", __name__, url_prefix="/admin")

_GROUP = "/groups/<id:group_id>"


@blueprint.get("/groups")
@admin_required
def index() -> ResponseReturnValue:
    """Show every group with its members and the boards that are shared with it."""
    query = sa.select(BoardGroup.group_id, Board.name).join(Board, Board.id == BoardGroup.board_id)
    boards: dict[int, list[str]] = {}
    for group_id, name in db.session.execute(query.order_by(Board.position, Board.id)):
        boards.setdefault(group_id, []).append(name)
    return render_template("admin/groups.html", groups=groups.all_groups(), boards=boards)


@blueprint.get("/groups/new")
@admin_required
def new() -> ResponseReturnValue:
    """Show the form for a new group."""
    return _form(None, "", ())


@blueprint.post("/groups")
@admin_required
def create() -> ResponseReturnValue:
    """Create a group."""
    name, members = _sent()
    try:
        group = groups.create_group(name, members, actor=acting_user())
    except AccountError as error:
        db.session.rollback()
        return _form(None, name, members, error=str(ACCOUNT_WORDS[error.code])), 422
    flash(_("Group %(group)s added.", group=isolated(group.name)))
    return redirect(url_for("groups.index"), 303)


@blueprint.get(_GROUP)
@admin_required
def show(group_id: int) -> ResponseReturnValue:
    """Show the form of a group."""
    group = _group_or_404(group_id)
    return _form(group, group.name, [each.id for each in group.members])


@blueprint.post(_GROUP)
@admin_required
def save(group_id: int) -> ResponseReturnValue:
    """Save the name of a group, and the memberships that were changed in the form."""
    group = _group_or_404(group_id)
    name, chosen = _sent()
    shown = set(_numbers("shown"))
    # Who joined or left meanwhile stays so, unless the form changed the same.
    now = {each.id for each in group.members}
    members = (now - (shown - set(chosen))) | (set(chosen) - shown)
    try:
        groups.save_group(group, name, members, actor=acting_user())
    except AccountError as error:
        db.session.rollback()
        return _form(group, name, chosen, error=str(ACCOUNT_WORDS[error.code])), 422
    flash(_("Group %(group)s saved.", group=isolated(group.name)))
    return redirect(url_for("groups.index"), 303)


@blueprint.get(f"{_GROUP}/delete")
@admin_required
def ask_to_delete(group_id: int) -> ResponseReturnValue:
    """Ask, naming the boards that its members lose."""
    group = _group_or_404(group_id)
    query = sa.select(Board.name).join(BoardGroup, BoardGroup.board_id == Board.id)
    boards = db.session.scalars(query.where(BoardGroup.group_id == group.id).order_by(Board.name))
    return render_template("admin/group_delete.html", group=group, boards=boards.all())


@blueprint.post(f"{_GROUP}/delete")
@admin_required
def delete(group_id: int) -> ResponseReturnValue:
    """Delete a group; its members stay."""
    group = _group_or_404(group_id)
    name = group.name
    groups.delete_group(group, actor=acting_user())
    flash(_("Group %(group)s deleted.", group=isolated(name)))
    return redirect(url_for("groups.index"), 303)


def _group_or_404(group_id: int) -> Group:
    return groups.find_group(group_id) or abort(404)


def _sent() -> tuple[str, Sequence[int]]:
    return request.form.get("name", ""), _numbers("member")


def _numbers(name: str) -> Sequence[int]:
    found = (read_number(text) for text in request.form.getlist(name))
    return [each for each in found if each is not None]


def _form(group: Group | None, name: str, chosen: Collection[int], *, error: str = "") -> str:
    return render_template(
        "admin/group.html",
        group=group,
        name=name,
        chosen=set(chosen),
        users=users.all_users(),
        boards=boards_shared_with(group) if group else (),
        accesses=ACCESSES,
        error=error,
        name_max_length=GROUP_NAME_MAX_LENGTH,
    )
