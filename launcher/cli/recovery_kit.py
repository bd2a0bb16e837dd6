"""`flask recovery-kit`: the key that opens encrypted copies, and who else can open them."""

from __future__ import annotations

import os
import shlex
import sys
from itertools import chain, count
from pathlib import Path

import click
from flask.cli import AppGroup

from launcher.backup.errors import BackupError
from launcher.backup.files import create_new
from launcher.cli.failures import Failure
from launcher.cli.offsite_failures import keep_entry, offsite_errors
from launcher.cli.offsite_words import KITS
from launcher.cli.output import moment, print_json, print_table, put, say
from launcher.cli.shell import (
    json_option,
    read_current_settings,
    require_word,
    stdin_line,
    typist,
    yes_option,
)
from launcher.current import current_offsite
from launcher.offsite import audit
from launcher.offsite.addresses import KIT_FILE
from launcher.offsite.kit import Kit
from launcher.offsite.standing import newest_own

_EXAMPLES = """
\b
Examples:
  flask recovery-kit save kit.txt
  flask recovery-kit confirm
  flask backup recover s3://ada-launcher/home --key-file kit.txt
"""

recovery_kit = AppGroup(
    "recovery-kit",
    help=f"Save and confirm the key that opens encrypted copies.\n{_EXAMPLES}",
)


@recovery_kit.command("show")
@json_option
@offsite_errors()
def show(*, as_json: bool) -> None:
    """Print the recovery kit, with the secret key.

    Keep it outside of this server. It has no password of a storage service.
    """
    kit = _kit()
    keep_entry(audit.record_kit_shown)
    if as_json:
        print_json(
            {
                "site_name": kit.site_name,
                "created_at": kit.created_at,
                "public_key": kit.public_key,
                "secret_key": kit.secret_key,
                "commands": list(kit.commands),
                "state": current_offsite().keys.kit_state(),
                "not_in_saved_kit": [each.id for each in current_offsite().keys.not_in_kit()],
            }
        )
        return
    put(kit.text.rstrip("\n"))
    say_not_in_kit()


@recovery_kit.command("save")
@click.argument("path", type=click.Path(path_type=Path))
@offsite_errors()
def save(path: Path) -> None:
    """Save the recovery kit as a new file that only you can read.

    Prints the path. The file works with `flask backup recover --key-file` and with `age -d -i`.

    \b
    Examples:
      flask recovery-kit save /mnt/usb/kit.txt
    """
    if str(path) == "-":
        hint = "`flask recovery-kit show` prints the kit."
        raise click.UsageError(f"“-” is no file name. {hint}")
    text = _kit().text
    target = path / KIT_FILE if path.is_dir() else path
    try:
        with create_new(target) as file:
            file.write(text.encode())
    except FileExistsError:
        hint = f"Choose another name: `{_save_command(_free_name(target))}`."
        raise Failure(f"{target} exists", hint=hint) from None
    except OSError as error:
        raise Failure(f"{target} cannot be written: {error.strerror}") from error
    keep_entry(audit.record_kit_shown)
    say("Keep this file outside of this server, for example on paper or in a password manager.")
    say("Then run `flask recovery-kit confirm`.")
    put(target)


@recovery_kit.command("confirm")
def confirm() -> None:
    """Confirm the kit by the last 4 characters of its key.

    They are asked for, or read from stdin.
    """
    with offsite_errors():
        public_key = _kit().public_key
        if sys.stdin.isatty():
            characters = click.prompt("Last 4 characters of the secret key", err=True)
        else:
            characters = stdin_line("text")
        current_offsite().keys.confirm_kit(str(characters).strip(), by=typist())
    keep_entry(audit.record_kit_confirmed, public_key)
    say("Recovery kit confirmed.")


@recovery_kit.command("keys")
@json_option
@offsite_errors()
def keys(*, as_json: bool) -> None:
    """List the public keys that new copies are encrypted for."""
    settings = current_offsite().settings()
    state = current_offsite().keys.kit_state()
    if as_json:
        lacks = [each.id for each in current_offsite().keys.not_in_kit()]
        print_json({"keys": list(settings.recipients), "kit": state, "not_in_saved_kit": lacks})
        return
    if not settings.recipients:
        say("No keys. The first encrypted destination creates one.")
        return
    rows = [("PUBLIC KEY", "NAME", "ADDED")]
    for each in settings.recipients:
        name = "recovery kit" if each.is_own else each.label
        rows.append((each.public_key, name, moment(each.added_at)))
    print_table(rows)
    say(f"Recovery kit: {KITS[state]}.")
    say_not_in_kit()


@recovery_kit.command("new-key")
@yes_option
def new_key(*, yes: bool) -> None:
    """Create a new key for new copies. Prints its public key.

    Copies that are there already still need the older keys. The new kit has them too.
    """
    if not yes:
        say("New copies will need a new recovery kit. It opens the copies from before too.")
        require_word("new")
    with offsite_errors():
        before = newest_own(current_offsite().settings())
        public_key = current_offsite().keys.new_key(by=typist())
    keep_entry(audit.record_new_key, before.public_key if before else "", public_key)
    say(f"New key created. Save its kit now: `{_save_command(_free_name(Path(KIT_FILE)))}`.")
    put(public_key)


@recovery_kit.command("add-key")
@click.argument("public_key")
@click.argument("name")
def add_key(public_key: str, name: str) -> None:
    """Encrypt new copies for another public key as well.

    The owner of its secret key can open them. NAME says whose it is.

    \b
    Examples:
      flask recovery-kit add-key age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p Ben
    """
    with offsite_errors():
        current_offsite().keys.add_recipient(public_key, name, by=typist())
    keep_entry(audit.record_recipient, public_key, name, is_added=True)
    say(f"New copies are also encrypted for {name}.")


@recovery_kit.command("remove-key")
@click.argument("public_key")
def remove_key(public_key: str) -> None:
    """Encrypt new copies no longer for this public key.

    It still opens the copies from before.
    """
    with offsite_errors():
        current_offsite().keys.remove_recipient(public_key, by=typist())
    keep_entry(audit.record_recipient, public_key, "", is_added=False)
    say("New copies are no longer encrypted for this key. It still opens those from before.")


def say_not_in_kit() -> None:
    """Say which destinations the confirmed kit does not name; nothing where it names all."""
    names = [each.name for each in current_offsite().keys.not_in_kit()]
    if names:
        say(f"The kit you saved does not have the current address of {', '.join(names)}.")
        say("Its key is still the right one. `flask recovery-kit save` saves it again,")
        say("then `flask recovery-kit confirm`.")


def _free_name(path: Path) -> Path:
    """Return `path`, with a number where it exists: an older kit is never replaced."""
    names = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(each for each in chain([path], names) if not os.path.lexists(each))


def _save_command(path: Path) -> str:
    return shlex.join(["flask", "recovery-kit", "save", str(path)])


def _kit() -> Kit:
    try:
        site_name = read_current_settings().site_name
    except BackupError:
        site_name = "Launcher"
    return current_offsite().keys.kit(site_name=site_name)
