"""Sends the drawings that Launcher ships, and the icons of the colour set."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from launcher.db.session import ungated
from launcher.extensions import db
from launcher.icons.drawn import Kind, drawn_set
from launcher.models import SetIcon
from launcher.web.editing.rights import editing_required
from launcher.web.pictures import sandboxed

_FOREVER = "public, max-age=31536000, immutable"

blueprint = Blueprint("icons", __name__)


@blueprint.get("/icons/symbol/<name>.svg")
@ungated
def symbol(name: str) -> Response:
    """Send one of Lucide's symbols."""
    return _drawing(Kind.SYMBOL, name)


@blueprint.get("/icons/brand/<name>.svg")
@ungated
def brand(name: str) -> Response:
    """Send the drawing of one brand."""
    return _drawing(Kind.BRAND, name)


def _drawing(kind: Kind, name: str) -> Response:
    set_ = drawn_set(kind)
    svg = set_.svg(name)
    if svg is None:
        abort(404)
    response = Response(svg, mimetype="image/svg+xml")
    # An address of an earlier version may get what this one has, and must not keep it.
    is_current = request.args.get("v") == set_.version
    response.headers["Cache-Control"] = _FOREVER if is_current else "no-cache"
    return response


@blueprint.get("/icons/set/<id:icon_id>")
@editing_required
def set_icon(icon_id: int) -> Response:
    """Send one icon of the colour set, to choose from."""
    icon = db.session.get(SetIcon, icon_id)
    if icon is None:
        abort(404)
    return sandboxed(icon.content, icon.mime)
