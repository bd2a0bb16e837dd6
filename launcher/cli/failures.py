"""Errors of commands that use the database: one line, a hint, an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click
from sqlalchemy.exc import DBAPIError, NoResultFound
from sqlalchemy.orm.exc import StaleDataError

from launcher.accounts.errors import AccountError
from launcher.backup.errors import OF_THE_VERSION, BackupError, SourceDatabaseError
from launcher.backup.reasons import Fault
from launcher.catalogue.errors import CatalogueError, FieldsRefusedError
from launcher.cli.exits import EXIT_CODES, fail
from launcher.cli.hints import ACCOUNT_HINTS, SITUATED_HINTS, Situation, hint_for
from launcher.cli.output import printable
from launcher.cli.refusals import refusal_words
from launcher.cli.shell import create_database_where_none_was
from launcher.current import current_backups
from launcher.db import session
from launcher.db.faults import DatabaseFault, fault_of
from launcher.db.session import DataBeingReplacedError
from launcher.db.settings import SettingsRefusedError

_FAULTS = {
    DatabaseFault.DAMAGED: (
        "the database is damaged or missing",
        "",  # depends on the backups that there are
    ),
    DatabaseFault.BUSY: ("the database is busy", "Try again in a moment."),
    DatabaseFault.FULL: (
        "the disk is full, nothing was changed",
        "Free some space, then try again.",
    ),
    DatabaseFault.READ_ONLY: (
        "the database cannot be written",
        "Run the command as the user that owns the data directory.",
    ),
}

_PASSING = {DatabaseFault.BUSY, DatabaseFault.FULL, DatabaseFault.READ_ONLY}


class Failure(click.ClickException):
    """One line on stderr, and a second one with the next step."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def show(self, file: IO[Any] | None = None) -> None:
        """Print both lines, as `exits.fail` does."""
        click.secho(printable(f"Error: {self.message}."), file=file, err=file is None, fg="red")
        if self.hint:
            click.echo(printable(self.hint), file=file, err=file is None)


class UsageFailure(Failure):
    """A value that was given is not allowed: exits as for any other wrong usage."""

    exit_code = click.UsageError.exit_code


class FullDiskFailure(Failure):
    """The disk of the database is full."""

    exit_code = EXIT_CODES["insufficient_space"]


class DatabaseFailure(Failure):
    """The database cannot be used: exits with the code that `flask backup` has for it."""

    exit_code = EXIT_CODES["source_database"]


_KINDS = {DatabaseFault.FULL: FullDiskFailure, DatabaseFault.DAMAGED: DatabaseFailure}


@contextmanager
def using_database(*, writes: bool = True) -> Iterator[None]:
    """Let a command use the database, and raise its known errors as `Failure`.

    One that does not write waits for no restore.

    A database that is not for this version is refused before the command begins. Where there is
    none and never was one, it is created.
    """
    try:
        create_database_where_none_was()
    except BackupError as error:
        fail(error)
    if (problem := current_backups().live_problem()) and problem.reason in OF_THE_VERSION:
        raise _cannot_be_used(problem)
    try:
        with session.database_context(writes=writes):
            yield
    except AccountError as error:
        raise Failure(error.message, hint=ACCOUNT_HINTS.get(error.code, "")) from error
    except SettingsRefusedError as error:
        raise Failure(str(error), hint="`flask settings get` shows them all.") from error
    except CatalogueError as error:
        kind = UsageFailure if isinstance(error, FieldsRefusedError) else Failure
        message, hint = refusal_words(error)
        raise kind(message, hint=hint) from error
    except StaleDataError as error:
        message = "someone else changed this at the same time, nothing was saved"
        raise Failure(message, hint="Try again.") from error
    except DataBeingReplacedError as error:
        raise Failure("a restore is replacing the data", hint="Try again in a moment.") from error
    except (DBAPIError, NoResultFound) as error:
        fault = fault_of(error)
        if fault not in _PASSING and (problem := current_backups().live_problem()):
            raise _cannot_be_used(problem) from error
        if fault is DatabaseFault.OTHER:
            raise
        message, hint = _FAULTS[fault]
        if fault is DatabaseFault.DAMAGED:
            hint = SITUATED_HINTS[SourceDatabaseError.code](_situation())
        raise _KINDS.get(fault, Failure)(message, hint=hint) from error


def _cannot_be_used(problem: Fault) -> Failure:
    error = SourceDatabaseError(problem.reason, **problem.facts)
    return DatabaseFailure(str(error), hint=hint_for(error, _situation))


def _situation() -> Situation:
    return Situation.of(current_backups())
