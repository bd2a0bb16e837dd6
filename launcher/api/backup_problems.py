"""Errors of the core as problems: the same codes, each with its status and what to do next."""

from __future__ import annotations

from launcher.api.problems import Problem
from launcher.backup.errors import BackupError, OperationInProgressError


def problem_of(error: BackupError) -> Problem:
    """Return the problem that a `BackupError` is."""
    headers = {"Retry-After": "5"} if isinstance(error, OperationInProgressError) else {}
    return Problem(
        error.code,
        f"{str(error)[:1].upper()}{str(error)[1:]}.",
        headers=headers,
        reason=error.reason.value,
        details=dict(error.facts),
    )
