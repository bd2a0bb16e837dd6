"""Damage that the backup history alone knows of, because no manifest could be written.

A folder that is read-only, or a check beside the lock, must not leave a damaged backup the newest
good one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from launcher.backup.records.backup import Backup, State, Verification
from launcher.backup.records.operation import JournalEntry, Verb

NOT_RECORDED = "not_recorded"
"""The fact of a journal line that says why its verdict is not in the manifest."""


def with_verdicts(backups: Sequence[Backup], entries: Iterable[JournalEntry]) -> Sequence[Backup]:
    """Return `backups`; damaged are those whose last verdict in the history is that they are.

    A manifest that was written since wins, and so does a later verdict in the history.

    Args:
        entries: the history, newest first.
    """
    known: dict[str, JournalEntry] = {}
    for entry in entries:
        if "state" in entry.facts:
            known.setdefault(entry.backup_id, entry)
    found = {
        backup_id: entry
        for backup_id, entry in known.items()
        if entry.facts["state"] == State.DAMAGED and NOT_RECORDED in entry.facts
    }
    return [_judged(backup, found.get(backup.id)) for backup in backups] if found else backups


def _judged(backup: Backup, entry: JournalEntry | None) -> Backup:
    verified_at = backup.verification.at
    if entry is None or not (fault := entry.damage) or backup.file is None:
        return backup
    if verified_at and verified_at > entry.ended_at:
        return backup
    return replace(backup, verification=Verification.damage(fault, at=entry.ended_at))


def refusals(
    backups: Iterable[Backup], entries: Iterable[JournalEntry]
) -> Mapping[str, JournalEntry]:
    """Return the verification that refused each file without a manifest as it is now, by id.

    Args:
        entries: the history, newest first.
    """
    bare = {
        backup.id: backup
        for backup in backups
        if backup.file is None and backup.verification.state is State.UNVERIFIED
    }
    last: dict[str, JournalEntry] = {}
    for entry in entries if bare else ():
        if entry.verb is Verb.VERIFY and entry.backup_id in bare:
            last.setdefault(entry.backup_id, entry)
    return {
        backup_id: last[backup_id]
        for backup_id, backup in bare.items()
        if backup_id in last and _refuses(last[backup_id], backup)
    }


def unjudged(backups: Iterable[Backup], entries: Iterable[JournalEntry]) -> Sequence[Backup]:
    """Return those that a verification may find good: neither verified, damaged nor refused.

    Args:
        entries: the history, newest first.
    """
    unverified = [b for b in backups if b.verification.state is State.UNVERIFIED]
    refused = refusals(unverified, entries)
    return [backup for backup in unverified if backup.id not in refused]


def _refuses(looked: JournalEntry, backup: Backup) -> bool:
    fault = looked.fault or looked.damage
    return fault is not None and looked.ended_at >= backup.created_at
