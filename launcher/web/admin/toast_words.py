"""What became of an operation, in the few words of a toast."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from launcher.backup.records import JournalEntry, Outcome, State, Verb
from launcher.i18n import ERROR_WORDS, VERB_WORDS, day_and_time, duration, gettext, ngettext, size
from launcher.web.inside import inside
from launcher.web.toasts import Toast, make_toast

_INLINE = {Verb.PROTECT, Verb.UNPROTECT, Verb.DELETE}
_SHOWN_NAMES = 10


def toast_of(entry: JournalEntry) -> Toast:
    """Return what to say of an operation that has ended."""
    if entry.outcome is Outcome.INTERRUPTED:
        return make_toast(_interrupted(entry), tone="bad")
    if entry.outcome is Outcome.FAILED:
        return _failed(entry)
    if entry.verb is Verb.VERIFY and entry.facts.get("state") == State.DAMAGED:
        problem = str(entry.facts.get("problem", ""))
        return make_toast(
            gettext("The backup of %(when)s is damaged", when=when(entry.backup_id)),
            tone="bad",
            details=(problem,) if problem else (),
        )
    return make_toast(_succeeded(entry))


def is_told_where_it_was_asked(entry: JournalEntry, *, viewer: str) -> bool:
    """Whether the viewer's own request has already said how this ended."""
    return entry.verb in _INLINE and entry.by == viewer


def when(backup_id: str) -> str:
    """Return the moment of a backup as one speaks of it; its id tells it, even when it is gone."""
    with suppress(ValueError):
        moment = datetime.strptime(backup_id[:16], "%Y%m%dT%H%M%SZ")  # noqa: DTZ007
        return day_and_time(moment.replace(tzinfo=UTC))
    return backup_id


def _succeeded(entry: JournalEntry) -> str:
    say = _SUCCEEDED.get(entry.verb)
    if say is None:
        return gettext("%(what)s: done", what=VERB_WORDS[entry.verb])
    return say(entry)


def _made(entry: JournalEntry) -> str:
    took = duration((entry.ended_at - entry.started_at).total_seconds())
    size_bytes = entry.facts.get("size_bytes")
    if not isinstance(size_bytes, int):
        return gettext("Backup made in %(time)s", time=took)
    return gettext("Backup made: %(size)s in %(time)s", size=size(size_bytes), time=took)


def _rehearsed(entry: JournalEntry) -> str:
    rows = entry.facts.get("rows")
    return gettext(
        "Rehearsal of the backup of %(when)s passed: %(inside)s. Nothing was changed.",
        when=when(entry.backup_id),
        inside=inside(rows),
    )


def _restored(entry: JournalEntry) -> str:
    if not entry.backup_id:
        return gettext("Data restored from %(source)s", source=entry.facts.get("source", "?"))
    return gettext("Data restored from the backup of %(when)s", when=when(entry.backup_id))


def _deleted(entry: JournalEntry) -> str:
    if entry.backup_id:
        return gettext(
            "%(who)s deleted the backup of %(when)s", who=entry.by, when=when(entry.backup_id)
        )
    count = _removed(entry)
    return ngettext(
        "%(who)s deleted %(num)s backup", "%(who)s deleted %(num)s backups", count, who=entry.by
    )


def _pruned(entry: JournalEntry) -> str:
    return ngettext(
        "%(num)s old backup removed by your rule",
        "%(num)s old backups removed by your rule",
        _removed(entry),
    )


_SUCCEEDED: Mapping[Verb, Callable[[JournalEntry], str]] = {
    Verb.CREATE: _made,
    Verb.VERIFY: lambda entry: gettext(
        "The backup of %(when)s is verified: it is good", when=when(entry.backup_id)
    ),
    Verb.REHEARSE: _rehearsed,
    Verb.RESTORE: _restored,
    Verb.EXPORT: lambda entry: gettext(
        "Backup of %(when)s exported", when=when(entry.backup_id)
    ),
    Verb.UPLOAD: lambda entry: gettext("%(file)s is in the list now", file=_file(entry)),
    Verb.PROTECT: lambda entry: gettext(
        "%(who)s protected the backup of %(when)s", who=entry.by, when=when(entry.backup_id)
    ),
    Verb.UNPROTECT: lambda entry: gettext(
        "%(who)s stopped protecting the backup of %(when)s",
        who=entry.by,
        when=when(entry.backup_id),
    ),
    Verb.DELETE: _deleted,
    Verb.PRUNE: _pruned,
}  # fmt: skip


def _failed(entry: JournalEntry) -> Toast:
    words = ERROR_WORDS.get(entry.error_code, ERROR_WORDS["internal"])
    # The sentence of a mistake of ours is for the log, and not for a page.
    details = (str(words.title), entry.error if entry.error_code != "internal" else "")
    return make_toast(_failure(entry), tone="bad", details=[each for each in details if each])


def _failure(entry: JournalEntry) -> str:
    at = when(entry.backup_id)
    if entry.verb is Verb.CREATE:
        return gettext("No backup was made")
    if entry.verb is Verb.VERIFY and entry.backup_id:
        return gettext("The backup of %(when)s could not be verified", when=at)
    if entry.verb is Verb.REHEARSE and entry.backup_id:
        return gettext("The rehearsal of the backup of %(when)s failed", when=at)
    if entry.verb is Verb.RESTORE:
        return gettext("The restore failed")
    if entry.verb is Verb.UPLOAD:
        return gettext("%(file)s was not taken in", file=_file(entry))
    return gettext("%(what)s: this failed", what=VERB_WORDS[entry.verb])


def _interrupted(entry: JournalEntry) -> str:
    if entry.verb is Verb.CREATE:
        return gettext(
            "The backup was interrupted: its process was killed. Nothing half-made was left."
        )
    if entry.verb is Verb.RESTORE:
        return _interrupted_restore(str(entry.facts.get("data", "")))
    return gettext(
        "%(what)s: interrupted, its process was killed. Nothing half-made was left.",
        what=VERB_WORDS[entry.verb],
    )


def _interrupted_restore(data: str) -> str:
    if data == "restored":
        return gettext(
            "The restore was interrupted after the data was replaced: the restored data is in use."
        )
    if data == "unchanged":
        return gettext("The restore was interrupted: your data is as it was before.")
    return gettext("The restore was interrupted, and the data cannot be read.")


def _file(entry: JournalEntry) -> str:
    return source_of(entry) or gettext("The file")


def source_of(entry: JournalEntry) -> str:
    """Return what a file that was brought in is called by its sender, "" if it is not known.

    The file itself has a name of ours while it is received.
    """
    return str(entry.facts.get("note") or entry.facts.get("source") or "")


def _removed(entry: JournalEntry) -> int:
    removed = entry.facts.get("removed")
    return len(removed) if isinstance(removed, list) else 0


def _count(rows: Mapping[str, object], table: str) -> int:
    count = rows.get(table)
    return count if isinstance(count, int) else 0
