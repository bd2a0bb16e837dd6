"""The start page: boards and the apps on them. It reads the database and nothing else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import Blueprint, Response, abort, redirect, render_template, request, url_for

from launcher.catalogue.access import (
    find_board,
    home_board,
    may_edit_board,
    may_see_media,
    visible_boards,
)
from launcher.catalogue.matching import MOST_CHARACTERS
from launcher.catalogue.sections import folds_of
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.models import (
    Board,
    Media,
    User,
)
from launcher.models.types import utc_now
from launcher.settings.kinds import known_zone
from launcher.web.boards.welcome import welcome
from launcher.web.checks.board_health import BoardHealth, health_of
from launcher.web.frame import current_viewer
from launcher.web.home_network import is_at_home
from launcher.web.network_switch import current_switch
from launcher.web.pictures import sandboxed, sheet_of
from launcher.web.roles import redirect_to_sign_in
from launcher.web.sessions import renews_nothing
from launcher.web.tiles import PlacedApp, link_to, placed_apps, tiles_of

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_IMAGE_TYPES = {
    "image/avif", "image/gif", "image/jpeg", "image/png", "image/svg+xml", "image/webp",
    "image/x-icon",
}  # fmt: skip

blueprint = Blueprint("start", __name__)


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """Show the viewer's first board; a search with `?q=` has a page of its own."""
    if "q" in request.args:
        return redirect(url_for("find.show", q=request.args["q"][:MOST_CHARACTERS]))
    boards = visible_boards(current_viewer())
    if not boards and current_viewer() is None:
        return redirect_to_sign_in()
    return show_board(boards, home_board(boards, current_viewer()))


@blueprint.get("/b/<slug>")
def board(slug: str) -> ResponseReturnValue:
    """Show one board. One that the viewer may not see is not found."""
    boards = visible_boards(current_viewer())
    wanted = next((each for each in boards if each.slug == slug), None)
    if wanted is None and current_viewer() is None:
        return redirect_to_sign_in()
    if wanted is None:
        abort(404)
    return show_board(boards, wanted)


@blueprint.get("/media/<sha256>")
def media(sha256: str) -> Response:
    """Send an uploaded picture. Its address is a hash of its content, so it may be cached."""
    if not may_see_media(current_viewer(), sha256):
        abort(404)
    found = db.session.execute(
        sa.select(Media.mime, Media.content).where(Media.sha256 == sha256)
    ).one_or_none()
    if found is None or found.mime not in _IMAGE_TYPES:
        abort(404)
    return sandboxed(found.content, found.mime)


@blueprint.get("/b/<slug>/icons.svg")
def icons(slug: str) -> Response:
    """Send the drawings of the apps on a board in one file; its address has its version in `v`."""
    shown = find_board(slug, current_viewer()) or abort(404)
    sheet = sheet_of(app.drawing for app in placed_apps([shown.id]))
    response = Response(sheet.svg, mimetype="image/svg+xml")
    # Another version means that the board has changed since the page was sent.
    if request.args.get("v") == sheet.version:
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


@blueprint.get("/b/<slug>/health")
@renews_nothing
def board_health(slug: str) -> Response:
    """Send what renews an open start page; 304 where that is the same as before.

    The time that passes on the page anyway is no change.
    """
    viewer = current_viewer()
    shown = find_board(slug, viewer) or abort(404)
    placed = placed_apps([shown.id])
    health = health_of(placed)
    folds = folds_of(viewer, shown) if viewer else None
    page = render_template(
        "board_health.html", health=health, sections=_groups(placed, health, folds, "", viewer)
    )
    response = Response(page, mimetype="text/html")
    response.set_etag(hashlib.sha256(_PASSED.sub(r"\1", page).encode()).hexdigest()[:16], weak=True)
    response.cache_control.private = response.cache_control.no_cache = True
    response.make_conditional(request)
    return response


