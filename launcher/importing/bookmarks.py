"""Bookmark files of browsers, in the format that Netscape began.

The format has no standard; "Netscape Bookmark File Format" at learn.microsoft.com describes it. Its
few tags are read one after the other, without a tree: every parser of HTML can be made to take
minutes for 1 MB of nested elements, and a walk through a tree can end in the depth of the folders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape

from launcher.importing.collector import Collector, Found
from launcher.importing.draft import (
    MAX_LEVELS,
    Draft,
    LeaveReason,
    Source,
    Unreadable,
    UnreadableFileError,
)
from launcher.importing.icon_names import Icon, icon_of
from launcher.importing.text import from_html

_BEGINNING = re.compile(r"<(?:!--|(/?)(a|h[1-6]|dl|dt|dd)(?=[\s/>]))", re.IGNORECASE)
# Attributes as https://html.spec.whatwg.org/#attribute-name-state has them: a quote counts after
# "=" alone. Nothing of it is tried twice, so that the time grows with the length only.
_REST_OF_TAG = re.compile(r"""(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'>][^\s>]*+)?+)*+>""")
_ATTRIBUTE = re.compile(
    r"""([^\s"'<>/=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>][^\s>]*+)))?+"""
)
_BARS = {"personal_toolbar_folder", "unfiled_bookmarks_folder"}
_ATTRIBUTES = _BARS | {"href", "icon", "icon_uri", "tags", "description", "shortcuturl", "feedurl"}
_LONGEST_ATTRIBUTE = max(len(name) for name in _ATTRIBUTES)
_LONGEST_TEXT = 4_000
MAX_TAGS = 300_000
"""A file of 60,000 bookmarks has less."""
_SHAPE = re.compile(r"(?i)<d[lt][\s>]|<!doctype\s+netscape-bookmark-file")


@dataclass(slots=True)
class _Tag:
    name: str
    is_end: bool
    start: int
    end: int
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Folder:
    name: str
    is_bar: bool
    line: int = 0


@dataclass(slots=True)
class _Link:
    attributes: dict[str, str]
    line: int
    name: str = ""
    description: str = ""


def is_bookmark_file(text: str) -> bool:
    """Whether a text looks like a bookmark file of a browser."""
    return text[:1_000].lstrip().startswith("<") and _SHAPE.search(text) is not None


def read_bookmarks(text: str) -> Draft:
    """Return what a bookmark file holds; each folder with links is a section.

    Folders that every browser has anyway, such as the bookmarks bar, are not in the names of the
    sections of their folders.

    Raises:
        UnreadableFileError: it is none.
    """
    if not is_bookmark_file(text):
        raise UnreadableFileError(Unreadable.FORMAT)
    return _Reader(text).read()


class _Reader:
    """Reads the tags of one file from the first to the last."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._collector = Collector(Source.BOOKMARKS)
        self._lists: list[bool] = []  # the open ones, and whether each is a folder with a name
        self._path: list[_Folder] = []
        self._section: str | None = None  # of the path, once a link asked for it
        self._heading: _Folder | None = None  # whose list has not begun
        self._link: _Link | None = None  # whose description may follow
        self._reads = ""  # the element whose text is read
        self._reads_from = 0
        self._line = 1
        self._counted_to = 0

    def read(self) -> Draft:
        is_whole = True
        for count, tag in enumerate(self._tags()):
            if tag is None:
                is_whole = False
                break
            if count == MAX_TAGS:
                raise UnreadableFileError(
                    Unreadable.TOO_MANY_VALUES, line=self._line_at(tag.start), limit=MAX_TAGS
                )
            self._take(tag)
        self._end_text(len(self._text))
        self._end_link()
        return self._collector.draft(
            ends_in_line=self._text.rstrip().count("\n") + 1,
            is_cut_off=not is_whole or bool(self._lists),
        )

    def _tags(self) -> Iterator[_Tag | None]:
        """Yield the tags that matter, at last None if the file ends within one or in a comment."""
        text, position = self._text, 0
        while found := _BEGINNING.search(text, position):
            if found[2] is None:
                position = text.find("-->", found.end()) + 3
                if position < 3:
                    yield None
                    return
                continue
            rest = _REST_OF_TAG.match(text, found.end())
            if rest is None:
                yield None
                return
            position = rest.end()
            name, is_end = found[2].lower(), found[1] == "/"
            wants = not is_end and name[0] in "ah"
            attributes = self._attributes(found.end(), position - 1) if wants else {}
            yield _Tag(name, is_end, found.start(), position, attributes)

    def _attributes(self, start: int, end: int) -> dict[str, str]:
        attributes: dict[str, str] = {}
        for found in _ATTRIBUTE.finditer(self._text, start, end):
            if len(found[1]) <= _LONGEST_ATTRIBUTE and (key := found[1].lower()) in _ATTRIBUTES:
                attributes.setdefault(key, found[2] or found[3] or found[4] or "")
        return attributes

    def _take(self, tag: _Tag) -> None:
        if tag.name == "a" and self._reads == "dd":
            return  # a link within a description
        self._end_text(tag.start)
        kind = "h" if tag.name[0] == "h" else tag.name
        match kind, tag.is_end:
            case "a", False:
                self._end_link()
                self._link = _Link(tag.attributes, self._line_at(tag.start))
                self._read_text("a", tag.end)
            case "h", False:
                self._end_link()
                self._heading = None if tag.name == "h1" else _Folder("", _is_bar(tag))
                self._read_text("h", tag.end)
            case "dd", False:
                self._read_text("dd", tag.end)
            case "dl", False:
                self._end_link()
                self._begin_list(tag)
            case "dl", True:
                self._end_link()
                self._end_list()

    def _read_text(self, element: str, start: int) -> None:
        self._reads, self._reads_from = element, start

    def _end_text(self, end: int) -> None:
        """Keep the text of the element that ends here; the first of each counts."""
        element, self._reads = self._reads, ""
        if not element:
            return
        text = from_html(self._text[self._reads_from : min(end, self._reads_from + _LONGEST_TEXT)])
        if element == "h" and self._heading is not None:
            self._heading.name = text
        elif element == "a" and self._link is not None:
            self._link.name = text
        elif element == "dd" and self._link is not None:
            self._link.description = text

    def _begin_list(self, tag: _Tag) -> None:
        folder, self._heading = self._heading, None
        is_folder = folder is not None and bool(folder.name.strip())
        self._lists.append(is_folder)
        if folder is not None and is_folder:
            folder.line = self._line_at(tag.start)
            self._path.append(folder)
            self._section = None

    def _end_list(self) -> None:
        self._heading = None
        if self._lists and self._lists.pop():
            self._path.pop()
            self._section = None

    def _section_now(self) -> str:
        if self._section is None:
            path = self._path[: MAX_LEVELS + 2]
            if len(path) > 1 and path[0].is_bar:
                del path[0]
            line = path[-1].line if path else 0
            self._section = self._collector.section_of([each.name for each in path], line)
        return self._section

    def _end_link(self) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        attributes = link.attributes
        if "feedurl" in attributes:
            self._collector.leave_out(LeaveReason.FEED, name=link.name, line=link.line)
            return
        raw_url = attributes.get("href", "")
        self._collector.add(
            self._section_now(),
            Found(
                name=link.name,
                # A longer one is too long in any case.
                url=unescape(raw_url) if len(raw_url) <= _LONGEST_TEXT else raw_url,
                description=link.description or from_html(attributes.get("description", "")),
                keywords=from_html(attributes.get("shortcuturl", "")),
                tags=from_html(attributes.get("tags", "")).split(","),
                icon=_icon(attributes),
                line=link.line,
            ),
        )

    def _line_at(self, position: int) -> int:
        self._line += self._text.count("\n", self._counted_to, position)
        self._counted_to = position
        return self._line


def _is_bar(tag: _Tag) -> bool:
    return not tag.attributes.keys().isdisjoint(_BARS)


def _icon(attributes: Mapping[str, str]) -> Icon:
    data = icon_of(attributes.get("icon", ""))
    uri = attributes.get("icon_uri", "")
    url = data.url or (unescape(uri) if uri[:4].lower() == "http" else "")
    return Icon(url=url, data=data.data, notes=data.notes)
