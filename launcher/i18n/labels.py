"""The words for every code and state.

A test walks every error and every member of the enumerations, so that none is without words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel.speaklater import LazyString

from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import Kind, State
from launcher.backup.records.operation import JournalEntry, Outcome, Stage, Verb
from launcher.backup.retention import KeepReason
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.importing.draft import Source
from launcher.models import Health, Role, Theme
from launcher.settings.kinds import SettingError


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """A problem in a reader's words: what happened and still holds, and what to do next."""

    title: LazyString
    hint: LazyString


@dataclass(frozen=True, slots=True)
class StageWords:
    """A stage before, during and after it."""

    ahead: LazyString
    running: LazyString
    done: LazyString


ERROR_WORDS: Mapping[str, ErrorWords] = {
    "internal": ErrorWords(
        _("Something went wrong"),
        _("The server log has an entry with this number."),
    ),
    "operation_in_progress": ErrorWords(
        _("Another operation is running"), _("Wait until the operation has ended, then try again.")
    ),
    "store_unavailable": ErrorWords(
        _("The backup folder cannot be used"),
        _("Check that its disk is mounted and that Launcher can write to it."),
    ),
    "backup_not_found": ErrorWords(
        _("There is no such backup"),
        _("The backup may have been deleted. The list shows all backups."),
    ),
    "backup_protected": ErrorWords(
        _("This backup is protected"), _("Remove the protection first, then delete the backup.")
    ),
    "insufficient_space": ErrorWords(
        _("The disk is too full. Nothing was changed"),
        _("Delete backups you do not need, or move the backup folder to a larger disk."),
    ),
    "verification_failed": ErrorWords(
        _("This backup is damaged"),
        _("Use another backup. Verify all backups to find the good ones."),
    ),
    "incompatible_backup": ErrorWords(
        _("This backup does not work with this version of Launcher. Nothing was changed"),
        _(
            "The backup is newer, comes from another app, or contains no admin. The"
            " details name the reason."
        ),
    ),
    "upload_rejected": ErrorWords(
        _("This file was not accepted. Nothing was changed"),
        _("Upload a backup created by Launcher, exactly as it was downloaded."),
    ),
    "source_database": ErrorWords(
        _("The database could not be read, or was busy for too long"),
        _("Try again in a moment. If the error continues, check the disk."),
    ),
    "not_started": ErrorWords(
        _("The operation could not be started. Nothing was changed"),
        _(
            "Try again. If the error continues, the server may have too little"
            " memory. The server log has details."
        ),
    ),
    "check_stopped": ErrorWords(
        _("The check of the file was not completed. Nothing was changed"),
        _("Try again when the server is less busy. Do not use a file of unknown origin."),
    ),
    "time_used_up": ErrorWords(
        _("Stopped: the time limit was reached"),
        _(
            "The next run continues from here. You can start it now. If this happens"
            " often, keep fewer backups."
        ),
    ),
    "place_unusable": ErrorWords(
        _("The copy could not be downloaded"),
        _("Test the destination, then try again."),
    ),
    "not_opened": ErrorWords(
        _("No key here opens this copy"),
        _("Use the recovery kit that belongs to these copies."),
    ),
    "restore_failed": ErrorWords(
        _("The restore stopped. Your data is unchanged"),
        _("Read the details, fix the cause, and start again from the plan."),
    ),
    "revert_failed": ErrorWords(
        _("The restore stopped, and the previous data could not be returned"),
        _("Nothing is lost. The details list where the files are. Restore the safety backup."),
    ),
}

_TAKEN_BACK = ErrorWords(
    _("The restore failed. Your data is back"), ERROR_WORDS["restore_failed"].hint
)
_UNDO_TAKEN_BACK = ErrorWords(
    _("The undo failed. Your data is back"), ERROR_WORDS["restore_failed"].hint
)

_COPY_DAMAGED = ErrorWords(
    _("This copy is damaged"),
    _("Restore the same backup from another place, or use another backup."),
)

