"""Problems and operations in a few words, for a line on a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from launcher.backup.records.operation import JournalEntry, Outcome, Verb
from launcher.monitoring.problems import ProblemKind

BRIEFLY: Mapping[ProblemKind, str] = {
    ProblemKind.NOT_PUT_BACK: "the last restore stopped half way",
    ProblemKind.LIVE_DAMAGED: "the current database cannot be used",
    ProblemKind.DATA_DISK_FULL: "the disk of the current data is full",
    ProblemKind.STORE_UNAVAILABLE: "the backup folder cannot be used",
    ProblemKind.READ_ONLY: "the backup folder cannot be written",
    ProblemKind.LOW_SPACE: "there is too little space",
    ProblemKind.FAILED: "backups failed",
    ProblemKind.STALE: "no good backup for too long",
    ProblemKind.DAMAGED: "backups are damaged",
    ProblemKind.DESTINATIONS_UNREADABLE: "the list of destinations cannot be read",
    ProblemKind.KEY_MISSING: "the key of the copies is missing",
    ProblemKind.COPIES_STALE: "a destination has no recent good copy",
    ProblemKind.COPIES_DAMAGED: "copies in other places are damaged",
    ProblemKind.COPIES_FAILING: "copying to a destination fails",
    ProblemKind.RESTORE_FAILED: "the last restore failed",
    ProblemKind.SCHEDULER_STOPPED: "the scheduler is not running",
    ProblemKind.RESTORE_TEST_FAILED: "the last restore test failed",
    ProblemKind.FROM_FUTURE: "backups are dated in the future",
    ProblemKind.UNCHECKED: "backups are unverified for over a month",
    ProblemKind.COPIES_UNREAD: "copies were not read in time",
    ProblemKind.KIT_UNCONFIRMED: "the recovery kit is not confirmed",
    ProblemKind.PRUNE_FAILED: "old backups could not be removed",
    ProblemKind.COPIES_STRANGE: "strange files are among the copies",
    ProblemKind.NOTIFICATIONS_FAILING: "recipients could not be notified",
    ProblemKind.RECIPIENT_TEST_FAILED: "a test message did not arrive",
    ProblemKind.NO_RECIPIENTS: "there are no recipients",
    ProblemKind.INTERRUPTED: "the last operation was interrupted",
    ProblemKind.SCHEDULE_OFF: "the schedule is switched off",
    ProblemKind.COPIES_PAUSED: "a destination is paused",
    ProblemKind.ONE_DISK: "all copies are on one disk",
}
"""Each problem without its figures, as a cause or in a list."""

UNDELIVERED: Mapping[str, str] = {
    "unknown_service": "the service of its URL is not known",
    "local_service": "its URL leads to this machine",
    "local_file": "its URL reads a file of this machine",
    "ambiguous": "its URL can be read in two ways",
    "unreachable": "the service cannot be reached",
    "timed_out": "the service did not answer in time",
    "answered": "the service rejected the message",
    "refused": "the service rejected the message",
    "broken": "sending failed, see the server log",
    "unreadable": "the list of recipients cannot be read",
}
"""Why a recipient was not reached, by `Undelivered`, which imports what a command need not."""

OPERATIONS: Mapping[Verb, str] = {
    Verb.CREATE: "backup",
    Verb.VERIFY: "verification",
    Verb.PLAN: "restore plan",
    Verb.TEST_RESTORE: "restore test",
    Verb.RESTORE: "restore",
    Verb.EXPORT: "export",
    Verb.UPLOAD: "upload",
    Verb.FETCH: "download of a copy",
    Verb.PROTECT: "protection",
    Verb.UNPROTECT: "removal of the protection",
    Verb.NOTE: "change of the note",
    Verb.DELETE: "deletion",
    Verb.PRUNE: "removal of old backups",
    Verb.INITIALISE: "creation of the database",
    Verb.MIGRATE: "database upgrade",
}


def operation_words(entry: JournalEntry) -> str:
    """Return what an operation was and how it ended: `undo succeeded`."""
    what = "undo" if entry.is_undo else OPERATIONS[entry.verb]
    how = "was interrupted" if entry.outcome is Outcome.INTERRUPTED else entry.outcome
    return f"{what} {how}"
