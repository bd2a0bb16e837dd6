"""The values that the core speaks in: frozen, typed, free of behaviour that needs a disk.

The words are those of the glossary in `docs/design.md`. Moments are aware and in UTC; sizes are
bytes; a `BackupId` is never a path.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NewType

from launcher.backup.errors import BackupNotFoundError
from launcher.backup.reasons import Fault, Reason, read_fault

BackupId = NewType("BackupId", str)

LATEST = "latest"
_ID_PATTERN = re.compile(r"\d{8}T\d{6}Z-[a-z0-9]{6}", re.ASCII)
_TAIL_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no letters that are misread for digits


def new_backup_id(moment: datetime) -> BackupId:
    """Return a new id for `moment` (aware): sorts by time, is safe in a file name and a URL."""
    tail = "".join(secrets.choice(_TAIL_ALPHABET) for _ in range(6))
    return BackupId(f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}-{tail}")


def parse_backup_id(text: str) -> BackupId:
    """Return `text` as an id, or raise `BackupNotFoundError`: what is no id names no backup."""
    if not _ID_PATTERN.fullmatch(text):
        raise BackupNotFoundError(Reason.NO_SUCH_BACKUP, reference=text[:80])
    return BackupId(text)


def moment_of(backup_id: str) -> datetime | None:
    """Return the moment that an id begins with (UTC), None where it is no id or no such day."""
    if not _ID_PATTERN.fullmatch(backup_id):
        return None
    try:
        return datetime.strptime(backup_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


_OPERATION_ID_PATTERN = re.compile(r"[0-9a-f]{16}", re.ASCII)


def new_operation_id() -> str:
    """Return a new id for an operation: sixteen hexadecimal digits."""
    return secrets.token_hex(8)


def parse_operation_id(text: str) -> str:
    """Return `text` if it has the shape of an operation's id: it becomes part of file names.

    Raises:
        ValueError: it has not.
    """
    if not _OPERATION_ID_PATTERN.fullmatch(text):
        raise ValueError(f"not the id of an operation: {text[:80]!r}")
    return text


MAX_NOTE_CHARACTERS = 1000


def readable(text: str) -> str:
    """Return `text` with a "?" for whatever is no character: a file name need not be UTF-8."""
    return text.encode(errors="replace").decode()


def clean_note(text: str) -> str:
    """Return a note without control characters, which could speak to a terminal, cut to fit."""
    printable = "".join(c if c.isprintable() or c == "\n" else " " for c in readable(text))
    return printable.strip()[:MAX_NOTE_CHARACTERS]


class Kind(StrEnum):
    """Why a backup exists."""

    MANUAL = "manual"
    SCHEDULED = "scheduled"
    SAFETY = "safety"
    UPGRADE = "upgrade"
    UPLOAD = "upload"
    EXTERNAL = "external"


OWN_KINDS = frozenset({Kind.MANUAL, Kind.SCHEDULED, Kind.SAFETY, Kind.UPGRADE})
"""The kinds that hold the data of this very site, and so answer "am I safe?"."""

BEFORE_KINDS = (Kind.SAFETY, Kind.UPGRADE)
"""The kinds that are made by themselves before something grave, to be able to go back."""


class State(StrEnum):
    """What is known about a backup's soundness."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    DAMAGED = "damaged"


