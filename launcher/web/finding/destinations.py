"""The pages, settings and actions that a viewer can find: those that they may open."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import url_for
from flask_babel import force_locale

from launcher.catalogue.access import edits_board, may_edit
from launcher.extensions import db
from launcher.i18n.formats import isolated
from launcher.i18n.locale import (
    BABEL_LOCALES,
    DEFAULT_LOCALE,
    LOCALES,
    current_language,
    gettext,
)
from launcher.i18n.locale import lazy_gettext as _
from launcher.models import Board, User
from launcher.settings.table import SETTINGS
from launcher.web.admin.audit.words import FIELD_WORDS
from launcher.web.navigation import ADMIN_PAGES, CATALOGUE_PAGES

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString


class Kind(Enum):
    """Under which heading a destination is found."""

    SETTING = auto()
    ACTION = auto()


class _For(Enum):
    """Who may open a destination."""

    GUESTS = auto()
    USERS = auto()
    ADDING = auto()  # who may edit some board, shared ones included
    EDITORS = auto()
    ADMINS = auto()


@dataclass(frozen=True, slots=True)
class Destination:
    """One page, setting or action: found by `names`, the one that is shown first.

    The others are more words for it, and all of them in English; `foreign_names` are those in the
    other languages.
    """

    kind: Kind
    icon: str
    names: Sequence[str]
    detail: str
    endpoint: str
    anchor: str = ""
    slug: str | None = None
    foreign_names: Sequence[str] = ()

    @property
    def url(self) -> str:
        """Its address."""
        anchor = self.anchor or None
        if self.slug is None:
            return url_for(self.endpoint, _anchor=anchor)
        return url_for(self.endpoint, slug=self.slug, _anchor=anchor)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the table: what does not depend on the viewer and their language.

    `also` are more words that it is found by.
    """

    who: _For
    kind: Kind
    icon: str
    name: LazyString
    endpoint: str
    anchor: str = ""
    detail: LazyString | str = ""
    also: Sequence[LazyString] = ()

    @property
    def words(self) -> Sequence[str]:
        """Its name and the other words, in the language of this request."""
        return (str(self.name), *map(str, self.also))


def destinations(viewer: User | None) -> Sequence[Destination]:
    """Return what `viewer` can find beside apps and boards."""
    rights = _rights(viewer)
    found = [
        Destination(
            each.kind, each.icon, names, str(each.detail), each.endpoint, each.anchor,
            foreign_names=foreign,
        )
        for each, names, foreign in zip(_table(), *_names(current_language()), strict=True)
        if each.who in rights
    ]  # fmt: skip
    return [*found, *_boards_to_edit(viewer, rights)]


def may_add_app(viewer: User | None) -> bool:
    """Whether `viewer` may add an app."""
    return _For.ADDING in _rights(viewer)


def _rights(viewer: User | None) -> Collection[_For]:
    if viewer is None:
        return {_For.GUESTS}
    rights = {_For.USERS}
    if may_edit(viewer):
        rights.add(_For.ADDING)
    if viewer.may_edit:
        rights.add(_For.EDITORS)
    if viewer.is_admin:
        rights.add(_For.ADMINS)
    return rights


def _boards_to_edit(viewer: User | None, rights: Collection[_For]) -> Iterator[Destination]:
    if _For.ADDING not in rights:
        return
    query = sa.select(Board.slug, Board.name).where(edits_board(viewer))
    for slug, name in db.session.execute(query.order_by(Board.position, Board.id)):
        spoken, english, *foreign = _edit_board(current_language())
        yield Destination(
            Kind.ACTION,
            "pencil",
            (spoken % {"name": isolated(name)}, english % {"name": name}),
            "",
            "editing.show",
            slug=slug,
            foreign_names=[each % {"name": name} for each in foreign],
        )


@cache
def _table() -> Sequence[_Entry]:
    return (*_pages(), *_settings(), *_ACCOUNT, *_ACTIONS)


@cache
def _names(language: str) -> tuple[Sequence[Sequence[str]], Sequence[Sequence[str]]]:
    """Return the names of each line of the table in `language` and English, and in all others."""
    spoken, english, *others = [[each.words for each in _table()] for _ in _languages(language)]
    names = [(*own, *other) for own, other in zip(spoken, english, strict=True)]
    foreign = [tuple(chain.from_iterable(each)) for each in zip(*others, strict=True)]
    return names, foreign or [()] * len(names)


