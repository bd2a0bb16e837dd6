"""Test a destination and copy to it."""

from __future__ import annotations

import click

from launcher.cli.destination.group import destination
from launcher.cli.destination.trials import tried_out
from launcher.cli.offsite_failures import PlaceFailure, keep_entry, offsite_errors
from launcher.cli.output import print_json, say
from launcher.cli.shell import json_option, typist
from launcher.current import current_offsite
from launcher.offsite import audit


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
            tested, trial = tried_out(known)
        except PlaceFailure:
            keep_entry(audit.record_test, known, is_passed=False)
            raise
        current_offsite().change(tested, by=typist())
    keep_entry(audit.record_test, known, is_passed=True)
    if as_json:
        print_json(trial)


@destination.command("copy")
@click.argument("destination_id", metavar="ID")
def copy(destination_id: str) -> None:
    """Copy what is waiting now, without a pause after a failure.

    The server does the work. `flask destination show` shows its progress.
    """
    with offsite_errors():
        known = current_offsite().find(destination_id)
        current_offsite().copy_now(known.id)
    keep_entry(audit.record_copy_now, known)
    say(f"{known.name} will be copied to within a minute.")
    if known.paused:
        say(f"It is paused. `flask destination resume {known.id}` resumes it.")
