"""Everything that can go wrong with a backup, as one family.

Callers catch `BackupError` and nothing else. Each member carries a `code` for machines, and
exactly what went wrong as a `Reason` with its facts. Doors map codes and reasons in one table
each: `cli/exits.py`, `cli/hints.py`, `web/errors.py`, `i18n/labels.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from launcher.backup.codec import encode
from launcher.backup.reasons import Fact, Fault, Reason


class BackupError(Exception):
    """Anything the backup core refuses or fails to do; as text, an English sentence for logs.

    Attributes:
        code: stable name of the kind of failure, the key of every door's table.
        fault: what exactly went wrong.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, reason: Reason, **facts: object) -> None:
        # A value from a foreign file may be of any type; the journal takes text and numbers.
        plain = {name: fact if isinstance(fact, int) else str(fact) for name, fact in facts.items()}
        self.fault = Fault(reason, plain)
        super().__init__(str(self.fault))

    @property
    def reason(self) -> Reason:
        """What exactly went wrong."""
        return self.fault.reason

    @property
    def facts(self) -> Mapping[str, Fact]:
        """The facts of the reason: numbers, names, sizes."""
        return self.fault.facts


class OperationInProgressError(BackupError):
    """Another operation holds the lock.

    Attributes:
        verb: what it does ("create", "restore"…), or "operation" when that is not known.
        by: who started it.
        since: when it started, None when that is not known.
    """

    code = "operation_in_progress"

    def __init__(self, *, verb: str, by: str, since: datetime | None) -> None:
        began = encode(since) if since else ""
        super().__init__(Reason.OPERATION_RUNNING, verb=verb, by=by, since=began)
        self.verb = verb
        self.by = by
        self.since = since


class StoreUnavailableError(BackupError):
    """The folder of backups is missing, unreadable or not writable."""

    code = "store_unavailable"


class BackupNotFoundError(BackupError):
    """No backup has this id."""

    code = "backup_not_found"


class BackupProtectedError(BackupError):
    """The backup is protected and must be unprotected before it can be deleted."""

    code = "backup_protected"


class LastGoodBackupError(BackupProtectedError):
    """No good backup would be left, and the caller did not allow that."""


class InsufficientSpaceError(BackupError):
    """The disk is too full; nothing was changed."""

    code = "insufficient_space"


class PlaceUnusableError(BackupError):
    """A place elsewhere cannot be reached or used; the fact `cause` says why."""

    code = "place_unusable"


class NotOpenedError(BackupError):
    """No key that is here opens an encrypted copy."""

    code = "not_opened"


class VerificationError(BackupError):
    """A backup is damaged."""

    code = "verification_failed"


class ManifestError(VerificationError):
    """A manifest is missing, unreadable, altered or of an unknown format."""


class ChecksumMismatchError(VerificationError):
    """The bytes differ from the ones that were written."""


class DatabaseCorruptError(VerificationError):
    """SQLite's own checks found damage."""


class IncompatibleBackupError(BackupError):
    """A sound database that this Launcher cannot take: newer, another app's, or with no admin."""

    code = "incompatible_backup"


class NoAdminInsideError(IncompatibleBackupError):
    """The backup has no active admin; one of the live data can be carried over."""


class UploadRejectedError(BackupError):
    """A file from outside that is not acceptable."""

    code = "upload_rejected"


class CheckStoppedError(BackupError):
    """The check of a database was stopped at a limit, or ended without a result.

    Nothing is known of the file: it is neither good nor damaged.
    """

    code = "check_stopped"


class NotStartedError(BackupError):
    """The process of an operation ended before it began; nothing was changed."""

    code = "not_started"


class TimeUsedUpError(BackupError):
    """The time limit was reached; completed work is kept."""

    code = "time_used_up"


FOUND_BY_A_BACKUP = frozenset({Reason.LIVE_CONTENT, Reason.LIVE_DAMAGED, Reason.LIVE_UNREADABLE})
"""Damage of the live database that shows only when all of it is read."""

OF_THE_VERSION = frozenset(
    {Reason.LIVE_NEWER, Reason.LIVE_NOT_MADE, Reason.LIVE_OLDER, Reason.NOT_UPGRADED}
)
"""Why this version cannot use a live database that is not damaged."""

OF_THE_SCHEMA = frozenset({Reason.LIVE_OBJECT_DIFFERENT, Reason.LIVE_OBJECT_MISSING})
"""Why no backup can be made until an admin undoes a change of the live database."""


class SourceDatabaseError(BackupError):
    """The live database could not be read, or stayed busy."""

    code = "source_database"

    @property
    def is_damaged(self) -> bool:
        """Whether waiting will not help: it is missing or broken."""
        return self.reason not in {Reason.LIVE_BUSY, Reason.NOT_MIGRATED, Reason.NOT_UPGRADED,
            Reason.SETTINGS_OLDER, Reason.SETTINGS_UNREADABLE}  # fmt: skip


class RestoreError(BackupError):
    """A restore failed; the live data is what it was before."""

    code = "restore_failed"


class NotTakenError(RestoreError):
    """The live database itself refuses new data; its file can be replaced instead."""


class RevertFailedError(RestoreError):
    """A restore failed and the old data could not be put back; the facts say where it is."""

    code = "revert_failed"
