"""Destinations and their copies, without asking any service."""

from __future__ import annotations

from collections.abc import Sequence

import click

from launcher.cli.destination.facts import copy_facts, read_status, status_facts
from launcher.cli.destination.group import destination
from launcher.cli.offsite_failures import offsite_errors
from launcher.cli.offsite_words import (
    CONFIRMATIONS,
    KITS,
    PLACES,
    STANDINGS,
    WORKS,
    places_words,
    trouble_words,
)
from launcher.cli.output import moment, one_line, print_json, print_table, put, say, size
from launcher.cli.recovery_kit import say_not_in_kit
from launcher.cli.shell import json_option
from launcher.current import current_offsite
from launcher.offsite.addresses import address_of, full_address, other_options
from launcher.offsite.records import (
    BYTES_S_OF_MBIT,
    CopyState,
    Destination,
    KeepRule,
    LastTrouble,
    Replaced,
    StoredCopy,
)
from launcher.offsite.status import DestinationStatus, KitState, OffsiteStatus, confirmation_of

_NAMED = 5


@destination.command("list")
@json_option
@offsite_errors()
def list_(*, as_json: bool) -> None:
    """List destinations: status, copies, what is not copied yet."""
    status = read_status()
    if as_json:
        print_json(
            {
                "destinations": [status_facts(each) for each in status.destinations],
                "places": status.places,
                "kit": status.kit,
            }
        )
        return
    if not status.destinations:
        say("No destinations. `flask destination add NAME ADDRESS` adds one.")
        return
    heading = ("ID", "NAME", "ADDRESS", "PLACE", "STATUS", "COPIES", "NEWEST GOOD COPY", "WAITING")
    print_table([heading, *map(_row, status.destinations)])
    _say_places(status)


def _row(status: DestinationStatus) -> tuple[str, ...]:
    found = status.destination
    newest = status.newest_good
    return (
        found.id,
        found.name,
        full_address(found),
        PLACES[found.place],
        _standing_words(status),
        str(len(status.ledger.copies)),
        moment(newest.backup.created_at) if newest else "none",
        f"{len(status.owed)} ({size(status.owed_bytes)})" if status.owed else "none",
    )


def _standing_words(status: DestinationStatus) -> str:
    words = STANDINGS[status.standing]
    return f"{words}, {len(status.damaged)} damaged or missing" if status.damaged else words


def _say_places(status: OffsiteStatus) -> None:
    say()
    say(f"{places_words(status.places)}. Recovery kit: {KITS[status.kit]}.")
    if status.kit is KitState.UNCONFIRMED:
        say("`flask recovery-kit confirm` confirms it.")
    say_not_in_kit()


@destination.command("show")
@click.argument("destination_id", metavar="ID")
@json_option
@offsite_errors()
def show(destination_id: str, *, as_json: bool) -> None:
    """Show one destination: address, rules, status, last failure."""
    found = _find(destination_id)
    if as_json:
        print_json(status_facts(found))
        return
    for name, text in _pairs(found):
        if text:
            put(f"{name + ':':<18} {one_line(text)}")


def _find(destination_id: str) -> DestinationStatus:
    known = current_offsite().find(destination_id)
    found = read_status().find(known.id)
    assert found is not None  # noqa: S101 (just found)
    return found


def _pairs(status: DestinationStatus) -> Sequence[tuple[str, str]]:
    known, ledger = status.destination, status.ledger
    confirmation = confirmation_of(known, ledger)
    options = (f"{name}={value}" for name, value in other_options(known).items())
    deletes = {None: "not tested yet", True: "yes", False: "no, which protects your copies"}
    return (
        ("Destination", f"{known.name} ({known.id})"),
        ("Address", address_of(known)),
        ("Options", ", ".join(options)),
        ("Secrets", ", ".join(sorted(known.secrets))),
        ("Place", PLACES[known.place]),
        ("Encrypted", "yes" if known.encrypt else "no"),
        ("Types", ", ".join(sorted(known.kinds))),
        ("Keep", _keep_words(known)),
        ("Upload limit", _limit_words(known)),
        ("May delete", deletes[known.may_delete]),
        ("Status", _standing_words(status)),
        ("Working on", _progress_words(status)),
        ("Copies", f"{len(ledger.copies)}, {size(sum(c.size_bytes for c in ledger.copies))}"),
        ("Confirmed by", CONFIRMATIONS[confirmation] if confirmation else ""),
        ("Newest good copy", _newest_words(status)),
        ("Too old", f"from {moment(status.stale_at)}" if status.stale_at else ""),
        ("Waiting", f"{len(status.owed)}, {size(status.owed_bytes)}" if status.owed else "none"),
        ("Origin confirmed", _origin_words(ledger.copies)),
        ("Damaged", ", ".join(copy.id for copy in status.damaged)),
        ("Copied again", _all_replaced_words(ledger.replaced)),
        ("Only there", ", ".join(copy.id for copy in status.only_here)),
        ("Need an old key", str(status.needs_old_key or "")),
        ("Of other origin", _strange_words(ledger.strange, ledger.strange_count)),
        ("Free space", size(ledger.free_bytes) if ledger.free_bytes is not None else ""),
        ("Last listed", moment(ledger.listed_at)),
        ("Not read", _trouble_words(ledger.read_trouble)),
        ("Last failure", _trouble_words(status.trouble)),
        ("Next try", moment(status.trouble.next_try_at) if status.trouble else ""),
    )  # fmt: skip


