"""The recovery kit: what a person needs on a bare machine, without any password of a service."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from launcher.offsite.addresses import KIT_FILE, address_of, recover_command
from launcher.offsite.keys import LAST_CHARACTERS, OwnKey, identity_lines
from launcher.offsite.records import Destination, Destinations


@dataclass(frozen=True, slots=True)
class Kit:
    """The recovery kit.

    `text` is the file `kit.txt`: comments, and the secret keys in the form that `age -i` reads,
    the newest last. `older` ones, newest first, open the copies that were created before it.
    """

    site_name: str
    public_key: str
    secret_key: str = field(repr=False)
    created_at: datetime
    destinations: Sequence[Destination]
    commands: Sequence[str]
    text: str = field(repr=False)
    older: Sequence[OwnKey] = field(default=(), repr=False)


def make_kit(
    keys: Sequence[OwnKey],
    destinations: Sequence[Destination],
    *,
    site: str,
    site_name: str,
    created_at: datetime,
) -> Kit:
    """Return the kit of the first of `keys`, which are newest first."""
    newest, *older = keys
    commands = [recover_command(each, site=site) for each in destinations]
    lines = [f"Launcher recovery kit for {site_name}", ""]
    lines += ["Install Launcher on the new machine. Its file docs/off-site.md says more."]
    lines += ["Then enter the command below, or choose “From another place” on the setup page"]
    lines += ["of the new server. A storage service also asks for its key ID and its secret or"]
    lines += ["password. They are not in this kit: keep them in your password manager.", ""]
    lines += ["Where the copies are:"]
    for destination, command in zip(destinations, commands, strict=True):
        lines += [f"  {destination.name}: {address_of(destination)}", f"    {command}"]
    lines += ["", "One copy opens without Launcher, too:"]
    lines += [f"  age -d -i {KIT_FILE} COPY.db.zst.age | zstd -d > launcher.db", ""]
    lines += ["After the recovery, add the destination again, and save and confirm the new kit."]
    lines += ["Keep this one as long as you need the old copies.", ""]
    text = "".join(f"{_comment(line)}\n" for line in lines)
    if older:
        text += "# Older keys, for copies that were created before the current one:\n"
        text += "\n".join(map(identity_lines, reversed(older))) + "\n"
    # Last, so that the end of the file is what the confirmation asks for.
    text += f"# The current key. Confirm the kit by its last {LAST_CHARACTERS} characters:\n"
    text += identity_lines(newest)
    return Kit(
        site_name=site_name,
        public_key=newest.public_key,
        secret_key=newest.identity.secret_key,
        created_at=created_at,
        destinations=destinations,
        commands=commands,
        text=text,
        older=older,
    )


def way_of(destination: Destination) -> str:
    """Return what differs once the kit says something else of how copies are recovered there."""
    return hashlib.sha256(recover_command(destination).encode()).hexdigest()[:16]


def ways_of(destinations: Sequence[Destination]) -> Mapping[str, str]:
    """Return what a kit that is confirmed now says of each destination, by its id."""
    return {each.id: way_of(each) for each in destinations}


def not_in_kit(entered: Destinations) -> Sequence[Destination]:
    """Return the destinations that the confirmed kit does not name as they are reached now.

    The key is the same, so that is no problem. A destination that was removed is none of them: its
    copies are still there, and the kit says where.
    """
    if (known := entered.kit_confirmed_ways) is None:
        return ()
    return [each for each in entered.destinations if known.get(each.id) != way_of(each)]


def _comment(line: str) -> str:
    """Return a line as a comment; a name in it may hold anything, and stays on its line."""
    shown = "".join(each if each.isprintable() else " " for each in line)
    return f"# {shown}".rstrip()
