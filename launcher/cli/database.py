"""`flask database`: what runs at every start, before the first worker."""

from __future__ import annotations

from contextlib import suppress

import click
from flask.cli import AppGroup

from launcher.accounts import setup
from launcher.backup.errors import BackupError
from launcher.backup.ports import utc_now
from launcher.backup.reasons import Reason
from launcher.cli.exits import fail, say_error
from launcher.cli.failures import using_database
from launcher.cli.output import put, say_warnings
from launcher.cli.shell import read_current_settings
from launcher.current import current_backups, current_config
from launcher.jobs.history import Book
from launcher.jobs.registry import JOBS
from launcher.jobs.work import watch_schedule

database = AppGroup("database", help="Create or upgrade the database.")

_BY = "start"
_PASSING = {Reason.LIVE_BUSY, Reason.NOT_MIGRATED, Reason.OPERATION_RUNNING}


@database.command("upgrade")
@click.option(
    "--before-serving",
    is_flag=True,
    help="Exit with 0 if pages of the server can show the error.",
)
def upgrade(*, before_serving: bool) -> None:
    """Create the database, or upgrade it to this version.

    A backup is created before a database with content is changed, and only once if a failed
    upgrade is repeated. Prints the address and, while there is no admin, the one-time setup link.

    A damaged or lost database, and one that cannot be upgraded, is reported and left alone.

    \b
    Examples:
      flask database upgrade
    """
    backups = current_backups()
    try:
        backups.recover()
        made = backups.initialise(by=_BY)
        backup = backups.migrate(by=_BY)
    except BackupError as error:
        if before_serving and error.reason not in _PASSING and backups.live_problem():
            say_error(error)
            put("Until then the pages of the site show this.", err=True)
            return
        fail(error)
    if made:
        put("Database created.", err=True)
    if backup is not None:
        put(f"Database upgraded. Backup created before: {backup.id}", err=True)
        say_warnings(backup.verification.warnings)
    _watch_schedules()
    _say_address()


def _watch_schedules() -> None:
    """Count scheduled runs from the first start on: those before it were not missed."""
    book = Book(current_config().data_dir)
    # The scheduler does the same, if this cannot.
    with suppress(BackupError):
        settings = read_current_settings()
        for job in JOBS.values():
            watch_schedule(book, job, settings, now=utc_now())


@using_database(writes=False)
def _say_address() -> None:
    config = current_config()
    put(f"Launcher is at {config.address}", err=True)
    setup.end_setup(config)
    if token := setup.ensure_setup_token(config.setup_token_path):
        put("No admin yet. Create one with this one-time link:", err=True)
        put(f"    {config.address}setup?token={token}", err=True)
