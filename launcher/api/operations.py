"""Operations: the backup history, and one of them, while it runs or after it has ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from launcher.api.authentication import authenticate, bearer
from launcher.api.door import Answer, Call, door
from launcher.api.following import opens
from launcher.api.problems import Problem
from launcher.api.shapes import Operation, operation_of
from launcher.backup.records.ids import LATEST
from launcher.backup.records.operation import JournalEntry, Outcome, Progress, Verb
from launcher.current import current_backups, current_stop
from launcher.db.session import enter_for_data, release
from launcher.http.places import place_to_wait
from launcher.models import TokenScope

_POLL_S = 0.2
_RETRY_AFTER_S = 2


class OperationsQuery(msgspec.Struct, kw_only=True):
    """Filters, and the page of the list."""

    verb: Annotated[Verb | None, Meta(description="Only operations of this kind.")] = None
    outcome: Annotated[Outcome | None, Meta(description="Only operations with this outcome.")] = (
        None
    )
    backup_id: Annotated[
        str, Meta(max_length=64, description="Only operations on this backup, or on `latest`.")
    ] = ""
    cursor: Annotated[
        str, Meta(max_length=64, description="`next_cursor` of the previous page.")
    ] = ""
    limit: Annotated[int, Meta(ge=1, le=100, description="The maximum number of entries.")] = 50


class Operations(msgspec.Struct, kw_only=True):
    """A page of operations that have ended, newest first, and the operations that are running."""

    running: Annotated[
        list[Operation],
        Meta(description="All operations that are running. The filters do not apply."),
    ]
    operations: Annotated[list[Operation], Meta(description="The operations that have ended.")]
    next_cursor: Annotated[
        str | None, Meta(description="Where the next page starts. null on the last page.")
    ]


class OperationQuery(msgspec.Struct, kw_only=True):
    """How long to wait for a change."""

    wait: Annotated[
        int,
        Meta(ge=0, le=30, description="Seconds to wait for its next stage, or its end."),
    ] = 0


@door(
    "GET",
    "/operations",
    scope=TokenScope.STATUS,
    summary="List operations",
    about="Lists the operations on backups that have ended, also those before a "
    "restore, and those that are running.",
    query=OperationsQuery,
    result=Operations,
    problems=("backup_not_found", "store_unavailable"),
)
def list_operations(call: Call) -> Operations:
    """Answer with a page of the backup history."""
    service, asked = current_backups(), call.query
    backup_id = service.get(LATEST).id if asked.backup_id == LATEST else asked.backup_id
    entries = [
        each
        for each in _after(service.journal(limit=None), asked.cursor)
        if (asked.verb is None or each.verb is asked.verb)
        and (asked.outcome is None or each.outcome is asked.outcome)
        and (not backup_id or each.backup_id == backup_id)
    ]
    page = entries[: asked.limit]
    running = [*service.checks()]
    if at_the_lock := service.progress():
        running.insert(0, at_the_lock)
    return Operations(
        running=[operation_of(each) for each in running],
        operations=[operation_of(each) for each in page],
        next_cursor=page[-1].operation_id if len(entries) > len(page) else None,
    )


def _after(entries: Sequence[JournalEntry], cursor: str) -> Sequence[JournalEntry]:
    """Return the entries older than the one with this id, none when it was dropped since."""
    if not cursor:
        return entries
    ids = [each.operation_id for each in entries]
    # The last of its kind: a journal that was written by hand may have an id twice.
    return entries[len(ids) - ids[::-1].index(cursor) :] if cursor in ids else ()


@door(
    "GET",
    "/operations/{operation}",
    scope=TokenScope.STATUS,
    summary="Get operation",
    about=(
        "Returns the progress of an operation, or its outcome. With `wait`, the "
        "answer comes at the next stage or at the end, after this number of seconds "
        "at the latest. If too many requests wait, it comes at once with "
        "`Retry-After`. Wait for these seconds before the next request. The "
        "`follow_token` of the operation works too, also during a restore."
    ),
    query=OperationQuery,
    result=Operation,
    problems=("operation_not_found",),
    response_headers={
        "Retry-After": "Seconds to wait before the next request. Sent if the answer came before "
        "the end of `wait` and the operation has not changed."
    },
    is_ungated=True,
)
def get_operation(call: Call) -> Answer:
    """Answer with one operation; with its follow token, no database is needed."""
    operation_id = call.path["operation"]
    if not opens(bearer(), operation_id):
        enter_for_data()
        authenticate(TokenScope.STATUS)
        release()  # no restore waits for this request
    found, is_early = current_backups().operation(operation_id), False
    if isinstance(found, Progress) and call.query.wait:
        found, is_early = _changed(found, wait_s=call.query.wait)
    if found is None:
        raise Problem("operation_not_found")
    # Without it, a program that calls in a loop would not rest.
    headers = {"Retry-After": str(_RETRY_AFTER_S)} if is_early else {}
    return Answer(operation_of(found), headers=headers)


def _changed(progress: Progress, *, wait_s: int) -> tuple[Progress | JournalEntry | None, bool]:
    """Return a running operation at its next stage or at its end, or after `wait_s` as it is.

    Second, whether it is as it was although `wait_s` is not over: all places to wait are taken, or
    this process is about to stop.
    """
    service, stop = current_backups(), current_stop()
    found: Progress | JournalEntry | None = progress
    deadline = time.monotonic() + wait_s
    with place_to_wait() as has_place:
        while isinstance(found, Progress) and found.stage is progress.stage:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                break
            if not has_place or stop.wait(min(_POLL_S, left_s)):
                return found, True
            found = service.operation(progress.operation_id)
    return found, False
