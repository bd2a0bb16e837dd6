"""The answer of every call that begins an operation: 202, its place, and how to follow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from flask import url_for
from msgspec import Meta

from launcher.api.authentication import actor_of, token_of
from launcher.api.door import Answer, Call
from launcher.api.following import follow_token, promised
from launcher.api.shapes import Operation, operation_of
from launcher.background.process import OperationRequest
from launcher.backup.ports import utc_now
from launcher.backup.records.operation import Progress, Verb
from launcher.current import current_backups
from launcher.http.start import start_operation

STARTED_HEADERS: Mapping[str, str] = {"Location": "The address of the operation."}


class StartedOperation(Operation, kw_only=True):
    """An operation that has started."""

    follow_token: Annotated[
        str,
        Meta(
            description="A token that reads only this operation, for a day, also during and after "
            "a restore. Empty if it could not be saved."
        ),
    ]


def begin(call: Call, request: OperationRequest) -> Answer:
    """Begin an operation under the id of the call, and answer; the database is released.

    Raises:
        OperationInProgressError, InsufficientSpaceError, SourceDatabaseError,
        StoreUnavailableError, NotStartedError: it could not begin.
    """
    by = actor_of(token_of(call)).name
    with promised(call.operation_id) as token:
        operation_id = start_operation(request, by=by, operation_id=call.operation_id)
    return started(operation_id, verb=request.verb, by=by, token=token)


def started(operation_id: str, *, verb: Verb, by: str, token: str = "") -> Answer:
    """Return the answer of an operation that has begun; needs no database.

    Args:
        token: its follow token, "" for another one.
    """
    # It is unknown where the disk filled up since, and had no room for a line of the journal.
    unknown = Progress(operation_id, verb, by, started_at=utc_now(), stages=())
    shape = operation_of(current_backups().operation(operation_id) or unknown)
    facts = {name: getattr(shape, name) for name in shape.__struct_fields__}
    location = url_for("api.dispatch", rest=f"operations/{operation_id}")
    return Answer(
        StartedOperation(**facts, follow_token=token or follow_token(operation_id)),
        status=202,
        headers={"Location": location},
    )
