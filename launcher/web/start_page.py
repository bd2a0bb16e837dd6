"""The start page: boards and the apps on them. It reads the database and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import Blueprint, Response, abort, render_template, request, url_for

from launcher.catalogue.access import home_board, may_see_media, visible_boards
from launcher.extensions import db
from launcher.i18n.formats import clock_time, day, duration
from launcher.i18n.labels import HEALTH_WORDS
from launcher.i18n.locale import gettext as _
from launcher.models import (
    App,
    Board,
    CheckState,
    Health,
    Media,
    Placement,
    Section,
)
from launcher.models.types import utc_now
from launcher.web.frame import current_viewer
from launcher.web.htmx import is_htmx, split_address
from launcher.web.pictures import Picture, picture_of
from launcher.web.roles import redirect_to_sign_in

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_LINKED_SCHEMES = {"http", "https"}
_IMAGE_TYPES = {
    "image/avif", "image/gif", "image/jpeg", "image/png", "image/svg+xml", "image/webp",
    "image/x-icon",
}  # fmt: skip

blueprint = Blueprint("start", __name__)


@dataclass(frozen=True, slots=True)
class Tile:
    """One app as a tile shows it; `state` is "" when it is not checked."""

    id: str
    name: str
    url: str
    note: str
    title: str
    picture: Picture
    state: str
    since: str
    word: str
    opens_new_tab: bool


@dataclass(frozen=True, slots=True)
class _Row:
    """One placed app with all that its tile needs."""

    section_id: int
    section_name: str
    placement_id: int
    app: App
    media_sha256: str | None
    check: CheckState | None


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """Show the viewer's first board, or the apps found for `?q=`."""
    boards = visible_boards(current_viewer())
    if not boards and current_viewer() is None:
        return redirect_to_sign_in()
    if "q" in request.args:
        return _show_found(boards, request.args["q"][:100].strip())
    return _show_board(boards, home_board(boards, current_viewer()))


@blueprint.get("/b/<slug>")
def board(slug: str) -> ResponseReturnValue:
    """Show one board. One that the viewer may not see is not found."""
    boards = visible_boards(current_viewer())
    wanted = next((each for each in boards if each.slug == slug), None)
    if wanted is None and current_viewer() is None:
        return redirect_to_sign_in()
    if wanted is None:
        abort(404)
    return _show_board(boards, wanted)


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
    response = Response(found.content, mimetype=found.mime)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    # An SVG opened alone is a document: it may draw, and nothing else.
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
    )
    return response


def _show_board(boards: Sequence[Board], shown: Board | None) -> str:
    now = utc_now()
    viewer = current_viewer()
    rows = _placed_apps([shown.id]) if shown else []
    return render_template(
        "start.html",
        boards=_tabs(boards, shown),
        board=shown,
        sections=_groups(rows, now),
        summary=_summary(rows),
        can_find=bool(boards),
        is_admin=viewer is not None and viewer.is_admin,
    )


def _show_found(boards: Sequence[Board], words: str) -> str:
    now = utc_now()
    apps = {row.app.id: row for row in _placed_apps([each.id for each in boards])}
    found = [row for row in apps.values() if _is_match(row.app, words)]
    found.sort(key=lambda row: (not _begins_with(row.app, words), row.app.name.casefold()))
    opens = _opens_new_tab()
    tiles = [_tile(row, now, opens_new_tab=opens, id_prefix="found") for row in found]
    if is_htmx():
        return render_template("_found.html", found=tiles, words=words)
    return render_template(
        "find.html", boards=_tabs(boards, None), found=tiles, words=words, can_find=False
    )


