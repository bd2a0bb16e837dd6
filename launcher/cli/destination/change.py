"""Change a destination, pause it, and remove it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import click

from launcher.cli.destination.facts import facts_of
from launcher.cli.destination.group import destination
from launcher.cli.destination.rules import rule_options, with_rules
from launcher.cli.destination.trials import require_test
from launcher.cli.offsite_failures import keep_entry, offsite_errors
from launcher.cli.output import print_json, say
from launcher.cli.place_options import place_options, read_place
from launcher.cli.recovery_kit import say_not_in_kit
from launcher.cli.shell import json_option, require_word, typist, yes_option
from launcher.current import current_offsite
from launcher.offsite import audit
from launcher.offsite.addresses import address_of, full_address
from launcher.offsite.kept_secrets import with_kept_secrets
from launcher.offsite.records import Destination, Service


@destination.command("set")
@click.argument("destination_id", metavar="ID")
@click.option("--name", help="New name. The id remains.")
@click.option("--address", help="New address, as for `add`.")
@click.option("--new-secret", is_flag=True, help="Ask for new secrets.")
@click.option(
    "--clear-secret",
    "cleared",
    metavar="NAME",
    multiple=True,
    help="Forget a stored secret (repeatable). `show` lists them.",
)
@place_options
@rule_options
@click.option("--no-test", is_flag=True, help="Save it without a test.")
@json_option
def set_(
    destination_id: str,
    name: str | None,
    address: str | None,
    *,
    new_secret: bool,
    cleared: tuple[str, ...],
    no_test: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Change the given options of a destination.

    Secrets are kept unless new ones are given, or the server is another one. A new address or
    access is tested first.

    \b
    Examples:
      flask destination set nas --keep mirror
      flask destination set backblaze --new-secret
      flask destination set storage-box --clear-secret pass --option key_file=/srv/id_ed25519
      flask destination set storage-box --limit 4 --stale-after 48
    """
    with offsite_errors():
        entered = current_offsite().settings()
        before = current_offsite().find(destination_id)
        changed = with_rules(replace(before, name=name or before.name), **given)
        _require_stored(before, cleared)
        changed = _moved(changed, address, asks=new_secret, cleared=cleared, given=given)
        is_moved = (changed.options, changed.secrets) != (before.options, before.secrets)
        if changed == before:
            say("No changes to save.")
            return
        current_offsite().require_valid(changed)
        if is_moved:
            changed = require_test(changed, skips=no_test, cleared=cleared)
        saved = current_offsite().change(changed, by=typist(), seen=before, cleared=cleared)
    keep_entry(audit.record_changed, before, saved)
    keep_entry(audit.record_first_key, entered, current_offsite().settings())
    say(f"Destination {saved.name} saved.")
    say_not_in_kit()
    if as_json:
        print_json(facts_of(saved))


def _require_stored(known: Destination, names: Collection[str]) -> None:
    """Refuse to clear a secret that is not stored.

    Raises:
        click.UsageError
    """
    for each in names:
        if each not in known.secrets:
            stored = ", ".join(sorted(known.secrets)) or "none"
            raise click.UsageError(f"There is no stored secret {each!r}. Stored: {stored}.")
        if known.service is Service.S3:
            raise click.UsageError("S3 needs both secrets. --new-secret asks for new ones.")


def _moved(
    known: Destination,
    address: str | None,
    *,
    asks: bool,
    cleared: Collection[str],
    given: Mapping[str, Any],
) -> Destination:
    """Return a destination with the address, options and secrets that were given."""
    place = read_place(address or address_of(known), asks=False, **given)
    if place.service is not known.service:
        raise click.UsageError("A destination remains of its kind. Add another one instead.")
    secrets = place.secrets
    if asks:
        secrets = read_place(address or address_of(known), **given).secrets
    elif given["key_id"] is None and given["secret_file"] is None:
        secrets = {}  # variables of AWS are for a new destination
    options = {**known.options, **place.options}
    entered = replace(known, options=options, secrets=secrets)
    return with_kept_secrets(entered, known, cleared=cleared)


@destination.command("pause")
@click.argument("destination_id", metavar="ID")
def pause(destination_id: str) -> None:
    """Stop copying to a destination until `resume`."""
    _set_paused(destination_id, paused=True)


@destination.command("resume")
@click.argument("destination_id", metavar="ID")
def resume(destination_id: str) -> None:
    """Copy to a paused destination again."""
    _set_paused(destination_id, paused=False)


def _set_paused(destination_id: str, *, paused: bool) -> None:
    with offsite_errors():
        known = current_offsite().find(destination_id)
        if known.paused == paused:
            say(f"{known.name} is {'paused' if paused else 'not paused'} already.")
            return
        current_offsite().set_paused(known.id, is_paused=paused)
    keep_entry(audit.record_paused, known, is_paused=paused)
    say(f"{known.name} paused." if paused else f"{known.name} resumed.")


@destination.command("remove")
@click.argument("destination_id", metavar="ID")
@yes_option
def remove(destination_id: str, *, yes: bool) -> None:
    """Remove a destination. Its copies remain where they are.

    \b
    Examples:
      flask destination remove nas
    """
    with offsite_errors():
        known = current_offsite().find(destination_id)
    if not yes:
        secrets = ", with its secrets" if known.secrets else ""
        say(f"{known.name} will be removed{secrets}.")
        say(f"The copies remain at {full_address(known)}. `flask backup recover` can restore them.")
        require_word("remove")
    with offsite_errors():
        current_offsite().remove(known.id, by=typist())
    keep_entry(audit.record_removed, known)
    say(f"{known.name} removed. Its copies remain at {full_address(known)}.")
