"""What the form of an app holds: what was typed, what it had shown, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from flask import request, url_for

from launcher.catalogue.access import may_see_media
from launcher.catalogue.entries import AppEntries
from launcher.catalogue.errors import FieldsRefusedError, Refusal, Unfit
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.icons import drawn
from launcher.icons.choice import Choice, ChoiceKind, ChoiceRefusedError, read_choice
from launcher.models import Opening, User, hue_of, letters_of
from launcher.web.numbers import read_number
from launcher.web.pictures import Picture, drawing_address
from launcher.web.refusal_words import refusal_words

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString
    from werkzeug.datastructures import MultiDict

NAMES = tuple(each.name for each in fields(AppEntries))
"""The fields, in the order of `AppEntries`."""

LABELS: Mapping[str, LazyString] = {
    "url": _("URL"),
    "name": _("Name"),
    "icon": _("Icon"),
    "letters": _("Letters"),
    "url_local": _("Home network URL"),
    "description": _("Description"),
    "tags": _("Tags"),
    "keywords": _("Search words"),
    "opens": _("Opens in"),
    "section": _("Board and section"),
}
"""The name of each field, in the order of the form."""

OPENS: Mapping[str, LazyString] = {
    Opening.DEFAULT: _("Default"),
    Opening.SAME_TAB: _("Same tab"),
    Opening.NEW_TAB: _("New tab"),
}

_SEEN = "seen_"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the form had shown: the entries, and the revision that they were of."""

    entries: AppEntries
    revision: int


def read_entries(sent: MultiDict[str, str], otherwise: AppEntries) -> AppEntries:
    """Return the entries of a form or an address; a field that is not there is as `otherwise`."""
    return replace(otherwise, **{name: sent[name] for name in NAMES if name in sent})


def read_shown(sent: MultiDict[str, str], now: Shown) -> Shown:
    """Return what the form had shown; what it does not say is as it is now."""
    entries = {name: sent[_SEEN + name] for name in NAMES if _SEEN + name in sent}
    revision = read_number(sent.get("revision", ""))
    return Shown(replace(now.entries, **entries), now.revision if revision is None else revision)


def require_visible_icon(entries: AppEntries, viewer: User) -> None:
    """Check that `viewer` may see the upload that is chosen: a hash alone shows no one a picture.

    Raises:
        FieldsRefusedError
    """
    choice = _choice(entries)
    if choice.kind is ChoiceKind.MEDIA and not may_see_media(viewer, choice.value):
        raise FieldsRefusedError({"icon": Refusal(Unfit.CHOICE)})


def error_words(error: FieldsRefusedError, entries: AppEntries) -> dict[str, str]:
    """Return the words beside each refused field, in the order of the form."""
    return {
        name: refusal_words(name, error.fields[name], getattr(entries, name, ""))
        for name in LABELS
        if name in error.fields
    }


def picture_of_entries(entries: AppEntries) -> Picture:
    """Return the picture that an app with these entries would have."""
    choice = _choice(entries)
    is_own = choice.kind is ChoiceKind.LETTERS and choice.value
    letters = choice.letters or letters_of(entries.name)
    hue = int(choice.value) if is_own else hue_of(entries.name)
    image = ""
    if choice.kind is ChoiceKind.MEDIA:
        image = url_for("start.media", sha256=choice.value)
    elif choice.kind is ChoiceKind.SET:
        image = f"{request.script_root}/icons/set/{choice.value}"
    return Picture(letters, hue, image, drawing_address(str(choice)))


def icon_words(entries: AppEntries) -> str:
    """Return what the icon is: `Jellyfin, from Brands`."""
    choice = _choice(entries)
    found = drawn.find(str(choice))
    if found and choice.kind is ChoiceKind.BRAND:
        return gettext("%(icon)s, from Brands", icon=found[1].title)
    if found:
        return gettext("%(icon)s, from Symbols", icon=found[1].title)
    if choice.kind is ChoiceKind.SET:
        return gettext("From the colour set")
    if choice.kind is ChoiceKind.MEDIA:
        return gettext("Image")
    if choice.value:
        return gettext("Letters, own tint")
    return gettext("Letters, tint from the name")


def _choice(entries: AppEntries) -> Choice:
    try:
        return read_choice(entries.icon, entries.letters)
    except ChoiceRefusedError:
        return Choice(ChoiceKind.LETTERS)