def _placed_apps(board_ids: Iterable[int]) -> list[_Row]:
    """Return the apps of some boards in order, in one query, without archived ones."""
    query = (
        sa.select(Section.id, Section.name, Placement.id, App, Media.sha256, CheckState)
        .select_from(Placement)
        .join(Section, Section.id == Placement.section_id)
        .join(App, App.id == Placement.app_id)
        .outerjoin(Media, Media.id == App.icon_media_id)
        .outerjoin(CheckState, CheckState.app_id == App.id)
        .where(Section.board_id.in_(list(board_ids)), App.archived_at.is_(None))
        .order_by(Section.position, Section.id, Placement.position, Placement.id)
    )
    return [_Row(*row) for row in db.session.execute(query)]


def _groups(rows: list[_Row], now: datetime) -> list[dict[str, object]]:
    """Return the sections that have apps."""
    opens_new_tab = _opens_new_tab()
    return [
        {
            "id": id_,
            "name": name,
            "tiles": [_tile(row, now, opens_new_tab=opens_new_tab) for row in placed],
        }
        for (id_, name), placed in groupby(rows, key=lambda row: (row.section_id, row.section_name))
    ]


def _tabs(boards: Sequence[Board], shown: Board | None) -> list[dict[str, object]]:
    return [
        {
            "name": each.name,
            "url": url_for("start.board", slug=each.slug),
            "is_current": each is shown,
        }
        for each in boards
    ]


def _opens_new_tab() -> bool:
    viewer = current_viewer()
    return viewer is not None and viewer.open_new_tab


def _tile(row: _Row, now: datetime, *, opens_new_tab: bool, id_prefix: str = "tile") -> Tile:
    app, check = row.app, row.check
    return Tile(
        id=f"{id_prefix}-{row.placement_id}",
        name=app.name,
        url=app.url if split_address(app.url).scheme in _LINKED_SCHEMES else "",
        note=_address(app.url),
        title=app.description,
        picture=picture_of(app, row.media_sha256),
        state=check.state.value if check else "",
        since=_since(check, now) if check else "",
        word=_word(check, now) if check else "",
        opens_new_tab=opens_new_tab,
    )


def _address(url: str) -> str:
    return url.partition("://")[2].rstrip("/") or url


def _since(check: CheckState, now: datetime) -> str:
    if check.state is Health.UP:
        return _("Up since %(day)s,", day=day(check.since))
    if check.state in {Health.SLOW, Health.DOWN}:
        is_recent = (now - check.since).total_seconds() < 86400
        return _("Since %(when)s:", when=(clock_time if is_recent else day)(check.since))
    return ""


def _word(check: CheckState, now: datetime) -> str:
    answer = duration(check.last_ms / 1000) if check.last_ms is not None else ""
    if check.state is Health.UP and answer:
        return answer
    if check.state is Health.SLOW and answer:
        return _("Slow, %(duration)s", duration=answer)
    if check.state is Health.DOWN:
        length_s = max(60.0, (now - check.since).total_seconds())
        return _("Down for %(duration)s", duration=duration(length_s))
    return str(HEALTH_WORDS[check.state])


def _summary(rows: list[_Row]) -> dict[str, object]:
    checks = {row.app.id: row.check for row in rows if row.check}.values()
    states = [check.state for check in checks]
    return {
        "apps": len({row.app.id for row in rows}),
        "checked_at": max((check.last_at for check in checks if check.last_at), default=None),
        "down": states.count(Health.DOWN),
        "slow": states.count(Health.SLOW),
    }


def _is_match(app: App, words: str) -> bool:
    """Whether every word is in the name, begins a word about the app, or is part of its address.

    A word of letters alone is not sought in addresses: "home" would find all of `home.arpa`. SQLite
    folds the case of ASCII only, so this is done in Python.
    """
    name, address = app.name.casefold(), _address(app.url).casefold()
    about = f"{app.description} {app.keywords} {address.partition('.')[0]}".casefold().split()
    return all(
        word in name
        or any(each.startswith(word) for each in about)
        or (not word.isalpha() and word in address)
        for word in words.casefold().split()
    )


def _begins_with(app: App, words: str) -> bool:
    return app.name.casefold().startswith(words.casefold())
