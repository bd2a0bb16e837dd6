"""The side navigation of the admin pages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from flask import request, url_for

from launcher.i18n.locale import lazy_gettext as _
from launcher.models import Role

if TYPE_CHECKING:
    from flask import Flask
    from flask_babel.speaklater import LazyString

    from launcher.models import User

    Group = tuple[LazyString, tuple[tuple[str, str, LazyString], ...]]

CATALOGUE_PAGES = (
    _("Catalogue"),
    (
        ("catalogue.apps", "layout-grid", _("Apps")),
        ("admin_boards.index", "panels-top-left", _("Boards")),
        ("catalogue.tags", "tag", _("Tags")),
        ("icons.manage", "image", _("Icons")),
    ),
)
"""The pages for editors: they see these alone."""

ADMIN_PAGES = (
    CATALOGUE_PAGES,
    (
        _("People"),
        (("users.index", "user", _("Users")), ("groups.index", "users", _("Groups"))),
    ),
    (
        _("System"),
        (
            ("overview.show", "house", _("Overview")),
            ("checks.show", "activity", _("Health")),
            ("backups.show", "database-backup", _("Backups")),
            ("jobs.show", "timer", _("Jobs")),
            ("notifications.index", "bell", _("Notifications")),
            ("audit.show", "scroll-text", _("Audit log")),
            ("tokens.index", "key-round", _("API tokens")),
            ("site.show", "settings", _("Settings")),
        ),
    ),
)
"""The groups by name, each with its pages: endpoint, icon and name."""

_LETTERS = {
    "catalogue.apps": "A", "admin_boards.index": "O", "catalogue.tags": "T", "icons.manage": "I",
    "overview.show": "V", "users.index": "U", "groups.index": "G", "backups.show": "B",
    "jobs.show": "J", "checks.show": "E",
    "notifications.index": "N", "audit.show": "L", "tokens.index": "K", "site.show": "S",
}  # fmt: skip
"""What opens a page of administration when it is pressed after G."""


def init_app(app: Flask) -> None:
    """Offer the navigation to templates."""
    app.jinja_env.globals["go_words"] = go_words
    app.jinja_env.globals["admin_pages"] = ADMIN_PAGES
    app.jinja_env.globals["catalogue_pages"] = CATALOGUE_PAGES


def go_pages(role: Role | None) -> Iterator[tuple[str, str, LazyString]]:
    """Yield what G and a letter open for `role`: the letter, the address and the name."""
    yield "H", url_for("start.home"), _("Start page")
    for _group, pages in _pages_of(role):
        for endpoint, _icon, name in pages:
            yield _LETTERS[endpoint], url_for(endpoint), name


def go_words(viewer: User | None) -> str:
    """Return the letters and addresses of `go_pages` as the script reads them."""
    return _go_words(viewer.role if viewer else None, request.script_root)


@lru_cache(maxsize=32)
def _go_words(role: Role | None, _prefix: str) -> str:
    return " ".join(f"{letter.lower()}{url}" for letter, url, _name in go_pages(role))


def _pages_of(role: Role | None) -> tuple[Group, ...]:
    if role is Role.ADMIN:
        return ADMIN_PAGES
    return (CATALOGUE_PAGES,) if role is Role.EDITOR else ()
