"""What the commands have in common: their options, the name of who types, and the settings."""

from __future__ import annotations

import getpass
import sys

import click

from launcher.backup.errors import SourceDatabaseError
from launcher.backup.reasons import Reason
from launcher.cli.output import put, say
from launcher.current import current_backups, current_config, current_gate
from launcher.db.settings_reader import read_settings
from launcher.settings.table import SiteSettings

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
yes_option = click.option("--yes", "-y", is_flag=True, help="Skip the confirmation prompt.")


def require_word(word: str) -> None:
    """Go on only when the person types `word`.

    Raises:
        click.Abort: they did not; nothing was changed.
    """
    if not sys.stdin.isatty():
        raise click.UsageError("Cannot ask for confirmation: not a terminal. Use --yes.")
    if click.prompt(f"Type {word} to continue", default="", show_default=False, err=True) != word:
        say("Nothing was changed.")
        raise click.Abort


def stdin_line(what: str) -> str:
    """Return the first line of stdin."""
    line: str = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise click.UsageError(f"there is no {what} on stdin")
    return line


def typist() -> str:
    """Return the name of the person at the shell, as the journal has it."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError):  # a container's user may have no name
        return "command line"


def create_database_where_none_was() -> None:
    """Create the database in a new data directory, and name the directory.

    A database that is missing where there was data before is left to a restore.

    Raises:
        BackupError: it could not be created.
    """
    service = current_backups()
    problem = service.live_problem()
    if problem is None or problem.reason is not Reason.LIVE_NOT_MADE:
        return
    if service.initialise(by=typist()):
        # Where the directory is the wrong one, its name shows that.
        put(f"A new database was created in {current_config().data_dir}.", err=True)


def read_current_settings() -> SiteSettings:
    """Return the settings of the site, read without SQLAlchemy.

    Raises:
        SourceDatabaseError: the database that holds them cannot be read.
        InsufficientSpaceError: its disk is too full for that.
    """
    try:
        return read_settings(current_config().database_path, current_gate())
    except SourceDatabaseError as error:
        if problem := current_backups().live_problem():
            raise SourceDatabaseError(problem.reason, **problem.facts) from error
        raise
