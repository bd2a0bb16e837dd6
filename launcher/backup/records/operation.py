"""One operation: its progress while it runs, and its line in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from launcher.backup.codec import try_decode
from launcher.backup.reasons import Fault, read_fault


class Verb(StrEnum):
    """What an operation does; each is one line of the journal."""

    CREATE = "create"
    VERIFY = "verify"
    PLAN = "plan"
    TEST_RESTORE = "test_restore"
    RESTORE = "restore"
    EXPORT = "export"
    UPLOAD = "upload"
    FETCH = "fetch"
    PROTECT = "protect"
    UNPROTECT = "unprotect"
    NOTE = "note"
    DELETE = "delete"
    PRUNE = "prune"
    INITIALISE = "initialise"
    MIGRATE = "migrate"

    @classmethod
    def _missing_(cls, value: object) -> Verb | None:
        return cls.TEST_RESTORE if value == "rehearse" else None  # in journals of earlier versions


class Stage(StrEnum):
    """The steps of an operation, in the order in which they can occur."""

    DOWNLOAD = "download"
    COPY = "copy"
    CHECK = "check"
    COMPRESS = "compress"
    PUBLISH = "publish"
    UNPACK = "unpack"
    WAIT = "wait"
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
    `took_s` holds the seconds of each stage that has ended. `holds_readers` says that requests wait
    for it, also those that only read.
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
    holds_readers: bool = False


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
        """Whether this is a restore that replaced the live data, even when killed afterwards."""
        return self.verb is Verb.RESTORE and (
            self.outcome is Outcome.SUCCEEDED or self.facts.get("data") == "restored"
        )

    @property
    def is_undo(self) -> bool:
        """Whether this is a restore that undid, or was to undo, the restore before it."""
        return bool(self.facts.get("undoes"))

    @property
    def visible_s(self) -> float | None:
        """For how many seconds others could read data that was then taken back, None if never."""
        return try_decode(float, self.facts.get("visible_s"))

    @property
    def took_s(self) -> Mapping[str, float]:
        """The seconds of each stage, none where they are not known."""
        return try_decode(dict[str, float], self.facts.get("took_s")) or {}

    @property
    def fault(self) -> Fault | None:
        """Why it failed, None when it did not."""
        return read_fault(self.error, self.reason, self.details)

    @property
    def damage(self) -> Fault | None:
        """The damage of a backup that was found, None when none was."""
        facts = self.facts
        return read_fault(facts.get("problem"), facts.get("reason"), facts.get("details"))


@dataclass(frozen=True, slots=True)
class PartFailure:
    """One part of a bulk operation that failed while the rest went on."""

    backup_id: str
    error_code: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class BulkResult:
    """Which backups an operation finished, and which failed."""

    done: tuple[str, ...]
    failed: tuple[PartFailure, ...] = ()
