"""The history of one backup: its entries in the journal, in words."""

from __future__ import annotations

from collections.abc import Sequence

from launcher.backup.records.backup import Backup, Kind
from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.i18n.locale import gettext as _
from launcher.web.admin.backups.outcomes import ended

_CREATING = {Verb.CREATE, Verb.FETCH, Verb.MIGRATE, Verb.UPLOAD}


def entries_of(backup: Backup, journal: Sequence[JournalEntry]) -> list[JournalEntry]:
    """Return the entries that are about `backup`, newest first as in `journal`."""
    return [
        entry
        for entry in journal
        if entry.backup_id == backup.id or entry.facts.get("safety_id") == backup.id
    ]


def report(backup: Backup, entries: Sequence[JournalEntry]) -> list[dict[str, object]]:
    """Return the history of `backup`, newest first, with its creation in any case."""
    lines: list[dict[str, object]] = [
        {
            "is_good": each.is_good,
            "words": each.line(backup),
            "at": each.entry.ended_at,
            "problem": each.problem,
            "operation_id": each.entry.operation_id,
        }
        for each in map(ended, entries)
    ]
    is_known = any(
        (entry.verb in _CREATING and entry.outcome is Outcome.SUCCEEDED)
        or entry.facts.get("safety_id") == backup.id
        for entry in entries
    )
    if not is_known:
        words = _("Found in the folder") if backup.kind is Kind.EXTERNAL else _("Created")
        at = backup.created_at
        lines.append({"is_good": True, "words": words, "at": at, "problem": "", "operation_id": ""})
    return lines
