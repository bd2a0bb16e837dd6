"""Whether a drawing does nothing but draw.

It is sent as it was uploaded, shown by `<img>` and sandboxed when it is opened alone, so that even
a drawing that passes in error runs nothing and loads nothing. The parser reports each element as it
comes and nests nothing itself; at the first offence it stops.

What is listed may be in it: the elements of SVG that draw. An element of another namespace is drawn
by no browser, so what programs like Inkscape keep there stays; but none of HTML, which would run.
"""

from __future__ import annotations

import re
from xml.parsers import expat

from launcher.icons.svg_cost import Drawing, TooMuchDrawnError

_SVG = "http://www.w3.org/2000/svg"
_HTML = "http://www.w3.org/1999/xhtml"
_NAMES_OF_ATTRIBUTES = {"", "http://www.w3.org/1999/xlink", "http://www.w3.org/XML/1998/namespace"}
_MOST_NESTED = 100
_MOST_ELEMENTS = 20_000
_DRAWING = frozenset(
    [
        "a",
        "circle",
        "clipPath",
        "cursor",
        "defs",
        "desc",
        "ellipse",
        "filter",
        "font",
        "font-face",
        "font-face-format",
        "font-face-name",
        "font-face-src",
        "flowDiv",
        "flowPara",
        "flowRegion",
        "flowRoot",
        "flowSpan",
        "g",
        "glyph",
        "glyphRef",
        "hatch",
        "hatchpath",
        "hkern",
        "image",
        "line",
        "linearGradient",
        "marker",
        "mask",
        "mesh",
        "meshgradient",
        "meshpatch",
        "meshrow",
        "metadata",
        "missing-glyph",
        "path",
        "pattern",
        "polygon",
        "polyline",
        "radialGradient",
        "rect",
        "solidColor",
        "solidcolor",
        "stop",
        "style",
        "svg",
        "switch",
        "symbol",
        "text",
        "textPath",
        "title",
        "tref",
        "tspan",
        "use",
        "view",
        "vkern",
        "feBlend",
        "feColorMatrix",
        "feComponentTransfer",
        "feComposite",
        "feConvolveMatrix",
        "feDiffuseLighting",
        "feDisplacementMap",
        "feDistantLight",
        "feDropShadow",
        "feFlood",
        "feFuncA",
        "feFuncB",
        "feFuncG",
        "feFuncR",
        "feGaussianBlur",
        "feImage",
        "feMerge",
        "feMergeNode",
        "feMorphology",
        "feOffset",
        "fePointLight",
        "feSpecularLighting",
        "feSpotLight",
        "feTile",
    ]
)
"""Elements that draw, or describe; without animations, scripts, and what is not of SVG."""
_ADDRESSES = {"href", "src", "srcset", "base"}
_MAY_ESCAPE = {"class", "id", "label", "lang", "space", "title"}
_PICTURE = re.compile(r"data:image/(png|jpeg|jpg|gif|webp);base64,", re.IGNORECASE)
_URL = re.compile(r"url\s*\(\s*[\"']?\s*(.?)", re.IGNORECASE | re.DOTALL)
_LOADING = re.compile(
    r"\b(?:image|image-set|src|cross-fade|element|paint|expression)\s*\(|javascript:|-moz-binding",
    re.IGNORECASE,
)
_AT_RULE = re.compile(r"@([\w-]*)")
_AT_RULES = {"charset", "font-face", "media", "supports"}
_KNOWN_TYPE = re.compile(r"https?://www\.w3\.org/")


class SvgRefusedError(Exception):
    """A drawing is refused; `reason` is "type", "active" or "complex"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check_svg(content: bytes) -> None:
    """Check a whole SVG file.

    A document type of the W3C without declarations of its own is accepted: drawing programs write
    one, and no browser loads it.

    Raises:
        SvgRefusedError: it is no well-formed SVG; or it has scripts, event handlers, animations,
            links to outside, entities, or HTML; or it has too many elements, draws too many by
            repeating them, or has too deeply nested ones.
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
        reader.drawing.require_little()
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise SvgRefusedError("type") from error
    except TooMuchDrawnError as error:
        raise SvgRefusedError("complex") from error


class _Reader:
    def __init__(self) -> None:
        self.drawing = Drawing()
        self._depth = 0
        self._elements = 0
        self._style: list[str] | None = None  # the text of the style sheet that is open

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if not self._elements and (namespace, local) != (_SVG, "svg"):
            raise SvgRefusedError("type")
        self._depth += 1
        self._elements += 1
        if self._depth > _MOST_NESTED or self._elements > _MOST_ELEMENTS:
            raise SvgRefusedError("complex")
        is_of_svg = namespace == _SVG
        if namespace == _HTML or self._style is not None or (is_of_svg and local not in _DRAWING):
            raise SvgRefusedError("active")
        known = _known(attributes) if is_of_svg else {}
        for key, value in known.items():
            _check_attribute(key, value)
        self.drawing.start(local if is_of_svg else "", known)
        if is_of_svg and local == "style":
            self._style = []

    def end(self, _name: str) -> None:
        self._depth -= 1
        self.drawing.end()
        if self._style is not None:
            text = "".join(self._style)
            _check_style_sheet(text)
            self.drawing.style(text)
            self._style = None

    def text(self, text: str) -> None:
        if self._style is not None:
            self._style.append(text)
        else:
            self.drawing.text(text)

    def document_type(
        self, _name: str, system: str | None, _public: str | None, has_declarations: int
    ) -> None:
        if has_declarations or (system and not _KNOWN_TYPE.match(system)):
            raise SvgRefusedError("active")

    def entity(self, *_about: object) -> None:
        raise SvgRefusedError("active")

    def instruction(self, target: str, _data: str) -> None:
        if target.lower() == "xml-stylesheet":
            raise SvgRefusedError("active")


def _known(attributes: dict[str, str]) -> dict[str, str]:
    """Return the attributes that mean something to a browser, by their local names.

    Raises:
        SvgRefusedError: one is there twice, with XLink and without, and says something else.
    """
    known: dict[str, str] = {}
    for name, value in attributes.items():
        namespace, _, local = name.rpartition(" ")
        if namespace in _NAMES_OF_ATTRIBUTES:
            if known.get(local, value) != value:
                raise SvgRefusedError("active")
            known[local] = value
    return known


def _check_attribute(name: str, value: str) -> None:
    if name.lower().startswith("on"):
        raise SvgRefusedError("active")
    text = value.strip()
    if name in _ADDRESSES:
        if not (text.startswith("#") or not text or _PICTURE.match(text)):
            raise SvgRefusedError("active")
    elif name not in _MAY_ESCAPE and not name.startswith(("data-", "aria-")):
        _check_style(value)


def _check_style_sheet(text: str) -> None:
    if set(_AT_RULE.findall(text)) - _AT_RULES:
        raise SvgRefusedError("active")
    _check_style(text)


def _check_style(text: str) -> None:
    """Check CSS, or an attribute that may be CSS. An escape could hide any of the words."""
    if "\\" in text or _LOADING.search(text):
        raise SvgRefusedError("active")
    for match in _URL.finditer(text):
        if match[1] != "#" and not _PICTURE.match(text, match.start(1)):
            raise SvgRefusedError("active")
