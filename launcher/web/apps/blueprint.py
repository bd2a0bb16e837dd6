"""The blueprint of the forms of apps."""

from flask import Blueprint

blueprint = Blueprint("apps", __name__)

APP = "/apps/<id:app_id>"
"""The address of one app; SQLite takes no larger number as an id."""
