"""The side navigation of the admin pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask import Flask
    from flask_babel.speaklater import LazyString


@dataclass(frozen=True, slots=True)
class AdminPage:
    """One line of the navigation."""

    endpoint: str
    icon: str
    name: LazyString


@dataclass(frozen=True, slots=True)
class AdminGroup:
    """Pages under one heading."""

    name: LazyString
    pages: tuple[AdminPage, ...]


ADMIN_PAGES = (
    AdminGroup(_("People"), (AdminPage("users.index", "user", _("Users")),)),
    AdminGroup(
        _("System"),
        (
            AdminPage("backups.show", "database-backup", _("Backups")),
            AdminPage("jobs.show", "timer", _("Jobs")),
            AdminPage("notifications.index", "bell", _("Notifications")),
            AdminPage("audit.show", "scroll-text", _("Audit log")),
        ),
    ),
)


def init_app(app: Flask) -> None:
    """Offer the navigation to templates."""
    app.jinja_env.globals["admin_pages"] = ADMIN_PAGES