def _keep_words(known: Destination) -> str:
    """Return what is kept there; by own numbers, with the numbers."""
    words = known.keep.value.replace("_", " ")
    if known.keep is not KeepRule.OWN or known.policy is None:
        return words
    policy = known.policy
    counts = {
        "last": policy.keep_count,
        "daily": policy.keep_daily,
        "weekly": policy.keep_weekly,
        "monthly": policy.keep_monthly,
    }
    return f"{words}: " + ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _limit_words(known: Destination) -> str:
    """Return the limit in the unit of `--limit`, and in that of files; "" for none."""
    if not (limit := known.limit_bytes_s):
        return ""
    return f"{limit / BYTES_S_OF_MBIT:g} Mbit/s ({size(limit)} per second)"


def _newest_words(status: DestinationStatus) -> str:
    newest = status.newest_good
    return f"{moment(newest.backup.created_at)} {newest.id}" if newest else "none"


def _origin_words(copies: Sequence[StoredCopy]) -> str:
    """Return of how many copies a key of this site confirms the origin, "" where there are none."""
    confirmed = sum(bool(each.proved_by) for each in copies)
    if confirmed in {0, len(copies)}:
        return ("all" if confirmed else "none") if copies else ""
    return f"{confirmed} of {len(copies)}"


def _all_replaced_words(replaced: Sequence[Replaced]) -> str:
    more = f" and {len(replaced) - _NAMED} more" if len(replaced) > _NAMED else ""
    return ", ".join(map(_replaced_words, replaced[:_NAMED])) + more


def _replaced_words(replaced: Replaced) -> str:
    found = f" since {moment(replaced.bad_since)}" if replaced.bad_since else ""
    return f"{replaced.id} ({replaced.state}{found})"


def _strange_words(names: Sequence[str], count: int) -> str:
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return ", ".join(names) + more if names else ""


def _progress_words(status: DestinationStatus) -> str:
    if (progress := status.progress) is None:
        return ""
    share = f", {progress.done * 100 // progress.total} %" if progress.total else ""
    return f"{WORKS[progress.work]} {progress.backup_id}{share}"


def _trouble_words(last: LastTrouble | None) -> str:
    if last is None:
        return ""
    sentence, hint = trouble_words(last.trouble, last.facts)
    times = f", {last.count} times since {moment(last.since)}" if last.count > 1 else ""
    answer = f" (answer: {last.answer})" if last.answer else ""
    return f"{moment(last.at)}{times}: {sentence}{answer}. {hint}"


@destination.command("copies")
@click.argument("destination_id", metavar="ID")
@click.option("--damaged", is_flag=True, help="Only damaged and missing ones.")
@json_option
@offsite_errors()
def copies(destination_id: str, *, damaged: bool, as_json: bool) -> None:
    """List the copies at a destination, newest first.

    `flask backup fetch` downloads one.
    """
    found = [
        copy
        for copy in _find(destination_id).ledger.copies
        if not damaged or copy.state is not CopyState.GOOD
    ]
    if as_json:
        print_json([copy_facts(copy) for copy in found])
        return
    if not found:
        say("No copies are damaged." if damaged else "No copies yet.")
        return
    heading = ("ID", "CREATED", "TYPE", "SIZE", "STATUS", "ORIGIN", "COPIED", "VERIFIED THERE")
    print_table([heading, *map(_copy_row, found)])


def _copy_row(copy: StoredCopy) -> tuple[str, ...]:
    return (
        copy.id,
        moment(copy.backup.created_at),
        copy.backup.kind,
        size(copy.size_bytes),
        copy.state,
        "confirmed" if copy.proved_by else "not confirmed",
        moment(copy.copied_at),
        moment(copy.read_at),
    )
