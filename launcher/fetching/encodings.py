"""The encoding that a page of HTML says it has."""

from __future__ import annotations

import codecs
import re

_CHARSET = re.compile(rb"""(?i)<meta[^>]{0,200}?charset\s*=\s*["']?\s*([a-z0-9_:.-]{1,40})""")
# Others that Python knows take a time that grows with the square, or give half characters.
_OF_PAGES = re.compile(
    r"(?i)utf-?8|iso[-_]?8859[-_]?\d{1,2}|latin-?\d|(?:windows|cp)-?\d{3,4}|ibm866|koi8[-_][ru]"
    r"|shift[-_]jis|euc[-_](?:jp|kr)|iso-2022-jp|big5|gb18030|mac(?:intosh|-?cyrillic)"
)
_AS_BROWSERS_DO = {
    # https://encoding.spec.whatwg.org/#names-and-labels
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
}


def label_in(content: bytes) -> str:
    """Return what the page `content` calls its encoding, "" where it says nothing."""
    found = _CHARSET.search(content, 0, 4096)
    return found[1].decode("ascii") if found else ""


def encoding_of(label: str) -> str:
    """Return what Python calls the encoding of a page, "" for those that are not read."""
    encoding = _AS_BROWSERS_DO.get(label.lower(), label)
    if not _OF_PAGES.fullmatch(encoding):
        return ""
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return ""
