"""A restore as it is confirmed: the plan, the word, the password."""

from __future__ import annotations

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from launcher.web.roles import admin_required

blueprint = Blueprint("restores", __name__, url_prefix="/admin/backups")


@blueprint.get("/<backup_id>/restore")
@admin_required
def show_plan(backup_id: str) -> ResponseReturnValue:
    """Not open yet."""
    abort(404)


@blueprint.post("/<backup_id>/restore")
@admin_required
def restore(backup_id: str) -> ResponseReturnValue:
    """Not open yet."""
    abort(404)
