"""`flask backup`: the feature's verbs at a shell, each a thin call of the backup service."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
from flask.cli import AppGroup

from launcher.backup.errors import BackupError, BackupNotFoundError
from launcher.backup.ports import utc_now
from launcher.backup.records import (
    LATEST,
    Backup,
    BulkResult,
    PartFailure,
    RestorePlan,
    State,
    parse_backup_id,
)
from launcher.cli import output
from launcher.cli.exits import (
    EXIT_CODES,
    PARTLY_FAILED,
    exit_codes_help,
    handle_backup_errors,
    status_code,
)
from launcher.cli.shell import bars as _bars
from launcher.cli.shell import json_option as _json_option
from launcher.cli.shell import read_current_settings
from launcher.cli.shell import typist as _by
from launcher.current import current_application, current_backups, current_config
from launcher.jobs.history import Book, Run, RunOutcome
from launcher.jobs.registry import JOBS
from launcher.jobs.work import perform
from launcher.monitoring.problems import status_facts
from launcher.settings.table import SiteSettings

F = TypeVar("F", bound=Callable[..., Any])

_EXAMPLES = """
\b
Examples:
  flask backup create --note "before the move"
  flask backup list
  flask backup restore latest
  flask backup undo
"""

backup = AppGroup(
    "backup",
    help=f"Make, keep, prove and restore backups of the database.\n{_EXAMPLES}",
    epilog=exit_codes_help(),
)


def _yes_option(command: F) -> F:
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(command)


@backup.command()
@click.option("--note", default="", help="A few words to know it by.")
@click.option("--protect", is_flag=True, help="Exempt it from retention.")
@_json_option
@handle_backup_errors
def create(note: str, protect: bool, as_json: bool) -> None:
    """Make a backup now and print its id.

    The site goes on meanwhile; nobody waits.

    \b
    Examples:
      flask backup create
      flask backup create --note "before moving Jellyfin" --protect
    """
    with _bars() as bars:
        made = current_backups().create(by=_by(), note=note, protected=protect, on_progress=bars)
    output.print_result(made, made.id, as_json=as_json)


@backup.command("list")
@_json_option
@handle_backup_errors
def list_(as_json: bool) -> None:
    """List all backups, newest first."""
    backups = current_backups().list()
    if as_json:
        output.print_json(backups)
    elif backups:
        output.print_backups(backups)
    else:
        output.say("There are no backups yet. `flask backup create` makes one.")


@backup.command()
@click.argument("backup_id", metavar="ID")
@_json_option
@handle_backup_errors
def show(backup_id: str, as_json: bool) -> None:
    """Show one backup: what is inside, its state, what happened to it.

    ID may be `latest`.
    """
    found = current_backups().get(backup_id)
    journal = current_backups().journal(limit=20, backup_id=found.id)
    if as_json:
        output.print_json({"backup": found, "journal": list(journal)})
    else:
        output.print_backup(found, journal)


@backup.command()
@click.argument("backup_ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Verify every backup.")
@_json_option
@handle_backup_errors
def verify(backup_ids: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Read backups through and check them whole: checksum, structure, links.

    The verdict is recorded. A file that somebody put into the backup folder becomes a backup
    like any other when it passes.

    \b
    Examples:
      flask backup verify latest
      flask backup verify --all
    """
    if every == bool(backup_ids):
        raise click.UsageError("Name at least one ID, or say --all.")
    service = current_backups()
    references = [found.id for found in service.list()] if every else list(backup_ids)
    verdicts: list[Backup] = []
    failures: list[PartFailure] = []
    for reference in references:
        try:
            with _bars() as bars:
                verdicts.append(service.verify(reference, by=_by(), on_progress=bars))
        except BackupError as error:
            if len(references) == 1:
                raise
            failures.append(PartFailure(reference, error.code, error.fault))
    if as_json:
        output.print_json({"verified": verdicts, "failed": failures})
    else:
        for verdict in verdicts:
            problem = f": {verdict.verification.error}" if verdict.verification.error else ""
            click.echo(f"{verdict.id}  {output.coloured(verdict.verification.state)}{problem}")
        for failure in failures:
            click.echo(f"{failure.backup_id}  {failure.fault}")
    if any(verdict.verification.state is State.DAMAGED for verdict in verdicts):
        raise click.exceptions.Exit(EXIT_CODES["verification_failed"])
    if failures:
        raise click.exceptions.Exit(PARTLY_FAILED)


