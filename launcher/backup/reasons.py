"""Why something was refused, failed or is damaged: one code each, with its facts as data.

The English sentence of a reason stands beside it, for logs, the journal and the command line. The
web words each reason itself, in every language. No code parses a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from string import Formatter
from typing import Self

Fact = str | int
"""A fact of a reason, as JSON can hold it."""


class Reason(StrEnum):
    """What exactly is wrong. The value is stable: it stands in journals and manifests.

    Attributes:
        sentence: the reason in English without a full stop, a format for the facts that it has.
    """

    sentence: str

    def __new__(cls, code: str, sentence: str = "") -> Self:
        """Make the member of a code and its sentence."""
        reason = str.__new__(cls, code)
        reason._value_ = code
        reason.sentence = sentence
        return reason

    # fmt: off
    # Recorded with a sentence alone, or with a reason that this version does not know.
    UNCLASSIFIED = "unclassified", "{sentence}"

    OPERATION_RUNNING = "operation_running", "busy: {verb} by {by}{since:since}"
    TIME_USED_UP = ("time_used_up",
        "its {minutes} minutes were used up while {overdue} not verified for {days} days still"
        " waited")

    # The disk
    DISK_REFUSED = "disk_refused", "could not {doing}: {detail}"
    DISK_FULL = "disk_full", "could not {doing}: {detail}"
    NO_SPACE = ("no_space",
        "{what} needs {required_bytes:needed} in {path}, and {available_bytes:free} are free;"
        " nothing was changed")
    NO_SPACE_TO_UNPACK = ("no_space_to_unpack",
        "unpacking it needs {required_bytes:needed} ({database_bytes:MB} for the database, the rest"
        " is a reserve), and {available_bytes:free} are free")
    FULL_DURING_RESTORE = ("full_during_restore",
        "the disk filled up during the restore; nothing was changed")
    LIVE_DISK_FULL = ("live_disk_full",
        "the disk of the current data is too full even to read it: {detail}")

    # Which backup
    NO_SUCH_BACKUP = "no_such_backup", "there is no backup {reference!r}"
    NO_GOOD_BACKUP = "no_good_backup", "there is no good backup"
    NOTHING_RESTORED = "nothing_restored", "nothing was restored yet"
    NOTHING_TO_RETURN_TO = ("nothing_to_return_to",
        "the last restore cannot be undone: there was no sound database before it")
    DAMAGED_FILES_KEPT = ("damaged_files_kept",
        "the last restore cannot be undone: the database before it could not be backed up")
    PROTECTED = "protected", "backup {backup_id} is protected"
    LAST_GOOD = "last_good", "backup {backup_id} is the last good one"
    FROM_FUTURE = ("from_future",
        "the backup is dated {moment}, which is in the future by the clock of this server")
    NO_MANIFEST = "no_manifest", "backup {backup_id} has no manifest to write that into"

    # The manifest
    MANIFEST_INCOMPLETE = "manifest_incomplete", "backup {backup_id} has nothing to describe"
    MANIFEST_FORMAT = ("manifest_format",
        "the manifest has format {format}, and this version of Launcher reads {known}")
    MANIFEST_ALTERED = "manifest_altered", "the manifest was altered after it was written"
    MANIFEST_UNREADABLE = "manifest_unreadable", "the manifest cannot be read: {detail}"
    MANIFEST_OF_ANOTHER = "manifest_of_another", "the manifest belongs to another backup"
    NOT_IN_STORE = "not_in_store", "the manifest names {name!r}, which is no file of the store"
    NAME_UNREADABLE = "name_unreadable", "{name!r} is no readable file name"

    # The file of a backup
    FILE_MISSING = "file_missing", "the file is missing"
    PROCESS_ENDED = "process_ended", "the process ended before the operation started"
    FILE_UNREADABLE = "file_unreadable", "the file of backup {backup_id} cannot be read: {detail}"
    FILE_SIZE = "file_size", "the file does not have the size it was written with"
    FILE_SHORTENED = "file_shortened", "the file has become shorter while it was sent"
    NOT_REGULAR = "not_regular", "this is a link or no regular file; it is never followed"
    CHECKSUM_LONGER = "checksum_longer", "{name} is longer than when it was created"
    CHECKSUM = "checksum", "{name} has changed since it was created"
    CHECKSUM_DATABASE = "checksum_database", "the database in {name} is not what was backed up"
    DATA_DAMAGED = "data_damaged", "the compressed data is damaged: {detail}"
    DATA_CUT_OFF = "data_cut_off", "the compressed data is cut off"
    DATA_AFTER_END = "data_after_end", "there is something after the end of the compressed data"
    WINDOW_TOO_LARGE = ("window_too_large",
        "the file was compressed with a window of {window_bytes:MB}, and at most {limit_bytes:MB}"
        " are read")

    # A file from outside
    TARGET_EXISTS = "target_exists", "{path} exists already; it was not overwritten"
    PATH_UNREADABLE = "path_unreadable", "{name} cannot be read: {detail}"
    LOG_UNREADABLE = ("log_unreadable",
        "{name} is damaged, or is that of another database: SQLite does not read all of it")
    JOURNAL_BESIDE = ("journal_beside",
        "{beside} is beside {name}: a change is in progress, or was interrupted")
    KEEPS_CHANGING = "keeps_changing", "another program keeps changing {name} while it is copied"
    NOT_ALONE = ("not_alone",
        "{beside} is beside the file and may hold its newest changes, which would be left out")
    LOG_APART = ("log_apart",
        "this database keeps its newest changes in a second file, with -wal at the end of its name;"
        " that file was not beside it")
    IS_LIVE = "is_live", "that is the current database itself"
    TOO_LARGE = "too_large", "the file is too large"
    EMPTY = "empty", "the file is empty"
    NOT_SQLITE = "not_sqlite", "this is not a SQLite database"
    ONLY_ZEROS = "only_zeros", "the file starts with zeros only: its content never arrived"
    PACKED = "packed", "this is a {format} file, which must be unpacked first"
    ENCRYPTED = "encrypted", "this file is encrypted with {format}"
    LOOKS_ENCRYPTED = ("looks_encrypted",
        "this is not a SQLite database; it looks encrypted, or compressed in an unknown format")
    OTHER_FILE = "other_file", "this is a {format} file, not a SQLite database"
    WEB_PAGE = "web_page", "this is a web page, not a backup"
    MANIFEST_ALONE = "manifest_alone", "this is the manifest of a backup, not the backup itself"
    JSON_TEXT = "json_text", "this is JSON, not a SQLite database"
    SQL_TEXT = "sql_text", "this is an SQL script, not a SQLite database"
    IS_FOLDER = "is_folder", "{name} is a folder"
    PAGE_SIZE = "page_size", "the database header is damaged: impossible page size"
    COUNTERS = "counters", "the database header is damaged: its counters disagree"
    CUT_OFF = ("cut_off",
        "the file is cut off: it holds {size_bytes:,} bytes and its header announces"
        " {announced_bytes:,}")
    PADDED = ("padded",
        "the file is longer than it should be: it holds {size_bytes:,} bytes and its header"
        " announces {announced_bytes:,}")
    LONGER_THAN_ANNOUNCED = "longer_than_announced", "the file is longer than its header announces"
    BOMB = ("bomb",
        "the file claims to unpack to {announced_bytes:GB}, far more than its size allows")

    # A copy in another place
    NOT_FETCHED = "not_fetched", "the copy could not be downloaded: {cause}"
    DISK_TOO_SMALL = ("disk_too_small",
        "this disk is too small: {size_bytes:MB} to download, {required_bytes:needed} needed,"
        " {available_bytes:free} free")
    COPY_DIFFERENT = "copy_different", "the copy is not what was written to that place"
    COPY_CLOSED = ("copy_closed",
        "no key that is here opens the copy; it needs the secret key of {needed}")

    # The database inside
    DATABASE_DAMAGED = "database_damaged", "the database is damaged: {detail}"
    CHECK_TIME = ("check_time",
        "the check of the database was stopped at its limit of {seconds} seconds")
    CHECK_PROCESSOR = ("check_processor",
        "the check of the database was stopped at its limit of {seconds} seconds of processor time")
    CHECK_MEMORY = ("check_memory",
        "the check of the database was stopped at its limit of {limit_bytes:MB} of memory")
    CHECK_ENDED = "check_ended", "the check of the database ended without a result: {detail}"
    DANGLING_ROWS = "dangling_rows", "rows point to rows that do not exist: {tables}"
    ROWS_BREAK_RULES = "rows_break_rules", "rows break a rule of their table: {tables}"
    ORIGIN_NOT_CONFIRMED = ("origin_not_confirmed",
        "origin not confirmed: no key that was given confirms that this copy of “{name}” comes from"
        " its site")
    LEFT_OUT = "left_out", "not included, because Launcher did not create it: {names}"
    WILL_GO = "will_go", "removed by the restore, because Launcher did not create it: {names}"
    WITHOUT_ADMIN = "without_admin", "no one in this backup can sign in as admin"
    ODD_VALUES = "odd_values", "values that Launcher never writes get their defaults: {values}"
    ODD_SETTINGS = "odd_settings", "settings that are not valid get their defaults: {settings}"
    PASSWORDS_REMOVED = (
        "passwords_removed",
        "users whose stored passwords are not valid and need new ones: {count}",
    )
    TOKENS_STAY_REVOKED = (
        "tokens_stay_revoked",
        "API tokens in the backup that were revoked since will remain revoked: {names}",
    )
    TOKENS_REMOVED = (
        "tokens_removed",
        "API tokens of a file from outside that are not valid here are removed: {names}",
    )
    OTHER_APPLICATION = "other_application", "this database belongs to another application"
    READ_ONLY_FORMAT = ("read_only_format",
        "this database has a file format that SQLite only reads, which Launcher never writes")
    UTF16 = "utf16", "this database stores its text as UTF-16, which Launcher never does"
    OTHERS_INSIDE = ("others_inside",
        "this database of Launcher also holds what Launcher did not create: {names}")
    OBJECT_FOREIGN = "object_foreign", "the schema is not Launcher's: {name!r} is not one of ours"
    OBJECT_MISSING = "object_missing", "the schema is not Launcher's: {name!r} is missing"
    OBJECT_DIFFERENT = ("object_different",
        "the schema is not Launcher's: {name!r} differs from ours")
    NO_REVISION = "no_revision", "this database does not say which schema it has"
    NEWER_SCHEMA = ("newer_schema",
        "the backup was created by {made_by:maker} with schema {theirs}, and this server runs"
        " Launcher {version} with schema {ours}")
    NO_ADMIN = ("no_admin",
        "no one could sign in after the restore: the backup has no active admin")
    NOT_CARRIED = ("not_carried",
        "the account {name!r} cannot be carried over: the current data has no active admin of"
        " that name")

    # The live database
    LIVE_MISSING = "live_missing", "{name} is missing"
    LIVE_LOST = "live_lost", "{name} is missing, and this site had data before"
    LIVE_EMPTY = "live_empty", "{name} is empty"
    LIVE_FOREIGN = "live_foreign", "{name} is not a database of Launcher"
    LIVE_UNUSABLE = "live_unusable", "{name}: {detail}"
    LIVE_CONTENT = "live_content", "{name} does not hold what it should: {detail}"
    LIVE_DAMAGED = "live_damaged", "the current data is damaged: {detail}"
    LIVE_OBJECT_MISSING = ("live_object_missing",
        "the current data cannot be backed up: {name!r} is missing from its schema")
    LIVE_OBJECT_DIFFERENT = ("live_object_different",
        "the current data cannot be backed up: {name!r} was altered and differs from ours")
    LIVE_UNREADABLE = "live_unreadable", "the current data cannot be read: {detail}"
    LIVE_NOT_OPENED = "live_not_opened", "the current data cannot be read: {detail}"
    LIVE_BUSY = "live_busy", "the current data cannot be read: {detail}"
    LIVE_NOT_MADE = "live_not_made", "there is no database yet"
    LIVE_OLDER = ("live_older",
        "the database has schema {theirs}, and Launcher {version} needs schema {ours}")
    LIVE_NEWER = ("live_newer",
        "the database has schema {theirs}, which Launcher {version} with schema {ours} does not"
        " know")
    SETTINGS_UNREADABLE = "settings_unreadable", "the settings cannot be read: {detail}"
    SETTINGS_OLDER = "settings_older", "the settings cannot be read: {detail}"
    NOT_MIGRATED = "not_migrated", "{detail}; nothing was changed"
    NOT_UPGRADED = ("not_upgraded",
        "the database could not be upgraded from schema {theirs} to {ours}: {detail}; nothing was"
        " changed")

    # A restore
    UNFIT = "unfit", "the backup could not be {deed}: {detail}; nothing was changed"
    LIVE_CHANGED = "live_changed", "the data changed since the plan; nothing was restored"
    HELD_UP = "held_up", "{detail}; nothing was changed"
    STOPPED = "stopped", "the restore was stopped ({detail}); the data is as it was"
    NOT_TAKEN = ("not_taken",
        "the current database did not take the data ({detail}); nothing was changed")
    NOT_CONFIRMED = ("not_confirmed",
        "the restored data did not pass its check ({detail}), so the data is as it was before")
    NOT_CONFIRMED_SEEN = ("not_confirmed_seen",
        "the restored data did not pass its check ({detail}), so the data is as it was before; the"
        " restored data was visible for {visible_ms:s}")
    LATEST_UPLOAD = ("latest_upload",
        "there is no good backup created by this site: “{name}” was uploaded, and may hold other"
        " data")
    LATEST_EXTERNAL = ("latest_external",
        "there is no good backup created by this site: “{name}” was found in the backup folder, and"
        " may hold other data")
    LATEST_SAFETY = ("latest_safety",
        "there is no other good backup: this is a safety backup, which holds what a restore"
        " replaced ({name})")
    LOG_NOT_FOLDED = ("log_not_folded",
        "the log could not be folded into the database yet: a program still reads the old data, or"
        " the disk is nearly full; the restored data is complete")
    SAFETY_BESIDE = ("safety_beside",
        "the backup folder cannot be written; the safety backup is kept in {folder}")
    NOT_PUT_BACK = ("not_put_back",
        "{cause}, and the previous data could not be returned ({problem}). All of it is in the"
        " safety backup {safety_id}")
    FILES_NOT_PUT_BACK = ("files_not_put_back",
        "{cause}, and the previous damaged files could not be returned ({problem}). They are in"
        " {folder}")
    # fmt: on


_ROUNDED: Mapping[str, Callable[[float], int]] = {
    "MB": round,
    "needed": math.ceil,
    "free": math.floor,
}


_SMALLEST_MB = 1_000_000
"""Below it, a size is written in kilobytes: 0.0 MB would be no size."""


class _Sentences(Formatter):
    """Formats with more ways to write a fact: MB, GB, `needed`, `free`, s, `since` and `maker`.

    A fact in milliseconds is written in seconds (s).
    What is needed is rounded up and what is free is rounded down: where there is too little, both
    never look the same.
    """

    def format_field(self, value: Fact, format_spec: str) -> str:
        match format_spec:
            case "MB" | "needed" | "free":
                return _size(int(value), _ROUNDED[format_spec])
            case "GB":
                return f"{int(value) / 1e9:,.1f} GB"
            case "s":
                return f"{int(value) / 1000:,.2f} s"
            case "since":
                return f" since {str(value)[11:19]} UTC" if value else ""
            case "maker":
                return f"Launcher {value}" if value else "a newer version of Launcher"
        return str(super().format_field(value, format_spec))


def _size(value: int, rounded: Callable[[float], int]) -> str:
    if value < _SMALLEST_MB:
        return f"{rounded(value / 1e3)} kB"
    return f"{rounded(value / 1e5) / 10:,.1f} MB"


def fill(sentence: str, facts: Mapping[str, Fact]) -> str:
    """Return a sentence with its facts put in; raises KeyError for one that is not there."""
    return _Sentences().vformat(sentence, (), facts)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with something: the reason and its facts. As text, the English sentence."""

    reason: Reason
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __str__(self) -> str:
        return fill(self.reason.sentence, self.facts)


def read_fault(sentence: object, reason: object, facts: object) -> Fault | None:
    """Return what a record says is wrong, None where it has no sentence.

    A reason that this version does not know leaves the sentence as it was written.
    """
    if not sentence:
        return None
    try:
        fault = Fault(Reason(str(reason)), facts if isinstance(facts, dict) else {})
        str(fault)
    except (ValueError, KeyError, TypeError):
        return Fault(Reason.UNCLASSIFIED, {"sentence": str(sentence)})
    return fault
