"""The view of the patterns page."""

from __future__ import annotations

from flask import Blueprint, render_template

from launcher.db.settings import site_settings
from launcher.i18n.formats import duration
from launcher.i18n.labels import ERROR_WORDS, HEALTH_WORDS, KIND_WORDS, STAGE_WORDS, STATE_WORDS
from launcher.models import hue_of, letters_of
from launcher.models.types import utc_now
from launcher.web.assets import mark
from launcher.web.pictures import Picture, drawing_address
from launcher.web.roles import admin_required
from launcher.web.tiles import Tile
from tests.patterns.samples import sample_panel

COLOUR_ROLES = (
    "bg", "surface", "raised", "hover", "line", "line-2", "line-3", "text", "text-2", "text-3",
    "accent", "ok", "warn", "bad",
)  # fmt: skip

blueprint = Blueprint("patterns", __name__, url_prefix="/admin", template_folder=".")


@blueprint.get("/patterns")
@admin_required
def show() -> str:
    """Show every component."""
    return render_template(
        "patterns.html",
        colour_roles=COLOUR_ROLES,
        error_words=ERROR_WORDS,
        health_words=HEALTH_WORDS,
        kind_words=KIND_WORDS,
        stage_words=STAGE_WORDS,
        state_words=STATE_WORDS,
        tiles=_tiles(),
        **sample_panel(site_settings(), now=utc_now()),
    )


def _tiles() -> list[Tile]:
    return [
        _tile("Forgejo", "git.home.arpa", state="up", word=duration(0.013)),
        _tile("Kavita", "kavita.home.arpa", state="slow", word=f"Slow, {duration(2.4)}"),
        _tile(
            "Frigate",
            "cameras.home.arpa",
            state="down",
            word=f"Down for {duration(45 * 60)}",
            icon="symbol:camera",
        ),
    ]


def _tile(name: str, note: str, *, state: str, word: str, icon: str = "") -> Tile:
    return Tile(
        id=f"pattern-{name.casefold()}",
        app_id=0,
        name=name,
        url="#p5",
        note=note,
        title="",
        picture=Picture(letters_of(name), hue_of(name), drawing_url=drawing_address(icon)),
        state=state,
        mark=mark(state),
        since="",
        word=word,
        opens_new_tab=False,
    )