KIND_WORDS: Mapping[Kind, LazyString] = {
    Kind.MANUAL: _("Manual"),
    Kind.SCHEDULED: _("Scheduled"),
    Kind.SAFETY: _("Safety backup"),
    Kind.UPGRADE: _("Upgrade backup"),
    Kind.UPLOAD: _("Uploaded"),
    Kind.EXTERNAL: _("Found in the folder"),
}

STATE_WORDS: Mapping[State, LazyString] = {
    State.VERIFIED: _("Verified"),
    State.UNVERIFIED: _("Not verified yet"),
    State.DAMAGED: _("Damaged"),
}

_MANIFEST_UNREADABLE = _("its manifest cannot be read")
_CHECKSUM_DIFFERS = _("its checksum does not match")
_DATA_DAMAGED = _("its compressed data is damaged")
_INCOMPLETE = _("its file is incomplete")
_NO_DATABASE = _("it is not a database")
_PACKED = _("its file has to be unpacked first")

DAMAGE_WORDS: Mapping[Reason, LazyString] = {
    Reason.FILE_MISSING: _("its file is missing"),
    Reason.FILE_SIZE: _("its file has the wrong size"),
    Reason.NOT_REGULAR: _("its file is a link or not a regular file"),
    Reason.MANIFEST_ALTERED: _("its manifest was altered"),
    Reason.COPY_DIFFERENT: _("its copy is not what was written to that place"),
    Reason.MANIFEST_FORMAT: _MANIFEST_UNREADABLE,
    Reason.MANIFEST_UNREADABLE: _MANIFEST_UNREADABLE,
    Reason.MANIFEST_OF_ANOTHER: _MANIFEST_UNREADABLE,
    Reason.NOT_IN_STORE: _MANIFEST_UNREADABLE,
    Reason.CHECKSUM: _CHECKSUM_DIFFERS,
    Reason.CHECKSUM_LONGER: _CHECKSUM_DIFFERS,
    Reason.CHECKSUM_DATABASE: _CHECKSUM_DIFFERS,
    Reason.DATA_DAMAGED: _DATA_DAMAGED,
    Reason.DATA_CUT_OFF: _INCOMPLETE,
    Reason.CUT_OFF: _INCOMPLETE,
    Reason.EMPTY: _("its file is empty"),
    Reason.PACKED: _PACKED,
    Reason.WINDOW_TOO_LARGE: _PACKED,
    Reason.DATA_AFTER_END: _DATA_DAMAGED,
    Reason.DATABASE_DAMAGED: _("the database inside is damaged"),
    Reason.DANGLING_ROWS: _("rows inside point to rows that do not exist"),
    Reason.ROWS_BREAK_RULES: _("rows inside break a rule of their table"),
    **dict.fromkeys(
        (
            Reason.NOT_SQLITE, Reason.ONLY_ZEROS, Reason.ENCRYPTED, Reason.LOOKS_ENCRYPTED,
            Reason.OTHER_FILE, Reason.WEB_PAGE, Reason.MANIFEST_ALONE, Reason.JSON_TEXT,
            Reason.SQL_TEXT,
        ),
        _NO_DATABASE,
    ),
}  # fmt: skip
"""What was found on a damaged backup, as a part of a sentence."""

