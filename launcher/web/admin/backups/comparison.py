"""The contents of a backup compared with now, counted by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from launcher.extensions import db
from launcher.i18n.locale import ngettext
from launcher.web.contents import ALWAYS_SHOWN, TABLE_WORDS

if TYPE_CHECKING:
    from launcher.backup.records.backup import Backup


def compare(backup: Backup) -> list[dict[str, object]]:
    """Return the counts of both, most important first."""
    then: dict[str, int] = {}
    now: dict[str, int] = {}
    for table, what in TABLE_WORDS.items():
        word = str(what)
        then[word] = then.get(word, 0) + backup.contents.get(table, 0)
        now[word] = now.get(word, 0) + _count(table)
    return [
        {
            "what": word,
            "then": then[word],
            "now": now[word],
            "difference": _difference(now[word] - then[word]),
        }
        for place, word in enumerate(then)
        if place < ALWAYS_SHOWN or then[word] or now[word]
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