@backup.command("test-restore")
@click.argument("backup_id", metavar="ID")
@_json_option
@handle_backup_errors
def test_restore(backup_id: str, as_json: bool) -> None:
    """Try a whole restore on a scratch copy, up to the replacement.

    ID may be `latest`. The live data is only read.
    """
    with _bars() as bars:
        plan = current_backups().test_restore(backup_id, by=_by(), on_progress=bars)
    if as_json:
        output.print_json(plan)
    else:
        output.say_plan(plan)
        click.echo(f"{plan.backup_id}  rehearsed")


@backup.command()
@click.argument("source", metavar="ID|PATH")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@_yes_option
@click.option(
    "--keep-schedule/--backup-schedule",
    "keep_schedule",
    default=True,
    help="Keep the backup schedule set here (the default), or take the backup's.",
)
@click.option(
    "--carry-account",
    metavar="NAME",
    default="",
    help="Carry this admin of today's data over, for a backup without an admin.",
)
@_json_option
@handle_backup_errors
def restore(
    *, source: str, dry_run: bool, yes: bool, keep_schedule: bool, carry_account: str, as_json: bool
) -> None:
    """Put a backup back, all of it or nothing, while the site keeps serving.

    A safety backup of today's data is made first, so that `flask backup undo` can take the restore
    back. Works with and without the server running, and on a damaged or missing database.

    \b
    Examples:
      flask backup restore latest
      flask backup restore 20261122T170000Z-k3f9q2 --dry-run
      flask backup restore /mnt/usb/launcher.db --yes
    """
    found = _source(source)
    service = current_backups()
    if dry_run or not yes:
        with _bars() as bars:
            plan = service.plan(
                found,
                by=_by(),
                keep_schedule=keep_schedule,
                carry_account=carry_account,
                on_progress=bars,
            )
        if dry_run:
            _show_plan(plan, as_json=as_json)
            return
        output.say_plan(plan)
        _ask_for("restore")
    with _bars() as bars:
        outcome = service.restore(
            found,
            by=_by(),
            keep_schedule=keep_schedule,
            carry_account=carry_account,
            on_progress=bars,
        )
    output.say_outcome(outcome)
    output.print_result(outcome, outcome.plan.source, as_json=as_json)


def _source(text: str) -> str | Path:
    """Return an id as it is, anything that is a file as its path."""
    if text == LATEST:
        return text
    try:
        return parse_backup_id(text)
    except BackupNotFoundError:
        path = Path(text)
        if text and not path.is_dir() and (path.exists() or path.is_symlink()):
            return path
        raise


def _show_plan(plan: RestorePlan, *, as_json: bool) -> None:
    if as_json:
        output.print_json(plan)
    else:
        output.say_plan(plan)
        click.echo(f"{plan.source}  can be restored; nothing was changed")


def _ask_for(word: str) -> None:
    """Go on only when the person types `word`.

    Raises:
        click.Abort: they did not; nothing was changed.
    """
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody is there to confirm; say --yes.")
    if click.prompt(f"Type {word} to go on", default="", show_default=False, err=True) != word:
        output.say("Nothing was changed.")
        raise click.Abort


@backup.command()
@_yes_option
@_json_option
@handle_backup_errors
def undo(yes: bool, as_json: bool) -> None:
    """Take the last restore back. An undo can itself be undone."""
    service = current_backups()
    safety_id = service.undo_id()
    if not yes:
        with _bars() as bars:
            plan = service.plan(safety_id, by=_by(), keep_schedule=False, on_progress=bars)
        output.say_plan(plan)
        _ask_for("undo")
    with _bars() as bars:
        outcome = service.undo(by=_by(), on_progress=bars)
    output.say_outcome(outcome)
    output.print_result(outcome, outcome.plan.source, as_json=as_json)


