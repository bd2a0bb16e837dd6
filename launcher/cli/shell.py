"""What the commands have in common: who types, bars while something runs, and --json."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from launcher.backup.errors import SourceDatabaseError
from launcher.backup.ports import OnProgress
from launcher.cli import output
from launcher.current import current_backups, current_config, current_gate
from launcher.db.settings_reader import read_settings
from launcher.settings.table import SiteSettings

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Give a command the option --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def typist() -> str:
    """Return who types, as the journal names them."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError):  # a container's user may have no name
        return "command line"


@contextmanager
def bars() -> Iterator[OnProgress | None]:
    """Yield what draws the progress of an operation, None where nobody watches."""
    drawn = output.progress_bars()
    try:
        yield drawn
    finally:
        output.end_progress(drawn)


def read_current_settings() -> SiteSettings:
    """Read what the admin has set about backups.

    Raises:
        SourceDatabaseError: the database that holds them cannot be read.
    """
    try:
        return read_settings(current_config().database_path, current_gate())
    except SourceDatabaseError as error:
        if problem := current_backups().live_problem():
            raise SourceDatabaseError(error.reason, detail=str(problem)) from error
        raise
