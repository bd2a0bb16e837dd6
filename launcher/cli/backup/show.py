"""What is known of backups: the list, one of them, and whether they are good."""

from __future__ import annotations

from collections.abc import Sequence

import click

from launcher.backup.codec import encode
from launcher.backup.errors import BackupError, BackupNotFoundError
from launcher.backup.ports import utc_now
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup, State
from launcher.backup.records.operation import JournalEntry, PartFailure, Verb
from launcher.backup.records.text import clean_note
from launcher.backup.verdicts import refusals
from launcher.cli.backup.elsewhere import (
    Elsewhere,
    copies_elsewhere,
    copy_facts,
    copy_lines,
    only_elsewhere,
    place_names,
)
from launcher.cli.backup.group import backup
from launcher.cli.exits import EXIT_CODES, PARTLY_FAILED, handle_backup_errors
from launcher.cli.hints import Situation, hint_for
from launcher.cli.output import (
    coloured,
    moment,
    one_line,
    print_json,
    print_table,
    put,
    say,
    say_warnings,
    size,
)
from launcher.cli.problem_words import operation_words
from launcher.cli.progress import bars
from launcher.cli.shell import json_option, typist
from launcher.current import current_backups

_NEXT_LINE = "\n" + " " * 11
_CONTENTS = ("apps", "boards", "users")


@backup.command("list")
@json_option
@handle_backup_errors
def list_(as_json: bool) -> None:
    """List all backups, newest first, and where their copies are."""
    backups, copies = current_backups().list(), copies_elsewhere()
    if as_json:
        print_json([_facts(each, copies) for each in backups])
        return
    if backups:
        heading = ("ID", "CREATED", "TYPE", "SIZE", "STATUS", "COPIES", "CONTENTS", "NOTE")
        refused = refusals(backups, current_backups().journal(limit=None))
        print_table([heading, *(_row(each, refused.get(each.id), copies) for each in backups)])
    else:
        _say_that_there_are_none()
    if ids := only_elsewhere(backups, copies):
        say("\nOnly elsewhere. `flask backup restore ID` downloads a backup first.")
        for each in ids:
            say(f"  {each}  {place_names(copies[each])}")


def _facts(backup: Backup, copies: Elsewhere) -> dict[str, object]:
    return {**encode(backup), "copies": copy_facts(copies.get(backup.id, ()))}


def _row(backup: Backup, refused: JournalEntry | None, copies: Elsewhere) -> tuple[str, ...]:
    state = str(backup.verification.state) + (" protected" if backup.protected else "")
    if backup.is_from_future(utc_now()):
        state += ", dated in the future"
    if backup.verification.warnings:
        state += ", with warnings"
    why = clean_note(str(refused.fault or refused.damage)) if refused else ""
    if why:
        state = "refused"
    return (
        backup.id,
        moment(backup.created_at),
        backup.kind,
        size(backup.file.size_bytes) if backup.file else "?",
        state,
        place_names(copies.get(backup.id, ())),
        contents(backup),
        " ".join(backup.note.split())[:60] + (f": {why}" if why else ""),
    )


def contents(backup: Backup) -> str:
    """Return what a backup holds, in a few words."""
    rows = backup.contents
    return ", ".join(
        f"{rows[kind]} {kind if rows[kind] != 1 else kind.removesuffix('s')}"
        for kind in _CONTENTS
        if kind in rows
    )


@backup.command()
@click.argument("backup_id", metavar="ID")
@json_option
@handle_backup_errors
def show(backup_id: str, as_json: bool) -> None:
    """Show one backup: contents, status, copies, history.

    ID may be `latest`.
    """
    copies = copies_elsewhere()
    only = only_elsewhere((), {backup_id: copies.get(backup_id, ())})
    try:
        found = current_backups().get(backup_id)
    except BackupNotFoundError:
        if not only:
            raise
        _show_copies(backup_id, copies, as_json=as_json)
        return
    journal = current_backups().journal(limit=20, backup_id=found.id)
    if as_json:
        print_json(
            {
                "backup": _facts(found, copies),
                "journal": list(journal),
                "is_only_elsewhere": False,
            }
        )
    else:
        _print_backup(found, journal, copy_lines(copies.get(found.id, ())))