@backup.command()
@click.argument("backup_id", metavar="ID")
@click.argument("target", metavar="DEST", type=click.Path(path_type=Path))
@_json_option
@handle_backup_errors
def export(backup_id: str, target: Path, as_json: bool) -> None:
    """Write the plain .db of a backup to DEST, a new file or a folder, and print its path.

    \b
    Examples:
      flask backup export latest /mnt/usb/
      flask backup export 20261122T170000Z-k3f9q2 launcher-copy.db
    """
    with _bars() as bars:
        path = current_backups().export(backup_id, target, by=_by(), on_progress=bars)
    output.print_result({"path": path}, path, as_json=as_json)


@backup.command("import")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option("--note", default="", help="A few words to know it by.")
@_json_option
@handle_backup_errors
def import_(path: Path, note: str, as_json: bool) -> None:
    """Check a .db or .db.zst file from elsewhere, keep it as a backup and print its id."""
    with _bars() as bars:
        taken = current_backups().import_(path, by=_by(), note=note, on_progress=bars)
    output.print_result(taken, taken.id, as_json=as_json)


@backup.command()
@click.argument("backup_id", metavar="ID")
@handle_backup_errors
def protect(backup_id: str) -> None:
    """Exempt a backup from retention and from delete."""
    found = current_backups().protect(backup_id, by=_by())
    click.echo(f"{found.id}  protected")


@backup.command()
@click.argument("backup_id", metavar="ID")
@handle_backup_errors
def unprotect(backup_id: str) -> None:
    """Give a backup back to retention."""
    found = current_backups().unprotect(backup_id, by=_by())
    click.echo(f"{found.id}  not protected")


