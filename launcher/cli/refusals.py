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
    Unfit.CHARACTERS: "has line breaks or other characters that are not allowed",
    Unfit.URL_INCOMPLETE: "is not a full URL that starts with http:// or https://",
    Unfit.URL_PORT: "has a port that is not a number from 1 to 65535",
    Unfit.URL_SCHEME: "starts with something other than http:// or https://",
    Unfit.URL_PASSWORD: "contains a user name or a password",
    Unfit.ADDRESS_FORM: "has characters other than lower-case letters, digits and hyphens",
    Unfit.ADDRESS_TAKEN: "is already used by another board",
    Unfit.CHOICE: "has a value that does not exist",
    Unfit.NUMBER: "is not a number from 0 to {limit}",
    Unfit.TOO_MANY: "is given more than {limit} times",
    Unfit.NAME_TAKEN: "is already used",
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
    "section": "--section",
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
        return "the app is already in this section", ""
    return "someone else changed this at the same time, nothing was saved", "Try again."


def _why(refusal: Refusal) -> str:
    return _WORDS[refusal.reason].format(limit=refusal.limit)
