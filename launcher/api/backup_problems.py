"""Errors of the core as problems: the same codes, each with its status and what to do next."""

from __future__ import annotations

from launcher.api.problems import Problem
from launcher.api.shapes import details_of
from launcher.backup.errors import BackupError, LastGoodBackupError, OperationInProgressError
from launcher.backup.reasons import Fault
from launcher.current import current_backups


def problem_of(error: BackupError) -> Problem:
    """Return the problem that a `BackupError` is."""
    if isinstance(error, LastGoodBackupError):
        return problem_of_fault("last_good_backup", error.fault)
    problem = problem_of_fault(error.code, error.fault)
    if isinstance(error, OperationInProgressError):
        problem.headers["Retry-After"] = "5"
        problem.facts["operation"] = _running()
    return problem


def problem_of_fault(code: str, fault: Fault) -> Problem:
    """Return the problem that a `Fault` is under this code."""
    text = str(fault)
    return Problem(
        code,
        f"{text[:1].upper()}{text[1:]}.",
        reason=fault.reason.value,
        details=details_of(fault.facts),
    )


def _running() -> str:
    """Return the id of the operation that runs, "" when it has just ended."""
    running = current_backups().progress()
    return running.operation_id if running else ""