class Encoding(StrEnum):
    """How a stored file holds the database."""

    ZSTD = "zstd"
    IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class Verification:
    """The last verdict on a backup.

    Attributes:
        at: when; None while nobody has looked.
        error, reason, details: what was found on a damaged one, as a sentence and as data.
    """

    state: State
    at: datetime | None = None
    error: str = ""
    reason: str = ""
    details: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def damage(cls, fault: Fault, *, at: datetime | None) -> Verification:
        """Return the verdict on a backup that has this fault."""
        return cls(State.DAMAGED, at, str(fault), fault.reason, fault.facts)

    @property
    def fault(self) -> Fault | None:
        """What was found on a damaged backup, None on any other."""
        return read_fault(self.error, self.reason, self.details)


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """The database inside a backup, as it is once unpacked."""

    size_bytes: int
    sha256: str
    page_size: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The file in the store. `name` is a bare file name, never a path."""

    name: str
    size_bytes: int
    sha256: str
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup as the store lists it.

    `database` and `file` are None where they are not known: an external file that nobody has
    checked, or a backup whose manifest cannot be read. `before` names what one of `BEFORE_KINDS`
    was made before: the source of a restore, or the schema of an upgrade.
    """

    id: BackupId
    kind: Kind
    created_at: datetime
    created_by: str = ""
    note: str = ""
    before: str = ""
    protected: bool = False
    app_version: str = ""
    schema_revision: str = ""
    sqlite_version: str = ""
    database: DatabaseFacts | None = None
    file: StoredFile | None = None
    contents: Mapping[str, int] = field(default_factory=dict)
    verification: Verification = Verification(State.UNVERIFIED)

    @property
    def is_good(self) -> bool:
        """Whether this backup was checked and found whole."""
        return self.verification.state is State.VERIFIED

    @property
    def is_scrubbed(self) -> bool:
        """Whether it is ours to verify again and again; what lies in the folder is somebody's."""
        return self.kind is not Kind.EXTERNAL and self.file is not None


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """Every backup, summed up once.

    Attributes:
        backups: newest first.
        by_id: the same ones, by id.
        own_good: those of them that are good and hold this site's own data, newest first.
        counts_by_kind, counts_by_state: how many; every kind and state is there.
        verdicts_at: when each that is verified again and again was so last, oldest first.
        stored_bytes: what their files take.
    """

    backups: Sequence[Backup]
    by_id: Mapping[str, Backup]
    own_good: Sequence[Backup]
    counts_by_kind: Mapping[str, int]
    counts_by_state: Mapping[str, int]
    verdicts_at: Sequence[datetime]
    stored_bytes: int

    @classmethod
    def of(cls, backups: Sequence[Backup]) -> Listing:
        """Sum up `backups`, newest first as a store lists them."""
        kinds = Counter(backup.kind for backup in backups)
        states = Counter(backup.verification.state for backup in backups)
        return cls(
            backups=backups,
            by_id={backup.id: backup for backup in backups},
            own_good=tuple(b for b in backups if b.is_good and b.kind in OWN_KINDS),
            counts_by_kind={kind: kinds[kind] for kind in Kind},
            counts_by_state={state: states[state] for state in State},
            verdicts_at=sorted(b.verification.at or b.created_at for b in backups if b.is_scrubbed),
            stored_bytes=sum(backup.file.size_bytes for backup in backups if backup.file),
        )

    @property
    def oldest(self) -> Backup | None:
        """The oldest backup, None when there is none."""
        return self.backups[-1] if self.backups else None

    def select(self, *, kind: Kind | None = None, state: State | None = None) -> Sequence[Backup]:
        """Return the backups of one kind, of one state, of both or simply all, newest first."""
        if kind is None and state is None:
            return self.backups
        return [
            backup
            for backup in self.backups
            if (kind is None or backup.kind is kind)
            and (state is None or backup.verification.state is state)
        ]


class Verb(StrEnum):
    """What an operation does; each is one line of the journal."""

    CREATE = "create"
    VERIFY = "verify"
    PLAN = "plan"
    TEST_RESTORE = "rehearse"
    RESTORE = "restore"
    EXPORT = "export"
    UPLOAD = "upload"
    PROTECT = "protect"
    UNPROTECT = "unprotect"
    DELETE = "delete"
    PRUNE = "prune"
    INITIALISE = "initialise"
    MIGRATE = "migrate"


class Stage(StrEnum):
    """The steps that an operation tells of, in the order in which they can occur."""

    COPY = "copy"
    CHECK = "check"
    COMPRESS = "compress"
    PUBLISH = "publish"
    UNPACK = "unpack"
    PREPARE = "prepare"
    SAFETY = "safety"
    REPLACE = "replace"
    CONFIRM = "confirm"
    PRUNE = "prune"


class Outcome(StrEnum):
    """How an operation ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a running operation stands.

    `done` and `total` count bytes of the current stage; `total` is 0 while it cannot be known.
    `took_s` holds the seconds of each stage that has ended.
    """

    operation_id: str
    verb: Verb
    by: str
    started_at: datetime
    stages: tuple[Stage, ...]
    stage: Stage | None = None
    done: int = 0
    total: int = 0
    backup_id: str = ""
    took_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One finished operation.

    `facts` holds what only this verb has (sizes, ids, reasons), and `took_s` where it has stages:
    the seconds of each, the one it stopped in included. `error`, `reason` and `details` say why it
    failed, as a sentence and as data.
    """

    operation_id: str
    verb: Verb
    by: str
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    backup_id: str = ""
    error_code: str = ""
    error: str = ""
    reason: str = ""
    details: Mapping[str, object] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def has_replaced_data(self) -> bool:
        """Whether this is a restore that replaced the live data, even if it was killed then."""
        return self.verb is Verb.RESTORE and (
            self.outcome is Outcome.SUCCEEDED or self.facts.get("data") == "restored"
        )

    @property
    def fault(self) -> Fault | None:
        """Why it failed, None when it did not."""
        return read_fault(self.error, self.reason, self.details)

    @property
    def damage(self) -> Fault | None:
        """What a verification found, None when the backup was good."""
        facts = self.facts
        return read_fault(facts.get("problem"), facts.get("reason"), facts.get("details"))


Schedule = Mapping[str, str | int | bool]
"""The backup schedule and retention as a database holds them, opaque to the core."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one database holds, told in the application's words.

    Attributes:
        rows: rows of every table, by table name.
        names: names of the things a person would miss, by kind ("app", "board", "user").
        admins: names of the active admins.
        password_marks: by user name, a mark that differs when the password does. Never a hash
            that could be attacked, never shown.
        api_tokens: names of the live API tokens.
        schedule: the settings of the backup schedule, by names that only the application knows;
            None when the database has none.
        site_name: as shown in the bar.
        epoch: the session epoch; every session names the one it was made in.
    """

    rows: Mapping[str, int]
    names: Mapping[str, tuple[str, ...]]
    admins: tuple[str, ...]
    password_versions: Mapping[str, str]
    api_tokens: tuple[str, ...]
    schedule: Schedule | None
    site_name: str
    epoch: str


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from an older schema to ours."""

    revision: str
    title: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """How many rows a table has now and would have afterwards; `now` is None if unreadable."""

    table: str
    now: int | None
    then: int


