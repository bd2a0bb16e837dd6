"""Whether what came is an image at all: many servers answer any address with their page."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

_BEGINNINGS = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"\x00\x00\x01\x00",
)  # fmt: skip


def is_image(content: bytes) -> bool:
    """Whether `content` begins like an image that an app may have. It is not read further."""
    if content.startswith(_BEGINNINGS):
        return True
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return True
    if content[4:12] in {b"ftypavif", b"ftypavis"}:
        return True
    return _is_svg(content[:8192])


def _is_svg(text: bytes) -> bool:
    """Whether the first element is `svg`, after declarations and comments."""
    text = text.removeprefix(b"\xef\xbb\xbf").lstrip()
    while text.startswith((b"<?", b"<!")):
        end = b"-->" if text.startswith(b"<!--") else b">"
        text = text.partition(end)[2].lstrip()
    return text.startswith((b"<svg ", b"<svg>", b"<svg\n", b"<svg\r", b"<svg\t"))


def data_of(url: str, *, max_bytes: int) -> bytes:
    """Return what a `data:` URL holds, b"" when it is none or too large."""
    head, comma, text = url.partition(",")
    if not comma or len(text) > 3 * max_bytes or head[:5].lower() != "data:":
        return b""
    content = unquote_to_bytes(text.encode("utf-8", "replace"))  # half a character has no bytes
    if head.lower().endswith(";base64"):
        try:
            content = base64.b64decode(content)
        except binascii.Error:
            return b""
    return content if len(content) <= max_bytes else b""
