"""What happened to one backup: its lines of the journal, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from launcher.backup.errors import RevertFailedError
from launcher.backup.records import Backup, JournalEntry, Kind, Outcome, State, Verb
from launcher.i18n import VERB_WORDS, duration
from launcher.i18n import gettext as _
from launcher.web.admin.words import inside

_MAKERS = {Verb.CREATE, Verb.UPLOAD, Verb.MIGRATE}


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One thing that happened. `problem` is the core's own sentence, in English."""

    is_good: bool
    words: str
    at: datetime
    problem: str = ""
    operation_id: str = ""


def entries_of(backup: Backup, journal: Sequence[JournalEntry]) -> list[JournalEntry]:
    """Return the entries that are about `backup`, newest first as in `journal`."""
    return [
        entry
        for entry in journal
        if entry.backup_id == backup.id or entry.facts.get("safety_id") == backup.id
    ]


def tell(backup: Backup, entries: Sequence[JournalEntry]) -> list[HistoryLine]:
    """Return the history of `backup`, newest first; its making is in it, journal or not."""
    return [*_told(backup, entries), *_made(backup, entries)]


def took_s(entry: JournalEntry) -> float:
    """Return how long the stages of an operation took, 0 when that was not written down."""
    stages = entry.facts.get("took_s")
    return sum(map(float, stages.values())) if isinstance(stages, Mapping) else 0.0


def _told(backup: Backup, entries: Sequence[JournalEntry]) -> Iterator[HistoryLine]:
    for entry in entries:
        is_good = entry.outcome is Outcome.SUCCEEDED and (entry.facts.get("state") != State.DAMAGED)
        yield HistoryLine(
            is_good=is_good,
            words=_words(backup, entry),
            at=entry.ended_at,
            problem="" if is_good else str(entry.facts.get("problem") or entry.error),
            operation_id=entry.operation_id,
        )


def _made(backup: Backup, entries: Sequence[JournalEntry]) -> Iterator[HistoryLine]:
    is_known = any(
        (entry.verb in _MAKERS and entry.outcome is Outcome.SUCCEEDED)
        or entry.facts.get("safety_id") == backup.id
        for entry in entries
    )
    if not is_known:
        is_found = backup.kind is Kind.EXTERNAL
        words = _("Found in the folder") if is_found else _("Taken")
        yield HistoryLine(is_good=True, words=words, at=backup.created_at)


def _words(backup: Backup, entry: JournalEntry) -> str:
    if entry.facts.get("safety_id") == backup.id and entry.backup_id != backup.id:
        return _("Taken before %(who)s restored another one", who=entry.by)
    if entry.outcome is Outcome.SUCCEEDED and entry.verb in _DONE:
        return _DONE[entry.verb](backup, entry)
    if entry.outcome is not Outcome.SUCCEEDED and entry.verb in _FAILED:
        return _FAILED[entry.verb](entry)
    return str(VERB_WORDS[entry.verb])


def _created(_backup: Backup, entry: JournalEntry) -> str:
    if took := took_s(entry):
        return _("Taken in %(duration)s; nobody had to wait", duration=duration(took))
    return _("Taken")


def _verified(_backup: Backup, entry: JournalEntry) -> str:
    if entry.facts.get("state") == State.DAMAGED:
        return _("Verified: it is damaged")
    return _("Verified: checksum, structure and links hold")


def _rehearsed(backup: Backup, _entry: JournalEntry) -> str:
    if contents := inside(backup):
        return _("Rehearsed: %(inside)s came out right", inside=contents)
    return _("Rehearsed: everything came out right")


_DONE: Mapping[Verb, Callable[[Backup, JournalEntry], str]] = {
    Verb.CREATE: _created,
    Verb.MIGRATE: lambda _backup, _entry: _("Taken before the database was upgraded"),
    Verb.UPLOAD: lambda _backup, entry: _(
        "Brought in by %(who)s, checked whole and put in the list", who=entry.by
    ),
    Verb.VERIFY: _verified,
    Verb.REHEARSE: _rehearsed,
    Verb.RESTORE: lambda _backup, entry: _("Restored by %(who)s", who=entry.by),
    Verb.EXPORT: lambda _backup, entry: _("Exported by %(who)s", who=entry.by),
    Verb.PROTECT: lambda _backup, entry: _("Protected by %(who)s", who=entry.by),
    Verb.UNPROTECT: lambda _backup, entry: _("Protection taken away by %(who)s", who=entry.by),
}


def _stopped_restore(entry: JournalEntry) -> str:
    if entry.outcome is Outcome.INTERRUPTED:
        if entry.facts.get("data") == "restored":
            return _("A restore was interrupted after the data had been replaced")
        return _("A restore was interrupted")
    if entry.error_code == RevertFailedError.code:
        return _("A restore stopped, and the old data could not be put back")
    return _("A restore stopped; the data stayed as it was")


_FAILED: Mapping[Verb, Callable[[JournalEntry], str]] = {
    Verb.VERIFY: lambda _entry: _("Looked into, and not taken"),
    Verb.REHEARSE: lambda _entry: _("A rehearsal did not succeed"),
    Verb.RESTORE: _stopped_restore,
    Verb.EXPORT: lambda _entry: _("An export did not succeed"),
}
