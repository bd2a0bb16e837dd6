"""The blueprint of the forms of checks, and whose check a request is about."""

from __future__ import annotations

from flask import Blueprint, url_for

from launcher.models import App
from launcher.web.apps.returning import next_path

blueprint = Blueprint("app_check", __name__)

CHECK = "/apps/<id:app_id>/check"
"""The address of the check of one app."""


def back_to(app: App) -> str:
    """Return the page that a small form leads back to: the one it names, else that of the check."""
    return next_path() or url_for("app_check.edit", app_id=app.id)
