"""Where the copies of one backup are, for its page: what is known of each, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from launcher.i18n.formats import isolated, listing
from launcher.i18n.locale import gettext as _
from launcher.i18n.offsite import PLACE_WORDS, short_key
from launcher.offsite.openers import openers
from launcher.offsite.records import CopyState, StoredCopy, fetch_order
from launcher.offsite.status import Confirmation, confirmation_of
from launcher.web.admin.backups.words import at_time
from launcher.web.admin.offsite.shown import ShownCopy, copy_at

if TYPE_CHECKING:
    from launcher.backup.records.backup import Backup
    from launcher.offsite.records import Destination, Recipient
    from launcher.offsite.status import DestinationStatus, OffsiteStatus


@dataclass(frozen=True, slots=True)
class CopyRow:
    """One backup at one destination: how its copy is, and what is known of it, in sentences."""

    copy: ShownCopy
    place: str
    facts: Sequence[str]


@dataclass(frozen=True, slots=True)
class CopiesOfBackup:
    """The copies of one backup.

    Attributes:
        rows: the destinations that have it, or will.
        only: what is to be known where good copies are in no other place than those it names, or
            nowhere else; "" otherwise.
    """

    rows: Sequence[CopyRow]
    only: str = ""


def copies_of_backup(
    backup: Backup, status: OffsiteStatus, *, now: datetime
) -> CopiesOfBackup | None:
    """Return the copies of a backup, None on a site without destinations."""
    if not status.destinations:
        return None
    recipients = status.settings.recipients
    rows, good_at = [], []
    for each in status.destinations:
        if (shown := copy_at(backup.id, each)) is None:
            continue
        copy = next((one for one in each.ledger.copies if one.id == backup.id), None)
        facts = _facts(copy, each, recipients, now=now) if copy else ()
        if copy and copy.state is CopyState.GOOD:
            good_at.append(isolated(each.destination.name))
            shown = replace(shown, word=_("Good copy"))
        rows.append(CopyRow(shown, str(PLACE_WORDS[each.destination.place]), facts))
    return CopiesOfBackup(rows, _only_words(backup, rows, good_at, status.destinations))


def nearest_copy(backup_id: str, status: OffsiteStatus) -> Destination | None:
    """Return where a backup that is not here is downloaded from, None where it is nowhere."""
    found = [
        each.destination
        for each in status.destinations
        if any(copy.id == backup_id for copy in each.only_here)
    ]
    return min(found, key=fetch_order, default=None)


def _only_words(
    backup: Backup,
    rows: Sequence[CopyRow],
    good_at: Sequence[str],
    destinations: Sequence[DestinationStatus],
) -> str:
    if good_at and backup.verification.fault:
        return _("The only good copy is at %(name)s.", name=listing(list(good_at)))
    if rows:
        return ""
    if not any(backup.kind in each.destination.kinds for each in destinations):
        return _("This backup is only here. Backups of this type are not copied to other places.")
    return _("This backup is only here. Retention keeps no copy of it in other places.")


def _facts(
    copy: StoredCopy, status: DestinationStatus, recipients: Sequence[Recipient], *, now: datetime
) -> Sequence[str]:
    facts = [_("Copied: %(when)s.", when=at_time(copy.copied_at, now=now))]
    if copy.state is CopyState.GOOD:
        facts.append(
            _("Read in full and verified: %(when)s.", when=at_time(copy.read_at, now=now))
            if copy.read_at
            else _confirmed_words(copy, status)
        )
    elif copy.bad_since:
        facts.append(_("Noticed: %(when)s.", when=at_time(copy.bad_since, now=now)))
    if copy.tested_at:
        facts.append(_("Restore tested: %(when)s.", when=at_time(copy.tested_at, now=now)))
    facts.append(_key_words(copy, recipients))
    return facts


def _confirmed_words(copy: StoredCopy, status: DestinationStatus) -> str:
    """Return what is known of a copy that was not read, as `confirmation_of` has it."""
    if not copy.is_confirmed:
        return _("The size was confirmed. Not read in full yet.")
    if confirmation_of(status.destination, status.ledger) is Confirmation.DISK:
        return _("The size on the disk was confirmed. Not read in full yet.")
    return _("Size and checksum were confirmed. Not read in full yet.")


def _key_words(copy: StoredCopy, recipients: Sequence[Recipient]) -> str:
    """Return who can open a copy."""
    if not copy.recipients:
        return _("Not encrypted.")
    found = openers(copy, recipients)
    keys = [_("the recovery kit")] if found.has_kit else []
    keys += [isolated(_short_where_key(each)) for each in found.names]
    keys += [_("the older key %(key)s", key=isolated(short_key(each))) for each in found.old_keys]
    return _("Encrypted for %(keys)s.", keys=listing(keys))


def _short_where_key(name: str) -> str:
    """Return a key that has no name as a person compares it."""
    return short_key(name) if name.startswith("age1") else name
