"""The side navigation of the admin pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask import Flask


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
            ("backups.show", "database-backup", _("Backups")),
            ("jobs.show", "timer", _("Jobs")),
            ("notifications.index", "bell", _("Notifications")),
            ("audit.show", "scroll-text", _("Audit log")),
            ("site.show", "settings", _("Settings")),
        ),
    ),
)
"""The groups by name, each with its pages: endpoint, icon and name."""


def init_app(app: Flask) -> None:
    """Offer the navigation to templates."""
    app.jinja_env.globals["admin_pages"] = ADMIN_PAGES
    app.jinja_env.globals["catalogue_pages"] = CATALOGUE_PAGES
