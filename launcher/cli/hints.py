"""The next step for each reason to fail: a command to type."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from launcher.backup.errors import BackupError
from launcher.backup.reasons import Fault, Reason, fill
from launcher.backup.records.backup import Backup
from launcher.backup.records.ids import LATEST
from launcher.backup.service import BackupService
from launcher.monitoring.problems import LEAST_DATA_FREE_BYTES

_AGAIN = "Copy or upload it again."
_NO_LIVE_COPY = f"{_AGAIN} A database in use cannot be copied as a file. Use `flask backup export`."
_DOWNLOAD = "Use the .db or .db.zst file that you downloaded from Launcher."
_DECRYPT = "Decrypt it first with the program that encrypted it, then use the result."
_OURS_ALONE = "Only a backup created by Launcher can be restored."
_DATA_DISK = "Free some space on the disk of the data directory, then try again."
_FOLDER = "Check that the folder exists and is mounted, and that this user can write to it."
_ALTERED = "Undo that change, or restore a backup. The current files are kept in data/damaged."

HINTS: Mapping[str, str] = {
    "operation_in_progress": "Wait until it has ended. `flask backup status` shows its progress.",
    "store_unavailable": _FOLDER,
    "backup_not_found": "`flask backup list` lists all backups.",
    "insufficient_space": "Free some space: delete backups you do not need, or move the folder.",
    "incompatible_backup": _OURS_ALONE,
    "upload_rejected": _AGAIN,
    "check_stopped": (
        "Try again when the machine is less busy, or use another backup. Do not use a file of"
        " unknown origin."
    ),
    "time_used_up": "The next run continues. If this happens again, keep fewer backups.",
    "restore_failed": "Try another backup.",
    "place_unusable": "`flask destination test ID` names the cause.",
    "not_opened": "Use the recovery kit that is for these copies.",
    Reason.NO_SPACE: "Free some space on that disk. If it has backups, delete some.",
    Reason.LIVE_DISK_FULL: _DATA_DISK,
    Reason.DISK_TOO_SMALL: _DATA_DISK,
    Reason.FULL_DURING_RESTORE: _DATA_DISK,
    Reason.LIVE_CHANGED: "Run the command again. It shows the plan for the data as it is now.",
    Reason.NOTHING_TO_RETURN_TO: "`flask backup list` shows what else can be restored.",
    Reason.COPY_DIFFERENT: "Use another copy: --list shows them, --copy selects one.",
    Reason.DAMAGED_FILES_KEPT: "Its files were kept in {folder}.",
    Reason.PROTECTED: "Run `flask backup unprotect {backup_id}` first.",
    Reason.LAST_GOOD: "Create another backup first.",
    Reason.NO_MANIFEST: "Run `flask backup verify {backup_id}` first.",
    Reason.MANIFEST_FORMAT: "Update Launcher to the version that created this backup.",
    Reason.NAME_UNREADABLE: "Rename the file.",
    Reason.TARGET_EXISTS: "Choose another file name, or remove that file.",
    Reason.PATH_UNREADABLE: (
        "Give a regular file that this user can read, not a link, a folder or a pipe."
    ),
    Reason.LOG_UNREADABLE: (
        "Copy the database and its -wal again, both at once. If the program that wrote them was"
        " killed, `sqlite3 {database} .schema` leaves out the change that it did not complete. If"
        " the -wal belongs to another database, move it away. Then try again."
    ),
    Reason.JOURNAL_BESIDE: (
        "Stop the program that uses the file. If there is none, `sqlite3 {name} .schema` repairs"
        " it. Then try again."
    ),
    Reason.KEEPS_CHANGING: "Stop that program, or create a backup with it, then try again.",
    Reason.NOT_ALONE: (
        "Run `flask backup import {path}` to import both. Then move both out of the folder."
    ),
    Reason.IS_LIVE: "`flask backup create` creates a backup of it.",
    Reason.EMPTY: "Copy or upload it again; the transfer did not succeed.",
    Reason.NOT_SQLITE: _DOWNLOAD,
    Reason.JSON_TEXT: _DOWNLOAD,
    Reason.ONLY_ZEROS: "Copy or upload it again; the transfer did not succeed.",
    Reason.PACKED: "Unpack it: `{command}`. Then use the .db or .db.zst file.",
    Reason.ENCRYPTED: _DECRYPT,
    Reason.LOOKS_ENCRYPTED: _DECRYPT,
    Reason.OTHER_FILE: _DOWNLOAD,
    Reason.WEB_PAGE: "Sign in to Launcher in a browser, then download the backup again.",
    Reason.MANIFEST_ALONE: "Use the .db.zst or .db file of the same name in the same folder.",
    Reason.SQL_TEXT: "Create a database from it: `sqlite3 new.db < FILE`. Then use new.db.",
    Reason.IS_FOLDER: "Give the .db or .db.zst file in that folder.",
    Reason.WINDOW_TOO_LARGE: (
        "Unpack it: `zstd -d --memory=4GB FILE -o launcher.db`. Then use launcher.db."
    ),
    Reason.CUT_OFF: _NO_LIVE_COPY,
    Reason.PADDED: _NO_LIVE_COPY,
    Reason.BOMB: _OURS_ALONE,
    Reason.OTHERS_INSIDE: (
        "If the file is your own, remove that in a copy: `{command}`. Then use copy.db."
    ),
    Reason.OBJECT_FOREIGN: _OURS_ALONE,
    Reason.OBJECT_MISSING: _OURS_ALONE,
    Reason.OBJECT_DIFFERENT: _OURS_ALONE,
    Reason.NEWER_SCHEMA: "Update this server to {made_by:maker}, then restore again.",
    Reason.NOT_CARRIED: "`flask user list` shows the accounts.",
    Reason.LIVE_OBJECT_MISSING: _ALTERED,
    Reason.LIVE_OBJECT_DIFFERENT: _ALTERED,
    Reason.LIVE_NOT_OPENED: "Try again. Another program may be using the database.",
    Reason.LIVE_BUSY: "Try again. Another program may be using the database.",
    Reason.LIVE_NOT_MADE: "`flask database upgrade` creates it.",
    Reason.LIVE_OLDER: "`flask database upgrade` upgrades it.",
    Reason.NOT_UPGRADED: (
        "Start the previous version of Launcher, or remove the cause and run"
        " `flask database upgrade`."
    ),
    Reason.LIVE_NEWER: (
        "Start the newer version of Launcher, or restore a backup created before it."
    ),
    Reason.SETTINGS_OLDER: ("`flask database upgrade` upgrades the database to this version."),
    Reason.NOT_MIGRATED: "Try again in a moment, when the long request or program has ended.",
    Reason.HELD_UP: "Try again in a moment, when the long request or program has ended.",
    Reason.STOPPED: _FOLDER,
    Reason.NOT_PUT_BACK: "Run `flask backup restore {safety_id}`.",
    Reason.FILES_NOT_PUT_BACK: "`flask backup restore ID` with another backup.",
}
"""By the reason, or else by the code of the error."""

ACCOUNT_HINTS: Mapping[str, str] = {
    "username_invalid": "The display name can be anything.",
    "password_unfit": "A few words in a row are easy to remember and hard to guess.",
    "password_too_long": "A few words in a row are long enough.",
    "password_guessable": "A few words that do not belong together are hard to guess.",
    "password_personal": "A few words that do not belong together are hard to guess.",
    "user_not_found": "`flask user list` lists all users.",
    "group_name_taken": "`flask group list` lists all groups.",
    "last_admin": "Give another user the admin role first.",
    "account_changed": "Read the account again, then repeat the change.",
    "token_scopes_missing": "`flask token create --help` lists them.",
    "token_owner_unfit": "`flask user list` shows who is an admin.",
    "token_not_revoked": "Free some space on the disk of the data directory, then try again.",
    "setup_refused": "`flask database upgrade` prints the link while there is no admin.",
}
"""By the code of the error about an account."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What the next step depends on where no good backup, or no good data, is at hand.

    Attributes:
        latest: the backup that `flask backup restore latest` would take.
        live_problem: what is wrong with the live database.
        is_full: whether there is no room beside the live database.
        has_unjudged: whether a verification may find a good backup.
    """

    latest: Backup | None = None
    live_problem: Fault | None = None
    is_full: bool = False
    has_unjudged: bool = False

    @classmethod
    def of(cls, service: BackupService) -> Situation:
        """Return the situation of now; a folder that cannot be read has no backups."""
        latest, has_unjudged = None, False
        with contextlib.suppress(BackupError):
            has_unjudged = bool(service.unjudged())
            latest = service.get(LATEST)
        free = service.data_free_bytes()
        is_full = free is not None and free < LEAST_DATA_FREE_BYTES
        return cls(latest, service.live_problem(), is_full, has_unjudged)

    @property
    def can_back_up(self) -> bool:
        """Whether `flask backup create` would find data that it can copy, and room."""
        problem = self.live_problem
        return not self.is_full and (problem is None or problem.reason in _CAN_BE_COPIED)

    @property
    def needs_verdicts(self) -> bool:
        """Whether `restore latest` takes nothing before unverified backups are verified."""
        return self.latest is None and self.has_unjudged

    @property
    def restore(self) -> str:
        """The command that restores, after the one that has to come first."""
        if self.needs_verdicts:
            return f"{_VERIFY}, then `flask backup restore {LATEST}`"
        return f"`flask backup restore {LATEST if self.latest else 'PATH'}`"

    @property
    def restored(self) -> str:
        """What that command takes."""
        if self.latest is None:
            return "a backup file from elsewhere"
        return f"backup {self.latest.id} ({self.latest.kind})"


_VERIFY = "`flask backup verify --all`"
_CAN_BE_COPIED = frozenset({Reason.LIVE_OLDER, Reason.NOT_UPGRADED})


def _restore(now: Situation) -> str:
    room = "Free some space on the disk of the data directory first. " if now.is_full else ""
    if now.needs_verdicts:
        return (
            f"{room}{_VERIFY} verifies the unverified backups. Then `flask backup restore {LATEST}`"
            " takes a good one."
        )
    return f"{room}{now.restore} takes {now.restored}."


def _create(now: Situation) -> str:
    can_create = now.can_back_up and not now.needs_verdicts
    return "`flask backup create` creates one." if can_create else _restore(now)


SITUATED_HINTS: Mapping[str, Callable[[Situation], str]] = {
    "verification_failed": lambda now: f"Use another backup. {_restore(now)}",
    "source_database": _restore,
    Reason.NO_ADMIN: lambda now: (
        "Use a backup that has an admin: the current data, which has one to carry, cannot be read."
        if now.live_problem
        else "Carry an admin of today's data into it: --carry-account NAME."
    ),
    Reason.NO_GOOD_BACKUP: _create,
    Reason.LIVE_LOST: lambda now: (
        f"{_restore(now)} To start from nothing, use another data directory."
    ),
}
"""Those that depend on what is there, by the reason, or else by the code of the error."""


def hint_for(error: BackupError, look: Callable[[], Situation] = Situation) -> str:
    """Return the next step, "" when there is none.

    Args:
        look: called for the situation, if it matters.
    """
    for key in (error.reason, error.code):
        if key in HINTS:
            return fill(HINTS[key], error.facts)
        if key in SITUATED_HINTS:
            return SITUATED_HINTS[key](look())
    return ""
