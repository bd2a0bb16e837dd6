"""What a database holds, counted and named in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from launcher.i18n.locale import current_language, gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

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
"""The tables whose rows a person knows, by importance. Tables of the same words are added up."""

ALWAYS_SHOWN = 4
"""So many of the kinds are shown even where there are none."""

NAME_WORDS: Mapping[str, LazyString] = {
    "app": _("App"),
    "board": _("Board"),
    "group": _("Group"),
    "user": _("User"),
}
"""What a thing with a name is."""


def contents(rows: object) -> str:
    """Return the counts of `rows`, a mapping of tables: `24 apps, 3 boards and 2 users`.

    "" when it is no mapping or is empty.
    """
    if counts := _counts(rows):
        apps, boards, users = counts
        return gettext("%(apps)s, %(boards)s and %(users)s", apps=apps, boards=boards, users=users)
    return ""


def contents_in_brief(rows: object) -> str:
    """Return the counts of `rows` for a table's cell: `24 apps, 3 boards, 2 users`, or ""."""
    return ", ".join(_counts(rows))


def _counts(rows: object) -> tuple[str, ...]:
    if not isinstance(rows, Mapping) or not rows:
        return ()
    apps, boards, users = (_count(rows, table) for table in ("apps", "boards", "users"))
    return _count_words(apps, boards, users, current_language())


# Most backups of a list have the same counts.
@lru_cache(maxsize=512)
def _count_words(apps: int, boards: int, users: int, _language: str) -> tuple[str, ...]:
    return (
        ngettext("%(num)s app", "%(num)s apps", apps),
        ngettext("%(num)s board", "%(num)s boards", boards),
        ngettext("%(num)s user", "%(num)s users", users),
    )


def _count(rows: Mapping[object, object], table: str) -> int:
    number = rows.get(table)
    return number if isinstance(number, int) else 0
