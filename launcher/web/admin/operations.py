"""One operation while it runs, and what became of it."""

from __future__ import annotations

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from launcher.web.roles import admin_required

blueprint = Blueprint("operations", __name__, url_prefix="/admin/backups")


@blueprint.get("/operations/<operation_id>")
@admin_required
def show(operation_id: str) -> ResponseReturnValue:
    """Not open yet."""
    abort(404)
