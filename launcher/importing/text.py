"""Bytes of a file as text, and lines of it as an app can have them."""

from __future__ import annotations

import codecs
import re
import unicodedata
from contextlib import suppress
from html import unescape

from launcher.fetching.encodings import encoding_of, label_in

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What no format needs, and parsers of YAML and CSV stop at.
_CONTROLS = re.compile(
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x84\\x86-\\x9f\\ufeff\\ufffe\\uffff]"
)
_ASCII = bytes(range(128))
_UNSHOWN = {"Cc", "Cs", "Zl", "Zp"}
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ENTITY_MAX = 4_000
# Zip and what is packed in it, gzip, PDF, SQLite, pictures.
_SIGNATURES = (
    b"PK\x03\x04", b"\x1f\x8b", b"%PDF-", b"SQLite format 3\x00", b"\x89PNG", b"\xff\xd8\xff",
    b"GIF8",
)  # fmt: skip
_CONTROL_BYTES = bytes({*range(9), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F})


def is_binary(content: bytes) -> bool:
    """Whether a file is no text in any encoding: an archive, a picture or a database."""
    if content.startswith(_SIGNATURES):
        return True
    if content.startswith(tuple(bom for bom, _encoding in _BOMS)):
        return False
    start = content[:2_000]
    halves = sorted(half.count(0) for half in (start[::2], start[1::2]))
    if halves[1] > len(start) // 4 and halves[0] <= len(start) // 100:
        return False  # UTF-16 has its zeros in one half
    controls = len(start) - len(start.translate(None, _CONTROL_BYTES))
    return controls > max(3, len(start) // 20)


def decode(content: bytes) -> str:
    """Return the text of a file, without control characters, with `\\n` between lines.

    UTF-8 and UTF-16 are recognised, then what a page says of itself counts; else it is what Windows
    has in Russia or west of it. No content is refused.
    """
    text = _decoded(content)
    text = _CONTROLS.sub("", text)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _decoded(content: bytes) -> str:
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return content[len(bom) :].decode(encoding, "replace")
    start = content[:200]
    # Half of the bytes of ASCII in UTF-16 are 0.
    if start.count(0) > len(start) // 4:
        encoding = "utf-16-be" if start[0] == 0 else "utf-16-le"
        return content.decode(encoding, "replace")
    with suppress(UnicodeDecodeError):
        return content.decode("utf-8")
    encoding = encoding_of(label_in(content)) or _single_byte(content[:100_000])
    return content.decode(encoding, "replace")


def _single_byte(content: bytes) -> str:
    """Return Windows-1251 for Russian and Windows-1252 for what is west of it.

    Spreadsheets write CSV in one of the two. Letters above ASCII stand in a row in Russian alone.
    """
    above = len(content.translate(None, _ASCII))
    in_a_row = sum(len(found) for found in re.findall(rb"[\xc0-\xff]{3,}", content))
    return "cp1251" if 2 * in_a_row > above else "cp1252"


def one_line(text: str, limit: int) -> tuple[str, bool]:
    """Return `text` in one line of at most `limit` characters, and whether it was cut.

    Characters that are not shown, and those that turn the direction of what follows, are dropped.
    """
    start = text[: 20 * limit]
    words = " ".join(start.split())
    if not (words.isascii() and words.isprintable()):
        shown = "".join(
            each
            for each in unicodedata.normalize("NFC", words)
            if each not in _TURNING and unicodedata.category(each) not in _UNSHOWN
        )
        words = " ".join(shown.split())
    is_cut = len(words) > limit or bool(text[20 * limit :].strip())
    return (words[: limit - 1].rstrip() + "…" if is_cut else words), is_cut


def name_line(text: str, limit: int) -> tuple[str, bool]:
    """Return the same as `one_line`, but "" for a text of which nothing would be seen."""
    name, is_cut = one_line(text, limit)
    is_seen = any(unicodedata.category(each)[0] not in "ZC" for each in name)
    return (name, is_cut) if is_seen else ("", False)


def from_html(text: str, limit: int = _ENTITY_MAX) -> str:
    """Return the text of a piece of HTML without its tags; of long ones only the beginning."""
    # No number of an entity is longer than Python converts.
    plain = re.sub(r"<[^<>]*>", " ", text[:limit]) if "<" in text else text[:limit]
    return unescape(plain) if "&" in plain else plain
