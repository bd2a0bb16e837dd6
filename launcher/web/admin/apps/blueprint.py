"""The blueprint of the pages that list what is in the catalogue."""

from flask import Blueprint

blueprint = Blueprint("catalogue", __name__, url_prefix="/admin")
