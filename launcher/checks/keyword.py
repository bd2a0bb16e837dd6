"""A text that a page contains or not: plain text, never a pattern, in at most 1 MB of the page."""

from __future__ import annotations

import html
import re
import zlib

from launcher.checks.attempt import CheckFailedError
from launcher.checks.outcome import Reason

MAX_PAGE_BYTES = 1 << 20
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.ASCII | re.IGNORECASE)


class Search:
    """Looks for a text while the page comes in.

    The text is looked for as it is and as HTML writes it (`&amp;`), in UTF-8 and in the encoding
    that the headers name.

    Raises:
        CheckFailedError: the page is compressed in another way than gzip and deflate; `ENCODING`.
    """

    def __init__(self, keyword: str, *, content_type: str, content_encoding: str) -> None:
        self._wanted = _encoded(keyword, content_type)
        self._overlap = max(len(each) for each in self._wanted) - 1
        self._length = 0
        self._tail = b""  # many checks read at once, so the page itself is not kept
        self._unpacker = _unpacker(content_encoding)

    def finds(self, content: bytes) -> bool:
        """Whether the page contains the text, now that `content` came too.

        Raises:
            CheckFailedError: it is larger than 1 MB, packed or not (`TOO_LARGE`); it is not
                compressed as its headers say (`ENCODING`).
        """
        plain = self._plain(content)
        part = self._tail + plain
        if any(each in part for each in self._wanted):
            return True
        self._tail = part[len(part) - min(self._overlap, len(part)) :]
        self._length += len(plain)
        if self._length > MAX_PAGE_BYTES:
            raise CheckFailedError(Reason.TOO_LARGE, limit_kb=MAX_PAGE_BYTES >> 10)
        return False

    def _plain(self, content: bytes) -> bytes:
        most = MAX_PAGE_BYTES + 1 - self._length
        if self._unpacker is None:
            return content[:most]
        try:
            return self._unpacker.decompress(content, most)
        except zlib.error:
            raise CheckFailedError(Reason.ENCODING, encoding="gzip") from None


def _encoded(keyword: str, content_type: str) -> set[bytes]:
    charsets = {"utf-8", *_CHARSET.findall(content_type)}
    found = set()
    for text in (keyword, html.escape(keyword, quote=False)):
        for charset in charsets:
            try:
                found.add(text.encode(charset))
            except (LookupError, UnicodeError):
                continue  # no text of this page, then
    return found or {keyword.encode("utf-8", "replace")}


def _unpacker(content_encoding: str) -> zlib._Decompress | None:
    match content_encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate" as name:
            return zlib.decompressobj(wbits=15 if name == "deflate" else 31)
    raise CheckFailedError(Reason.ENCODING, encoding=content_encoding[:40])
