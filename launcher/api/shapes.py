"""What answers are made of, where several calls share it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from launcher.backup.reasons import Fact
from launcher.backup.reasons import Fault as CoreFault
from launcher.backup.records.operation import JournalEntry, Outcome, Progress, Stage, Verb


class Fault(msgspec.Struct, kw_only=True):
    """What is wrong: a code, an English sentence, and the facts in it."""

    reason: str
    detail: str
    facts: Mapping[str, Fact]


class OperationError(Fault, kw_only=True):
    """Why an operation failed; `code` is that of a problem."""

    code: str


class OperationState(StrEnum):
    """Whether an operation runs, or how it ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class OperationStage(msgspec.Struct, kw_only=True):
    """A stage of an operation; `seconds` is how long it took, null while it has not ended."""

    stage: Stage
    seconds: float | None


class Operation(msgspec.Struct, kw_only=True):
    """One piece of work on backups, while it runs or after it has ended.

    `stage` is where it is, or where it stopped. `done_bytes` and `total_bytes` count that stage;
    the total is 0 while it is not known. `backup` is the id of the backup that it is about, and
    `safety_backup` of the one that an undo restores; both may be empty. `held_seconds` says how
    long a restore made requests wait, null for any other operation.
    """

    id: str
    verb: Verb
    state: OperationState
    by: str
    backup: str
    started_at: datetime
    ended_at: datetime | None
    stage: Stage | None
    stages: list[OperationStage]
    done_bytes: int
    total_bytes: int
    error: OperationError | None
    safety_backup: str
    held_seconds: float | None


def fault_of(fault: CoreFault) -> Fault:
    """Return the shape of a fault."""
    return Fault(reason=fault.reason.value, detail=_sentence(fault), facts=fault.facts)


def operation_of(found: Progress | JournalEntry) -> Operation:
    """Return the shape of an operation."""
    return _ended(found) if isinstance(found, JournalEntry) else _running(found)


def _running(progress: Progress) -> Operation:
    return Operation(
        id=progress.operation_id,
        verb=progress.verb,
        state=OperationState.RUNNING,
        by=progress.by,
        backup=progress.backup_id,
        started_at=progress.started_at,
        ended_at=None,
        stage=progress.stage,
        stages=[
            OperationStage(stage=stage, seconds=progress.took_s.get(stage))
            for stage in progress.stages
        ],
        done_bytes=progress.done,
        total_bytes=progress.total,
        error=None,
        safety_backup="",
        held_seconds=None,
    )


def _ended(entry: JournalEntry) -> Operation:
    stopped, held_s = str(entry.facts.get("stage") or ""), entry.facts.get("held_s")
    return Operation(
        id=entry.operation_id,
        verb=entry.verb,
        state=OperationState(entry.outcome.value),
        by=entry.by,
        backup=entry.backup_id,
        started_at=entry.started_at,
        ended_at=entry.ended_at,
        stage=Stage(stopped) if stopped in set(Stage) else None,
        stages=[
            OperationStage(stage=Stage(stage), seconds=seconds)
            for stage, seconds in entry.took_s.items()
            if stage in set(Stage)
        ],
        done_bytes=0,
        total_bytes=0,
        error=_error(entry),
        safety_backup=str(entry.facts.get("safety_id") or ""),
        held_seconds=float(held_s) if isinstance(held_s, int | float) else None,
    )


def _error(entry: JournalEntry) -> OperationError | None:
    if entry.outcome is Outcome.SUCCEEDED:
        return None
    fault = entry.fault
    return OperationError(
        code=entry.error_code or entry.outcome.value,
        reason=fault.reason.value if fault else "",
        detail=_sentence(fault) if fault else "",
        facts=fault.facts if fault else {},
    )


def _sentence(fault: CoreFault) -> str:
    text = str(fault)
    return f"{text[:1].upper()}{text[1:]}."