@backup.command()
@click.argument("backup_ids", metavar="ID...", nargs=-1, required=True)
@_yes_option
@_json_option
@handle_backup_errors
def delete(backup_ids: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Delete backups for good."""
    service = current_backups()
    if not yes:
        going = {found.id: found for found in map(service.get, backup_ids)}
        output.say("These backups go for good:")
        for found in going.values():
            output.say(f"  {found.id}  {output.moment(found.created_at)}  {output.contents(found)}")
        if _last_good_id() in going:
            output.say("The last good backup is among them: afterwards today's is the only data.")
        _ask_for("delete")
    _print_bulk(service.delete(backup_ids, by=_by()), as_json=as_json)


def _last_good_id() -> str:
    try:
        return current_backups().get(LATEST).id
    except BackupNotFoundError:
        return ""


def _print_bulk(result: BulkResult, *, as_json: bool) -> None:
    if as_json:
        output.print_json(result)
    else:
        for done in result.done:
            click.echo(f"{done}  deleted")
        for failure in result.failed:
            output.say(f"{failure.backup_id}  not deleted: {failure.fault}")
    if result.failed:
        raise click.exceptions.Exit(PARTLY_FAILED)


@backup.command()
@click.option("--dry-run", is_flag=True, help="Show what would go, and why each other stays.")
@_json_option
@handle_backup_errors
def prune(dry_run: bool, as_json: bool) -> None:
    """Delete the scheduled backups that the retention settings no longer keep."""
    site = read_current_settings()
    service = current_backups()
    if dry_run:
        decisions = service.plan_prune(site.policy, zone=site.zone)
        if as_json:
            output.print_json(
                [
                    {"id": each.backup.id, "keep": each.keep, "reasons": list(each.reasons)}
                    for each in decisions
                ]
            )
        else:
            output.print_decisions(decisions)
        return
    _print_bulk(service.prune(site.policy, by=_by(), zone=site.zone), as_json=as_json)


@backup.command()
@_json_option
@handle_backup_errors
def status(as_json: bool) -> None:
    """Answer "am I safe?": last attempt, last success, next run, space, and what is wrong.

    The first line is the answer of the panel. Exits with 0 unless something is bad, then by the
    worst of it: 21 when the last restore was not put back, 18 when the live database is damaged,
    10 when the backup folder cannot be used or written, 14 when the next backup will not fit, 12
    without a good backup that is recent enough, and 90 when none but damaged ones are there.

    With --json the same is in `severity` (`ok`, `warn` or `bad`) and `headline`, and each trouble
    in `problems`, the worst first: `kind`, `severity`, and what applies of `since`, `count`,
    `code`, `detail`, `backup_ids`, `targets`, `free_bytes`, `needed_bytes`, `full_at`.
    """
    # Imported here: whoever makes a backup should not wait for those who tell of it.
    from launcher.notifications.dispatch import see  # noqa: PLC0415

    seen = see(current_application())
    snapshot, findings = seen.snapshot, seen.findings
    if as_json:
        facts = status_facts(snapshot, findings)
        output.print_json(facts | {"running": snapshot.running})
    else:
        output.print_status(snapshot, findings)
    raise click.exceptions.Exit(status_code(findings))


def _next_run(site: SiteSettings) -> datetime | None:
    runs = JOBS["backup"].next_runs(site, after=utc_now())
    return runs[0] if runs else None


@backup.command("run-scheduled")
@_json_option
@handle_backup_errors
def run_scheduled(as_json: bool) -> None:
    """Make the scheduled backup if one is due and was not made yet, then apply retention.

    For cron and systemd timers, run as often as you like: a slot is never used twice. Older
    backups are verified and a restore is rehearsed in passing, when that is due. Whoever is to be
    told of trouble is told.

    \b
    Example, every five minutes in a crontab:
      */5 * * * *  cd /srv/launcher && .venv/bin/flask backup run-scheduled
    """
    try:
        _run_what_is_due(read_current_settings(), as_json=as_json)
    finally:
        # Imported here: whoever makes a backup should not wait for those who tell of it.
        from launcher.notifications.dispatch import evaluate  # noqa: PLC0415

        evaluate(current_application())


def _run_what_is_due(site: SiteSettings, *, as_json: bool) -> None:
    run = _perform("backup", site)
    if run and (made := run.facts.get("backup_id")):
        found = current_backups().get(str(made))
        output.print_result(found, found.id, as_json=as_json)
    elif not run:
        _say_what_is_next(site)
    for job_id in JOBS:
        if job_id != "backup" and (other := _perform(job_id, site)):
            output.say(f"The {job_id} was due: {other.outcome}.")
    if run and run.outcome is RunOutcome.PARTLY:
        left = run.facts.get("not_removed")
        what = f"{len(left)} could not be removed" if isinstance(left, list) else "none was removed"
        output.say(f"Retention was not applied in full, {what}: {run.error}.")
        raise click.exceptions.Exit(PARTLY_FAILED)


def _perform(job_id: str, site: SiteSettings) -> Run | None:
    """Do a job if it is due. Only the backup is worth failing for: the others come again.

    Raises:
        BackupError: the backup could not be made.
    """
    book = Book(current_config().data_dir)
    try:
        with _bars() as bars:
            run = perform(
                job_id,
                current_backups(),
                book,
                site,
                clock=utc_now,
                on_begun=partial(_begun, job_id),
                on_progress=bars,
            )
    except BackupError:
        if job_id == "backup":
            raise
        return None
    if run and run.outcome is RunOutcome.FAILED and job_id == "backup":
        output.say(f"Error: {run.error}.")
        raise click.exceptions.Exit(EXIT_CODES.get(run.error_code, EXIT_CODES["internal"]))
    return run


def _begun(job_id: str) -> None:
    if job_id == "backup":
        from launcher.notifications.dispatch import note_start  # noqa: PLC0415  (as above)

        note_start(current_application())


def _say_what_is_next(site: SiteSettings) -> None:
    if not site.backup_enabled:
        output.say("The schedule is switched off.")
    elif next_run := _next_run(site):
        output.say(f"Nothing is due before {output.moment(next_run)}.")
    else:
        output.say("Nothing is due, and nothing will be: the schedule is not valid.")
