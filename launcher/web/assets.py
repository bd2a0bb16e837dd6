"""Styles, scripts, icons and htmx, each under a URL that changes with its content.

Each file is read and compressed when the application starts. Its URL has a part of its hash, so a
browser may keep it for ever. The style sheets are joined in the order of `launcher.css`: the first
paint needs one response. `editing.css` is what only the pages of editors need besides. Files are
sent as they are written: compressed, comments cost little.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, current_app, request
from markupsafe import Markup

from launcher.db.session import ungated

STATIC_PATH = Path(__file__).resolve().parent.parent / "static"
HTMX = "vendor/htmx-4.0.1.min.js"
_SHEETS = ("launcher.css", "editing.css")
_APP_ICONS = tuple(f"app-icons/{name}.png" for name in (
    "icon-192", "icon-512", "maskable-192", "maskable-512", "monochrome-512", "touch-180",
))  # fmt: skip
_FILES = (
    "offline.js", "icons.svg", "favicon.svg", "settings.css", "health.css", "check.css",
    "api.css", "offsite.css", "reference.css", HTMX,
    *_APP_ICONS,
)  # fmt: skip
_SCOPED_SCRIPTS = ("upload.js", "picker.js", "app_form.js", "copy.js", "print.js", "reference.js")
_ADMIN_SCRIPTS = ("admin.js", "upload.js")
_IMPORT = re.compile(r'^@import "([^"]+)";\n', re.MULTILINE)
_TINTED = re.compile(r"(launcher-[0-9a-f]{12})-(\d{1,2}|[12]\d{2}|3[0-5]\d)\.css", re.ASCII)
_FOREVER = "public, max-age=31536000, immutable"

blueprint = Blueprint("assets", __name__)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent. `url`, which lacks the prefix, changes whenever `body` does."""

    url: str
    mime: str
    body: bytes
    gzipped: bytes


@dataclass(frozen=True, slots=True)
class Assets:
    """Every asset, by its own name and by the last part of its URL."""

    by_name: dict[str, Asset]
    by_address: dict[str, Asset]


def init_app(app: Flask) -> None:
    """Read every asset into memory and offer `asset_url` and `icon` to templates."""
    assets = read_assets(STATIC_PATH)
    app.extensions["launcher.assets"] = assets
    app.register_blueprint(blueprint)
    app.jinja_env.globals.update(
        HTMX=HTMX, asset_url=asset_url, styles_url=styles_url, icon=icon, mark=mark, sign=sign
    )


def read_assets(static_path: Path) -> Assets:
    """Return the joined style sheet and the single files of `static_path`, ready to send."""
    bodies = {name: join_styles(static_path / "css", name).encode() for name in _SHEETS}
    bodies |= {name: (static_path / name).read_bytes() for name in _FILES}
    bodies["app.js"] = join_app(static_path).encode()
    bodies["admin.js"] = join_scripts(static_path).encode()
    bodies |= {
        name: _in_scope((static_path / name).read_text()).encode() for name in _SCOPED_SCRIPTS
    }
    bodies["edit.js"] = join_scripts(static_path, ("edit.js", "arrange.js")).encode()
    by_name = {name: _asset(name, body) for name, body in bodies.items()}
    return Assets(by_name, {asset.url.rpartition("/")[2]: asset for asset in by_name.values()})


def join_styles(css_path: Path, name: str = "launcher.css") -> str:
    """Return the sheets that the sheet called `name` imports as one, in its order."""
    order = (css_path / name).read_text()
    sheets = [(css_path / name).read_text() for name in _IMPORT.findall(order)]
    return "".join((_IMPORT.sub("", order), *sheets))


def join_app(static_path: Path) -> str:
    """Return what every page needs as one: the names of `app.js` are known to the other scripts."""
    parts = (
        _in_scope((static_path / name).read_text())
        for name in ("find.js", "shortcuts.js", "refresh.js", "brief.js")
    )
    return "\n".join(((static_path / "app.js").read_text(), *parts))


def join_scripts(static_path: Path, names: Sequence[str] = _ADMIN_SCRIPTS) -> str:
    """Return htmx and our scripts as one, each of ours in a scope of its own."""
    ours = (_in_scope((static_path / name).read_text()) for name in names)
    library = (static_path / HTMX).read_text().rstrip()
    return "\n".join((f"{library};", *ours))


def _in_scope(script: str) -> str:
    return f'(() => {{ "use strict";\n{script}}})();'


def asset_url(name: str) -> str:
    """Return the URL of the asset called `name`."""
    return f"{request.script_root}{_assets().by_name[name].url}"


def styles_url(hue: int) -> str:
    """Return the URL of the style sheet with the site's `hue`, in degrees, in it."""
    stem, _, ending = asset_url("launcher.css").rpartition(".")
    return f"{stem}-{hue}.{ending}"


@lru_cache(maxsize=256)
def _drawing(url: str, css_class: str, name: str) -> Markup:
    return Markup('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        css_class, url, name
    )


def icon(name: str) -> Markup:
    """Return the icon called `name`, hidden from screen readers."""
    return _drawing(asset_url("icons.svg"), "icon", name)


def mark(name: str) -> Markup:
    """Return the small shape of a state or kind."""
    return _drawing(asset_url("icons.svg"), "mark", f"mark-{name}")


def sign(name: str) -> Markup:
    """Return the large shape before an answer."""
    return _drawing(asset_url("icons.svg"), "sign", f"sign-{name}")


@blueprint.get("/assets/<address>")
@ungated
def asset(address: str) -> Response:
    """Send one asset, compressed where that is accepted; 404 for an unknown hash."""
    found = _assets().by_address.get(address) or _tinted(address)
    if found is None:
        abort(404)
    is_gzipped = request.accept_encodings["gzip"] > 0
    response = Response(found.gzipped if is_gzipped else found.body, mimetype=found.mime)
    response.headers["Cache-Control"] = _FOREVER
    response.vary.add("Accept-Encoding")
    if is_gzipped:
        response.content_encoding = "gzip"
    return response


def _tinted(address: str) -> Asset | None:
    match = _TINTED.fullmatch(address)
    sheet = _assets().by_address.get(f"{match[1]}.css") if match else None
    return _with_hue(sheet, int(match[2])) if match and sheet else None


# An inline style would need a weaker policy, a second sheet one more request.
@lru_cache(maxsize=8)
def _with_hue(sheet: Asset, hue: int) -> Asset:
    body = sheet.body + f"@layer tokens{{:root{{--hue:{hue}}}}}".encode()
    return Asset(sheet.url, sheet.mime, body, gzip.compress(body, 9, mtime=0))


def _asset(name: str, body: bytes) -> Asset:
    stem, _, ending = name.rpartition("/")[2].rpartition(".")
    address = f"{stem}-{hashlib.sha256(body).hexdigest()[:12]}.{ending}"
    mime = mimetypes.types_map[f".{ending}"]
    return Asset(f"/assets/{address}", mime, body, gzip.compress(body, 9, mtime=0))


def _assets() -> Assets:
    assets: Assets = current_app.extensions["launcher.assets"]
    return assets
