"""Checks of a backup that take long: it is read again, or restored on a copy."""

from __future__ import annotations

from launcher.api.door import Answer, Call, door
from launcher.api.started import STARTED_HEADERS, StartedOperation, begin
from launcher.background.process import RestoreTestRequest, VerifyRequest
from launcher.current import current_backups
from launcher.models import TokenScope

_MAY_NOT_START = (
    "backup_not_found",
    "operation_in_progress",
    "not_started",
    "store_unavailable",
    "source_database",
    "insufficient_space",
)


@door(
    "POST",
    "/backups/{backup}/verify",
    scope=TokenScope.BACKUPS_CREATE,
    summary="Verify backup",
    about=(
        "Reads the backup again and compares it with its checksums. The operation "
        "also succeeds if the backup is damaged. Read the result in the status of "
        "the backup."
    ),
    result=StartedOperation,
    status=202,
    begins_work=True,
    problems=_MAY_NOT_START,
    response_headers=STARTED_HEADERS,
)
def verify_backup(call: Call) -> Answer:
    """Start to verify a backup."""
    return begin(call, VerifyRequest(current_backups().get(call.path["backup"]).id))


@door(
    "POST",
    "/backups/{backup}/test-restore",
    scope=TokenScope.BACKUPS_CREATE,
    summary="Test restore",
    about="Runs all steps of a restore on a temporary copy. The current data is not changed.",
    result=StartedOperation,
    status=202,
    begins_work=True,
    problems=_MAY_NOT_START,
    response_headers=STARTED_HEADERS,
)
def test_restore(call: Call) -> Answer:
    """Start a restore test."""
    return begin(call, RestoreTestRequest(current_backups().get(call.path["backup"]).id))
