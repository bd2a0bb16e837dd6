"""What a destination gets, keeps and warns of, as options of a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from launcher.backup.records.backup import OWN_KINDS, Kind
from launcher.backup.retention import RetentionPolicy
from launcher.offsite.records import BYTES_S_OF_MBIT, Destination, KeepRule, Place

PLACES = {
    "off-site": Place.OFF_SITE,
    "other-device": Place.OTHER_DEVICE,
    "this-server": Place.THIS_SERVER,
}
KEEPS = {
    "same-rules": KeepRule.SAME_RULES,
    "mirror": KeepRule.MIRROR,
    "own": KeepRule.OWN,
    "all": KeepRule.ALL,
}
_KINDS = sorted(kind.value for kind in {*OWN_KINDS, Kind.UPLOAD})
_COUNTS = {
    "keep_last": "keep_count",
    "keep_daily": "keep_daily",
    "keep_weekly": "keep_weekly",
    "keep_monthly": "keep_monthly",
}


def rule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that `with_rules` takes."""
    options = (
        click.option(
            "--place",
            type=click.Choice(list(PLACES)),
            help="Where it is. Default: as its address says.",
        ),
        click.option(
            "--encrypt/--no-encrypt",
            "encrypt",
            default=None,
            help="Encrypt copies. Default: yes, but for a folder.",
        ),
        click.option(
            "--type",
            "kinds",
            multiple=True,
            type=click.Choice(_KINDS),
            help="Backups to copy (repeatable). Default: manual, scheduled.",
        ),
        click.option(
            "--keep",
            type=click.Choice(list(KEEPS)),
            help="Keep copies by the rules of the schedule, as here, by own numbers, or all.",
        ),
        *(
            click.option(f"--{name.replace('_', '-')}", name, type=click.IntRange(0, 1000),
                         help="With --keep own.")
            for name in _COUNTS
        ),
        click.option("--limit", "limit_mbit_s", type=click.FloatRange(0, 100_000), metavar="MBIT",
                     help="Upload at most so many Mbit/s. 8 are 1 MB per second. 0: no limit."),
        click.option("--stale-after", "stale_after_h", type=click.IntRange(0), metavar="HOURS",
                     help="Warn if the newest copy is older. 0: automatic."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def with_rules(destination: Destination, **given: Any) -> Destination:
    """Return a destination with the rules that were given."""
    changes: dict[str, Any] = {}
    if given["place"]:
        changes["place"] = PLACES[given["place"]]
    if given["encrypt"] is not None:
        changes["encrypt"] = given["encrypt"]
    if given["kinds"]:
        changes["kinds"] = frozenset(map(Kind, given["kinds"]))
    if given["limit_mbit_s"] is not None:
        changes["limit_bytes_s"] = round(given["limit_mbit_s"] * BYTES_S_OF_MBIT)
    if given["stale_after_h"] is not None:
        changes["stale_after_h"] = given["stale_after_h"]
    counts = {field: given[name] for name, field in _COUNTS.items() if given[name] is not None}
    keep = KEEPS[given["keep"]] if given["keep"] else destination.keep
    if counts and keep is not KeepRule.OWN:
        raise click.UsageError("Numbers of copies need --keep own.")
    if counts.get("keep_count") == 0:
        raise click.UsageError("--keep-last is at least 1.")
    changes["keep"] = keep
    if keep is KeepRule.OWN:
        changes["policy"] = replace(destination.policy or RetentionPolicy(), **counts)
    return replace(destination, **changes)
