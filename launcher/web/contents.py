"""What a database holds, in the things that a person would miss."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from launcher.i18n.locale import current_language, ngettext
from launcher.i18n.locale import gettext as _


def contents(rows: object) -> str:
    """Return the counts of `rows`, a mapping of tables: `24 apps, 3 boards and 2 users`.

    "" for what is no mapping or holds nothing: then nothing is known.
    """
    if counts := _counts(rows):
        apps, boards, users = counts
        return _("%(apps)s, %(boards)s and %(users)s", apps=apps, boards=boards, users=users)
    return ""


def contents_in_brief(rows: object) -> str:
    """Return the counts of `rows` for a table's cell: `24 apps, 3 boards, 2 users`, or ""."""
    return ", ".join(_counts(rows))


def _counts(rows: object) -> tuple[str, ...]:
    if not isinstance(rows, Mapping) or not rows:
        return ()
    apps, boards, users = (_count(rows, table) for table in ("apps", "boards", "users"))
    return _count_words(apps, boards, users, current_language())


# A list says the same for most of its backups.
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
