"""The words for what a restore changes inside apps, boards, groups, users and settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from launcher.backup.records.plan import FieldChange, NameChange, ThingChange
from launcher.db.plan_values import (
    HEADER_VALUES,
    MAINTENANCE,
    PAUSES,
    SECTION,
    SITE,
    SWITCHES,
)
from launcher.extensions import db
from launcher.http.plans import Icon, changed_part, is_list, only_added, read_icon, shown_changes
from launcher.i18n.labels import THEME_WORDS
from launcher.i18n.locale import LOCALES, gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.icons import drawn
from launcher.icons.drawn import Kind
from launcher.models import Media, Theme, letters_of
from launcher.models.catalogue import HUES
from launcher.web.admin.audit.words import FIELD_WORDS, value_words
from launcher.web.admin.site.words import SWATCH_WORDS
from launcher.web.apps.entries import OPENS
from launcher.web.boards.form import entry_words
from launcher.web.contents import NAME_WORDS
from launcher.web.pictures import Picture, picture_of

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

T = TypeVar("T")

MOST_NAMES = 12
"""So many things of a kind, fields of a thing and names of a list are shown."""

_MOST_CHARACTERS = 200

CHANGED_WORDS: Mapping[str, LazyString] = {
    **FIELD_WORDS,
    "check_url": _("Other address"),
    "header_values": _("Headers"),
    "checks_paused_until": _("Checks of all apps paused until"),
    "maintenance_for_all": _("Maintenance for all apps"),
    "timeout_ms": _("Time limit in milliseconds"),
    "retries": _("Further tries"),
    "email": _("E-mail address"),
    "locale": _("Language"),
    "theme": _("Appearance"),
    "sections": _("Sections"),
    "collapsed": _("Folded sections"),
    "boards": _("Order of boards"),
    "home_board": _("Home board"),
}
"""What is set of an app, a board, a group, a user or the site."""


class Side(NamedTuple):
    """One value as a person reads it, "" for none; an icon has its picture, if it is here."""

    text: str
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field now and afterwards; `words` say it where a list only gains or loses names."""

    what: str
    now: Side
    then: Side
    words: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing of a list, or, with `more`, how many others of its kind are not shown.

    `more_fields` is how many more fields differ.
    """

    name: str
    kind: str
    fields: Sequence[FieldRow] = ()
    more: int = 0
    more_fields: int = 0


def name_rows(
    changes: Sequence[NameChange], side: Callable[[NameChange], Sequence[str]]
) -> Sequence[Row]:
    """Return the names on one side of the changes, of each kind no more than fit."""
    rows: list[Row] = []
    for change in changes:
        kind = _kind_words(change.kind)
        shown, more = first(side(change))
        rows += [Row(name, kind) for name in shown]
        rows += [Row("", kind, more=more)] if more else []
    return rows


def changed_rows(changes: Sequence[NameChange]) -> Sequence[Row]:
    """Return what is set otherwise now, each with its values, of each kind no more than fit."""
    rows: list[Row] = []
    here = _media_here(changes)
    for change in changes:
        kind = _kind_words(change.kind)
        shown, more = first(shown_changes(change))
        for thing in shown:
            fields, more_fields = first(thing.fields)
            name = gettext("Settings") if change.kind == SITE else thing.name
            words = [_field_row(thing, each, here) for each in fields]
            rows.append(Row(name, kind, words, more_fields=more_fields))
        rows += [Row("", kind, more=more)] if more else []
    return rows


def first(things: Sequence[T]) -> tuple[Sequence[T], int]:
    """Return those that are shown, and how many are not."""
    # One more line would say "and 1 more", which is as long as the name itself.
    most = len(things) if len(things) <= MOST_NAMES + 1 else MOST_NAMES
    return things[:most], len(things) - most


def _kind_words(kind: str) -> str:
    return "" if kind == SITE else str(NAME_WORDS.get(kind, kind))


def _field_row(thing: ThingChange, change: FieldChange, here: frozenset[str]) -> FieldRow:
    field = change.field
    if field.startswith(SECTION):
        what = gettext("Apps in section “%(name)s”", name=field.removeprefix(SECTION))
    else:
        what = str(CHANGED_WORDS.get(field, field))
    if field == HEADER_VALUES:
        return FieldRow(what, Side(""), Side(""), gettext("Header values differ"))
    if is_list(field):
        now, then = changed_part(change.now, change.then)
        if words := _gain_words(field, change):
            return FieldRow(what, Side(""), Side(""), words)
        return FieldRow(what, Side(_list_words(field, now)), Side(_list_words(field, then)))
    if field == "icon":
        renamed = next((each.then for each in thing.fields if each.field == "name"), thing.name)
        return FieldRow(
            what,
            _icon_side(change.now, thing.name, here),
            _icon_side(change.then, renamed, here),
        )
    return FieldRow(
        what, Side(_value_words(field, change.now)), Side(_value_words(field, change.then))
    )


def _gain_words(field: str, change: FieldChange) -> str:
    """Return what a list only gains or only loses, "" where neither says it all."""
    if names := only_added(change.now, change.then):
        return ngettext(
            "%(names)s is added",
            "%(names)s are added",
            len(names),
            names=_list_words(field, names),
        )
    if change.then and (names := only_added(change.then, change.now)):
        return ngettext(
            "%(names)s is removed",
            "%(names)s are removed",
            len(names),
            names=_list_words(field, names),
        )
    return ""


def _list_words(field: str, names: Sequence[str]) -> str:
    shown, more = first(names)
    words = ", ".join(shown)
    if field in MAINTENANCE:  # each has commas of its own
        words = " · ".join(value_words("maintenance", each) for each in shown)
    if field == "shared_with" and words:
        words = value_words(field, words)
    if more:
        words += " " + ngettext("and %(num)s more", "and %(num)s more", more)
    return words


def _value_words(field: str, value: str) -> str:
    if field in SWITCHES:
        return value_words(field, value == "yes")
    if field == "opens":
        return str(OPENS.get(value, value))
    if field == "columns":
        return entry_words(field, value)
    if field == "theme" and value in set(Theme):
        return str(THEME_WORDS[Theme(value)])
    if field == "locale":
        return LOCALES.get(value, value) or gettext("Same as browser")
    if field in PAUSES:
        field = "paused_until"
    words = value_words(field, value) if value else _empty_words(field)
    return words if len(words) <= _MOST_CHARACTERS else words[:_MOST_CHARACTERS] + "…"


def _empty_words(field: str) -> str:
    return gettext("as for all apps") if field == "interval_s" else ""


# --- icons -----------------------------------------------------------------------------------


class _App(NamedTuple):
    name: str
    icon: str
    letters: str
    hue: int | None


def _icon_side(value: str, name: str, here: frozenset[str]) -> Side:
    """Return an icon in words, and its picture unless only the backup has it."""
    icon = read_icon(value)
    hue = icon.hue if icon.hue is not None and icon.hue < HUES else None
    if icon.media_sha256:
        words = gettext("Uploaded icon “%(name)s”", name=icon.media_name)
        if icon.media_sha256 not in here:
            return Side(words)
    else:
        words = _drawing_words(icon) or gettext(
            "Letters “%(letters)s”", letters=icon.letters or letters_of(name)
        )
        if hue is not None:
            words = gettext("%(icon)s, tint %(tint)s", icon=words, tint=str(SWATCH_WORDS[hue]))
    app = _App(name, icon.drawing, icon.letters, hue)
    return Side(words, picture_of(app, icon.media_sha256 or None))


def _drawing_words(icon: Icon) -> str:
    found = drawn.find(icon.drawing)
    if found is None:
        return ""
    set_, drawing = found
    if set_.kind is Kind.BRAND:
        return gettext("%(icon)s, from Brands", icon=drawing.title)
    return gettext("%(icon)s, from Symbols", icon=drawing.title)


def _media_here(changes: Sequence[NameChange]) -> frozenset[str]:
    """Return the hashes of the uploads of a plan that can be shown now."""
    wanted = {*_media_of(changes)}
    if not wanted:
        return frozenset()
    found = db.session.scalars(db.select(Media.sha256).where(Media.sha256.in_(wanted)))
    return frozenset(found)


def _media_of(changes: Sequence[NameChange]) -> Iterator[str]:
    for change in changes:
        for thing in first(shown_changes(change))[0]:
            for each in thing.fields:
                if each.field == "icon":
                    yield from (read_icon(value).media_sha256 for value in (each.now, each.then))