WARNING_WORDS: Mapping[Reason, LazyString] = {
    Reason.FROM_FUTURE: _(
        "This backup is dated %(moment)s. By the clock of this server, that is in the future."
    ),
    Reason.LATEST_UPLOAD: _(
        "There is no good backup created by this site. “%(name)s” was uploaded"
        " and may contain other data."
    ),
    Reason.LATEST_EXTERNAL: _(
        "There is no good backup created by this site. “%(name)s” was found in"
        " the backup folder and may contain other data."
    ),
    Reason.LATEST_SAFETY: _(
        "There is no other good backup. This safety backup contains the data that"
        " a restore replaced (%(name)s)."
    ),
    Reason.DANGLING_ROWS: _("Some rows point to rows that do not exist: %(tables)s."),
    Reason.ROWS_BREAK_RULES: _("Some rows break a rule of their table: %(tables)s."),
    Reason.ORIGIN_NOT_CONFIRMED: _(
        "Origin not confirmed: nothing shows that this copy of “%(name)s” comes from its site."
    ),
    Reason.LEFT_OUT: _("Not included, because Launcher did not create it: %(names)s."),
    Reason.WILL_GO: _("Removed by the restore, because Launcher did not create it: %(names)s."),
    Reason.WITHOUT_ADMIN: _("No one in this backup can sign in as an admin."),
    Reason.ODD_VALUES: _(
        "Some values are not valid and will be replaced by their defaults: %(values)s."
    ),
    Reason.ODD_SETTINGS: _(
        "Some settings are not valid and will be replaced by their defaults: %(settings)s."
    ),
    Reason.PASSWORDS_REMOVED: _(
        "Some stored passwords are not valid and will be removed. These users"
        " need a new password from an admin. Number of users: %(count)s."
    ),
    Reason.TOKENS_STAY_REVOKED: _(
        "These API tokens are in the backup and were revoked since. They will"
        " remain revoked: %(names)s."
    ),
    Reason.TOKENS_REMOVED: _(
        "These API tokens are in the file and not valid on this site. They will"
        " be removed: %(names)s."
    ),
    Reason.LOG_APART: _(
        "The newest changes of this database are in a second file. Its name ends"
        " with -wal. If the original has such a file, copy both into one folder"
        " on the server and run “flask backup import” there."
    ),
}
"""What does not prevent a restore, but should be known before it."""

LIVE_WORDS: Mapping[Reason, LazyString] = {
    Reason.LIVE_MISSING: _("%(name)s is missing"),
    Reason.LIVE_LOST: _("%(name)s is missing, and this site had data before"),
    Reason.LIVE_EMPTY: _("%(name)s is empty"),
    Reason.LIVE_FOREIGN: _("%(name)s is not a database of Launcher"),
    Reason.LIVE_UNUSABLE: _("%(name)s cannot be used: %(detail)s"),
    Reason.LIVE_CONTENT: _("%(name)s is not complete: %(detail)s"),
    Reason.LIVE_DAMAGED: _("The database is damaged: %(detail)s"),
    Reason.LIVE_UNREADABLE: _("The database cannot be read: %(detail)s"),
    Reason.LIVE_NOT_OPENED: _("The database cannot be read: %(detail)s"),
    Reason.LIVE_OBJECT_MISSING: _("“%(name)s” is missing from the database"),
    Reason.LIVE_OBJECT_DIFFERENT: _("“%(name)s” in the database was altered"),
    Reason.LIVE_NOT_MADE: _("There is no database yet"),
    Reason.LIVE_OLDER: _(
        "The database has version %(theirs)s. Launcher %(version)s needs version %(ours)s."
    ),
    Reason.LIVE_NEWER: _(
        "The database has version %(theirs)s. Launcher %(version)s only knows versions up to"
        " %(ours)s."
    ),
    Reason.NOT_UPGRADED: _("The upgrade from version %(theirs)s to %(ours)s failed: %(detail)s"),
}
"""What is wrong with the database of the site. `detail` is of `_DETAIL_WORDS`, or in English."""

_DETAIL_WORDS: Mapping[str, LazyString] = {
    "file is not a database": _("the file is not a database"),
    "database disk image is malformed": _("parts of the file are damaged"),
    "disk I/O error": _("the disk reports an error"),
    "unable to open database file": _("the file cannot be opened"),
    "it holds no settings": _("the settings are missing"),
}
"""What SQLite and the check of the rows say most often (https://sqlite.org/rescode.html)."""

