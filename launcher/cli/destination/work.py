"""Test a destination and copy to it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from launcher.background.service import installation_of
from launcher.backup.ports import utc_now
from launcher.backup.records.ids import BackupId
from launcher.cli.destination.group import destination
from launcher.cli.destination.trials import tried_out
from launcher.cli.failures import Failure
from launcher.cli.offsite_failures import PlaceFailure, keep_entry, offsite_errors, place_failure
from launcher.cli.offsite_words import trouble_words
from launcher.cli.output import print_json, say, size
from launcher.cli.shell import json_option
from launcher.current import current_config, current_offsite
from launcher.offsite import audit
from launcher.offsite.process import copy_here
from launcher.offsite.records import CopyState, Destination, Ledger
from launcher.offsite.troubles import Trouble


@destination.command("test")
@click.argument("destination_id", metavar="ID")
@json_option
def test(destination_id: str, *, as_json: bool) -> None:
    """Write, list, read and delete a small file there.

    Ends with 22 when the destination cannot be used.
    """
    with offsite_errors():
        known = current_offsite().find(destination_id)
        try:
            _, trial = tried_out(known)
        except PlaceFailure:
            keep_entry(audit.record_test, known, is_passed=False)
            raise
        current_offsite().keep_test(known, trial)
    keep_entry(audit.record_test, known, is_passed=True)
    if as_json:
        print_json(trial)


@destination.command("copy")
@click.argument("destination_id", metavar="ID")
@click.option("--wait", is_flag=True, help="Copy in this command, also without a server.")
def copy(destination_id: str, *, wait: bool) -> None:
    """Copy what is waiting now, without a pause after a failure.

    The server does the work. `flask destination show` shows its progress. With --wait the command
    does it, and ends when no backup is waiting. It ends with 22 when the destination
    cannot be used, or a copy there is found damaged.

    \b
    Examples:
      flask destination copy nas
      flask destination copy nas --wait
    """
    with offsite_errors():
        known = current_offsite().find(destination_id)
        current_offsite().copy_now(known.id)
        keep_entry(audit.record_copy_now, known)
        if known.paused:
            hint = f"`flask destination resume {known.id}` resumes it."
            raise Failure(f"{known.name} is paused", hint=hint)
        if wait:
            _copy_here(known)
            return
    say(f"{known.name} will be copied to within a minute.")


def _copy_here(known: Destination) -> None:
    began_at = utc_now()
    old = current_offsite().ledger(known.id)
    before = {copy.id: copy.state for copy in old.copies}
    is_waiting = False
    with _without_log():
        while not copy_here(installation_of(current_config()), known.id):
            if not is_waiting:
                say(f"Another process copies to {known.name}. This command waits for it.")
            is_waiting = True
    ledger = current_offsite().ledger(known.id)
    if last := ledger.trouble:
        raise place_failure(last.trouble, last.facts, last.answer)
    was_bad = {each.id: each.state for each in ledger.replaced if each not in old.replaced}
    times = {(copy.id, copy.copied_at) for copy in old.copies}  # the clock may have gone back
    new = [
        copy
        for copy in ledger.copies
        if (copy.id, copy.copied_at) not in times and copy.copied_at >= began_at
    ]
    for each in new:
        why = f". The copy from before was {was_bad[each.id]}" if each.id in was_bad else ""
        say(f"{each.id} copied to {known.name} ({size(each.size_bytes)}){why}.")
    _require_no_damage(before, ledger)
    if not new:
        say(f"{known.name} has a copy of each backup that it should have.")
    if unread := ledger.read_trouble:
        sentence, hint = trouble_words(unread.trouble, unread.facts)
        say(f"Copies at {known.name} could not be read in full: {sentence}. {hint}")


@contextmanager
def _without_log() -> Iterator[None]:
    """Keep the log of the copying from the terminal: this command says how it went itself."""
    log = logging.getLogger("launcher.offsite")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def _require_no_damage(before: Mapping[BackupId, CopyState], ledger: Ledger) -> None:
    """Fail where a copy was found bad that was good, or was just written."""
    for each in ledger.copies:
        was_good = before.get(each.id, CopyState.GOOD) is CopyState.GOOD
        if was_good and each.state is CopyState.DAMAGED:
            raise place_failure(Trouble.DIFFERENT, {"name": each.name})
        if was_good and each.state is CopyState.MISSING:
            raise place_failure(Trouble.NOT_THERE, {"name": each.name})
