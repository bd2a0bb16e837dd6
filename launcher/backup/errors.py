"""Everything that can go wrong with a backup, as one family.

Callers catch `BackupError` and nothing else. Each member carries a `code` for machines, a
`message` that says what happened and what still holds, a `hint` that says what to do next, and
its facts as attributes. Doors map codes in one table each: `cli/exits.py`, `web/errors.py`,
`i18n/labels.py`.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar


class BackupError(Exception):
    """Anything the backup core refuses or fails to do.

    Attributes:
        code: stable name of the reason, the key of every door's table.
        message: what happened, in one English sentence without a full stop.
        hint: what to do next, or an empty string.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class OperationInProgressError(BackupError):
    """Another operation holds the lock.

    Attributes:
        verb: what it does ("create", "restore"…), or "operation" when it did not say.
        by: who asked for it.
        since: when it began, or None when it did not say.
    """

    code = "operation_in_progress"

    def __init__(self, *, verb: str, by: str, since: datetime | None) -> None:
        clock = f" since {since:%H:%M:%S} UTC" if since else ""
        super().__init__(
            f"busy: {verb} by {by}{clock}",
            hint="Wait until it has ended; `flask backup status` shows how far it is.",
        )
        self.verb = verb
        self.by = by
        self.since = since


class StoreUnavailableError(BackupError):
    """The folder of backups is missing, unreadable or not writable."""

    code = "store_unavailable"


class BackupNotFoundError(BackupError):
    """No backup has this id."""

    code = "backup_not_found"

    def __init__(self, reference: str, *, message: str = "", hint: str = "") -> None:
        super().__init__(
            message or f"there is no backup {reference!r}",
            hint=hint or "`flask backup list` shows them all.",
        )
        self.reference = reference


class BackupProtectedError(BackupError):
    """The backup is protected and must be unprotected before it can be deleted."""

    code = "backup_protected"

    def __init__(self, backup_id: str) -> None:
        super().__init__(
            f"backup {backup_id} is protected",
            hint=f"Run `flask backup unprotect {backup_id}` first.",
        )
        self.backup_id = backup_id


class LastGoodBackupError(BackupProtectedError):
    """No good backup would be left, and whoever asked did not know that."""

    def __init__(self, backup_id: str) -> None:
        super().__init__(backup_id)
        self.message = f"backup {backup_id} is the last good one"
        self.args = (self.message,)
        self.hint = "Make another backup first."


class InsufficientSpaceError(BackupError):
    """The disk is too full; nothing was changed and nothing half-written stays.

    Attributes:
        required_bytes: what the operation needs, or None when the disk filled up under way.
        available_bytes: what was free.
    """

    code = "insufficient_space"

    def __init__(
        self, message: str, *, required_bytes: int | None = None, available_bytes: int | None = None
    ) -> None:
        super().__init__(
            message, hint="Free some space: delete backups you do not need, or move the folder."
        )
        self.required_bytes = required_bytes
        self.available_bytes = available_bytes


class VerificationError(BackupError):
    """A backup is not what it was when it was made."""

    code = "verification_failed"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(
            message, hint=hint or "Use another backup; `flask backup verify --all` finds good ones."
        )


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
    """Nobody could sign in afterwards; an admin of today's data can be carried in."""


class UploadRejectedError(BackupError):
    """A file from outside that is not acceptable.

    Attributes:
        limit_bytes: the limit it exceeded, when that was the reason.
    """

    code = "upload_rejected"

    def __init__(self, message: str, *, hint: str = "", limit_bytes: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.limit_bytes = limit_bytes


class TimeUsedUpError(BackupError):
    """Work that has so much time and no more did not come to its end; what was done is done."""

    code = "time_used_up"


class SourceDatabaseError(BackupError):
    """The live database could not be read, or stayed busy.

    Attributes:
        is_damaged: True when waiting will not help: it is missing or broken.
    """

    code = "source_database"

    def __init__(self, message: str, *, hint: str = "", is_damaged: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.is_damaged = is_damaged


class RestoreError(BackupError):
    """A restore failed; the live data is unchanged, or was put back."""

    code = "restore_failed"


class RevertFailedError(RestoreError):
    """A restore failed and the old data could not be put back: says which files lie where."""

    code = "revert_failed"