KEEP_WORDS: Mapping[KeepReason, LazyString] = {
    KeepReason.PROTECTED: _("Protected: kept until you delete it"),
    KeepReason.NOT_SCHEDULED: _("Kept until you delete it"),
    KeepReason.LAST_GOOD: _("The last good backup: never removed automatically"),
    KeepReason.RECENT: _("One of the newest"),
    KeepReason.DAILY: _("Kept as daily"),
    KeepReason.WEEKLY: _("Kept as weekly"),
    KeepReason.MONTHLY: _("Kept as monthly"),
    KeepReason.BEFORE: _("Kept for a while, so that you can return to it"),
    KeepReason.NOT_REPLACED: _("Kept until newer good backups replace it"),
}

VERB_WORDS: Mapping[Verb, LazyString] = {
    Verb.CREATE: _("Creating a backup"),
    Verb.VERIFY: _("Verifying backups"),
    Verb.PLAN: _("Planning a restore"),
    Verb.TEST_RESTORE: _("Testing a restore"),
    Verb.RESTORE: _("Restoring a backup"),
    Verb.EXPORT: _("Exporting a backup"),
    Verb.UPLOAD: _("Uploading a backup"),
    Verb.FETCH: _("Downloading a copy"),
    Verb.PROTECT: _("Protecting a backup"),
    Verb.UNPROTECT: _("Removing protection"),
    Verb.NOTE: _("Changing a note"),
    Verb.DELETE: _("Deleting backups"),
    Verb.PRUNE: _("Removing old backups"),
    Verb.INITIALISE: _("Creating a database"),
    Verb.MIGRATE: _("Upgrading the database"),
}


def operation_words(entry: JournalEntry) -> str:
    """Return what an operation was, with an undo by its name."""
    return gettext("Undoing a restore") if entry.is_undo else str(VERB_WORDS[entry.verb])


STAGE_WORDS: Mapping[Stage, StageWords] = {
    Stage.DOWNLOAD: StageWords(
        _("Download the copy"), _("Downloading the copy"), _("Copy downloaded")
    ),
    Stage.COPY: StageWords(_("Copy the database"), _("Copying the database"), _("Database copied")),
    Stage.CHECK: StageWords(_("Check the copy"), _("Checking the copy"), _("Copy checked")),
    Stage.COMPRESS: StageWords(
        _("Compress and compute checksum"),
        _("Compressing and computing checksum"),
        _("Compressed, checksum computed"),
    ),
    Stage.PUBLISH: StageWords(
        _("Add to the list"), _("Adding to the list"), _("Added to the list")
    ),
    Stage.UNPACK: StageWords(
        _("Unpack the backup"), _("Unpacking the backup"), _("Backup unpacked")
    ),
    Stage.WAIT: StageWords(
        _("Wait for another operation"),
        _("Waiting for another operation to end"),
        _("Waited for another operation"),
    ),
    Stage.PREPARE: StageWords(
        _("Prepare a temporary copy"), _("Preparing a temporary copy"), _("Temporary copy prepared")
    ),
    Stage.SAFETY: StageWords(
        _("Safety backup of the current data"),
        _("Creating a safety backup of the current data"),
        _("Safety backup created"),
    ),
    Stage.REPLACE: StageWords(_("Replace the data"), _("Replacing the data"), _("Data replaced")),
    Stage.CONFIRM: StageWords(
        _("Compare with the plan"), _("Comparing with the plan"), _("Compared with the plan")
    ),
    Stage.PRUNE: StageWords(
        _("Remove old backups"), _("Removing old backups"), _("Old backups removed")
    ),
}  # fmt: skip

OUTCOME_WORDS: Mapping[Outcome, LazyString] = {
    Outcome.SUCCEEDED: _("Succeeded"),
    Outcome.FAILED: _("Failed"),
    Outcome.INTERRUPTED: _("Interrupted"),
}

JOB_WORDS: Mapping[str, LazyString] = {
    "backup": _("Back up"),
    "scrub": _("Verify older backups"),
    "restore-test": _("Restore test"),
}
"""By the id of the job."""

JOB_PURPOSES: Mapping[str, LazyString] = {
    "backup": _(
        "Creates the scheduled backup, then removes backups that retention no longer keeps."
    ),
    "scrub": _(
        "Verifies a few backups each day, so you learn of damage within a month and"
        " not during a restore."
    ),
    "restore-test": _(
        "Restores the newest good backup to a temporary copy, so you know that it"
        " works before you need it. Your data is not changed."
    ),
}
"""What a job does, and why."""

