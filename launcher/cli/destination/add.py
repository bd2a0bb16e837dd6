"""A new destination."""

from __future__ import annotations

from typing import Any

import click

from launcher.cli.destination.facts import facts_of
from launcher.cli.destination.group import destination
from launcher.cli.destination.rules import rule_options, with_rules
from launcher.cli.destination.trials import require_test
from launcher.cli.offsite_failures import keep_entry, offsite_errors
from launcher.cli.offsite_words import PLACES
from launcher.cli.output import print_result, say
from launcher.cli.place_options import place_options, read_place
from launcher.cli.recovery_kit import say_not_in_kit
from launcher.cli.shell import json_option, typist
from launcher.current import current_offsite
from launcher.offsite import audit
from launcher.offsite.nearness import assumed_place
from launcher.offsite.records import Destination, Service
from launcher.offsite.status import KitState


@destination.command("add")
@click.argument("name")
@click.argument("address")
@place_options
@rule_options
@click.option("--no-test", is_flag=True, help="Add it without a test.")
@json_option
def add(name: str, address: str, *, no_test: bool, as_json: bool, **given: Any) -> None:
    """Add a destination and print its id.

    ADDRESS is /a/folder, s3://BUCKET/FOLDER or rclone:TYPE:FOLDER. A small file is written there,
    read and deleted first. Copies start within a minute, the newest backup first.

    Secrets are asked for. For scripts: --secret-file, or AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY.

    \b
    Examples:
      flask destination add NAS /mnt/nas/launcher
      flask destination add Backblaze s3://ada-launcher/home \\
        --endpoint https://s3.eu-central-003.backblazeb2.com
      flask destination add "Storage box" rclone:sftp:launcher \\
        --option host=u123.your-storagebox.de --option user=u123 --option port=23
    """
    with offsite_errors():  # before secrets are asked for
        current_offsite().require_valid(Destination("", name, Service.FOLDER))
    place = read_place(address, **given)
    is_folder = place.service is Service.FOLDER
    entered = Destination(
        id="",
        name=name,
        service=place.service,
        place=assumed_place(place.service, place.options),
        options=place.options,
        secrets=place.secrets,
        encrypt=not is_folder,
    )
    entered = with_rules(entered, **given)
    with offsite_errors():
        current_offsite().require_valid(entered)
        tested = require_test(entered, skips=no_test)
        before = current_offsite().settings()
        added = current_offsite().add(tested, by=typist())
    keep_entry(audit.record_added, added, is_tested=not no_test)
    keep_entry(audit.record_first_key, before, current_offsite().settings())
    say(f"Destination {added.name} added. Place: {PLACES[added.place]}.")
    if not given["place"] and added.service is not Service.FOLDER:
        say("The address says so; `flask destination set ID --place PLACE` changes it.")
    if added.encrypt and current_offsite().keys.kit_state() is KitState.UNCONFIRMED:
        say("Without the recovery kit no one can open the copies there, not even you.")
        say("`flask recovery-kit save kit.txt` saves it. Then `flask recovery-kit confirm`.")
    say_not_in_kit()
    print_result(facts_of(added), added.id, as_json=as_json)
