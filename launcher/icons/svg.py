"""Whether a drawing does nothing but draw.

It is sent as it was uploaded, shown by `<img>` and sandboxed when it is opened alone, so that even
a drawing that passes in error runs nothing and loads nothing. The parser reports each element as it
comes and nests nothing itself; at the first offence it stops.
"""

from __future__ import annotations

import re
from xml.parsers import expat

_NAMESPACE = "http://www.w3.org/2000/svg"
_MOST_NESTED = 100
_MOST_ELEMENTS = 20_000
_ACTIVE = {
    "audio", "canvas", "embed", "foreignobject", "handler", "iframe", "link", "listener", "meta",
    "object", "script", "video",
}  # fmt: skip
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,", re.IGNORECASE)
_URL = re.compile(r"url\s*\(\s*[\"']?\s*(.?)", re.IGNORECASE | re.DOTALL)
_LOADING = re.compile(r"@import|image-set\s*\(|src\s*\(|javascript:|expression\s*\(", re.IGNORECASE)


class SvgRefusedError(Exception):
    """A drawing is refused; `reason` is "type", "active" or "complex"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_svg(content: bytes) -> None:
    """Check a whole SVG file.

    A document type without declarations of its own is accepted: drawing programs write one.

    Raises:
        SvgRefusedError: it is no well-formed SVG; or it has scripts, event handlers, links to
            outside, entities, or HTML; or it has too many elements, or too deeply nested ones.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.document_type
    parser.EntityDeclHandler = reader.entity
    parser.ProcessingInstructionHandler = reader.instruction
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise SvgRefusedError("type") from error


class _Reader:
    def __init__(self) -> None:
        self._depth = 0
        self._elements = 0
        self._is_style = False
        self._style: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if not self._elements and (namespace, local) != (_NAMESPACE, "svg"):
            raise SvgRefusedError("type")
        self._depth += 1
        self._elements += 1
        if self._depth > _MOST_NESTED or self._elements > _MOST_ELEMENTS:
            raise SvgRefusedError("complex")
        if local.lower() in _ACTIVE:
            raise SvgRefusedError("active")
        self._is_style = local.lower() == "style"
        for key, value in attributes.items():
            _check_attribute(key.rpartition(" ")[2].lower(), value)

    def end(self, _name: str) -> None:
        self._depth -= 1
        if self._is_style:
            _check_style("".join(self._style))
            self._style.clear()
            self._is_style = False

    def text(self, text: str) -> None:
        if self._is_style:
            self._style.append(text)

    def document_type(
        self, _name: str, _system: str | None, _public: str | None, has_declarations: int
    ) -> None:
        if has_declarations:
            raise SvgRefusedError("active")

    def entity(self, *_about: object) -> None:
        raise SvgRefusedError("active")

    def instruction(self, target: str, _data: str) -> None:
        if target.lower() == "xml-stylesheet":
            raise SvgRefusedError("active")


def _check_attribute(name: str, value: str) -> None:
    if name.startswith("on"):
        raise SvgRefusedError("active")
    text = value.strip()
    if name in {"href", "src", "base"} and not (text.startswith("#") or _PICTURE.match(text)):
        raise SvgRefusedError("active")
    if name == "attributename" and text.rpartition(":")[2].lower() == "href":
        raise SvgRefusedError("active")
    _check_style(value, may_escape=name != "style")


def _check_style(text: str, *, may_escape: bool = False) -> None:
    """Check CSS, or an attribute that may be CSS. An escape could hide any of the words."""
    if "\\" in text and not may_escape:
        raise SvgRefusedError("active")
    if _LOADING.search(text):
        raise SvgRefusedError("active")
    for match in _URL.finditer(text):
        if match[1] != "#" and not _PICTURE.match(text, match.start(1)):
            raise SvgRefusedError("active")
