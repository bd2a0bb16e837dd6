"""What a database holds, in the things that a person would miss."""

from __future__ import annotations

from collections.abc import Mapping

from launcher.i18n import gettext as _
from launcher.i18n import ngettext


def inside(rows: object) -> str:
    """Return the counts of `rows`, a mapping of tables: `24 apps, 3 boards and 2 users`.

    "" for what is no mapping or holds nothing: then nothing is known.
    """
    if counts := _counts(rows):
        apps, boards, users = counts
        return _("%(apps)s, %(boards)s and %(users)s", apps=apps, boards=boards, users=users)
    return ""


def inside_briefly(rows: object) -> str:
    """Return the counts of `rows` for a table's cell: `24 apps, 3 boards, 2 users`, or ""."""
    return ", ".join(_counts(rows))


def _counts(rows: object) -> tuple[str, ...]:
    if not isinstance(rows, Mapping) or not rows:
        return ()
    return (
        ngettext("%(num)s app", "%(num)s apps", _count(rows, "apps")),
        ngettext("%(num)s board", "%(num)s boards", _count(rows, "boards")),
        ngettext("%(num)s user", "%(num)s users", _count(rows, "users")),
    )


def _count(rows: Mapping[object, object], table: str) -> int:
    number = rows.get(table)
    return number if isinstance(number, int) else 0
