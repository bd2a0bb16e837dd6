"""What is done to backups from the panel: make, verify, rehearse, protect, delete."""

from __future__ import annotations

from flask import Blueprint, abort
from flask.typing import ResponseReturnValue

from launcher.web.roles import admin_required

blueprint = Blueprint("backup_actions", __name__, url_prefix="/admin/backups")


@blueprint.post("")
@admin_required
def create() -> ResponseReturnValue:
    """Not open yet."""
    abort(404)


@blueprint.get("/progress")
@admin_required
def progress() -> ResponseReturnValue:
    """Not open yet."""
    abort(404)


@blueprint.post("/<backup_id>/verify")
@admin_required
def verify(backup_id: str) -> ResponseReturnValue:
    """Not open yet."""
    abort(404)


@blueprint.post("/<backup_id>/rehearse")
@admin_required
def rehearse(backup_id: str) -> ResponseReturnValue:
    """Not open yet."""
    abort(404)


@blueprint.post("/<backup_id>/protect")
@admin_required
def protect(backup_id: str) -> ResponseReturnValue:
    """Not open yet."""
    abort(404)


@blueprint.post("/<backup_id>/unprotect")
@admin_required
def unprotect(backup_id: str) -> ResponseReturnValue:
    """Not open yet."""
    abort(404)


@blueprint.get("/<backup_id>/delete")
@admin_required
def ask_delete(backup_id: str) -> ResponseReturnValue:
    """Not open yet."""
    abort(404)


@blueprint.post("/<backup_id>/delete")
@admin_required
def delete(backup_id: str) -> ResponseReturnValue:
    """Not open yet."""
    abort(404)


@blueprint.post("/selected")
@admin_required
def treat_selected() -> ResponseReturnValue:
    """Not open yet."""
    abort(404)


@blueprint.get("/delete")
@admin_required
def ask_delete_selected() -> ResponseReturnValue:
    """Not open yet."""
    abort(404)


@blueprint.post("/delete")
@admin_required
def delete_selected() -> ResponseReturnValue:
    """Not open yet."""
    abort(404)
