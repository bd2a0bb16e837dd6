"""The recovery kit: what a person needs on a bare machine, without any password of a service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from launcher.offsite.addresses import KIT_FILE, address_of, recover_command
from launcher.offsite.keys import OwnKey, identity_lines
from launcher.offsite.records import Destination


@dataclass(frozen=True, slots=True)
class Kit:
    """The recovery kit.

    `text` is the file `kit.txt`: comments, and the secret keys in the form that `age -i` reads,
    the newest first. Older ones open the copies that were created before it.
    """

    site_name: str
    public_key: str
    secret_key: str = field(repr=False)
    created_at: datetime
    destinations: Sequence[Destination]
    commands: Sequence[str]
    text: str = field(repr=False)


def make_kit(
    keys: Sequence[OwnKey],
    destinations: Sequence[Destination],
    *,
    site_name: str,
    created_at: datetime,
) -> Kit:
    """Return the kit of the first of `keys`, which are newest first."""
    newest, *older = keys
    commands = [recover_command(each) for each in destinations]
    lines = [f"Launcher recovery kit for {site_name}", ""]
    lines += ["Where the copies are:"]
    for destination, command in zip(destinations, commands, strict=True):
        lines += [f"  {destination.name}: {address_of(destination)}", f"    {command}"]
    lines += ["", "One copy opens without Launcher, too:"]
    lines += [f"  age -d -i {KIT_FILE} COPY.db.zst.age | zstd -d > launcher.db", ""]
    lines += ["After the recovery, add the destination again, and save and confirm the new kit."]
    lines += ["Keep this one as long as you need the old copies.", ""]
    head = "".join(f"{_comment(line)}\n" for line in lines)
    text = head + identity_lines(newest)
    if older:
        text += "\n# For copies that were created before:\n" + "\n".join(map(identity_lines, older))
    return Kit(
        site_name=site_name,
        public_key=newest.public_key,
        secret_key=newest.identity.secret_key,
        created_at=created_at,
        destinations=destinations,
        commands=commands,
        text=text,
    )


def _comment(line: str) -> str:
    """Return a line as a comment; a name in it may hold anything, and stays on its line."""
    shown = "".join(each if each.isprintable() else " " for each in line)
    return f"# {shown}".rstrip()
