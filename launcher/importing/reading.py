"""A file from elsewhere as a draft, by the parser of its source."""

from __future__ import annotations

from collections.abc import Callable

from launcher.importing.bookmarks import is_bookmark_file, read_bookmarks
from launcher.importing.dashy import is_dashy, read_dashy
from launcher.importing.draft import MAX_BYTES, Draft, Source, Unreadable, UnreadableFileError
from launcher.importing.heimdall import is_heimdall, read_heimdall
from launcher.importing.homepage import is_homepage, read_homepage
from launcher.importing.homer import is_homer, read_homer
from launcher.importing.table import has_headings, read_table
from launcher.importing.text import decode, is_binary
from launcher.importing.yaml_tree import Text, Tree, read_tree

_OF_TEXT: dict[Source, Callable[[str], Draft]] = {
    Source.BOOKMARKS: read_bookmarks,
    Source.HEIMDALL: read_heimdall,
    Source.CSV: read_table,
}
_OF_TREE: dict[Source, Callable[[Tree], Draft]] = {
    Source.HOMEPAGE: read_homepage,
    Source.HOMER: read_homer,
    Source.DASHY: read_dashy,
}
_LIKE_TEXT: dict[Source, Callable[[str], bool]] = {
    Source.BOOKMARKS: is_bookmark_file,
    Source.HEIMDALL: is_heimdall,
    Source.CSV: has_headings,
}
_LIKE_TREE: dict[Source, Callable[[Tree], bool]] = {
    Source.DASHY: is_dashy,
    Source.HOMER: is_homer,
    Source.HOMEPAGE: is_homepage,
}


def read(source: Source, content: bytes, filename: str = "") -> Draft:
    """Return what a file of `source` holds; `filename` is for the error alone.

    Raises:
        UnreadableFileError: nothing of it can be read.
    """
    text = _text(content, filename)
    try:
        draft = _OF_TEXT[source](text) if source in _OF_TEXT else _OF_TREE[source](read_tree(text))
    except UnreadableFileError as error:
        if error.code not in {Unreadable.FORMAT, Unreadable.SYNTAX, Unreadable.TAB}:
            raise
        looks_like = _guess(text, filename)
        # A file of another format is seldom well-formed in this one.
        if error.code is not Unreadable.FORMAT and looks_like in {source, None}:
            raise
        raise UnreadableFileError(
            Unreadable.FORMAT,
            filename=filename,
            source=source,
            looks_like=None if looks_like is source else looks_like,
        ) from None
    if draft.is_cut_off and not draft.found_count:
        raise UnreadableFileError(Unreadable.CUT_OFF, line=draft.ends_in_line)
    return draft


def guess(content: bytes, filename: str = "") -> Source | None:
    """Return the source that a file seems to come from, None when that is not clear.

    Raises:
        UnreadableFileError: `read` would refuse it whatever its source is.
    """
    return _guess(_text(content, filename), filename)


def _text(content: bytes, filename: str) -> str:
    if len(content) > MAX_BYTES:
        raise UnreadableFileError(
            Unreadable.TOO_LARGE, size_bytes=len(content), limit_bytes=MAX_BYTES
        )
    if is_binary(content):
        raise UnreadableFileError(Unreadable.BINARY, filename=filename)
    text = decode(content)
    if not text.strip():
        raise UnreadableFileError(Unreadable.EMPTY)
    return text


def _guess(text: str, filename: str) -> Source | None:
    for source, is_it in _LIKE_TEXT.items():
        if is_it(text):
            return source
    try:
        tree = read_tree(text)
    except UnreadableFileError:
        tree = Tree(Text("", 1), (), 1)
    found = next((source for source, is_it in _LIKE_TREE.items() if is_it(tree)), None)
    is_named_so = filename.lower().endswith((".csv", ".tsv"))
    return found or (Source.CSV if is_named_so else None)
