"""`flask database`: what runs at every start, before the first worker."""

from __future__ import annotations

from contextlib import suppress

from flask.cli import AppGroup

from launcher.accounts import setup
from launcher.backup.errors import BackupError
from launcher.backup.ports import utc_now
from launcher.backup.reasons import Fault
from launcher.cli.exits import fail
from launcher.cli.failures import using_database
from launcher.cli.output import put
from launcher.cli.shell import read_current_settings
from launcher.current import current_backups, current_config
from launcher.jobs.history import Book
from launcher.jobs.registry import JOBS
from launcher.jobs.work import watch_schedule

database = AppGroup("database", help="Make the database, and keep its schema up to date.")

_BY = "start"


@database.command("upgrade")
def upgrade() -> None:
    """Make the database where there is none, or bring it to the schema of this version.

    A backup is made before a database with content is changed. Prints the address and, while
    nobody can administer the site, the one-time setup link.

    A damaged or lost database is reported and left alone; the exit code is 0, so that the server
    starts and shows the same on its page.

    \b
    Examples:
      flask database upgrade
    """
    backups = current_backups()
    try:
        backups.recover()
        made = backups.initialise(by=_BY)
        problem = backups.live_problem()
        backup = None if problem else backups.migrate(by=_BY)
    except BackupError as error:
        problem = backups.live_problem()
        if not problem:
            fail(error)
        made, backup = False, None
    if problem:
        _say_damage(problem)
        return
    if made:
        put("A new database was made.", err=True)
    if backup is not None:
        put(f"The database was upgraded; before that, backup {backup.id} was made.", err=True)
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


def _say_damage(problem: Fault) -> None:
    put(f"The database cannot be used: {problem}.", err=True)
    put("Bring the newest good backup back with", err=True)
    put("    flask backup restore latest", err=True)
    put("The site shows a page that says so until then.", err=True)


@using_database()
def _say_address() -> None:
    config = current_config()
    address = (
        config.bind if config.bind.startswith("unix:") else f"http://{config.bind}{config.prefix}/"
    )
    put(f"Launcher is at {address}", err=True)
    if token := setup.ensure_setup_token(config.setup_token_path):
        root = address if address.startswith("http") else f"http://<your host>{config.prefix}/"
        put("There is no admin yet. Make the first one here, once:", err=True)
        put(f"    {root}setup?token={token}", err=True)
