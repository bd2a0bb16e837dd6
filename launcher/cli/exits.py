"""The exit code of each outcome: shown by `flask backup --help`, listed in docs/reference.md."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

import click

from launcher.backup.errors import BackupError
from launcher.backup.reasons import Reason
from launcher.cli.hints import Situation, hint_for
from launcher.cli.output import put
from launcher.cli.shell import create_database_where_none_was
from launcher.current import current_backups
from launcher.monitoring.problems import Findings, ProblemKind, Severity
from launcher.owner import this_user

P = ParamSpec("P")
R = TypeVar("R")

PARTLY_FAILED = 3
STALE = 12
COPIES = 24
INTERRUPTED = 130

EXIT_CODES: dict[str, int] = {
    "internal": 1,
    "not_started": 1,
    "time_used_up": PARTLY_FAILED,
    "store_unavailable": 10,
    "operation_in_progress": 11,
    "backup_not_found": 13,
    "insufficient_space": 14,
    "incompatible_backup": 15,
    "backup_protected": 16,
    "upload_rejected": 17,
    "source_database": 18,
    "check_stopped": 19,
    "restore_failed": 20,
    "revert_failed": 21,
    "place_unusable": 22,
    "not_opened": 23,
    "verification_failed": 90,
}

MEANINGS: dict[int, str] = {
    0: "done",
    1: "internal error",
    2: "wrong usage",
    PARTLY_FAILED: "done, but some parts failed",
    10: "the backup folder cannot be used",
    11: "another operation is running",
    STALE: "status: no good backup is left, or the last one is too old",
    13: "no such backup",
    14: "not enough space",
    15: "the backup does not work with this version",
    16: "the backup is protected",
    17: "the file is not acceptable",
    18: "the current data cannot be read",
    19: "the check of the file was stopped at a limit",
    20: "the restore failed; the data is as it was",
    21: "the restore failed and could not be reversed",
    22: "the place of the copies cannot be used",
    23: "the key does not open the copies",
    COPIES: "status: no destination has a good copy that is new enough and can be opened",
    90: "the backup is damaged",
    INTERRUPTED: "interrupted",
}


STATUS_CODES: Mapping[ProblemKind, int] = {
    ProblemKind.NOT_PUT_BACK: EXIT_CODES["revert_failed"],
    ProblemKind.LIVE_DAMAGED: EXIT_CODES["source_database"],
    ProblemKind.STORE_UNAVAILABLE: EXIT_CODES["store_unavailable"],
    ProblemKind.READ_ONLY: EXIT_CODES["store_unavailable"],
    ProblemKind.DATA_DISK_FULL: EXIT_CODES["insufficient_space"],
    ProblemKind.LOW_SPACE: EXIT_CODES["insufficient_space"],
    ProblemKind.FAILED: STALE,
    ProblemKind.STALE: STALE,
    ProblemKind.DAMAGED: EXIT_CODES["verification_failed"],
    ProblemKind.DESTINATIONS_UNREADABLE: COPIES,
    ProblemKind.KEY_MISSING: COPIES,
    ProblemKind.COPIES_STALE: COPIES,
    ProblemKind.COPIES_DAMAGED: COPIES,
}
"""The exit code of `flask backup status` for the worst problem, if that is bad."""


def status_code(findings: Findings) -> int:
    """Return the exit code for what was found: 0 unless the worst problem is bad."""
    if findings.severity is not Severity.BAD:
        return 0
    return STATUS_CODES[findings.problems[0].kind]


def exit_codes_help() -> str:
    """Return the table as the end of a `--help` text."""
    rows = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in sorted(MEANINGS.items()))
    return f"\b\nExit codes:\n{rows}"


_OF_RIGHTS = frozenset({Reason.PATH_UNREADABLE, Reason.DISK_REFUSED})


def fail(error: BackupError) -> NoReturn:
    """Print the error and the next step to stderr, and exit with its code."""
    say_error(error)
    raise click.exceptions.Exit(EXIT_CODES[error.code])


def say_error(error: BackupError) -> None:
    """Print the error and the next step to stderr."""
    put(f"Error: {error}.", fg="red", err=True)
    if hint := hint_for(error, lambda: Situation.of(current_backups())):
        put(hint, err=True)
    if error.reason in _OF_RIGHTS and os.geteuid():
        # Also said to root, whose commands act as the owner of the data directory.
        put(f"The command runs as {this_user().shown}.{_readable_copy(error)}", err=True)


def _readable_copy(error: BackupError) -> str:
    """Return how root gives this user a file that it may not read, "" where that is not it."""
    if error.facts.get("detail") != os.strerror(errno.EACCES) or "name" not in error.facts:
        return ""
    user = this_user()
    command = f"install -m 600 -o {user.name or user.uid} FILE /var/tmp/launcher-copy.db"
    return f" As root, `{command}` creates a copy that this user can read."


def handle_backup_errors(
    command: Callable[P, R], *, creates_database: bool = True
) -> Callable[P, R]:
    """Make a command exit with the code of a `BackupError`.

    Args:
        creates_database: whether it creates the database first, in a new data directory.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            if creates_database:
                create_database_where_none_was()
            return command(*args, **kwargs)
        except BackupError as error:
            fail(error)
        except KeyboardInterrupt:
            put("Interrupted. No partial files remain.", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None

    return run
