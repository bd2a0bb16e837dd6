"""Launcher as an installed app: what a browser reads to put it on a home screen."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from flask import Blueprint, Flask, Response, jsonify, render_template, request, url_for

from launcher.db.session import ungated
from launcher.i18n.locale import gettext as _
from launcher.models import Theme
from launcher.web.assets import STATIC_PATH, asset_url
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

_SERVICE_WORKER = (STATIC_PATH / "service-worker.js").read_text()

blueprint = Blueprint("home_screen", __name__)


def init_app(app: Flask) -> None:
    """Offer `worker_url` to templates."""
    app.jinja_env.globals["worker_url"] = worker_url


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
            {"name": _("Find"), "url": url_for("find.show"), "icons": icons[:1]},
        ],
    )
    response.mimetype = "application/manifest+json"
    response.headers["Cache-Control"] = f"private, max-age={_KEPT_FOR_S}"
    return response


@blueprint.get("/service-worker.js")
@ungated
def worker() -> Response:
    """Send the script that a browser asks when the server is silent. It is the same to everyone.

    A browser asks for it after each page, and runs a new one at once.
    """
    response = Response(_SERVICE_WORKER, mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/offline")
def unreachable() -> str:
    """Say that there is no connection, on the page that a browser keeps for then."""
    return _page(host=request.host)


@blueprint.get("/offline/waiting")
def waiting() -> str:
    """Say that the server is silent, on the page that a browser keeps for then."""
    return _page(host=request.host, is_waiting=True)


def worker_url() -> str:
    """Return the address of the script, which differs when the pages that it keeps have changed.

    So the browser keeps others after a change of the site, of the language or of the theme.
    """
    frame = current_frame()
    version = _version(frame.site_name, frame.hue, frame.language, frame.theme, request.script_root)
    return url_for("home_screen.worker", v=version)


# What the pages are made from, besides the files of this version. Their host is always the same.
@lru_cache(maxsize=64)
def _version(*_frame: object) -> str:
    pages = _page(host="host") + _page(host="host", is_waiting=True)
    return hashlib.sha256(pages.encode()).hexdigest()[:12]


def _page(*, host: str, is_waiting: bool = False) -> str:
    """Return a page that a browser keeps; `host` is "" where a request names none that is valid."""
    if is_waiting:
        title = _("Launcher does not answer yet")
        text = _("The server did not answer within 5 seconds.")
        if host:
            text = _("%(host)s did not answer within 5 seconds.", host=host)
    else:
        title = _("Launcher cannot be reached")
        text = _("There is no connection to the server.")
        if host:
            text = _("There is no connection to %(host)s.", host=host)
    return render_template("offline.html", title=title, text=text)
