"""Bring a backup in: a file from a browser, or one that lies in the folder."""

from __future__ import annotations

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from launcher.web.roles import admin_required

blueprint = Blueprint("uploads", __name__, url_prefix="/admin/backups")


@blueprint.post("/upload")
@admin_required
def receive() -> ResponseReturnValue:
    """Not open yet."""
    abort(404)
