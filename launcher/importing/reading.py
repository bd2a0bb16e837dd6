"""A file from elsewhere as a draft, by the parser of its source."""

from __future__ import annotations

from collections.abc import Callable

from launcher.importing.bookmarks import is_bookmark_file, read_bookmarks
from launcher.importing.draft import MAX_BYTES, Draft, Source, Unreadable, UnreadableFileError
from launcher.importing.text import decode

_PARSERS: dict[Source, Callable[[str], Draft]] = {
    Source.BOOKMARKS: read_bookmarks,
}


def read(source: Source, content: bytes, filename: str = "") -> Draft:
    """Return what a file of `source` holds; `filename` is for the error alone.

    Raises:
        UnreadableFileError: nothing of it can be read.
    """
    if len(content) > MAX_BYTES:
        raise UnreadableFileError(
            Unreadable.TOO_LARGE, size_bytes=len(content), limit_bytes=MAX_BYTES
        )
    text = decode(content)
    if not text.strip():
        raise UnreadableFileError(Unreadable.EMPTY)
    try:
        return _PARSERS[source](text)
    except UnreadableFileError as error:
        if error.code is not Unreadable.FORMAT:
            raise
        looks_like = guess(content)
        raise UnreadableFileError(
            Unreadable.FORMAT,
            filename=filename,
            source=source,
            looks_like=None if looks_like is source else looks_like,
        ) from None


def guess(content: bytes, filename: str = "") -> Source | None:  # noqa: ARG001
    """Return the source that a file seems to come from, None when nothing tells."""
    if is_bookmark_file(decode(content[:MAX_BYTES])):
        return Source.BOOKMARKS
    return None