RUN_WORDS: Mapping[str, LazyString] = {
    "running": _("Running"),
    "succeeded": _("Succeeded"),
    "partly": _("Done, but some parts failed"),
    "failed": _("Failed"),
    "postponed": _("Postponed"),
    "interrupted": _("Interrupted"),
}
"""By the outcome of a run; `running` while it has none."""

HEALTH_WORDS: Mapping[Health, LazyString] = {
    Health.UP: _("Up"),
    Health.SLOW: _("Slow"),
    Health.DOWN: _("Down"),
    Health.PAUSED: _("Paused"),
    Health.UNKNOWN: _("Not checked yet"),
    Health.OFFLINE: _("Offline"),
}

ROLE_WORDS: Mapping[Role, LazyString] = {
    Role.ADMIN: _("Admin"),
    Role.EDITOR: _("Editor"),
    Role.VIEWER: _("Viewer"),
}

RIGHTS_WORDS: Mapping[Role, LazyString] = {
    Role.ADMIN: _("Everything: apps, boards, accounts, settings and backups."),
    Role.EDITOR: _("Apps and boards: add, change and arrange them."),
    Role.VIEWER: _("View boards and open apps."),
}
"""What a role may do, or change."""

ACCOUNT_WORDS: Mapping[str, LazyString] = {
    "account": _("This change of the account is not possible."),
    "username_invalid": _(
        "Use 1 to 64 letters a to z and digits. You can also use dots, hyphens, _ and @ between"
        " them."
    ),
    "username_taken": _("Another user has this name. Choose a different one."),
    "display_name_unfit": _("Use one line of at most 60 characters."),
    "password_unfit": _("This password is too short. Use at least 12 characters."),
    "password_too_long": _("This password is too long. Use at most 1,000 characters."),
    "password_guessable": _(
        "This password is common or follows a simple pattern, so it is among the first that anyone"
        " would try. Use a few words that do not belong together."
    ),
    "password_personal": _(
        "This password is too close to the user name, the e-mail address or the name of this site."
        " Use a few words that do not belong together."
    ),
    "user_not_found": _("No user has this name."),
    "last_admin": _("This is the last active admin. Give another user the admin role first."),
    "account_changed": _("Someone else changed this account in the meantime."),
    "group_name_unfit": _("Enter a name of at most 60 characters."),
    "group_name_taken": _("Another group has this name. Choose a different one."),
    "token_name_unfit": _("Enter a name of at most 60 characters."),
    "token_scopes_missing": _("Choose at least one scope."),
    "token_expiry_unfit": _("Choose a date in the next 10 years."),
    "token_owner_unfit": _("Every scope needs the admin role."),
    "token_not_revoked": _(
        "The token was not revoked: the data directory cannot be written. Check that the disk is"
        " not full, then try again."
    ),
    "token_invalid": _("The token is not valid."),
    "token_expired": _("The token has expired."),
    "token_revoked": _("The token was revoked."),
    "token_user_inactive": _("The user of the token is deactivated."),
    "token_throttled": _("Too many invalid tokens. Wait a minute, then try again."),
    "setup_refused": _("This setup link is not valid or was already used"),
    "sign_in_refused": _("The user name or password is not correct."),
    "sign_in_throttled": _("Too many failed attempts. Wait a minute, then try again."),
}

