"""The words of copies in other places: places, states, tests, and what can be wrong.

A test walks every member of the enumerations, so that none is without words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from launcher.i18n.formats import duration, isolated, size
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.offsite.records import KeepRule, Place, Service
from launcher.offsite.status import Confirmation
from launcher.offsite.trial import Step
from launcher.offsite.troubles import Trouble

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString


@dataclass(frozen=True, slots=True)
class TroubleWords:
    """What is wrong with a destination, and what to do."""

    title: LazyString
    advice: LazyString


@dataclass(frozen=True, slots=True)
class StepWords:
    """A step of a test, before and after it."""

    ahead: LazyString
    done: LazyString


PLACE_WORDS: Mapping[Place, LazyString] = {
    Place.OFF_SITE: _("Off-site"),
    Place.OTHER_DEVICE: _("On another device"),
    Place.THIS_SERVER: _("On this server"),
}

SERVICE_WORDS: Mapping[Service, LazyString] = {
    Service.FOLDER: _("Folder"),
    Service.S3: _("S3"),
    Service.RCLONE: _("Other, with rclone"),
}

SERVICE_MEANINGS: Mapping[Service, LazyString] = {
    Service.FOLDER: _("A second disk, a USB disk or a mounted NAS"),
    Service.S3: _("Backblaze, Hetzner, AWS, MinIO and other S3 services"),
    Service.RCLONE: _("SFTP, WebDAV, SMB, Google Drive and many more"),
}

KEEP_RULE_WORDS: Mapping[KeepRule, LazyString] = {
    KeepRule.SAME_RULES: _("By the retention of the schedule"),
    KeepRule.MIRROR: _("As long as they are here"),
    KeepRule.OWN: _("By other numbers"),
    KeepRule.ALL: _("Keep all"),
}

STEP_WORDS: Mapping[Step, StepWords] = {
    Step.CONNECT: StepWords(_("Connect"), _("Connected")),
    Step.WRITE: StepWords(_("Write a test file"), _("Test file written")),
    Step.LIST: StepWords(_("List the files"), _("Files listed")),
    Step.READ: StepWords(_("Read the test file"), _("Read back, same content")),
    Step.DELETE: StepWords(_("Delete the test file"), _("Test file deleted")),
}

TROUBLE_WORDS: Mapping[Trouble, TroubleWords] = {
    Trouble.UNREACHABLE: TroubleWords(
        _("%(host)s does not answer"),
        _("Check that the service is running and that no firewall blocks the connection."),
    ),
    Trouble.REFUSED: TroubleWords(
        _("%(host)s refused the connection"),
        _("Check that the service is running and that the port is right."),
    ),
    Trouble.NAME_NOT_FOUND: TroubleWords(
        _("Name %(host)s not found"), _("Check the address and your DNS server.")
    ),
    Trouble.TIMED_OUT: TroubleWords(
        _("The service did not answer in time"),
        _("Try again. If this continues, check the network and the service."),
    ),
    Trouble.CERTIFICATE: TroubleWords(
        _("The certificate of the service is not trusted"),
        _("Renew the certificate, or enter the file of your certificate authority."),
    ),
    Trouble.NO_HTTPS: TroubleWords(_("This port does not speak HTTPS"), _("Try http://.")),
    Trouble.BROKEN_OFF: TroubleWords(
        _("The connection was interrupted"),
        _("Try again. If this continues, check the network and the service."),
    ),
    Trouble.BUSY: TroubleWords(_("The service is busy"), _("Try again in a few minutes.")),
    Trouble.UNKNOWN_KEY: TroubleWords(
        _("The service does not know this key ID"),
        _("Copy the key ID again, or create a new key at the service."),
    ),
    Trouble.WRONG_SECRET: TroubleWords(
        _("The secret is wrong"),
        _("Copy the secret again. If you no longer have it, create a new one at the service."),
    ),
    Trouble.DENIED: TroubleWords(
        _("The service refused access"),
        _("Allow writing, listing and reading for this key or user at the service."),
    ),
    Trouble.CLOCK: TroubleWords(
        _("The clocks are %(apart)s apart"), _("Set the clock of this server, then test again.")
    ),
    Trouble.HOST_KEY: TroubleWords(
        _("The server has a different host key (%(fingerprint)s)"),
        _(
            "Someone may intercept the connection. Compare the key at the server. If the server was"
            " replaced, clear the host key here and test again."
        ),
    ),
    Trouble.NO_BUCKET: TroubleWords(
        _("There is no bucket “%(bucket)s” at this endpoint"),
        _("Check the name, or create the bucket at the service."),
    ),
    Trouble.WRONG_REGION: TroubleWords(
        _("The bucket is in another region (%(region)s)"),
        _("Change the region, and the endpoint if it names one."),
    ),
    Trouble.WRONG_ADDRESS: TroubleWords(
        _("There is no such service at this address"), _("Check the address and the port.")
    ),
    Trouble.NOT_THERE: TroubleWords(
        _("“%(name)s” does not exist there"),
        _("Check the folder. If a copy was deleted there, Launcher copies it again."),
    ),
    Trouble.NOT_MOUNTED: TroubleWords(
        _("The folder is on the same disk as your data"),
        _("Check that the disk or the NAS is mounted at %(path)s."),
    ),
    Trouble.SAME_DISK: TroubleWords(
        _("The folder is on the same disk as your data"),
        _(
            "Check that the disk or the NAS is mounted at %(path)s. A folder on this disk has the "
            "place “On this server”."
        ),
    ),
    Trouble.OVERLAPS: TroubleWords(
        _("The folder overlaps with %(other)s"), _("Choose a folder outside of it.")
    ),
    Trouble.NOT_WRITABLE: TroubleWords(
        _("Launcher may not write to this folder"),
        _("Allow the user of Launcher to write to %(path)s."),
    ),
    Trouble.READ_ONLY: TroubleWords(
        _("The disk is read-only"), _("Check the disk, then mount %(path)s so that it is writable.")
    ),
    Trouble.FULL: TroubleWords(
        _("The destination is full"), _("Free some space there, or keep fewer copies.")
    ),
    Trouble.DIFFERENT: TroubleWords(
        _("The content that was read back is different"),
        _("Do not rely on copies there. Check the disk or ask the service."),
    ),
    Trouble.CUT_SHORT: TroubleWords(
        _("The content that was read back is incomplete"),
        _("Try again. If this continues, check the network and the service."),
    ),
    Trouble.NO_ANSWER_KNOWN: TroubleWords(
        _("The service gave an unexpected answer"),
        _("Check what you entered. The answer of the service may say more."),
    ),
    Trouble.NO_KEY: TroubleWords(
        _("No key on this server opens this copy"),
        _("Add the key that it was encrypted for to the file recovery_key."),
    ),
    Trouble.NO_ROOM: TroubleWords(
        _("The disk of this server is too full to read a copy"),
        _("Free some space on the disk of the data directory."),
    ),
    Trouble.NO_PROGRAM: TroubleWords(
        _("%(program)s is not installed on this server"),
        _("Install %(program)s, or choose another kind of destination."),
    ),
    Trouble.WRONG_OPTIONS: TroubleWords(
        _("An entry cannot be used (%(option)s)"), _("Check what you entered.")
    ),
}
"""Where a fact is not known, `_UNKNOWN` stands for it, or the title of `_WITHOUT_FACT`."""

_WITHOUT_FACT: Mapping[Trouble, tuple[str, LazyString]] = {
    Trouble.CLOCK: ("apart_s", _("The clocks are too far apart")),
    Trouble.HOST_KEY: ("fingerprint", _("The server has a different host key")),
    Trouble.NO_BUCKET: ("bucket", _("There is no such bucket at this endpoint")),
    Trouble.WRONG_REGION: ("region", _("The bucket is in another region")),
    Trouble.NOT_THERE: ("name", _("The folder or file does not exist there")),
    Trouble.WRONG_OPTIONS: ("option", _("An entry cannot be used")),
}

_UNKNOWN: Mapping[str, LazyString] = {
    "host": _("The service"),
    "path": _("this folder"),
    "other": _("another folder"),
    "program": _("A program"),
}

CONFIRMATION_WORDS: Mapping[Confirmation, LazyString] = {
    Confirmation.CHECKSUM: _("Uploads confirmed by size and checksum"),
    Confirmation.CONTENT: _("Uploads confirmed by size and content"),
    Confirmation.DISK: _("Uploads confirmed by size on the disk"),
    Confirmation.READ_BACK: _("Uploads confirmed by size, then read back"),
}

OFFSITE_ERROR_WORDS: Mapping[str, LazyString] = {
    "destination_not_found": _("This destination was removed."),
    "name_taken": _("There is already a destination with this name."),
    "place_taken": _("Another destination is the same place. Change that one, or choose a folder."),
    "copy_not_found": _("This copy is no longer there."),
    "wrong_characters": _(
        "These are not the last 4 characters. Read them from the paper or the saved file."
    ),
    "no_key": _("There is no key yet. Launcher creates it with the first encrypted destination."),
    "invalid_key": _("This is not a public key of age. It starts with “age1”."),
    "too_many_keys": _("Copies can be encrypted for 64 keys. Remove another key first."),
    "last_recipient": _("Without this key no one could open new copies."),
    "user_in_url": _(
        "A URL, a host and a bucket cannot contain a user or a password. Enter them in their own"
        " fields."
    ),
    "secret_option": _("A secret is among the options. Enter it among the secret options."),
    "test_running": _("Another test of a destination is running. Try again in a minute."),
    "secrets_needed": _("Enter the secrets again: the stored ones are for another server."),
    "invalid_option": _("This entry cannot be used."),
    "file_unreadable": _("The file destinations.json cannot be read."),
}
"""By the code of an `OffsiteError`."""

REFUSED_DELETE = _("Delete refused")
REFUSED_DELETE_MEANS = _(
    "This key may not delete. That is good: an intruder on this server cannot delete your copies."
)


def trouble_words(trouble: Trouble, facts: Mapping[str, object]) -> tuple[str, str]:
    """Return what is wrong and what to do, with the facts that are known."""
    words, shown = TROUBLE_WORDS[trouble], _shown(facts)
    title = words.title
    if trouble in _WITHOUT_FACT:
        needed, without = _WITHOUT_FACT[trouble]
        title = title if str(facts.get(needed) or "") else without
    text = str(words.advice) % shown
    if trouble in {Trouble.FULL, Trouble.NO_ROOM} and (space := space_words(facts)):
        text = f"{space} {text}"
    return str(title) % shown, text


def space_words(facts: Mapping[str, object]) -> str:
    """Return how much is free and how much is needed, "" where that is not known."""
    free, needed = facts.get("free_bytes"), facts.get("needed_bytes")
    if isinstance(free, int) and isinstance(needed, int):
        return gettext("%(free)s free, %(needed)s needed.", free=size(free), needed=size(needed))
    return ""


def short_key(public_key: str) -> str:
    """Return a public key as a person compares it: its first and last characters."""
    return f"{public_key[:6]}…{public_key[-4:]}" if len(public_key) > 12 else public_key


def _shown(facts: Mapping[str, object]) -> dict[str, str]:
    shown = {name: str(words) for name, words in _UNKNOWN.items()}
    shown |= dict.fromkeys(("apart", "bucket", "region", "name", "option", "fingerprint"), "")
    shown |= {name: isolated(str(fact)) for name, fact in facts.items() if str(fact)}
    apart_s = facts.get("apart_s")
    if isinstance(apart_s, int | float):
        shown["apart"] = duration(abs(apart_s))
    return shown
