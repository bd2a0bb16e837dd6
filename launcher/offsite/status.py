"""How the copies stand: what pages, commands, metrics and the judge show, from the same records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from launcher.backup.records.backup import Backup
from launcher.offsite.records import (
    Destination,
    Destinations,
    LastTrouble,
    Ledger,
    OneDisk,
    Service,
    StoredCopy,
)


class Standing(StrEnum):
    """How one destination stands, the worst last."""

    UP_TO_DATE = "up_to_date"
    PAUSED = "paused"
    WAITING = "waiting"  # something is owed, and no try has failed
    COPYING = "copying"
    BEHIND = "behind"  # the last try failed, and a good copy is still new enough
    STALE = "stale"  # no good copy that is new enough


class Work(StrEnum):
    """What a destination's process does at the moment."""

    LIST = "list"
    ENCRYPT = "encrypt"
    UPLOAD = "upload"
    READ = "read"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """What is done at a destination at the moment; `done` and `total` in bytes."""

    work: Work
    started_at: datetime
    backup_id: str = ""
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """One destination as it stands.

    Attributes:
        owed: backups here that it should have and has not, newest first; `owed_bytes` of them.
        newest_good: its newest good copy of an own kind, None where there is none.
        stale_at: when its newest good copy becomes too old; None while there is none newer to copy.
        only_here: copies whose backup is no longer here, newest first.
        needs_old_key: how many copies the newest own key does not open.
        has_removable: whether retention removes copies there at the next run.
    """

    destination: Destination
    ledger: Ledger
    standing: Standing
    owed: Sequence[Backup] = ()
    owed_bytes: int = 0
    newest_good: StoredCopy | None = None
    stale_at: datetime | None = None
    progress: CopyProgress | None = None
    only_here: Sequence[StoredCopy] = ()
    damaged: Sequence[StoredCopy] = ()
    needs_old_key: int = 0
    has_removable: bool = False

    @property
    def trouble(self) -> LastTrouble | None:
        """Why the last try failed, None where it went well."""
        return self.ledger.trouble


class Confirmation(StrEnum):
    """By what an upload is confirmed at a destination."""

    CHECKSUM = "checksum"  # and by its size
    CONTENT = "content"  # by a checksum where the service has one; small ones are read back at once
    DISK = "disk"  # a folder: by its size, once the disk is flushed
    READ_BACK = "read_back"  # by its size; then it is read back in full


def confirmation_of(destination: Destination, ledger: Ledger) -> Confirmation | None:
    """Return by what uploads are confirmed there; None where only the first copy will show it."""
    if destination.service is Service.FOLDER:
        return Confirmation.DISK
    if destination.service is Service.S3:
        return Confirmation.CHECKSUM
    ours = [each for each in ledger.copies if each.is_ours]
    if not ours:
        return None
    has_all = all(each.is_confirmed for each in ours)
    return Confirmation.CONTENT if has_all else Confirmation.READ_BACK


class KitState(StrEnum):
    """How the recovery kit stands."""

    NONE = "none"  # nothing is encrypted, so there is no key
    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    KEY_MISSING = "key_missing"  # copies are encrypted and the secret key is not in the data folder


@dataclass(frozen=True, slots=True)
class Places:
    """Where the data is safe: 3 copies, 2 places, one off-site.

    A destination counts while its newest good copy is new enough, so that the sum stays the same
    in the minutes between a backup and its copy, and while a service is away. One that is paused,
    while copies are owed to it, does not count.

    Attributes:
        copies: the newest good backup here and one at each destination; 0 where there is none.
        places: on how many devices they are: this server's disk is one, a store on another disk
            and each destination that is not on this server are others.
        off_site: how many of them are off-site.
        on_one_disk: all copies that are new enough would be lost with one disk.
        newest_at: the time of the newest backup with a good copy in another place, None without.
    """

    copies: int = 0
    places: int = 0
    off_site: int = 0
    on_one_disk: bool = False
    newest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OffsiteStatus:
    """All destinations as they stand.

    `is_unreadable`: `destinations.json` is damaged, so nothing is known, and nothing is copied.
    """

    settings: Destinations = field(default_factory=Destinations)
    destinations: Sequence[DestinationStatus] = ()
    kit: KitState = KitState.NONE
    places: Places = Places()
    is_unreadable: bool = False

    def find(self, destination_id: str) -> DestinationStatus | None:
        """Return the status of one destination, None where there is none of this id."""
        return next((d for d in self.destinations if d.destination.id == destination_id), None)

    def accepted(self, now: datetime) -> OneDisk | None:
        """Return who accepted that all copies are on one disk, None once the time is over."""
        one_disk = self.settings.one_disk
        is_over = one_disk is not None and one_disk.until is not None and one_disk.until <= now
        return None if is_over else one_disk

    def places_of(self, backup_id: str) -> Sequence[tuple[Destination, StoredCopy]]:
        """Return the copies of one backup, in the order of the destinations."""
        return [
            (status.destination, copy)
            for status in self.destinations
            for copy in status.ledger.copies
            if copy.id == backup_id
        ]
