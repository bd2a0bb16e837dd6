"""An image from outside becomes an icon, or is refused with a reason.

Its type is recognised by its content alone. A drawing (SVG) is checked and kept as it is; every
other image is decoded in a process of its own, where the kernel limits time and memory, and comes
back as a small picture without metadata.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from launcher.background.child import Answer, started
from launcher.icons.svg import SvgRefusedError, check_svg

LIMIT_BYTES = 1_000_000
LIMIT_PIXELS = 2048
"""The largest width and height."""
SIDE_PIXELS = 256
"""The largest width and height that is kept."""

_TIME_S = 15.0
_MOST_AT_ONCE = 2
_NAME_CHARACTERS = 100
_SVG = "image/svg+xml"
_ENVIRONMENT = {"LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR"}

_places = threading.BoundedSemaphore(_MOST_AT_ONCE)


class Refusal(StrEnum):
    """Why an image is refused, with the facts of the error.

    `TYPE`: it is none of the seven. `BYTES`: larger than `limit`. `PIXELS`: `width` times `height`,
    more than `limit` either way. `ACTIVE`: a drawing with scripts or links to outside. `COMPLEX`:
    a drawing of too many or too deeply nested elements. `DAMAGED`: it cannot be decoded.
    `STOPPED`: decoding took too much time or memory.
    """

    TYPE = "type"
    BYTES = "bytes"
    PIXELS = "pixels"
    ACTIVE = "active"
    COMPLEX = "complex"
    DAMAGED = "damaged"
    STOPPED = "stopped"


class IconRefusedError(Exception):
    """An image is not taken as an icon; nothing was kept."""

    def __init__(self, reason: Refusal, **facts: int) -> None:
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Image:
    """An icon as it is kept and sent; `name` is to be shown and is no path."""

    content: bytes
    mime: str
    name: str


def read_image(content: bytes, *, name: str, time_s: float = _TIME_S) -> Image:
    """Return the icon that is in `content`, whatever `name` says of its type.

    It takes up to `time_s` seconds, and waits as long while two others are read: the caller holds
    no transaction.

    Raises:
        IconRefusedError
    """
    if len(content) > LIMIT_BYTES:
        raise IconRefusedError(Refusal.BYTES, limit=LIMIT_BYTES)
    name = clean_name(name)
    if is_markup(content):
        return Image(checked_svg(content), _SVG, name)
    if not _places.acquire(timeout=time_s):
        raise IconRefusedError(Refusal.STOPPED)
    try:
        reply = _ask(content, time_s)
    finally:
        _places.release()
    if "reason" in reply:
        raise IconRefusedError(Refusal(reply["reason"]), **reply.get("facts", {}))
    return Image(base64.b64decode(reply["content"]), str(reply["mime"]), name)


def is_markup(content: bytes) -> bool:
    """Whether `content` may be a drawing: after a byte order mark and spaces, it begins with <."""
    return content[:256].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<" or content[:2] in {
        b"\xff\xfe",
        b"\xfe\xff",
    }


def checked_svg(content: bytes) -> bytes:
    """Return `content`, a drawing that does nothing, or raise `IconRefusedError`."""
    try:
        check_svg(content)
    except SvgRefusedError as error:
        raise IconRefusedError(Refusal(error.reason)) from error
    return content


def clean_name(name: str) -> str:
    """Return the last part of a file's name, without what cannot be shown; never empty."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(each for each in last if each.isprintable()).strip()
    return shown[:_NAME_CHARACTERS] or "icon"


def environment() -> dict[str, str]:
    """Return the environment of a process that decodes: none of our secrets."""
    return {key: os.environ[key] for key in _ENVIRONMENT & os.environ.keys()}


def _ask(content: bytes, time_s: float) -> dict[str, Any]:
    request = base64.b64encode(content).decode()
    try:
        with started("launcher.icons.raster", environment=environment()) as child:
            answer = child.ask(request, timeout_s=time_s)
    except OSError as error:
        raise IconRefusedError(Refusal.STOPPED) from error
    return _parsed(answer)


def _parsed(answer: Answer) -> dict[str, Any]:
    if answer.is_late or answer.code != 0:
        raise IconRefusedError(Refusal.STOPPED)
    try:
        reply = json.loads(answer.output)
    except ValueError as error:
        raise IconRefusedError(Refusal.STOPPED) from error
    return reply if isinstance(reply, dict) else {"reason": Refusal.STOPPED}