_PASSED = re.compile(r'(<time datetime="[^"]*")[^>]*>[^<]*')


@dataclass(frozen=True, slots=True)
class Preview:
    """An admin's look at the start page of another, without anything that changes it.

    Attributes:
        viewer: whose start page it is, None for guests.
        back: the address of the page that it was opened from.
        url_of: the address of a board in the preview, by its slug.
        hidden: the board that was asked for and that they do not see, None where they do.
    """

    viewer: User | None
    back: str
    url_of: Callable[[str], str]
    hidden: Board | None = None


def show_board(
    boards: Sequence[Board], shown: Board | None, *, preview: Preview | None = None
) -> str:
    """Return the start page with the board `shown` of `boards`, None for no board."""
    viewer = preview.viewer if preview else current_viewer()
    placed = placed_apps([shown.id]) if shown else []
    health = health_of(placed)
    folds = folds_of(viewer, shown) if viewer and shown else None
    version = sheet_of(app.drawing for app in placed).version
    sheet_url = url_for("start.icons", slug=shown.slug, v=version) if shown else ""
    can_edit = shown is not None and preview is None and may_edit_board(viewer, shown)
    return render_template(
        "start.html",
        boards=_tabs(boards, shown, preview.url_of if preview else _url_of),
        board=shown,
        preview=preview,
        can_fold=viewer is not None and preview is None,
        path=url_for("start.board", slug=shown.slug) if shown else "",
        edit_url=url_for("editing.show", slug=shown.slug) if shown and can_edit else "",
        sections=_groups(placed, health, folds, sheet_url, viewer, is_preview=preview is not None),
        health=health,
        refresh_url=url_for("start.board_health", slug=shown.slug) if shown and not preview else "",
        zone=known_zone(site_settings().time_zone).key,
        samples=sum(app.is_sample for app in placed) if can_edit else 0,
        network=current_switch() if preview is None and _has_two_urls(placed) else None,
        welcome=None if placed else welcome(shown, viewer),
        is_admin=viewer is not None and viewer.is_admin and preview is None,
    )


def _has_two_urls(placed: Iterable[PlacedApp]) -> bool:
    return any(link_to(app.url_local) for app in placed)


def _groups(
    placed: list[PlacedApp],
    health: BoardHealth,
    folds: Mapping[int, bool] | None,
    sheet_url: str,
    viewer: User | None,
    *,
    is_preview: bool = False,
) -> list[dict[str, object]]:
    """Return the sections that have apps; `folds` of a user, for guests all are unfolded."""
    # Not `url_for` for each tile: it would take longer than all the rest.
    show_tiles = partial(
        tiles_of,
        health=health.shown,
        now=utc_now(),
        opens_new_tab=_opens_new_tab(viewer),
        is_at_home=is_at_home(),
        sheet_url=sheet_url,
        apps_path="" if is_preview else f"{request.script_root}/apps",
    )
    groups: list[dict[str, object]] = []
    for (id_, name, is_collapsed), group in groupby(
        placed, key=lambda app: (app.section_id, app.section_name, app.is_collapsed)
    ):
        apps = list(group)
        is_folded = folds is not None and folds.get(id_, is_collapsed)
        shown = [] if is_folded else apps
        groups.append(
            {
                "id": id_,
                "name": name,
                "is_folded": is_folded,
                "count": len(apps),
                "down": health.down_among(apps),
                "tiles": show_tiles(shown),
            }
        )
    return groups


def _tabs(
    boards: Sequence[Board], shown: Board | None, url_of: Callable[[str], str]
) -> list[dict[str, object]]:
    return [
        {"name": each.name, "url": url_of(each.slug), "is_current": each is shown}
        for each in boards
    ]


def _url_of(slug: str) -> str:
    return url_for("start.board", slug=slug)


def _opens_new_tab(viewer: User | None) -> bool:
    return viewer is not None and viewer.open_new_tab
