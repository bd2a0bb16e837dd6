"""The picture of an app, the same wherever a page shows one.

Templates show it by `_glyph.html`, which expects it as `picture`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, Protocol

from flask import Response, request

from launcher.icons.drawn import ELEMENT, DrawnSet, Kind, element_id, find, sheet
from launcher.models.catalogue import hue_of, letters_of


class Picture(NamedTuple):
    """What stands for an app: an image, else a drawing in the colour of its tint, else letters.

    Attributes:
        letters: at most two.
        hue: the tint behind a drawing or letters, 0 to 11.
        drawing_url: that of an element in a file, for `<use>`.
    """

    letters: str
    hue: int
    image_url: str = ""
    drawing_url: str = ""


class Pictured(Protocol):
    """An app, or those columns of one that its picture comes from."""

    @property
    def name(self) -> str:
        """What letters and tint come from, unless they are set."""

    @property
    def icon(self) -> str:
        """The drawing, like `symbol:tv`, or ""."""

    @property
    def letters(self) -> str:
        """Letters of its own, or ""."""

    @property
    def hue(self) -> int | None:
        """A tint of its own, or None."""


def picture_of(app: Pictured, media_sha256: str | None, sheet_url: str = "") -> Picture:
    """Return the picture of `app`, whose `icon_media` has this hash; without a query.

    An icon that Launcher does not have is as none.

    Args:
        sheet_url: the file that has its drawing among others; "" for a file of its own.
    """
    # Not `url_for`: a board has hundreds.
    image_url = f"{request.script_root}/media/{media_sha256}" if media_sha256 else ""
    drawing_url = "" if image_url else drawing_address(app.icon)
    if drawing_url and sheet_url:
        drawing_url = f"{sheet_url}#{element_id(app.icon)}"
    letters = app.letters or letters_of(app.name)
    hue = hue_of(app.name) if app.hue is None else app.hue
    return Picture(letters, hue, image_url, drawing_url)


def drawing_address(icon: str) -> str:
    """Return the address of the drawing that `icon` names, like `symbol:tv`, or ""."""
    return _drawing_address(request.script_root, icon) if icon else ""


class Sheet(NamedTuple):
    """The drawings of a page in one file.

    A browser reads each file as a document, which takes it longer than to show a tile.
    `version` differs whenever `svg` does.
    """

    svg: str
    version: str


def sheet_of(icons: Iterable[str]) -> Sheet:
    """Return the file of the drawings that these icons name."""
    return _sheet(frozenset(filter(None, icons)))


# Each page with its tiles asks for the version, and then once for the file.
@lru_cache(maxsize=64)
def _sheet(icons: frozenset[str]) -> Sheet:
    svg = sheet(icons)
    return Sheet(svg, hashlib.sha256(svg.encode()).hexdigest()[:12])


@lru_cache(maxsize=4096)
def _drawing_address(prefix: str, icon: str) -> str:
    found = find(icon)
    if found is None:
        return ""
    set_, drawing = found
    return f"{prefix}{_path(set_.kind, set_, drawing.name)}#{ELEMENT}"


def _path(kind: Kind, set_: DrawnSet, name: str) -> str:
    # Not `url_for`, which would take longer than all the rest; a test compares the two.
    return f"/icons/{kind}/{name}.svg?v={set_.version}"


def sandboxed(content: bytes, mime: str) -> Response:
    """Return the response with an image from outside, whose address changes with its content."""
    response = Response(content, mimetype=mime)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    # An SVG opened alone is a document: it may draw, and nothing else.
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
    )
    return response
