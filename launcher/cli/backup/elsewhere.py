"""Backups whose copies are in other places, and the download of one."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import click

from launcher.backup.errors import BackupError, BackupNotFoundError, VerificationError
from launcher.backup.records.backup import Backup
from launcher.backup.records.ids import LATEST
from launcher.cli.backup.group import backup
from launcher.cli.exits import handle_backup_errors
from launcher.cli.offsite_words import PLACES
from launcher.cli.output import moment, print_result, say, size
from launcher.cli.progress import bars
from launcher.cli.shell import json_option, typist
from launcher.current import current_backups, current_offsite
from launcher.offsite.errors import OffsiteError
from launcher.offsite.openers import openers
from launcher.offsite.records import CopyState, Destination, StoredCopy, fetch_order

Elsewhere = Mapping[str, Sequence[tuple[Destination, StoredCopy]]]
"""The copies of each backup, in the order of the destinations."""


def copies_elsewhere() -> Elsewhere:
    """Return the copies at all destinations, as far as is known here; no service is asked."""
    found: dict[str, list[tuple[Destination, StoredCopy]]] = {}
    with contextlib.suppress(OffsiteError):
        service = current_offsite()
        for each in service.settings().destinations:
            for copy in service.ledger(each.id).copies:
                found.setdefault(copy.id, []).append((each, copy))
    return found


def place_names(copies: Sequence[tuple[Destination, StoredCopy]]) -> str:
    """Return where the copies of one backup are."""
    return ", ".join(
        place.name if copy.state is CopyState.GOOD else f"{place.name} ({copy.state})"
        for place, copy in copies
    )


def only_elsewhere(backups: Sequence[Backup], copies: Elsewhere) -> Sequence[str]:
    """Return the ids of backups that are not here and have a good copy, newest first."""
    here = {each.id for each in backups}
    good = {
        id_
        for id_, found in copies.items()
        if any(copy.state is CopyState.GOOD for _, copy in found)
    }
    return sorted(good - here, reverse=True)


def copy_facts(copies: Sequence[tuple[Destination, StoredCopy]]) -> list[dict[str, object]]:
    """Return the copies of one backup as JSON has them."""
    return [
        {
            "destination": place.id,
            "name": place.name,
            "place": place.place,
            "state": copy.state,
            "size_bytes": copy.size_bytes,
            "copied_at": copy.copied_at,
            "read_at": copy.read_at,
            "tested_at": copy.tested_at,
            "recipients": sorted(copy.recipients),
        }
        for place, copy in copies
    ]


def copy_lines(copies: Sequence[tuple[Destination, StoredCopy]]) -> list[str]:
    """Return what is known of each copy of one backup, a line each."""
    return [f"{place.name}: {_copy_words(place, copy)}" for place, copy in copies]


def _copy_words(place: Destination, copy: StoredCopy) -> str:
    words = [PLACES[place.place], str(copy.state), f"copied {moment(copy.copied_at)}"]
    if copy.state is CopyState.GOOD:
        words.append(f"read {moment(copy.read_at)}" if copy.read_at else "not read in full yet")
    elif copy.bad_since:
        words.append(f"noticed {moment(copy.bad_since)}")
    if copy.tested_at:
        words.append(f"restore tested {moment(copy.tested_at)}")
    return ", ".join([*words, _key_words(copy)])


def _key_words(copy: StoredCopy) -> str:
    """Return which keys open a copy."""
    if not copy.recipients:
        return "not encrypted"
    found = openers(copy, current_offsite().settings().recipients)
    keys = ["the recovery kit"] if found.has_kit else []
    keys += [*found.names, *(f"the older key {each}" for each in found.old_keys)]
    return f"encrypted for {' and '.join(keys)}"


@backup.command()
@click.argument("backup_id", metavar="ID")
@click.option("--from", "destination_id", metavar="ID", default="", help="Destination to use.")
@json_option
@handle_backup_errors
def fetch(backup_id: str, destination_id: str, *, as_json: bool) -> None:
    """Download a copy of a backup that is elsewhere.

    The copy is verified and listed as the backup that it was. Prints its id.

    \b
    Examples:
      flask backup fetch 20261122T170000Z-k3f9q2
      flask backup fetch 20261122T170000Z-k3f9q2 --from backblaze
    """
    fetched = fetch_copy(backup_id, destination_id)
    print_result(fetched, fetched.id, as_json=as_json)


def _good_here(backup_id: str) -> Backup | None:
    """Return the backup of this id if it is here and good: a download would bring nothing."""
    with contextlib.suppress(BackupError):
        found = current_backups().get(backup_id)
        if found.is_good and not found.is_of_unknown_origin:
            say(f"{found.id} is already here, so nothing was downloaded.")
            return found
    return None


def fetch_copy(backup_id: str, destination_id: str = "") -> Backup:
    """Return a backup after its download from a destination with a good copy, a folder first.

    One that is here already is not downloaded.

    Raises:
        Failure, BackupError: it could not be downloaded.
    """
    from launcher.cli.offsite_failures import (  # noqa: PLC0415  (imports SQLAlchemy)
        DamagedFailure,
        NotFoundFailure,
        offsite_errors,
    )

    with offsite_errors():
        if destination_id:
            current_offsite().find(destination_id)
        if here := _good_here(backup_id):
            return here
        found = [
            (place, copy)
            for place, copy in copies_elsewhere().get(backup_id, ())
            if copy.state is CopyState.GOOD and destination_id in {"", place.id}
        ]
        if not found:
            hint = "`flask destination copies ID` lists the copies at a destination."
            raise NotFoundFailure(f"no good copy of {backup_id} is known", hint=hint)
        place, copy = min(found, key=lambda each: fetch_order(each[0]))
        say(f"Downloading {copy.id} from {place.name} ({size(copy.size_bytes)}).")
        try:
            with bars() as on_progress:
                return current_offsite().fetch(
                    place.id, copy.id, by=typist(), on_progress=on_progress
                )
        except VerificationError as error:
            raise DamagedFailure(str(error), hint=_instead_of(place, backup_id)) from error


def _instead_of(damaged: Destination, backup_id: str) -> str:
    """Return what can be used instead of a damaged copy."""
    for place, copy in copies_elsewhere().get(backup_id, ()):
        if copy.state is CopyState.GOOD and place.id != damaged.id:
            return f"`flask backup fetch {backup_id} --from {place.id}` takes the copy there."
    return "No other place has a good copy. Use another backup: `flask backup list` lists them."


def fetch_if_elsewhere(reference: str) -> None:
    """Download the backup of this id if it is not here and has a good copy elsewhere."""
    if reference == LATEST:
        return
    try:
        current_backups().get(reference)
    except BackupNotFoundError:
        if only_elsewhere((), {reference: copies_elsewhere().get(reference, ())}):
            fetch_copy(reference)
    except BackupError:
        return
