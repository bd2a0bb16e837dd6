"""What several calls answer with.

Sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import msgspec
from flask import url_for
from msgspec import Meta

from launcher.api.moments import Moment, written
from launcher.api.problems import PROBLEMS, Kind
from launcher.backup import reasons
from launcher.backup.codec import encode
from launcher.backup.errors import RevertFailedError
from launcher.backup.records.operation import JournalEntry, Outcome, Progress, Stage, Verb

# --- what is wrong

Details = Annotated[
    dict[str, str | int],
    Meta(description="The facts in the sentence, by name. They depend on the reason."),
]
Reason = Annotated[
    str,
    Meta(description="The stable code of the sentence, or empty. Later versions have more codes."),
]


class Fault(msgspec.Struct, kw_only=True):
    """What is wrong, or should be known: a sentence, its code, and the facts in it."""

    detail: str
    reason: Reason
    details: Details


def fault_of(fault: reasons.Fault) -> Fault:
    """Return what is said of `fault`."""
    return Fault(
        detail=sentence(str(fault)), reason=fault.reason.value, details=details_of(fault.facts)
    )


def details_of(facts: Mapping[str, object]) -> dict[str, str | int]:
    """Return facts as they are answered, without what a file has that this version never writes."""
    plain = encode(facts).items()
    return {name: each for name, each in plain if type(each) is str or type(each) is int}


# --- operations

_INTERRUPTED = "interrupted"
_OF_ANOTHER_VERSION = Kind(500, "The operation failed", "The detail says why.")


class OperationState(StrEnum):
    """How an operation stands, or how it ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class DataAfter(StrEnum):
    """What the site has after a restore that has ended."""

    UNCHANGED = "unchanged"
    RESTORED = "restored"
    UNKNOWN = "unknown"


class OperationError(msgspec.Struct, kw_only=True):
    """Why an operation did not succeed: what a problem says, without a status of HTTP."""

    type: Annotated[
        str,
        Meta(
            description="Where the reference explains the code.",
            extra_json_schema={"format": "uri-reference"},
        ),
    ]
    title: str
    code: Annotated[str, Meta(description="The code of a problem. It never changes its meaning.")]
    detail: Annotated[str, Meta(description="What happened, an English sentence.")]
    hint: Annotated[str, Meta(description="What to do next, an English sentence.")]
    reason: Reason
    details: Details


class Operation(msgspec.Struct, kw_only=True):
    """An operation on backups, while it runs and after it has ended."""

    id: Annotated[str, Meta(examples=["096ec5243de58d80"])]
    verb: Verb
    state: OperationState
    by: Annotated[
        str,
        Meta(
            examples=["ada (token Nightly)"],
            description="Who started it: a user, a token, a job.",
        ),
    ]
    started_at: Moment
    ended_at: Moment | None = None
    backup_id: Annotated[
        str | None, Meta(description="The backup of the operation. null while it is unknown.")
    ] = None
    stage: Annotated[
        Stage | None,
        Meta(
            description="The current stage, or the stage where the operation stopped. null after "
            "success."
        ),
    ] = None
    stages: Annotated[list[Stage], Meta(description="All its stages, in their order.")] = []
    done_bytes: Annotated[int, Meta(description="The progress of the stage, in bytes.")] = 0
    total_bytes: Annotated[
        int, Meta(description="The size of the stage. 0 while it is unknown.")
    ] = 0
    stage_seconds: Annotated[
        dict[str, float], Meta(description="The duration of each stage, in seconds.")
    ] = {}
    error: OperationError | None = None
    data: Annotated[
        DataAfter | None,
        Meta(description="The state of the data after a restore. null for other operations."),
    ] = None
    safety_backup_id: Annotated[
        str | None, Meta(description="The safety backup of a restore. Undo restores it.")
    ] = None
    held_seconds: Annotated[
        float | None,
        Meta(description="The longest time that a request waited to read, in seconds."),
    ] = None
    changes_held_seconds: Annotated[
        float | None,
        Meta(
            description="The longest time that a request waited to change something, in seconds. "
            "null for restores by versions that held all requests alike."
        ),
    ] = None
    visible_seconds: Annotated[
        float | None,
        Meta(
            description="For how long others could read the restored data before the previous data "
            "returned, in seconds. null when the restore succeeded, or no one could."
        ),
    ] = None


def operation_of(found: Progress | JournalEntry) -> Operation:
    """Return what is said of an operation that runs, or has ended."""
    return _running(found) if isinstance(found, Progress) else _ended(found)


def _running(progress: Progress) -> Operation:
    return Operation(
        id=progress.operation_id,
        verb=progress.verb,
        state=OperationState.RUNNING,
        by=progress.by,
        started_at=written(progress.started_at),
        backup_id=progress.backup_id or None,
        stage=progress.stage,
        stages=list(progress.stages),
        done_bytes=progress.done,
        total_bytes=progress.total,
        stage_seconds=dict(progress.took_s),
    )


def _ended(entry: JournalEntry) -> Operation:
    return Operation(
        id=entry.operation_id,
        verb=entry.verb,
        state=OperationState(entry.outcome),
        by=entry.by,
        started_at=written(entry.started_at),
        ended_at=written(entry.ended_at),
        backup_id=entry.backup_id or None,
        stage=_stage(entry.facts.get("stage")) if entry.outcome is not Outcome.SUCCEEDED else None,
        stages=[stage for each in entry.took_s if (stage := _stage(each))],
        stage_seconds=dict(entry.took_s),
        error=_error(entry),
        data=_data(entry),
        safety_backup_id=str(entry.facts.get("safety_id") or "") or None,
        held_seconds=_seconds(entry, "held_s"),
        changes_held_seconds=_seconds(entry, "changes_held_s"),
        visible_seconds=_seconds(entry, "visible_s"),
    )


def _seconds(entry: JournalEntry, fact: str) -> float | None:
    value = entry.facts.get(fact)
    return float(value) if isinstance(value, int | float) else None


def _data(entry: JournalEntry) -> DataAfter | None:
    if entry.verb is not Verb.RESTORE:
        return None
    if entry.has_replaced_data:
        return DataAfter.RESTORED
    is_certain = (
        entry.facts.get("data") == "unchanged"
        if entry.outcome is Outcome.INTERRUPTED
        else entry.error_code != RevertFailedError.code
    )
    return DataAfter.UNCHANGED if is_certain else DataAfter.UNKNOWN


def _stage(name: object) -> Stage | None:
    try:
        return Stage(str(name))
    except ValueError:
        return None


def _error(entry: JournalEntry) -> OperationError | None:
    if entry.outcome is Outcome.SUCCEEDED:
        return None
    is_killed = entry.outcome is Outcome.INTERRUPTED
    code = _INTERRUPTED if is_killed else entry.error_code
    kind = PROBLEMS.get(code, _OF_ANOTHER_VERSION)
    return OperationError(
        type=f"{url_for('api.dispatch')}#{code if code in PROBLEMS else 'problems'}",
        title=kind.title,
        code=code,
        detail=sentence(kind.title if is_killed else entry.error),
        hint=kind.hint,
        reason=entry.reason,
        details=details_of(entry.details),
    )


def sentence(text: str) -> str:
    """Return a text of the core as a sentence."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
