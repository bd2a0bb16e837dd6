"""Errors of the core as problems: the same codes, each with its status and what to do next."""

from __future__ import annotations

from launcher.api.problems import Problem
from launcher.backup.errors import BackupError, OperationInProgressError
from launcher.current import current_backups


def problem_of(error: BackupError) -> Problem:
    """Return the problem that a `BackupError` is."""
    headers, more = {}, {}
    if isinstance(error, OperationInProgressError):
        headers, more = {"Retry-After": "5"}, {"operation": _running()}
    return Problem(
        error.code,
        f"{str(error)[:1].upper()}{str(error)[1:]}.",
        headers=headers,
        reason=error.reason.value,
        details=dict(error.facts),
        **more,
    )


def _running() -> str:
    """Return the id of the operation that runs, "" when it has just ended."""
    running = current_backups().progress()
    return running.operation_id if running else ""
