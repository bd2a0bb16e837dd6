"""What a file from elsewhere holds, as a draft: nothing of it is in the catalogue yet.

Passwords, keys and widgets of the file are never in it. Reasons are data: doors make the sentences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

MAX_BYTES = 10_000_000
MAX_LINKS = 5_000
MAX_LEFT_OUT = 1_000
"""So many entries that were left out are named; the others are counted."""
MAX_ICON_BYTES = 100_000
MAX_LEVELS = 10
"""Folders deeper than this are joined with the one above."""

# As `catalogue.entries` has them, which stands further out.
NAME_MAX = 200
TITLE_MAX = 80
TEXT_MAX = 500
URL_MAX = 2000
TAG_MAX = 50
TAGS_MAX = 20


class Source(StrEnum):
    """Where a file comes from."""

    BOOKMARKS = "bookmarks"
    HOMEPAGE = "homepage"
    HOMER = "homer"
    DASHY = "dashy"
    HEIMDALL = "heimdall"
    CSV = "csv"


class LeaveReason(StrEnum):
    """Why an entry, or a part of it, is not in the draft; what `LeftOut.detail` holds.

    The first group leaves out the entry. The second stands in the notes of an app that is in the
    draft, the third in those of the draft.
    """

    SCHEME = "scheme"
    """Not http or https; detail: the scheme with its colon, such as `javascript:`."""
    NO_URL = "no_url"
    URL_INCOMPLETE = "url_incomplete"
    """Detail: the URL, such as `http://`."""
    URL_TOO_LONG = "url_too_long"
    VARIABLE = "variable"
    """The URL has a variable that only the other dashboard knows; detail: `{{HOMEPAGE_VAR_X}}`."""
    WIDGET = "widget"
    """Detail: the type of the widget, or ""."""
    FEED = "feed"
    """A live bookmark: its entries come from a feed."""
    REPEATED = "repeated"
    """The same URL stands in the file before; detail: the name that it has there."""
    NOT_AN_ENTRY = "not_an_entry"
    """Something else stands where an app is expected."""

    PASSWORD = "password"  # noqa: S105 (a reason, no password)
    """A password, token or key was dropped."""
    WIDGET_DROPPED = "widget_dropped"
    """The app is there without its widget; detail: the type of the widget, or ""."""
    NAME_TOO_LONG = "name_too_long"
    """The name is cut at `NAME_MAX`."""
    TEXT_TOO_LONG = "text_too_long"
    """The description or the search words are cut at `TEXT_MAX`."""
    TAGS = "tags"
    """Tags after `TAGS_MAX`, or longer than `TAG_MAX`, were dropped; detail: their number."""
    URL_LOCAL = "url_local"
    """The URL in the home network was dropped, as it is none; detail: the URL."""
    ICON_TOO_LARGE = "icon_too_large"
    ICON_IN_FILE = "icon_in_file"
    """The file holds the picture itself, which is not taken over."""

    FOLDERS_JOINED = "folders_joined"
    """A folder deeper than `MAX_LEVELS`; name: the section that its links are in."""
    REPEATED_KEY = "repeated_key"
    """A key stands twice in one mapping, and the last counts; name: the key."""
    ROW = "row"
    """A row has more cells than the header; the others were dropped."""
    COLUMN = "column"
    """A column was dropped, as its heading is none that is known, or means the same as one before;
    name: the heading."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that is not in the draft, or a part of one, and why; `line` is 0 when unknown."""

    reason: LeaveReason
    name: str = ""
    line: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DraftApp:
    """One app, with texts in one line and within the limits of the form of an app.

    Attributes:
        name: never empty: the host of the URL where the file has none.
        url: http or https with a host; whether the form takes it is judged with the plan.
        icon: what the file calls it: `jellyfin`, `mdi:server`, `si:jellyfin`, `fa:server`, or "".
        icon_url: an icon at another address, which is requested only when a person asks for it.
        icon_data: the image of a `data:` URL, not decoded, at most `MAX_ICON_BYTES`.
        line: of the file, from 1; 0 when unknown.
        notes: what of the entry was dropped or changed.
    """

    name: str
    url: str
    url_local: str = ""
    description: str = ""
    keywords: str = ""
    tags: tuple[str, ...] = ()
    icon: str = ""
    icon_url: str = ""
    icon_data: bytes = b""
    line: int = 0
    notes: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftSection:
    """A section with at least one app; its name is "" for links outside of folders and groups."""

    name: str
    apps: tuple[DraftApp, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a file holds.

    Attributes:
        sections: in the order of the file, each name once.
        left_out: the first `MAX_LEFT_OUT` entries that are not in the draft.
        left_out_count: how many there are, with those that are not named.
        beyond_limit: how many links follow after `MAX_LINKS` apps; they are not in `left_out`.
        notes: what was changed that concerns no single app.
        is_cut_off: whether the file ends in the middle.
        ends_in_line: its last line.
    """

    source: Source
    sections: tuple[DraftSection, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    left_out_count: int = 0
    beyond_limit: int = 0
    notes: tuple[LeftOut, ...] = ()
    is_cut_off: bool = False
    ends_in_line: int = 0

    @property
    def apps(self) -> Iterator[DraftApp]:
        """All apps, in the order of the file."""
        return (app for section in self.sections for app in section.apps)

    @property
    def app_count(self) -> int:
        """How many apps there are."""
        return sum(len(section.apps) for section in self.sections)

    @property
    def found_count(self) -> int:
        """How many entries the file has, whatever became of them."""
        return self.app_count + self.left_out_count + self.beyond_limit


class Unreadable(StrEnum):
    """Why a file cannot be read at all; which facts `UnreadableFileError.facts` holds."""

    TOO_LARGE = "too_large"
    """`size_bytes`, `limit_bytes`."""
    EMPTY = "empty"
    BINARY = "binary"
    """Not a text, such as an archive or a picture; `filename`."""
    FORMAT = "format"
    """Not a file of this source; `filename`, `source`, and `looks_like`: another source or None."""
    CUT_OFF = "cut_off"
    """The file ends in the middle, and nothing of it can be read; `line`."""
    SYNTAX = "syntax"
    """Not well-formed; `line`, 0 when unknown."""
    TAB = "tab"
    """A tab where YAML allows only spaces; `line`."""
    ALIASES = "aliases"
    """Aliases of YAML expand to more values than allowed; `line`, `limit`."""
    ALIAS_LOOP = "alias_loop"
    """An alias of YAML stands inside of what it names, or names nothing; `line`."""
    TOO_DEEP = "too_deep"
    """`line` (0 when unknown), `limit`."""
    TOO_MANY_VALUES = "too_many_values"
    """`line` (0 when unknown), `limit`."""


class UnreadableFileError(Exception):
    """Nothing of a file can be read.

    Attributes:
        code: why.
        facts: what belongs to the code.
    """

    def __init__(self, code: Unreadable, **facts: object) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts
