"""Refused changes of boards and apps, in words for the shell."""

from __future__ import annotations

from collections.abc import Mapping

from launcher.catalogue.errors import (
    AlreadyThereError,
    CatalogueError,
    FieldsRefusedError,
    Refusal,
    Unfit,
)

_WORDS: Mapping[Unfit, str] = {
    Unfit.EMPTY: "is empty",
    Unfit.TOO_LONG: "has more than {limit:,} characters",
    Unfit.CHARACTERS: "has characters that cannot be shown or are not allowed",
    Unfit.URL_INCOMPLETE: "is not a full URL that starts with http:// or https://",
    Unfit.URL_SCHEME: "is a URL that Launcher does not open; it starts with http:// or https://",
    Unfit.URL_PASSWORD: "has a user name or password, which everyone could read",
    Unfit.ADDRESS_FORM: "has other characters than small letters, digits and hyphens",
    Unfit.ADDRESS_TAKEN: "is the address of another board",
    Unfit.CHOICE: "is not one of those that can be chosen",
    Unfit.NUMBER: "is not a number from 0 to {limit}",
    Unfit.TOO_MANY: "are more than {limit}",
    Unfit.NAME_TAKEN: "is the name of another",
}

_FIELDS: Mapping[str, str] = {
    "name": "the name",
    "url": "the URL",
    "url_local": "--local-url",
    "description": "--description",
    "keywords": "--keywords",
    "tags": "--tag",
    "icon": "--icon",
    "letters": "the letters",
    "opens": "--opens",
    "slug": "--address",
    "density": "--density",
    "columns": "--columns",
    "visibility": "--visibility",
}

_HINTS: Mapping[str, str] = {
    "icon": "Icons are named like symbol:tv, brand:jellyfin or letters:3.",
    "slug": "`flask board list` shows the addresses in use.",
}


def refusal_words(error: CatalogueError) -> tuple[str, str]:
    """Return the sentence about a refused change, without its full stop, and the next step."""
    if isinstance(error, FieldsRefusedError):
        words = [f"{_FIELDS.get(name, name)} {_why(each)}" for name, each in error.fields.items()]
        return "; ".join(words), next((_HINTS[name] for name in error.fields if name in _HINTS), "")
    if isinstance(error, AlreadyThereError):
        return "the app is in this section already", ""
    return "someone changed this at the same time; nothing was saved", "Try again."


def _why(refusal: Refusal) -> str:
    return _WORDS[refusal.reason].format(limit=refusal.limit)
