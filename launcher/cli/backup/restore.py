"""Restore, restore test and undo, each with its plan in words."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NoReturn

import click

from launcher.backup.catalogue import good_before
from launcher.backup.errors import BackupNotFoundError, VerificationError
from launcher.backup.records.ids import LATEST, parse_backup_id
from launcher.backup.records.operation import Verb
from launcher.backup.records.plan import RestoreOutcome, RestorePlan
from launcher.cli.backup.elsewhere import fetch_if_elsewhere
from launcher.cli.backup.group import backup
from launcher.cli.backup.plan import say_plan
from launcher.cli.exits import EXIT_CODES, handle_backup_errors
from launcher.cli.output import print_json, print_result, put, say, say_warnings
from launcher.cli.progress import bars
from launcher.cli.shell import json_option, require_word, typist, yes_option
from launcher.current import current_backups
from launcher.db.connect import GATE_TIMEOUT_S
from launcher.http.waits import Wait, replacing_s, shows_pages, wait_of


@backup.command("test-restore")
@click.argument("backup_id", metavar="ID")
@json_option
@handle_backup_errors
def test_restore(backup_id: str, as_json: bool) -> None:
    """Test a restore on a temporary copy.

    ID may be `latest`. The current data is not changed.
    """
    with bars() as on_progress:
        plan = current_backups().test_restore(backup_id, by=typist(), on_progress=on_progress)
    text = f"{plan.backup_id}  restore test passed"
    _show_plan(plan, text, as_json=as_json, is_test=True)


@backup.command()
@click.argument("source", metavar="ID|PATH")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@yes_option
@click.option(
    "--keep-schedule/--backup-schedule",
    "keep_schedule",
    default=True,
    help="Keep the current schedule (default), or use the backup's.",
)
@click.option(
    "--carry-account",
    metavar="NAME",
    default="",
    help="Copy this current admin into a backup without an admin.",
)
@json_option
@partial(handle_backup_errors, creates_database=False)  # an empty one would be its safety backup
def restore(
    *, source: str, dry_run: bool, yes: bool, keep_schedule: bool, carry_account: str, as_json: bool
) -> None:
    """Restore a backup. Everything is restored or nothing changes.

    The site keeps running. A safety backup of the current data is created first, for
    `flask backup undo`. Works with and without the server running,
    and on a damaged or missing database, whose files are kept instead. A backup that is only
    elsewhere is downloaded first.

    \b
    Examples:
      flask backup restore latest
      flask backup restore 20261122T170000Z-k3f9q2 --dry-run
      flask backup restore /mnt/usb/launcher.db --yes
    """
    found = _source(source)
    if isinstance(found, str):
        fetch_if_elsewhere(found)
    service = current_backups()
    if dry_run or not yes:
        with bars() as on_progress:
            plan = service.plan(
                found,
                by=typist(),
                keep_schedule=keep_schedule,
                carry_account=carry_account,
                on_progress=on_progress,
            )
        if dry_run:
            text = f"{plan.source}  can be restored; nothing was changed"
            _show_plan(plan, text, as_json=as_json)
            return
        say_plan(plan)
        say_consequences(plan)
        require_word("restore")
    with bars() as on_progress:
        outcome = service.restore(
            found,
            by=typist(),
            keep_schedule=keep_schedule,
            carry_account=carry_account,
            on_progress=on_progress,
        )
    say_outcome(outcome)
    print_result(outcome, outcome.plan.source, as_json=as_json)


def _source(text: str) -> str | Path:
    """Return an id, or the path of a file."""
    if text == LATEST:
        return text
    try:
        return parse_backup_id(text)
    except BackupNotFoundError:
        path = Path(text)
        if text and _is_there(path):
            return path
        raise


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except PermissionError:  # a folder that may not be searched: the restore says so
        return True
    except (OSError, ValueError):  # a name with a null byte is none
        return False
    return True


def _show_plan(plan: RestorePlan, text: str, *, as_json: bool, is_test: bool = False) -> None:
    if as_json:
        print_json(plan)
    else:
        say_plan(plan)
        if not is_test:
            say_consequences(plan)
        put(text)


@backup.command()
@yes_option
@json_option
@handle_backup_errors
def undo(yes: bool, as_json: bool) -> None:
    """Undo the last restore. You can undo that too."""
    service = current_backups()
    safety_id = service.undo_id()
    try:
        if not yes:
            with bars() as on_progress:
                plan = service.plan(
                    safety_id, by=typist(), keep_schedule=False, on_progress=on_progress
                )
            say_plan(plan, verb="Undo the last restore with")
            say_consequences(plan)
            require_word("undo")
        with bars() as on_progress:
            outcome = service.undo(by=typist(), on_progress=on_progress)
    except VerificationError as error:
        _refuse_undo(safety_id, error)
    say_outcome(outcome, done="Restore undone with")
    print_result(outcome, outcome.plan.source, as_json=as_json)


def _refuse_undo(safety_id: str, error: VerificationError) -> NoReturn:
    """Print that the safety backup is damaged and what helps instead, and exit with its code."""
    put("Error: the last restore cannot be undone.", fg="red", err=True)
    put(f"Its safety backup {safety_id} is damaged: {error}.", err=True)
    service = current_backups()
    restores = service.journal(limit=None, verbs={Verb.RESTORE})
    restore_ = next(each for each in restores if each.facts.get("safety_id") == safety_id)
    if older := next(good_before(service.list(), restore_), None):
        put("Restore the last good backup from before it instead:", err=True)
        put(f"  flask backup restore {older.id}", err=True)
    else:
        put("No good backup from before it is left.", err=True)
        put("Restore an undamaged copy with `flask backup restore PATH`.", err=True)
    raise click.exceptions.Exit(EXIT_CODES[error.code])


def say_consequences(plan: RestorePlan) -> None:
    """Print to stderr what a restore means for everyone."""
    say("Everyone will be signed out.")
    say(_wait_words(plan))
    if plan.live_readable:
        say("A safety backup of the current data is created first.")
        say("`flask backup undo` restores it.\n")
    else:
        say("The current data cannot be read. If its files are there, they are kept.")
        say("Unless they can be copied into a safety backup, you cannot undo this restore.\n")


def _wait_words(plan: RestorePlan) -> str:
    """Return what the restore means for the pages of a running site."""
    pages, changes, one = (
        ("Pages remain available.", "Changes wait", "change")
        if shows_pages(plan)
        else ("Pages pause.", "Requests wait", "request")
    )
    match wait_of(plan.database_size_bytes):
        case Wait.MOMENT:
            return f"{pages} {changes} for a moment."
        case Wait.SECONDS:
            return f"{pages} {changes} for about {replacing_s(plan.database_size_bytes)} s."
    limit = f"{GATE_TIMEOUT_S:.0f} s"
    return f"{pages} A {one} that waits longer than {limit} fails and can be sent again."


def _held_words(outcome: RestoreOutcome) -> str:
    if outcome.replaced_file:
        return f"Requests were held for {outcome.held_s:.2f} s."
    pages, changes = f"{outcome.held_s:.2f} s", f"{outcome.changes_held_s:.2f} s"
    return f"Pages were held for {pages}, changes for {changes}."


def say_outcome(outcome: RestoreOutcome, *, done: str = "Restored") -> None:
    """Print to stderr how a restore ended, and how to undo it."""
    source = outcome.plan.source
    put(f"{done} {source} in {outcome.duration_s:.1f} s.", fg="green", err=True)
    say(f"{_held_words(outcome)} Everyone has to sign in again.")
    if outcome.safety_id:
        say(f"The data from before is safety backup {outcome.safety_id}.")
        say("`flask backup undo` restores it.")
    elif outcome.raw_copy_path:
        say(f"The files from before were kept in {outcome.raw_copy_path}.")
    else:
        say("There was no data before, so you cannot undo this restore.")
    say_warnings(outcome.warnings)
