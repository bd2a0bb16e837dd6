"""How the copies stand, from files alone: no service is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from launcher.backup.records.backup import OWN_KINDS, Backup, Listing, good_ones
from launcher.backup.service import BackupService
from launcher.offsite.errors import OffsiteError
from launcher.offsite.files import OffsiteFiles
from launcher.offsite.keys import KeyFile
from launcher.offsite.ledger import LedgerFile, ProgressFile
from launcher.offsite.mounts import device_of
from launcher.offsite.owed import Rules, newest_good, owed, removable
from launcher.offsite.records import (
    CopyState,
    Destination,
    Destinations,
    Ledger,
    Place,
    Recipient,
    Service,
    StoredCopy,
)
from launcher.offsite.status import (
    CopyProgress,
    DestinationStatus,
    KitState,
    OffsiteStatus,
    Places,
    Standing,
)
from launcher.offsite.troubles import Trouble
from launcher.settings.table import SiteSettings

_LATER = timedelta(hours=24)
"""By how much the newest copy may be older than the newest backup here."""

_NO_PLACE = {Trouble.SAME_DISK, Trouble.OVERLAPS}
_DECIDED_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class _Decided:
    """What was found of one destination, and from what: it stands while that is the same."""

    listing: Listing
    ledger: Ledger
    destination: Destination
    settings: SiteSettings
    recipients: tuple[Recipient, ...]
    at: datetime
    owed: tuple[Backup, ...]
    newest_good: StoredCopy | None
    only_here: Sequence[StoredCopy]
    damaged: Sequence[StoredCopy]
    needs_old_key: int
    has_removable: bool

    def stands(self, other: tuple[object, ...], now: datetime) -> bool:
        listing, ledger, *rest = other
        return (
            self.listing is listing
            and self.ledger is ledger
            and [self.destination, self.settings, self.recipients] == rest
            and timedelta() <= now - self.at < _DECIDED_FOR
        )


class StandingReader:
    """Reads how all destinations stand; what has not changed is not decided again."""

    def __init__(self, files: OffsiteFiles, backups: BackupService) -> None:
        self._files = files
        self._backups = backups
        self._keys = KeyFile(files)
        self._ledgers: dict[str, LedgerFile] = {}
        self._decided: dict[str, _Decided] = {}

    def ledger(self, destination_id: str) -> Ledger:
        """Return what is known of the copies at one destination."""
        return self._ledger_file(destination_id).read()

    def read(
        self, entered: Destinations, site: SiteSettings, listing: Listing, *, now: datetime
    ) -> OffsiteStatus:
        """Return how all of it stands beside these backups here."""
        ids = {each.id for each in entered.destinations}
        for known in [*self._ledgers]:
            if known not in ids:  # removed, and perhaps added again under the same name
                self._ledgers.pop(known, None)
                self._decided.pop(known, None)
        found = [
            self._status_of(each, entered, listing, site, now=now) for each in entered.destinations
        ]
        return OffsiteStatus(
            settings=entered,
            destinations=found,
            kit=kit_state(entered, self._keys) if _is_encrypted(found) else KitState.NONE,
            places=self._places(listing, found, now=now),
        )

    def _ledger_file(self, destination_id: str) -> LedgerFile:
        if destination_id not in self._ledgers:
            self._ledgers[destination_id] = LedgerFile(self._files, destination_id)
        return self._ledgers[destination_id]

    def _status_of(
        self,
        destination: Destination,
        entered: Destinations,
        listing: Listing,
        site: SiteSettings,
        *,
        now: datetime,
    ) -> DestinationStatus:
        ledger = self._ledger_file(destination.id).read()
        of = (listing, ledger, destination, site, entered.recipients)
        decided = self._decided.get(destination.id)
        if decided is None or not decided.stands(of, now):
            decided = self._decided[destination.id] = _decide(*of, now=now)
        stale_at = _stale_at(destination, decided, site)
        progress = ProgressFile(self._files, destination.id).read()
        return DestinationStatus(
            destination=destination,
            ledger=ledger,
            standing=_standing(destination, decided, stale_at, progress, now=now),
            owed=decided.owed,
            owed_bytes=sum(each.file.size_bytes for each in decided.owed if each.file),
            newest_good=decided.newest_good,
            stale_at=stale_at,
            progress=progress,
            only_here=decided.only_here,
            damaged=decided.damaged,
            needs_old_key=decided.needs_old_key,
            has_removable=decided.has_removable,
        )

    def _places(
        self, listing: Listing, found: Sequence[DestinationStatus], *, now: datetime
    ) -> Places:
        own = [each for each in listing.backups if each.kind in OWN_KINDS]
        newest = next(iter(good_ones(own, now=now)), None)
        here = 0 if newest is None else 1
        devices = {device_of(self._files.data_dir)}
        if newest is not None:
            devices.add(device_of(self._backups.store_path))
        elsewhere = [
            each.newest_good.backup.created_at
            for each in found
            if each.newest_good and not _is_here(each, devices)
        ]
        holders = [each for each in found if _holds(each, newest, now=now)]
        counted = [each for each in holders if not _is_left_behind(each, newest)]
        copies = here + len(counted)
        return Places(
            copies=copies,
            places=_places_of(counted, devices) if copies else 0,
            off_site=sum(each.destination.place is Place.OFF_SITE for each in counted),
            on_one_disk=_places_of(holders, devices) <= 1,
            newest_at=max(elsewhere, default=None),
        )


def _is_encrypted(found: Sequence[DestinationStatus]) -> bool:
    """Whether there are encrypted copies, or will be."""
    return any(
        each.destination.encrypt or any(copy.recipients for copy in each.ledger.copies)
        for each in found
    )


def kit_state(entered: Destinations, keys: KeyFile) -> KitState:
    """Return how the recovery kit stands."""
    newest = newest_own(entered)
    if newest is None:
        return KitState.NONE
    try:
        known = {each.public_key for each in keys.read()}
    except OffsiteError:
        known = set()
    if newest.public_key not in known:
        return KitState.KEY_MISSING
    is_confirmed = entered.kit_confirmed_key == newest.public_key
    return KitState.CONFIRMED if is_confirmed else KitState.UNCONFIRMED


def newest_own(entered: Destinations) -> Recipient | None:
    """Return the key of the kit: the newest one whose secret key is here; they are newest first."""
    return next((each for each in entered.recipients if each.is_own), None)


def _decide(
    listing: Listing,
    ledger: Ledger,
    destination: Destination,
    site: SiteSettings,
    recipients: tuple[Recipient, ...],
    *,
    now: datetime,
) -> _Decided:
    own = next((each.public_key for each in recipients if each.is_own), "")
    good = [each for each in ledger.copies if each.state is CopyState.GOOD]
    rules = Rules(site.policy, site.zone, now)
    return _Decided(
        listing,
        ledger,
        destination,
        site,
        recipients,
        now,
        owed=owed(listing.backups, ledger.copies, destination, rules),
        newest_good=newest_good(ledger.copies, now=now),
        only_here=tuple(each for each in good if each.id not in listing.by_id),
        damaged=tuple(each for each in ledger.copies if each.state is not CopyState.GOOD),
        needs_old_key=sum(bool(each.recipients) and own not in each.recipients for each in good),
        has_removable=destination.may_delete is not False
        and bool(removable(listing.backups, ledger.copies, destination, rules)),
    )


def _stale_at(destination: Destination, decided: _Decided, site: SiteSettings) -> datetime | None:
    """Return when the newest good copy is too old; None where there is nothing newer to copy.

    Where backups are rare, the copy may be as old as they are, and a day is enough for a new one.
    Where there are none, or their folder is away, the copy is all there is, and grows old.
    """
    newest = decided.newest_good
    missed = [
        each.created_at
        for each in decided.owed
        if newest is None or each.created_at > newest.backup.created_at
    ]
    has_backups = any(each.is_good for each in decided.listing.backups)
    if has_backups and not missed:
        return None
    allowed = timedelta(hours=destination.stale_after_h) or site.stale_after + _LATER
    if newest is None:
        return destination.added_at + allowed if destination.added_at else None
    due = [each + min(allowed, _LATER) for each in missed]
    return max([newest.backup.created_at + allowed, *due[-1:]])


def _standing(
    destination: Destination,
    decided: _Decided,
    stale_at: datetime | None,
    progress: CopyProgress | None,
    *,
    now: datetime,
) -> Standing:
    if destination.paused:
        return Standing.PAUSED
    if stale_at is not None and now >= stale_at:
        return Standing.STALE
    if progress is not None and decided.owed:
        return Standing.COPYING
    if decided.ledger.trouble is not None:
        return Standing.BEHIND
    return Standing.WAITING if decided.owed else Standing.UP_TO_DATE


def _holds(status: DestinationStatus, newest: Backup | None, *, now: datetime) -> bool:
    """Whether a destination counts: its newest good copy is new enough, and not on the data's disk.

    The last run knows of the disk: a page asks no folder that may hang.
    """
    copy, trouble = status.newest_good, status.trouble
    if copy is None or (trouble is not None and trouble.trouble in _NO_PLACE):
        return False
    is_newest = newest is not None and copy.id == newest.id
    return is_newest or status.stale_at is None or now < status.stale_at


def _is_left_behind(status: DestinationStatus, newest: Backup | None) -> bool:
    """Whether the newest backup is not copied to a destination, since that is paused."""
    if not status.owed or (newest and status.newest_good and status.newest_good.id == newest.id):
        return False
    return status.destination.paused


def _places_of(holders: Iterable[DestinationStatus], devices: set[int | None]) -> int:
    """Return in how many places copies are that are also on these devices of this server."""
    found, others = set(devices), 0
    for each in holders:
        if each.destination.place is not Place.THIS_SERVER:
            others += 1
        elif (device := _folder_device(each.destination)) is not None:
            found.add(device)
    return len(found) + others


def _is_here(status: DestinationStatus, devices: set[int | None]) -> bool:
    """Whether a destination is no other place than these devices of this server."""
    if status.trouble is not None and status.trouble.trouble in _NO_PLACE:
        return True
    if status.destination.place is not Place.THIS_SERVER:
        return False
    device = _folder_device(status.destination)
    return device is None or device in devices


def _folder_device(destination: Destination) -> int | None:
    if destination.service is not Service.FOLDER:
        return None
    return device_of(Path(destination.options.get("path", "")))