SETTING_WORDS: Mapping[str, LazyString] = {
    "unknown": _("There is no such setting."),
    "switch": _("Enter on or off."),
    "number": _("Enter a whole number."),
    "range": _("Enter a number from %(minimum)s to %(maximum)s."),
    "empty": _("Enter a value."),
    "too_long": _("Use at most %(maximum)s characters."),
    "control_characters": _("Use one line without control characters."),
    "locale": _("This language is not available. Choose one of %(allowed)s."),
    "choice": _("Choose one of %(allowed)s."),
    "time_zone": _("Enter a time zone, for example Europe/Berlin."),
    "cron_fields": _(
        "Enter five fields (minute, hour, day, month, weekday) or one of %(allowed)s."
    ),
    "cron_seconds": _(
        "The expression has %(count)s fields. Remove the seconds and the year. The"
        " shortest step is 1 minute."
    ),
    "cron_never": _("This schedule never runs: none of its months has a day %(day)s."),
    "cron": _("Not a cron expression: %(detail)s"),
    "network": _("Line %(line)s is not a network. Enter one like 192.168.1.0/24."),
    "host_name": _("Line %(line)s is not a host name. Enter one like launcher.home.arpa."),
    "too_many": _("Enter at most %(maximum)s lines."),
}

RESTORE_TEST_WORDS: Mapping[str, LazyString] = {
    "off": _("no restore tests"),
    "daily": _("restore test every day"),
    "weekly": _("restore test every week"),
    "monthly": _("restore test every month"),
}
"""By the value of the setting `backup_restore_test`, as a part of a sentence."""

THEME_WORDS: Mapping[Theme, LazyString] = {
    Theme.SYSTEM: _("Same as device"),
    Theme.LIGHT: _("Light"),
    Theme.DARK: _("Dark"),
}


def setting_words(error: SettingError) -> str:
    """Return why a value was refused."""
    return str(SETTING_WORDS[error.code]) % error.data


def damage(fault: Fault | None) -> str:
    """Return what was found on a damaged backup; what has no words here, in English."""
    return str(DAMAGE_WORDS.get(fault.reason, fault)) if fault else ""


RESTORE_WORDS: Mapping[Reason, LazyString] = {
    Reason.LIVE_CHANGED: _("The data changed after the plan was shown."),
    Reason.FULL_DURING_RESTORE: _("The disk filled up during the restore."),
    Reason.NOT_CONFIRMED: _("The restored data did not pass its check: %(detail)s."),
    Reason.NOT_CONFIRMED_SEEN: _("The restored data did not pass its check: %(detail)s."),
}
"""Why a restore stopped."""


def failure_words(entry: JournalEntry) -> ErrorWords | None:
    """Return the words of a failure; None where an error has none, or nothing failed."""
    if entry.visible_s is not None:
        return _UNDO_TAKEN_BACK if entry.is_undo else _TAKEN_BACK
    if entry.verb is Verb.FETCH and entry.error_code == "verification_failed":
        return _COPY_DAMAGED
    return ERROR_WORDS.get(entry.error_code)


def fault_words(fault: Fault | None) -> str:
    """Return why something failed; what has no words here, in English."""
    if fault is None:
        return ""
    if words := RESTORE_WORDS.get(fault.reason):
        return str(words) % fault.facts
    if fault.reason in LIVE_WORDS:
        return live_words(fault)
    return damage(fault)


def live_words(fault: Fault) -> str:
    """Return what is wrong with the database of the site; what has no words here, in English."""
    words = LIVE_WORDS.get(fault.reason)
    detail = _DETAIL_WORDS.get(str(fault.facts.get("detail")))
    facts = {**fault.facts, "detail": str(detail)} if detail else fault.facts
    return str(words) % facts if words else str(fault)


def warning(fault: Fault) -> str:
    """Return what should be known of a good backup; what has no words here, in English."""
    if words := WARNING_WORDS.get(fault.reason):
        return str(words) % fault.facts
    return f"{fault}."


_PROGRAMS: Mapping[Source, str] = {
    Source.HOMEPAGE: "Homepage",
    Source.HOMER: "Homer",
    Source.DASHY: "Dashy",
    Source.HEIMDALL: "Heimdall",
    Source.CSV: "CSV",
}


def imported_section(source: Source) -> str:
    """Return what the section for links in no folder is called: another for each source."""
    if source is Source.BOOKMARKS:
        return gettext("Imported bookmarks")
    return gettext("Imported from %(source)s", source=_PROGRAMS[source])
