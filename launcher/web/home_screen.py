"""Launcher as an installed app: what a browser reads to put it on a home screen."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, url_for

from launcher.i18n.locale import gettext as _
from launcher.models import Theme
from launcher.web.assets import asset_url
from launcher.web.colours import grounds
from launcher.web.frame import current_frame

# A renamed site is called so on its next visit but one at the latest.
_KEPT_FOR_S = 3600
_ICONS = {
    "app-icons/icon-192.png": ("192x192", "any"),
    "app-icons/icon-512.png": ("512x512", "any"),
    "app-icons/maskable-192.png": ("192x192", "maskable"),
    "app-icons/maskable-512.png": ("512x512", "maskable"),
    "app-icons/monochrome-512.png": ("512x512", "monochrome"),
}

blueprint = Blueprint("home_screen", __name__)


@blueprint.get("/manifest.webmanifest")
def manifest() -> Response:
    """Describe the app, the same to everyone but for the language and the theme they chose.

    A browser shows one colour until the first page is there, and knows no other for the dark.
    """
    frame = current_frame()
    colours = grounds(frame.hue)
    ground = colours.dark if frame.theme is Theme.DARK else colours.light
    home = url_for("start.home")
    icons = [
        {"src": asset_url(name), "type": "image/png", "sizes": sizes, "purpose": purpose}
        for name, (sizes, purpose) in _ICONS.items()
    ]
    response = jsonify(
        id=home,
        start_url=home,
        scope=home,
        display="standalone",
        name=frame.site_name,
        short_name=frame.site_name,
        lang=frame.language,
        dir="rtl" if frame.is_right_to_left else "ltr",
        background_color=ground,
        theme_color=ground,
        icons=icons,
        shortcuts=[
            {"name": _("Find"), "url": url_for("start.home", q=""), "icons": icons[:1]},
        ],
    )
    response.mimetype = "application/manifest+json"
    response.headers["Cache-Control"] = f"private, max-age={_KEPT_FOR_S}"
    return response
