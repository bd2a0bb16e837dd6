"""The panel: is the data safe, and which backups are there."""

from __future__ import annotations

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from launcher.web.roles import admin_required

blueprint = Blueprint("backups", __name__, url_prefix="/admin/backups")


@blueprint.get("")
@admin_required
def show() -> ResponseReturnValue:
    """Not open yet."""
    abort(404)
