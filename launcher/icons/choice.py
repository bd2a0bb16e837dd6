"""Which icon an app shows, as forms send it.

The field `icon` is one of these, with `letters` in a field beside it:

    symbol:tv  brand:jellyfin      a drawing that Launcher has
    media:<sha256>                 an upload, or an icon that was copied or fetched before
    set:<id>                       one of the colour set, which is copied
    letters:  letters:7            letters, in the tint of the name or in one of the twelve

An empty text means letters in the tint of the name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from launcher.audit import Actor
from launcher.extensions import db
from launcher.icons import drawn, store
from launcher.icons.uploads import Image
from launcher.models import App, Media, SetIcon, letters_of
from launcher.models.catalogue import HUES

_MOST_LETTERS = 2
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)


class ChoiceKind(StrEnum):
    """Where an icon comes from: the word before the colon."""

    SYMBOL = "symbol"
    BRAND = "brand"
    MEDIA = "media"
    SET = "set"
    LETTERS = "letters"


class ChoiceRefusedError(ValueError):
    """A text names no icon, or one that is gone; the icon of the app is as before."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One icon.

    Attributes:
        value: what is after the colon: a name, a hash, an id, or a tint and "".
        letters: at most two, "" for those of the name. They stand where an icon cannot.
    """

    kind: ChoiceKind
    value: str = ""
    letters: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


def read_choice(text: str, letters: str = "") -> Choice:
    """Return the choice that the two fields of a form make; without a query.

    Raises:
        ChoiceRefusedError: the text is none, or names a drawing that Launcher does not have.
    """
    kind, _, value = (text.strip() or "letters:").partition(":")
    if kind not in set(ChoiceKind):
        raise ChoiceRefusedError(text)
    choice = Choice(ChoiceKind(kind), value, _clean_letters(letters))
    if not _is_fit(choice):
        raise ChoiceRefusedError(text)
    return choice


def choice_of(app: App) -> Choice:
    """Return what `app` shows, so that a form can send it back: without change, nothing changes."""
    if app.icon_media is not None:
        return Choice(ChoiceKind.MEDIA, app.icon_media.sha256, app.letters)
    if drawn.find(app.icon) is not None:
        kind, _, value = app.icon.partition(":")
        return Choice(ChoiceKind(kind), value, app.letters)
    hue = "" if app.hue is None else str(app.hue)
    return Choice(ChoiceKind.LETTERS, hue, app.letters)


def apply_choice(app: App, choice: Choice, *, actor: Actor) -> None:
    """Let `app` show the icon; the caller writes the audit entry of the app, and commits.

    Its name is set before: letters that equal those of the name are not kept, so that they follow
    it. A drawing keeps the tint that the app has. An icon of the colour set is copied, with an
    audit entry.

    Raises:
        ChoiceRefusedError: an upload, or an icon of the colour set, is gone; nothing has changed.
    """
    media = media_of(choice, actor=actor)
    app.icon_media = media
    app.icon = str(choice) if choice.kind in {ChoiceKind.SYMBOL, ChoiceKind.BRAND} else ""
    app.letters = "" if choice.letters == letters_of(app.name) else choice.letters
    if choice.kind is ChoiceKind.LETTERS:
        app.hue = int(choice.value) if choice.value else None


def media_of(choice: Choice, *, actor: Actor) -> Media | None:
    """Return the picture of a choice, None for one without; an icon of the colour set is copied.

    Raises:
        ChoiceRefusedError: it is gone.
    """
    if choice.kind is ChoiceKind.MEDIA:
        media = store.find_media(choice.value)
        if media is None:
            raise ChoiceRefusedError(str(choice))
        return media
    if choice.kind is ChoiceKind.SET:
        icon = db.session.get(SetIcon, int(choice.value))
        if icon is None:
            raise ChoiceRefusedError(str(choice))
        return store.keep(Image(icon.content, icon.mime, icon.name), actor=actor, is_copy=True)
    return None


def _is_fit(choice: Choice) -> bool:
    match choice.kind:
        case ChoiceKind.SYMBOL | ChoiceKind.BRAND:
            return drawn.find(str(choice)) is not None
        case ChoiceKind.MEDIA:
            return _SHA256.fullmatch(choice.value) is not None
        case ChoiceKind.SET:
            return _NUMBER.fullmatch(choice.value) is not None
        case ChoiceKind.LETTERS:
            is_number = _NUMBER.fullmatch(choice.value) is not None
            return not choice.value or (is_number and int(choice.value) < HUES)


def _clean_letters(letters: str) -> str:
    """Return at most two letters, each with the marks that belong to it."""
    shown = "".join(each for each in letters if each.isprintable()).strip()
    return "".join(re.findall(r"\S[\u0300-\u036f\ufe0f]*", shown)[:_MOST_LETTERS])
