"""One backup: its verdict, its contents, its history, and its file to take away."""

from __future__ import annotations

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from launcher.web.roles import admin_required

blueprint = Blueprint("backup", __name__, url_prefix="/admin/backups")


@blueprint.get("/<backup_id>")
@admin_required
def show(backup_id: str) -> ResponseReturnValue:
    """Not open yet."""
    abort(404)


@blueprint.get("/<backup_id>/download")
@admin_required
def download(backup_id: str) -> ResponseReturnValue:
    """Not open yet."""
    abort(404)