@dataclass(frozen=True, slots=True)
class NameChange:
    """The names of one kind that a restore makes appear and vanish."""

    kind: str
    appear: tuple[str, ...]
    vanish: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore would do, as data: the page and the command show the same one.

    Attributes:
        source: the id, or the file name, of what would be restored.
        created_at: when that backup was made, None for a bare file.
        live_readable: False when the live database is damaged or missing; then nothing is
            known about now, and a raw copy is kept in place of a safety backup.
        live_problem: what is wrong with it, None when nothing is.
        migrations: steps that were run on the staged copy; empty when the schema is ours.
        schedule_now, schedule_then: the backup schedule before and after; `schedule_then`
            already respects `keep_schedule`.
        signed_out: names of the users whose sessions end (every one).
        password_changes: users who exist on both sides with different passwords.
        tokens_lost: API tokens that stop working.
        admins: active admins afterwards; never empty.
        carried_account: the account carried in from the live data, or "".
        warnings: what an admin should know before confirming.
        live_mark: as `BackupService.live_version` was when this was made; once that differs, the
            plan tells of data that is not there any more.
    """

    source: str
    backup_id: str
    created_at: datetime | None
    schema_revision: str
    app_version: str
    database_size_bytes: int
    live_readable: bool
    live_problem: Fault | None
    rows: tuple[RowChange, ...]
    names: tuple[NameChange, ...]
    migrations: tuple[Migration, ...]
    schedule_now: Schedule | None
    schedule_then: Schedule | None
    keep_schedule: bool
    signed_out: tuple[str, ...]
    password_changes: tuple[str, ...]
    tokens_lost: tuple[str, ...]
    admins: tuple[str, ...]
    site_name_now: str
    site_name_then: str
    carried_account: str = ""
    warnings: tuple[Fault, ...] = ()
    live_version: str = ""


@dataclass(frozen=True, slots=True)
class RestoreOutcome:
    """A finished restore.

    Attributes:
        safety_id: the backup of the data from before, "" when it could not be read.
        raw_copy_path: the folder with the damaged files as they were, when there was one.
        replaced_file: True when the file itself had to be replaced (damaged or missing).
        held_s: how long requests were held, in seconds.
        duration_s: the whole operation, in seconds.
    """

    operation_id: str
    plan: RestorePlan
    safety_id: str
    raw_copy_path: Path | None
    replaced_file: bool
    held_s: float
    duration_s: float
    warnings: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How many backups to keep, and for how long.

    Attributes:
        keep_count: newest scheduled ones, at least 1.
        keep_daily, keep_weekly, keep_monthly: scheduled ones besides; 0 turns a period off.
        keep_before_count: newest ones from before a restore, and as many from before an
            upgrade; at least 1.
        keep_before_days: how old these may become.
    """

    keep_count: int = 10
    keep_daily: int = 0
    keep_weekly: int = 0
    keep_monthly: int = 0
    keep_before_count: int = 10
    keep_before_days: int = 90

    @property
    def keep_before(self) -> timedelta:
        """How old what was made before a restore or an upgrade may become."""
        return timedelta(days=self.keep_before_days)


class KeepReason(StrEnum):
    """Why retention leaves a backup where it is."""

    PROTECTED = "protected"
    NOT_SCHEDULED = "not_scheduled"
    LAST_GOOD = "last_good"
    RECENT = "recent"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    BEFORE = "before"
    NOT_REPLACED = "not_replaced"


@dataclass(frozen=True, slots=True)
class KeepDecision:
    """What retention decides about one backup: it stays for these reasons, or goes for none."""

    backup: Backup
    reasons: tuple[KeepReason, ...]

    @property
    def keep(self) -> bool:
        """Whether the backup stays."""
        return bool(self.reasons)


@dataclass(frozen=True, slots=True)
class PartFailure:
    """One part of a bulk operation that failed while the rest went on."""

    backup_id: str
    error_code: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What a delete, prune or verify of several backups came to."""

    done: tuple[str, ...]
    failed: tuple[PartFailure, ...] = ()
