"""What a web page says of itself: its names and its icons.

Only the tags in question are parsed, up to the end of the head: the time of every parser of HTML
grows with the square of how deep elements are nested, or of how many attributes one has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from itertools import islice
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from launcher.fetching.encodings import encoding_of, label_in

MAX_LINKS = 50
MAX_TEXT_LENGTH = 400
GOOD_SIZE_PX = 64

_NAMES = ("application-name", "apple-mobile-web-app-title", "og:site_name")
_END_OF_HEAD = re.compile(rb"(?i)</head")
_BEGINNING_OF_BODY = re.compile(rb"(?i)<body[\s>]")
_TAG = re.compile(
    rb"(?i)<(?:link|meta|base)[\s/][^<>]{0,2000}>|<title(?:\s[^<>]{0,200})?>[^<]{0,2000}</title\s*>"
)
_DATA_URL = re.compile(rb"""=\s*(["'])(data:(?:(?!\1).)*)\1""", re.DOTALL | re.IGNORECASE)
_NOT_MARKUP = tuple(
    (re.compile(beginning), re.compile(ending))
    for beginning, ending in (
        (rb"<!--", rb"-->"),
        (rb"(?i)<script[\s>/]", rb"(?i)</script"),
        (rb"(?i)<style[\s>/]", rb"(?i)</style"),
        (rb"(?i)<svg[\s>/]", rb"(?i)</svg"),  # which has titles of its own
    )
)
_MAX_TAGS = 200
_APPLE_SIZE_PX = 180


@dataclass(frozen=True, slots=True)
class IconLink:
    """An icon that a page names; `size_px` is 0 when unknown."""

    url: str
    is_svg: bool = False
    size_px: int = 0

    @property
    def rank(self) -> tuple[int, int]:
        """The better, the smaller: SVG, then the smallest of a good size, then the largest."""
        if self.is_svg:
            return (0, 0)
        if self.size_px >= GOOD_SIZE_PX:
            return (1, self.size_px)
        return (2, -self.size_px)

    @property
    def is_good(self) -> bool:
        """Whether it is sharp on a tile."""
        return self.rank < (2, -GOOD_SIZE_PX)


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says of itself, as it stands there; "" for what it does not say.

    Attributes:
        names: what it calls its app, the best first.
        title: its title.
        icons: its icons, the best first.
        manifest: the address of its web manifest.
        base: what its addresses are relative to.
    """

    names: Sequence[str]
    title: str
    icons: Sequence[IconLink]
    manifest: str
    base: str


def has_head(body: bytearray, start: int) -> bool:
    """Whether the head of a page has come; `start` is where the newest bytes begin."""
    return _END_OF_HEAD.search(body, max(0, start - 6)) is not None


def read_page(content: bytes, content_type: str = "") -> Page:
    """Return what the page `content` says of itself. Whatever is wrong with it, it is read."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        content, content_type = content.decode("utf-16", "replace").encode(), "charset=utf-8"
    markup, data = _relevant(content)
    tree = LexborHTMLParser(_text(content, markup, content_type))
    metas = {name: text for name, text in _metas(tree) if text}
    base = next((_attribute(node, "href") for node in tree.css("base[href]")[:1]), "")
    links = [
        (set(_attribute(node, "rel").lower().split()), node)
        for node in tree.css("link[rel][href]")[:MAX_LINKS]
    ]
    icons = [icon for rels, node in links if (icon := _icon(rels, node, data))]
    manifests = (_attribute(node, "href") for rels, node in links if "manifest" in rels)
    return Page(
        names=[metas[name] for name in _NAMES if name in metas],
        title=next((text for node in tree.css("title") if (text := _clean(node.text()))), ""),
        icons=sorted(icons, key=lambda icon: icon.rank),
        manifest=next(manifests, ""),
        base=base,
    )


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a web manifest says: the name of the app and its icons, the best first."""

    name: str = ""
    icons: Sequence[IconLink] = ()


def read_manifest(content: bytes) -> Manifest:
    """Return what the manifest `content` says; nothing where it is none."""
    try:
        found: Any = json.loads(content)
    except (ValueError, RecursionError):
        return Manifest()
    if not isinstance(found, dict):
        return Manifest()
    names = (_string(found, "short_name"), _string(found, "name"))
    listed = found.get("icons")
    icons = [
        IconLink(
            source,
            is_svg=_is_svg(source, _string(entry, "type")),
            size_px=_size(_string(entry, "sizes")),
        )
        for entry in (listed[:MAX_LINKS] if isinstance(listed, list) else ())
        if isinstance(entry, dict)
        and (source := _string(entry, "src", limit=None))
        and "any" in (_string(entry, "purpose") or "any").split()
    ]
    return Manifest(
        name=next((_clean(name) for name in names if name), ""),
        icons=sorted(icons, key=lambda icon: icon.rank),
    )


def _relevant(content: bytes) -> tuple[bytes, list[bytes]]:
    """Return the tags of a page that say something of it, and the `data:` URLs taken out of them.

    Nothing in them is nested and each is short, so that no page takes the parser long.
    """
    end = _END_OF_HEAD.search(content) or _BEGINNING_OF_BODY.search(content)
    head = content[: end.start()] if end else content
    data: list[bytes] = []

    def take_out(found: re.Match[bytes]) -> bytes:
        data.append(found[2])
        return b"=%sdata:%d%s" % (found[1], len(data) - 1, found[1])

    head = _DATA_URL.sub(take_out, head)
    for beginning, ending in _NOT_MARKUP:
        head = _without(head, beginning, ending)
    tags = islice(_TAG.finditer(head), _MAX_TAGS)
    return b"".join(found[0] for found in tags), data


def _without(text: bytes, beginning: re.Pattern[bytes], ending: re.Pattern[bytes]) -> bytes:
    """Return `text` without what is between the two, or after a beginning without an end."""
    kept, start = [], 0
    while found := beginning.search(text, start):
        kept.append(text[start : found.start()])
        end = ending.search(text, found.end())
        start = end.end() if end else len(text)
    return b"".join([*kept, text[start:]])


def _text(content: bytes, markup: bytes, content_type: str) -> str:
    """Return the text of `markup`, read as the header or the page `content` itself says."""
    named = re.search(r"(?i)charset\s*=\s*[\"']?([a-z0-9_:.-]{1,40})", content_type)
    for label in (named[1] if named else "", label_in(content)):
        if encoding := encoding_of(label):
            return markup.decode(encoding, "replace")
    return markup.decode("utf-8", "replace")


def _metas(tree: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    for node in tree.css("meta[content]")[: 4 * MAX_LINKS]:
        name = _attribute(node, "name") or _attribute(node, "property")
        yield name.lower(), _clean(_attribute(node, "content"))


def _icon(rels: set[str], node: LexborNode, data: Sequence[bytes]) -> IconLink | None:
    url, sizes = _attribute(node, "href"), _size(_attribute(node, "sizes"))
    taken_out = re.fullmatch(r"data:(\d{1,6})", url)
    if taken_out and int(taken_out[1]) < len(data):
        url = unescape(data[int(taken_out[1])].decode("utf-8", "replace"))
    if "icon" in rels:
        return IconLink(url, is_svg=_is_svg(url, _attribute(node, "type")), size_px=sizes)
    if rels & {"apple-touch-icon", "apple-touch-icon-precomposed"}:
        return IconLink(url, size_px=sizes or _APPLE_SIZE_PX)
    return None


def _is_svg(url: str, mime: str) -> bool:
    if mime:
        return mime.lower().startswith("image/svg")
    head = url[:4096].lower()
    return head.startswith("data:image/svg") or head.partition("?")[0].endswith(".svg")


def _size(sizes: str) -> int:
    """Return the largest size of an attribute like "16x16 32x32", 0 when it has none."""
    return max(
        (int(found) for found in re.findall(r"(\d{1,4})[xX]\d{1,4}", sizes[:200])), default=0
    )


def _attribute(node: LexborNode, name: str) -> str:
    return (node.attributes.get(name) or "").strip()


def _string(entry: Mapping[str, Any], key: str, limit: int | None = MAX_TEXT_LENGTH) -> str:
    value = entry.get(key)
    return value[:limit] if isinstance(value, str) else ""


def _clean(text: str) -> str:
    """Return the beginning of `text` in one line, without characters that are not shown."""
    words = " ".join(text[: 10 * MAX_TEXT_LENGTH].split())
    return "".join(each for each in words if each.isprintable())[:MAX_TEXT_LENGTH].strip()
