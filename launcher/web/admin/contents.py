"""What a backup holds beside what there is now, counted by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask_babel import lazy_gettext

from launcher.extensions import db
from launcher.i18n import ngettext

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

    from launcher.backup.records import Backup

# Tables in the words of people; several of one word are added up. What stands here first is
# always told, the rest where there is any. Tables that only tie others together say nothing.
_ALWAYS = 4
_TABLES: Mapping[str, LazyString] = {
    "apps": lazy_gettext("Apps"),
    "boards": lazy_gettext("Boards"),
    "users": lazy_gettext("Users"),
    "media": lazy_gettext("Icons and uploads"),
    "sections": lazy_gettext("Sections"),
    "tags": lazy_gettext("Tags"),
    "api_tokens": lazy_gettext("API tokens"),
    "probes": lazy_gettext("Health check results"),
    "probe_hours": lazy_gettext("Health check results"),
    "probe_days": lazy_gettext("Health check results"),
    "audit_events": lazy_gettext("Entries of the audit log"),
}


@dataclass(frozen=True, slots=True)
class CountRow:
    """How many of one kind the backup holds and the site has now; `difference` in words."""

    what: str
    then: int
    now: int
    difference: str


def compare(backup: Backup) -> list[CountRow]:
    """Return the counts of both sides, in the order of their importance."""
    then: dict[str, int] = {}
    now: dict[str, int] = {}
    for table, what in _TABLES.items():
        word = str(what)
        then[word] = then.get(word, 0) + backup.contents.get(table, 0)
        now[word] = now.get(word, 0) + _count(table)
    return [
        CountRow(word, then[word], now[word], _difference(now[word] - then[word]))
        for place, word in enumerate(then)
        if place < _ALWAYS or then[word] or now[word]
    ]


def _count(table: str) -> int:
    query = db.select(db.func.count()).select_from(db.metadata.tables[table])
    return db.session.scalar(query) or 0


def _difference(more: int) -> str:
    if more > 0:
        return ngettext("%(num)s more now", "%(num)s more now", more)
    if more < 0:
        return ngettext("%(num)s fewer now", "%(num)s fewer now", -more)
    return ""
