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

database = AppGroup("database", help="Make the database, and keep its schema up to date.")

_BY = "start"
_PASSING = {Reason.LIVE_BUSY, Reason.NOT_MIGRATED, Reason.OPERATION_RUNNING}


@database.command("upgrade")
@click.option(
    "--before-serving",
    is_flag=True,
    help="Exit with 0 where the pages of the server can say what is wrong.",
)
def upgrade(*, before_serving: bool) -> None:
    """Make the database where there is none, or bring it to the schema of this version.

    A backup is made before a database with content is changed; repeating a failed upgrade makes no
    second one. Prints the address and, while nobody can administer the site, the one-time setup
    link.

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
            put("The pages of the site say so until then.", err=True)
            return
        fail(error)
    if made:
        put("A new database was made.", err=True)
    if backup is not None:
        put(f"The database was upgraded; before that, backup {backup.id} was made.", err=True)
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


@using_database()
def _say_address() -> None:
    config = current_config()
    put(f"Launcher is at {config.address}", err=True)
    if token := setup.ensure_setup_token(config.setup_token_path):
        put("There is no admin yet. Make the first one here, once:", err=True)
        put(f"    {config.address}setup?token={token}", err=True)
