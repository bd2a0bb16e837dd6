"""The search, as a page that needs no script, and as the part that a script shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, request

from launcher.catalogue.access import visible_boards
from launcher.catalogue.find import find
from launcher.catalogue.matching import MOST_CHARACTERS
from launcher.web.finding.destinations import destinations, may_add_app
from launcher.web.finding.shown import Limits, groups_of, to_add
from launcher.web.frame import current_viewer
from launcher.web.htmx import is_htmx, render
from launcher.web.roles import redirect_to_sign_in

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_OF_PART = Limits(apps=8, boards=4, settings=4, actions=4)
_OF_PAGE = Limits(apps=50, boards=20, settings=20, actions=20)

blueprint = Blueprint("find", __name__)


@blueprint.get("/find")
def show() -> ResponseReturnValue:
    """Show what the words in `q` find; without words, what this viewer uses most."""
    viewer = current_viewer()
    if viewer is None and not visible_boards(viewer):
        return redirect_to_sign_in()
    words = request.args.get("q", "")[:MOST_CHARACTERS].strip()
    limits = _OF_PART if is_htmx() else _OF_PAGE
    found = find(words, viewer, destinations(viewer) if words else (), most_apps=limits.apps)
    groups = groups_of(found, viewer, limits)
    return render(
        "find.html",
        part="_found.html",
        words=words,
        count=sum(len(each.hits) for each in groups),
        groups=groups or ([to_add(words)] if words and may_add_app(viewer) else []),
    )
