"""What is kept: protection, deletion, and what retention removes."""

from __future__ import annotations

from collections.abc import Iterable

import click

from launcher.backup.errors import BackupNotFoundError
from launcher.backup.records.ids import LATEST
from launcher.backup.records.operation import BulkResult
from launcher.backup.retention import KeepDecision, KeepReason
from launcher.cli.backup.group import backup
from launcher.cli.backup.show import contents
from launcher.cli.exits import PARTLY_FAILED, handle_backup_errors
from launcher.cli.output import moment, print_json, print_table, put, say
from launcher.cli.shell import json_option, read_current_settings, require_word, typist, yes_option
from launcher.current import current_backups

_KEPT = {
    KeepReason.PROTECTED: "protected",
    KeepReason.NOT_SCHEDULED: "not created by the schedule",
    KeepReason.LAST_GOOD: "the last good backup",
    KeepReason.RECENT: "one of the newest",
    KeepReason.DAILY: "kept as daily",
    KeepReason.WEEKLY: "kept as weekly",
    KeepReason.MONTHLY: "kept as monthly",
    KeepReason.BEFORE: "kept for a while, to return to",
    KeepReason.NOT_REPLACED: "not enough newer good backups yet",
}


@backup.command()
@click.argument("backup_id", metavar="ID")
@handle_backup_errors
def protect(backup_id: str) -> None:
    """Protect a backup from retention and deletion."""
    found = current_backups().protect(backup_id, by=typist())
    put(f"{found.id}  protected")


@backup.command()
@click.argument("backup_id", metavar="ID")
@handle_backup_errors
def unprotect(backup_id: str) -> None:
    """Remove the protection of a backup."""
    found = current_backups().unprotect(backup_id, by=typist())
    put(f"{found.id}  not protected")


@backup.command()
@click.argument("backup_ids", metavar="ID...", nargs=-1, required=True)
@yes_option
@json_option
@handle_backup_errors
def delete(backup_ids: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Delete backups permanently."""
    service = current_backups()
    if not yes:
        going = {found.id: found for found in map(service.get, backup_ids)}
        say("These backups will be deleted permanently:")
        for found in going.values():
            say(f"  {found.id}  {moment(found.created_at)}  {contents(found)}")
        if _last_good_id() in going:
            say("This includes the last good backup.")
        require_word("delete")
    _print_bulk(service.delete(backup_ids, by=typist()), as_json=as_json)


def _last_good_id() -> str:
    try:
        return current_backups().get(LATEST).id
    except BackupNotFoundError:
        return ""


@backup.command()
@click.option(
    "--dry-run", is_flag=True, help="Show what would be removed, and why others are kept."
)
@json_option
@handle_backup_errors
def prune(dry_run: bool, as_json: bool) -> None:
    """Delete backups that retention no longer keeps."""
    settings = read_current_settings()
    service = current_backups()
    if dry_run:
        decisions = service.plan_prune(settings.policy, zone=settings.zone)
        if as_json:
            print_json(
                [
                    {"id": each.backup.id, "keep": each.keep, "reasons": list(each.reasons)}
                    for each in decisions
                ]
            )
        else:
            _print_decisions(decisions)
        return
    result = service.prune(settings.policy, by=typist(), zone=settings.zone)
    if not (result.done or result.failed):
        say("Retention removes nothing.")
    _print_bulk(result, as_json=as_json)


def _print_decisions(decisions: Iterable[KeepDecision]) -> None:
    rows = [("", "ID", "TAKEN", "KIND", "WHY")]
    for decision in decisions:
        backup = decision.backup
        why = ", ".join(_KEPT[reason] for reason in decision.reasons) or "no rule keeps it"
        fate = "keep" if decision.keep else "remove"
        rows.append((fate, backup.id, moment(backup.created_at), backup.kind, why))
    print_table(rows)


def _print_bulk(result: BulkResult, *, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        for done in result.done:
            put(f"{done}  deleted")
        for failure in result.failed:
            say(f"{failure.backup_id}  not deleted: {failure.fault}")
    if result.failed:
        raise click.exceptions.Exit(PARTLY_FAILED)
