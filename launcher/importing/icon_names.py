"""What other dashboards and browsers call an icon.

Shapes seen in their documentation: `jellyfin`, `jellyfin.png`, `hl-jellyfin` and `sh-jellyfin` name
a brand of dashboard-icons or selfh.st; `mdi-…` Material Design, `si-…` simple-icons, `fas fa-…`
Font Awesome; a path or an address of a picture; words that stand for something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from launcher.fetching.images import data_of, is_image
from launcher.importing.draft import MAX_ICON_BYTES, LeaveReason, LeftOut

_PREFIXES = {"mdi": "mdi", "si": "si", "hl": "", "sh": "", "di": "", "fa": "fa"}
_PREFIXED = re.compile(r"(mdi|si|hl|sh|di|fa)-(.+)", re.IGNORECASE)
_FONT_AWESOME = re.compile(
    r"(?:fa[a-z]{0,2}|fa-[a-z]{1,12}) +(?:fa-[a-z]{1,12} +){0,2}fa-([a-z0-9-]{1,60})"
)
_COLOUR = re.compile(r"-(?:#[0-9a-f]{3,8}|0x[0-9a-f]{6})$", re.IGNORECASE)
_ENDING = re.compile(r"\.(?:png|svg|webp|jpe?g|gif|ico|avif)$", re.IGNORECASE)
_VARIANT = re.compile(r"-(?:light|dark)$")
_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]{0,99}", re.ASCII)
_NO_ICON = re.compile(r"(?i)|favicon(?:-.*)?|generative|none|default")
_OF_BRANDS = re.compile(r"(?i)dashboard-icons|selfhst|selfh\.st|simpleicons|simple-icons")
_LONGEST = 4_000


@dataclass(frozen=True, slots=True)
class Icon:
    """An icon as `DraftApp` has it; all of it is empty where there is none."""

    name: str = ""
    url: str = ""
    data: bytes = b""
    notes: tuple[LeftOut, ...] = ()


def icon_of(text: str) -> Icon:
    """Return the icon that `text` names; what it names is not requested."""
    text = text.strip()
    if text[:5].lower() == "data:":
        return data_icon(text)
    if len(text) > _LONGEST or _NO_ICON.fullmatch(text):
        return Icon()
    if re.match(r"(?i)https?://", text):
        is_brand = _OF_BRANDS.search(text) is not None
        return Icon(name=_named("", _last(text)) if is_brand else "", url=text)
    if found := _FONT_AWESOME.fullmatch(text.lower()):
        return Icon(name=_named("fa", found[1]))
    if found := _PREFIXED.fullmatch(text):
        return Icon(name=_named(_PREFIXES[found[1].lower()], _COLOUR.sub("", found[2])))
    return Icon(name=_named("", _last(text)))


def data_icon(url: str) -> Icon:
    """Return the icon of a `data:` URL."""
    if len(url) > 3 * MAX_ICON_BYTES:
        return Icon(notes=(LeftOut(LeaveReason.ICON_TOO_LARGE),))
    data = data_of(url, max_bytes=MAX_ICON_BYTES)
    return Icon(data=data) if is_image(data) else Icon()


def _last(path: str) -> str:
    return re.split(r"[?#]", path, maxsplit=1)[0].rstrip("/").rpartition("/")[2]


def _named(kind: str, text: str) -> str:
    name = _ENDING.sub("", text).lower().replace(" ", "-").replace("_", "-")
    if not kind:
        name = _VARIANT.sub("", name)
    if not _NAME.fullmatch(name):
        return ""
    return f"{kind}:{name}" if kind else name