@cache
def _edit_board(language: str) -> Sequence[str]:
    return [gettext("Edit board %(name)s") for _ in _languages(language)]


def _languages(first: str) -> Iterator[None]:
    """Go through `first`, English and the others: meanwhile, each is the one of this request."""
    for language in (first, DEFAULT_LOCALE, *(LOCALES.keys() - {first, DEFAULT_LOCALE})):
        with force_locale(BABEL_LOCALES.get(language, language)):
            yield


def _pages() -> Iterator[_Entry]:
    for group, pages in ADMIN_PAGES:
        who = _For.EDITORS if (group, pages) == CATALOGUE_PAGES else _For.ADMINS
        for endpoint, icon, name in pages:
            yield _Entry(who, Kind.SETTING, icon, name, endpoint, detail=group)


_SETTING_PAGES = {
    "site": ("site.show", "settings", _("Settings")),
    "schedule": ("schedules.show", "clock", _("Schedule")),
}
"""The pages that show settings: endpoint, icon and name, by `Setting.page`."""


def _settings() -> Iterator[_Entry]:
    yield _Entry(_For.ADMINS, Kind.SETTING, "clock", _("Schedule"), "schedules.show")
    yield _Entry(
        _For.ADMINS, Kind.SETTING, "cloud", _("Off-site"), "offsite.index", detail=_("Backups"),
        also=(_("Copies in other places"), _("Add destination"), _("Recovery kit")),
    )  # fmt: skip
    for each in SETTINGS.values():
        if each.page:
            endpoint, icon, page = _SETTING_PAGES[each.page]
            words = FIELD_WORDS[each.name]
            yield _Entry(_For.ADMINS, Kind.SETTING, icon, words, endpoint, each.name, page)


def _own(icon: str, name: LazyString, anchor: str, *also: LazyString) -> _Entry:
    page = _("Your account")
    return _Entry(_For.USERS, Kind.SETTING, icon, name, "account.show", anchor, page, also)


_ACCOUNT = (
    _own("user", _("Your account"), "", _("Settings"), _("Profile")),
    _own(
        "user", _("Language and appearance"), "appearance-title", _("Light"), _("Dark"), _("Theme")
    ),
    _own("house", _("Start page"), "start-title"),
    _own("house", _("Home board"), "home_board"),
    _own("external-link", FIELD_WORDS["open_new_tab"], "open_new_tab"),
    _own(
        "search",
        FIELD_WORDS["counts_launches"],
        "counts_launches",
        _("Find"),
        _("Order of results"),
    ),
    _own("keyboard", _("Keyboard shortcuts"), "shortcuts-title"),
    _own("lock", _("Password"), "password-title"),
    _own("user", _("Sessions"), "sessions-title"),
)


def _action(
    who: _For, icon: str, name: LazyString, endpoint: str, anchor: str = "", *also: LazyString
) -> _Entry:
    return _Entry(who, Kind.ACTION, icon, name, endpoint, anchor, also=also)


_ACTIONS = (
    _action(_For.ADDING, "plus", _("Add app"), "apps.new"),
    _action(_For.ADDING, "file-up", _("Import apps…"), "importing.choose"),
    _action(_For.EDITORS, "plus", _("Add board"), "boards.new"),
    _action(
        _For.ADMINS, "database-backup", _("Back up now"), "backups.show", "create-now", _("Backup")
    ),
    _action(_For.ADMINS, "rotate-ccw", _("Restore a backup"), "backups.show"),
    _action(_For.ADMINS, "upload", _("Upload a backup"), "backups.show", "upload"),
    _action(_For.ADMINS, "plus", _("Add user"), "users.new"),
    _action(_For.ADMINS, "plus", _("Add group"), "groups.new"),
    _action(_For.ADMINS, "plus", _("Add recipient"), "notifications.new"),
    _action(_For.ADMINS, "plus", _("Create token"), "tokens.index", "new"),
    _action(_For.USERS, "log-out", _("Sign out everywhere"), "account.show", "sessions-title"),
    _action(_For.GUESTS, "user", _("Sign in"), "auth.sign_in"),
)
"""A search changes nothing: an action leads to the page with its button."""
