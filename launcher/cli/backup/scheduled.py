"""`flask backup run-scheduled`: what a timer calls in place of the scheduler."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import click

from launcher.background.service import installation_of
from launcher.backup.errors import BackupError
from launcher.backup.ports import utc_now
from launcher.cli.backup.group import backup
from launcher.cli.exits import EXIT_CODES, PARTLY_FAILED, handle_backup_errors
from launcher.cli.output import moment, print_result, say
from launcher.cli.progress import bars
from launcher.cli.shell import json_option, read_current_settings
from launcher.current import current_application, current_backups, current_config, current_offsite
from launcher.jobs.history import Book, Run, RunOutcome
from launcher.jobs.registry import JOBS
from launcher.jobs.work import perform
from launcher.offsite.process import copy_here
from launcher.settings.table import SiteSettings


@backup.command("run-scheduled")
@json_option
@handle_backup_errors
def run_scheduled(as_json: bool) -> None:
    """Run the jobs that are due, send notifications, and copy.

    The jobs are the scheduled backup with retention, verification and the restore test. At last,
    backups are copied to each destination that waits for one.

    For cron and systemd timers. Run it as often as you like: no scheduled run is done twice.

    \b
    Example, every five minutes in a crontab:
      */5 * * * *  cd /srv/launcher && .venv/bin/flask backup run-scheduled
    """
    settings = None
    try:
        settings = read_current_settings()
        _run_what_is_due(settings, as_json=as_json)
    finally:
        # Imported here: it imports SQLAlchemy, which creating a backup does not need.
        from launcher.notifications.dispatch import send_notifications  # noqa: PLC0415

        send_notifications(current_application())
        if settings is not None:
            _copy_what_is_owed(settings)


def _run_what_is_due(settings: SiteSettings, *, as_json: bool) -> None:
    run = _perform("backup", settings)
    if run and (made := run.facts.get("backup_id")):
        found = current_backups().get(str(made))
        print_result(found, found.id, as_json=as_json)
    elif not run:
        _say_what_is_next(settings)
    for job_id in JOBS:
        if job_id != "backup" and (other := _perform(job_id, settings)):
            say(f"The {job_id} was due: {other.outcome}.")
    if run and run.outcome is RunOutcome.PARTLY:
        left = run.facts.get("not_removed")
        what = f"{len(left)} could not be removed" if isinstance(left, list) else "none was removed"
        say(f"Retention was not applied in full, {what}: {run.error}.")
        raise click.exceptions.Exit(PARTLY_FAILED)


def _copy_what_is_owed(settings: SiteSettings) -> None:
    """Copy in this process: a timer ends what its command leaves running."""
    offsite = current_offsite()
    with suppress(BackupError):  # of the backup folder, which the backup has said
        for destination_id in offsite.due(settings):
            if copy_here(installation_of(current_config()), destination_id):
                name, ledger = offsite.find(destination_id).name, offsite.ledger(destination_id)
                say(f"Copies at {name} were due: {'failed' if ledger.trouble else 'succeeded'}.")


def _perform(job_id: str, settings: SiteSettings) -> Run | None:
    """Run a job if it is due. A failure of another job than the backup does not end the command.

    Raises:
        BackupError: the backup could not be created.
    """
    book = Book(current_config().data_dir)
    try:
        with bars() as on_progress:
            run = perform(
                job_id,
                current_backups(),
                book,
                settings,
                clock=utc_now,
                on_begun=partial(_begun, job_id),
                on_progress=on_progress,
                offsite=current_offsite(),
            )
    except BackupError:
        if job_id == "backup":
            raise
        return None
    if run and run.outcome is RunOutcome.FAILED and job_id == "backup":
        say(f"Error: {run.error}.")
        raise click.exceptions.Exit(EXIT_CODES.get(run.error_code, EXIT_CODES["internal"]))
    return run


def _begun(job_id: str) -> None:
    if job_id == "backup":
        from launcher.notifications.heartbeat import ping_start  # noqa: PLC0415  (as above)

        ping_start(current_application())


def _say_what_is_next(settings: SiteSettings) -> None:
    if not settings.backup_enabled:
        say("The schedule is switched off.")
    elif runs := JOBS["backup"].next_runs(settings, after=utc_now()):
        say(f"Nothing is due before {moment(runs[0])}.")
    else:
        say("Nothing will run: the schedule is not valid.")
