"""The undo of the last restore: whether it can be done, and which restore it undoes."""

from __future__ import annotations

from launcher.backup.errors import BackupError
from launcher.backup.records.backup import Backup, State
from launcher.backup.records.operation import JournalEntry, Verb
from launcher.current import current_backups
from launcher.db.content import LauncherContent


def can_be_restored(backup: Backup) -> bool:
    """Whether a restore can be planned: not damaged, listed, and of a version known here."""
    return (
        backup.verification.state is not State.DAMAGED
        and backup.file is not None
        and is_of_known_version(backup)
    )


def is_of_known_version(backup: Backup) -> bool:
    """Whether this version of Launcher can restore the database of a backup."""
    return not backup.schema_revision or (
        LauncherContent().pending(backup.schema_revision) is not None
    )


def had_no_data(restore: JournalEntry) -> bool:
    """Whether a restore that is over found no data, so that there was nothing to keep."""
    facts = restore.facts
    return facts.get("safety_id") == "" and not facts.get("raw_copy")


def undo_id() -> str:
    """Return the id of the safety backup of the last restore, "" without one."""
    try:
        return current_backups().undo_id()
    except BackupError:
        return ""


def undone_restore(backup_id: str) -> JournalEntry | None:
    """Return the restore that a restore of this backup would undo."""
    if undo_id() != backup_id:
        return None
    restores = (each for each in current_backups().journal(limit=None) if each.verb is Verb.RESTORE)
    return next((each for each in restores if each.facts.get("safety_id") == backup_id), None)
