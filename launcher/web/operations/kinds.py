"""What lies in a backup, in the words of people and not of tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

# Tables of one word are added up. Those that only tie others together say nothing to anybody.
TABLE_WORDS: Mapping[str, LazyString] = {
    "apps": _("Apps"),
    "boards": _("Boards"),
    "users": _("Users"),
    "media": _("Icons and uploads"),
    "sections": _("Sections"),
    "tags": _("Tags"),
    "api_tokens": _("API tokens"),
    "probes": _("Health check results"),
    "probe_hours": _("Health check results"),
    "probe_days": _("Health check results"),
    "audit_events": _("Entries of the audit log"),
}
"""Every table that a person knows the rows of, in the order in which they matter."""

NAME_WORDS: Mapping[str, LazyString] = {
    "app": _("App"),
    "board": _("Board"),
    "user": _("User"),
}
"""What a thing with a name is."""