def _show_copies(backup_id: str, copies: Elsewhere, *, as_json: bool) -> None:
    """Print a backup that is no longer here, from what is known of its copies."""
    found = copies[backup_id]
    backup = found[0][1].backup
    if as_json:
        print_json({"backup": _facts(backup, copies), "journal": [], "is_only_elsewhere": True})
        return
    put(f"Backup:    {backup.id}")
    put(f"Created:   {moment(backup.created_at)} by {one_line(backup.created_by or 'unknown')}")
    put(f"Type:      {backup.kind}")
    for line in copy_lines(found):
        put(f"Only at:   {one_line(line)}")
    say(f"`flask backup restore {backup.id}` downloads it first.")


def _print_backup(backup: Backup, journal: Sequence[JournalEntry], copies: Sequence[str]) -> None:
    verification = backup.verification
    is_from_future = backup.is_from_future(utc_now())
    pairs = [
        ("Backup", backup.id),
        ("Created", f"{moment(backup.created_at)} by {backup.created_by or 'unknown'}"),
        ("Date", "in the future by the clock of this server" if is_from_future else ""),
        ("Type", backup.kind + (", protected" if backup.protected else "")),
        ("Note", backup.note),
        ("Status", f"{verification.state}, last verified {moment(verification.at)}"),
        ("Problem", verification.error),
        *(("Copies", one_line(line)) for line in copies),
        *(("Warning", str(warning)) for warning in verification.warnings),
        ("Created by", f"Launcher {backup.app_version}" if backup.app_version else ""),
        ("Schema", backup.schema_revision),
    ]
    if backup.file and backup.database:
        pairs += [
            ("File", f"{backup.file.name} ({size(backup.file.size_bytes)})"),
            ("SHA-256", backup.file.sha256),
            ("Database", f"{size(backup.database.size_bytes)}, SQLite {backup.sqlite_version}"),
        ]
    for name, text in pairs:
        if text:
            put(f"{name + ':':<10} {text.replace(chr(10), _NEXT_LINE)}")
    if backup.contents:
        put("\nContents:")
        for table, rows in backup.contents.items():
            put(f"  {one_line(table):<20}{rows:>12,}")
    if journal:
        put("\nHistory:")
        for entry in journal:
            problem = f": {entry.error}" if entry.error else ""
            put(f"  {moment(entry.ended_at)}  {operation_words(entry)}{problem}")


def _not_recorded(backup: Backup) -> str:
    last = current_backups().journal(limit=1, backup_id=backup.id, verbs={Verb.VERIFY})
    return str(last[0].facts.get("not_recorded", "")) if last else ""


def _all_ids() -> Sequence[str]:
    ids = [found.id for found in current_backups().list()]
    if not ids:
        _say_that_there_are_none()
    return ids


def _say_that_there_are_none() -> None:
    """Say what helps too: a backup of data that cannot be read cannot be created."""
    hint = hint_for(
        BackupNotFoundError(Reason.NO_GOOD_BACKUP), lambda: Situation.of(current_backups())
    )
    say(f"There are no backups. {hint}")


@backup.command()
@click.argument("backup_ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Verify every backup.")
@json_option
@handle_backup_errors
def verify(backup_ids: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Verify backups: checksum, structure, links.

    The verdict is recorded. A file found in the backup folder becomes a backup when it is good.

    \b
    Examples:
      flask backup verify latest
      flask backup verify --all
    """
    if every == bool(backup_ids):
        raise click.UsageError("Give at least one ID, or use --all.")
    service = current_backups()
    references: Sequence[str] = _all_ids() if every else list(backup_ids)
    verdicts: list[Backup] = []
    failures: list[PartFailure] = []
    for reference in references:
        try:
            with bars() as on_progress:
                verdicts.append(service.verify(reference, by=typist(), on_progress=on_progress))
        except BackupError as error:
            if len(references) == 1:
                raise
            failures.append(PartFailure(reference, error.code, error.fault))
    if as_json:
        print_json({"verified": verdicts, "failed": failures})
    else:
        for verdict in verdicts:
            problem = f": {verdict.verification.error}" if verdict.verification.error else ""
            put(problem, lead=f"{verdict.id}  {coloured(verdict.verification.state)}")
            say_warnings(verdict.verification.warnings)
        for failure in failures:
            put(f"{failure.backup_id}  {failure.fault}")
    for verdict in verdicts:
        if reason := _not_recorded(verdict):
            say(f"{verdict.id}: this status could not be recorded: {reason}.")
    if any(verdict.verification.state is State.DAMAGED for verdict in verdicts):
        raise click.exceptions.Exit(EXIT_CODES["verification_failed"])
    if failures:
        raise click.exceptions.Exit(PARTLY_FAILED)
