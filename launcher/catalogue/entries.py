"""What a person typed about an app or a board, checked: the same checks for every door.

Limits: a name as in the design, texts far above what anybody types, a URL as browsers take it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import TypeVar
from urllib.parse import urlsplit

from launcher.catalogue.errors import FieldsRefusedError, Refusal, Unfit
from launcher.catalogue.sharing import read_shares, shares_of, words_of
from launcher.icons.choice import ChoiceRefusedError, choice_of, read_choice
from launcher.models import MAX_COLUMNS, App, Board, Density, Opening, Visibility

NAME_MAX = 200
TITLE_MAX = 80
"""The longest name of a board or a section."""
TEXT_MAX = 500
URL_MAX = 2000
TAG_MAX = 50
TAGS_MAX = 20
LETTERS_MAX = 2
_SCHEMES = {"http", "https"}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.ASCII | re.IGNORECASE)
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_SLUG_MAX = 63
# Control characters, half a character, line separators.
_UNSHOWN = {"Cc", "Cs", "Zl", "Zp"}
# They turn the direction of what follows, which no name needs: letters have a direction.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

V = TypeVar("V")


class UnfitError(ValueError):
    """One value is not allowed."""

    def __init__(self, reason: Unfit, limit: int = 0) -> None:
        super().__init__(reason)
        self.refusal = Refusal(reason, limit)


@dataclass(frozen=True, slots=True)
class AppEntries:
    """The fields of an app as text, as a form has them.

    `tags` are names between commas; `icon` and `letters` are as `launcher.icons.choice` has them.
    """

    name: str = ""
    url: str = ""
    url_local: str = ""
    description: str = ""
    tags: str = ""
    keywords: str = ""
    opens: str = Opening.DEFAULT
    icon: str = "letters:"
    letters: str = ""

    @classmethod
    def of(cls, app: App) -> AppEntries:
        """Return the entries that an app has now."""
        return cls(
            name=app.name,
            url=app.url,
            url_local=app.url_local,
            description=app.description,
            tags=", ".join(tag.name for tag in app.tags),
            keywords=app.keywords,
            opens=app.opens,
            icon=str(choice_of(app)),
            letters=app.letters,
        )

    def checked(self) -> AppEntries:
        """Return the entries as they are stored.

        Raises:
            FieldsRefusedError: some are not allowed.
        """
        check = _Check()
        entries = AppEntries(
            name=check.field("name", lambda: read_name(self.name, NAME_MAX), ""),
            url=check.field("url", lambda: read_url(self.url), ""),
            url_local=check.field(
                "url_local", lambda: read_url(self.url_local) if self.url_local.strip() else "", ""
            ),
            description=check.field("description", lambda: read_line(self.description), ""),
            tags=check.field("tags", lambda: ", ".join(read_tags(self.tags)), ""),
            keywords=check.field("keywords", lambda: read_line(self.keywords), ""),
            opens=check.field("opens", lambda: _member(Opening, self.opens), ""),
            icon=check.field("icon", lambda: _read_icon(self.icon), ""),
            letters=check.field("letters", lambda: read_line(self.letters, LETTERS_MAX), ""),
        )
        check.finish()
        return entries

    def changes(self, other: AppEntries) -> tuple[str, ...]:
        """Return the names of the fields that are different in `other`."""
        return tuple(
            each.name
            for each in fields(self)
            if getattr(self, each.name) != getattr(other, each.name)
        )


@dataclass(frozen=True, slots=True)
class BoardEntries:
    """The fields of a board as text, as a form has them; an empty `slug` is made of the name.

    `shared_with` names people and groups as `catalogue.sharing` reads them.
    """

    name: str = ""
    slug: str = ""
    density: str = Density.COMFORTABLE
    columns: str = "0"
    visibility: str = Visibility.MEMBERS
    shared_with: str = ""

    @classmethod
    def of(cls, board: Board) -> BoardEntries:
        """Return the entries that a board has now."""
        return cls(
            name=board.name,
            slug=board.slug,
            density=board.density,
            columns=str(board.columns),
            visibility=board.visibility,
            shared_with=words_of(shares_of(board)),
        )

    def checked(self) -> BoardEntries:
        """Return the entries as they are stored; whether the address is free is not known here.

        Raises:
            FieldsRefusedError: some are not allowed.
        """
        check = _Check()
        entries = BoardEntries(
            name=check.field("name", lambda: read_name(self.name, TITLE_MAX), ""),
            slug=check.field("slug", lambda: _read_slug(self.slug), ""),
            density=check.field("density", lambda: _member(Density, self.density), ""),
            columns=check.field("columns", lambda: _read_columns(self.columns), "0"),
            visibility=check.field("visibility", lambda: _member(Visibility, self.visibility), ""),
            shared_with=check.field("shared_with", lambda: _read_shares(self.shared_with), ""),
        )
        check.finish()
        return entries


class _Check:
    """Collects the refusals of several fields."""

    def __init__(self) -> None:
        self.refusals: dict[str, Refusal] = {}

    def field(self, name: str, read: Callable[[], V], otherwise: V) -> V:
        try:
            return read()
        except UnfitError as error:
            self.refusals[name] = error.refusal
            return otherwise

    def finish(self) -> None:
        if self.refusals:
            raise FieldsRefusedError(self.refusals)


def read_name(text: str, limit: int) -> str:
    """Return a name in one line, in composed form.

    Raises:
        UnfitError: it is empty, too long, or has characters that cannot be shown.
    """
    name = read_line(text, limit)
    if not any(unicodedata.category(each)[0] not in "ZC" for each in name):
        raise UnfitError(Unfit.EMPTY)
    return name


def read_line(text: str, limit: int = TEXT_MAX) -> str:
    """Return a text in one line, perhaps empty.

    Raises:
        UnfitError: it is too long, or has characters that cannot be shown.
    """
    line = unicodedata.normalize("NFC", text.strip())
    if len(line) > limit:
        raise UnfitError(Unfit.TOO_LONG, limit)
    if any(unicodedata.category(each) in _UNSHOWN or each in _TURNING for each in line):
        raise UnfitError(Unfit.CHARACTERS)
    return line


def without_unshown(text: str) -> str:
    """Return `text` without the characters that `read_line` refuses."""
    return "".join(
        each for each in text if unicodedata.category(each) not in _UNSHOWN and each not in _TURNING
    )


def read_url(text: str) -> str:
    """Return an http or https URL as it was typed.

    Raises:
        UnfitError: it is empty, too long, not complete, of another scheme, has a password, or a
            port that is none.
    """
    url = text.strip()
    if not url:
        raise UnfitError(Unfit.EMPTY)
    if len(url) > URL_MAX:
        raise UnfitError(Unfit.TOO_LONG, URL_MAX)
    if any(
        each.isspace() or unicodedata.category(each) in _UNSHOWN or each in _TURNING for each in url
    ):
        raise UnfitError(Unfit.CHARACTERS)
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in _SCHEMES:
        is_other = _SCHEME.match(url) and not re.match(r"[^:]+:\d+(/|$)", url)
        raise UnfitError(Unfit.URL_SCHEME if is_other else Unfit.URL_INCOMPLETE)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UnfitError(Unfit.URL_INCOMPLETE) from None
    # A browser reads a backslash as a slash, and Python does not.
    if not parts.hostname or "\\" in rest.partition("?")[0]:
        raise UnfitError(Unfit.URL_INCOMPLETE)
    try:
        port = parts.port
    except ValueError:
        raise UnfitError(Unfit.URL_PORT) from None
    if port == 0:
        raise UnfitError(Unfit.URL_PORT)
    # Browsers drop what only formats from a host: another would be opened than is shown.
    if any(unicodedata.category(each) == "Cf" for each in parts.netloc):
        raise UnfitError(Unfit.CHARACTERS)
    if parts.username is not None or parts.password is not None:
        raise UnfitError(Unfit.URL_PASSWORD)
    return url


def read_tags(text: str) -> tuple[str, ...]:
    """Return the names between commas, each once, in the order in which they were typed.

    Raises:
        UnfitError: there are too many, or one is too long.
    """
    names: dict[str, str] = {}
    for each in text.split(","):
        if name := read_line(each, TAG_MAX):
            names.setdefault(name.casefold(), name)
    if len(names) > TAGS_MAX:
        raise UnfitError(Unfit.TOO_MANY, TAGS_MAX)
    return tuple(names.values())


def slug_of(name: str, taken: Iterable[str]) -> str:
    """Return a free address for a board: its name in ASCII, else `board`, perhaps with a number."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: _SLUG_MAX - 6].strip("-") or "board"
    others = set(taken)
    number = 1
    while (slug := stem if number == 1 else f"{stem}-{number}") in others:
        number += 1
    return slug


def _read_slug(text: str) -> str:
    slug = text.strip().lower()
    if slug and not _SLUG.fullmatch(slug):
        raise UnfitError(Unfit.ADDRESS_FORM)
    return slug


def _read_shares(text: str) -> str:
    try:
        return words_of(read_shares(text))
    except ValueError:
        raise UnfitError(Unfit.CHOICE) from None


def _read_columns(text: str) -> str:
    columns = text.strip()
    if not (columns.isascii() and columns.isdigit() and len(columns) == 1):
        raise UnfitError(Unfit.NUMBER, MAX_COLUMNS)
    if int(columns) > MAX_COLUMNS:
        raise UnfitError(Unfit.NUMBER, MAX_COLUMNS)
    return columns


def _read_icon(text: str) -> str:
    try:
        return str(read_choice(text))
    except ChoiceRefusedError:
        raise UnfitError(Unfit.CHOICE) from None


def _member(members: type[Density] | type[Opening] | type[Visibility], text: str) -> str:
    if text not in {each.value for each in members}:
        raise UnfitError(Unfit.CHOICE)
    return text
