"""The verbs of copies elsewhere, for pages, commands and jobs alike."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from launcher.backup.files import discard, disk_errors, write_atomic
from launcher.backup.fingerprints import Fingerprint
from launcher.backup.ports import Clock, OnProgress, utc_now
from launcher.backup.records.backup import Backup, Listing
from launcher.backup.records.plan import RestorePlan
from launcher.backup.records.text import clean_note, readable
from launcher.backup.service import BackupService
from launcher.offsite.age import read_public_key
from launcher.offsite.due import is_due
from launcher.offsite.errors import OffsiteError
from launcher.offsite.files import OffsiteFiles, SettingsFile, new_site
from launcher.offsite.kept_secrets import with_kept_secrets
from launcher.offsite.keys import KeyFile
from launcher.offsite.kit import Kit, make_kit
from launcher.offsite.rclone_options import check_rclone
from launcher.offsite.records import (
    Destination,
    Destinations,
    Ledger,
    OneDisk,
    Recipient,
    Service,
    folders_of,
)
from launcher.offsite.restore_test import FarCopy, next_tested, restore_test
from launcher.offsite.standing import StandingReader, kit_state, newest_own
from launcher.offsite.status import KitState, OffsiteStatus
from launcher.offsite.trial import Trial, TrialStep, as_tested
from launcher.offsite.trial_run import as_tried, run_trial
from launcher.offsite.troubles import RemoteError
from launcher.settings.table import SiteSettings

__all__ = ["Kit", "OffsiteError", "OffsiteService"]

MAX_NAME = 60
_MAX_ID = 40


class OffsiteService:
    """Destinations, copies and keys of one installation. Built once, beside `BackupService`.

    It starts no thread and opens no connection: what talks to a service runs in a process of its
    own. Every method is cheap but `try_out` and `fetch`. One that changes something raises
    `OffsiteError("file_unreadable")` where `destinations.json` is damaged, and leaves it as it is,
    and `InsufficientSpaceError` or `StoreUnavailableError` where it cannot be written.
    """

    def __init__(self, data_dir: Path, backups: BackupService, *, clock: Clock = utc_now) -> None:
        self._files = OffsiteFiles(data_dir)
        self._backups = backups
        self._clock = clock
        self._entered = SettingsFile(self._files)
        self._keys = KeyFile(self._files)
        self._standing = StandingReader(self._files, backups)

    # --- what is there -------------------------------------------------------------------

    def settings(self) -> Destinations:
        """Return what is entered; an unreadable file raises `OffsiteError("file_unreadable")`."""
        return self._entered.read()

    def find(self, destination_id: str) -> Destination:
        """Return one destination, or raise `OffsiteError("destination_not_found")`."""
        return _find(self.settings(), destination_id)

    def ledger(self, destination_id: str) -> Ledger:
        """Return what is known of the copies at one destination."""
        return self._standing.ledger(self.find(destination_id).id)

    def status(self, site: SiteSettings, *, listing: Listing | None = None) -> OffsiteStatus:
        """Return how all of it stands, without asking any service.

        A damaged `destinations.json` is said in it, and raises nothing.

        Args:
            site: the settings, for retention and the age of copies.
            listing: the backups here, where the caller has read them.

        Raises:
            StoreUnavailableError: the backup folder cannot be read.
        """
        try:
            entered = self.settings()
        except OffsiteError:
            return OffsiteStatus(is_unreadable=True)
        here = self._backups.listing() if listing is None else listing
        return self._standing.read(entered, site, here, now=self._clock())

    def due(self, site: SiteSettings) -> Sequence[str]:
        """Return the destinations at which something is due and no process works.

        Cheap: it reads files again only where they have changed, and asks no service.

        Raises:
            StoreUnavailableError: the backup folder cannot be read.
        """
        now = self._clock()
        return [
            each.destination.id
            for each in self.status(site).destinations
            if is_due(each, is_wanted=self.is_wanted(each.destination.id), now=now)
            and not self._files.is_held(each.destination.id)
        ]

    def is_wanted(self, destination_id: str) -> bool:
        """Whether someone asked for a try at once."""
        return self._files.wanted(destination_id).exists()

    def is_any_wanted(self) -> bool:
        """Whether someone asked for a try at once, at any destination. Cheap."""
        return any(self._files.folder.glob("*.now"))

    def entered_version(self) -> Fingerprint | None:
        """Return what differs once `destinations.json` has changed, None where there is none."""
        return self._entered.fingerprint()

    def try_out(
        self,
        destination: Destination,
        *,
        deadline_s: float = 60.0,
        on_step: Callable[[TrialStep], None] | None = None,
    ) -> Trial:
        """Write, list, read back and delete a small file there, in a process of its own.

        Empty secrets are those that are kept for the destination of this id, while the server is
        the same. `Trial.found` is to be
        saved with its options.

        Raises:
            OffsiteError: `file_unreadable`, `secrets_needed`.
        """

        def change(entered: Destinations) -> Destinations:
            return replace(entered, site=entered.site or new_site())

        entered = self._entered.change(change)
        before = next((each for each in entered.destinations if each.id == destination.id), None)
        return run_trial(
            as_tried(destination, before),
            site=entered.site,
            data_dir=self._files.data_dir,
            apart=(
                self._backups.store_path,
                *folders_of(each for each in entered.destinations if each.id != destination.id),
            ),
            deadline_s=deadline_s,
            on_step=on_step,
        )

    # --- destinations --------------------------------------------------------------------

    def add(self, destination: Destination, *, by: str) -> Destination:
        """Add a destination; its id is made of its name. The first encrypted one makes the key.

        Raises:
            OffsiteError: `name_taken`, `invalid_option` (fact `option`), `key_unreadable`.
        """
        added: list[Destination] = []

        def change(entered: Destinations) -> Destinations:
            checked = _checked(destination, entered)
            taken = {each.id for each in entered.destinations}
            new = replace(
                checked,
                id=_free_id(checked, taken),
                added_at=self._clock(),
                added_by=readable(by),
            )
            self._files.forget(new.id)  # of one with this id that was removed
            added.append(new)
            site = entered.site or new_site()
            grown = replace(entered, site=site, destinations=(*entered.destinations, new))
            return self._with_key(grown)

        self._entered.change(change)
        return added[0]

    def change(
        self, destination: Destination, *, by: str, seen: Destination | None = None
    ) -> Destination:
        """Replace the destination of this id; empty secrets keep the ones from before.

        They do so only while the server is the same.

        When and by whom it was added stays. It is tried again at once. With `seen` it has to be as
        it was seen.

        Raises:
            OffsiteError: `destination_not_found`, `secrets_needed`, `outdated`, and as `add`.
        """
        del by  # the door records who
        changed: list[Destination] = []

        def change(entered: Destinations) -> Destinations:
            before = _find(entered, destination.id)
            if seen is not None and before != seen:
                raise OffsiteError("outdated")
            checked = _checked(destination, entered)
            new = replace(
                with_kept_secrets(checked, before),
                added_at=before.added_at,
                added_by=before.added_by,
            )
            changed.append(new)
            return self._with_key(_with(entered, new))

        self._entered.change(change)
        self._want(changed[0])
        return changed[0]

    def set_paused(self, destination_id: str, *, is_paused: bool) -> None:
        """Pause or resume a destination, and change nothing else of it.

        Raises:
            OffsiteError: `destination_not_found`.
        """

        def change(entered: Destinations) -> Destinations:
            return _with(entered, replace(_find(entered, destination_id), paused=is_paused))

        self._want(_find(self._entered.change(change), destination_id))

    def keep_test(self, tested: Destination, trial: Trial) -> None:
        """Keep what a passed test found, where the access is still the one that was tested.

        Raises:
            OffsiteError: `destination_not_found`.
        """

        def change(entered: Destinations) -> Destinations:
            now = _find(entered, tested.id)
            if _access(now) != _access(tested):
                return entered
            return _with(entered, as_tested(now, trial, at=self._clock()))

        self._want(_find(self._entered.change(change), tested.id))

    def remove(self, destination_id: str, *, by: str) -> Destination:
        """Forget a destination and what is known of it; its copies stay where they are.

        A process that works there stops within seconds.

        Raises:
            OffsiteError: `destination_not_found`.
        """
        del by  # the door records who
        removed: list[Destination] = []

        def change(entered: Destinations) -> Destinations:
            removed.append(_find(entered, destination_id))
            rest = tuple(each for each in entered.destinations if each.id != destination_id)
            return replace(entered, destinations=rest)

        self._entered.change(change)
        self._files.forget(destination_id)
        return removed[0]

    def copy_now(self, destination_id: str) -> None:
        """Make the leader try at once, whatever the pause after a failure; not while it is paused.

        Raises:
            OffsiteError: `destination_not_found`.
        """
        self._want(self.find(destination_id))

    def _want(self, destination: Destination) -> None:
        wanted = self._files.wanted(destination.id)
        if destination.paused:  # it is tried when it is resumed
            discard(wanted)
            return
        self._files.ensure_folder()
        with disk_errors("ask for a copy"):
            write_atomic(wanted, b"", durable=False)

    # --- copies --------------------------------------------------------------------------

    def fetch(
        self,
        destination_id: str,
        backup_id: str,
        *,
        by: str,
        on_progress: OnProgress | None = None,
        operation_id: str = "",
    ) -> Backup:
        """Download a copy, verify it, and list it here as the backup that it was.

        Raises:
            OffsiteError: `destination_not_found`, `copy_not_found`, `key_unreadable`.
            and what `fetching.fetch_copy` raises.
        """
        from launcher.offsite.fetching import fetch_copy  # noqa: PLC0415  (with an adapter)

        place = self.find(destination_id)
        copies = self.ledger(place.id).copies
        copy = next((each for each in copies if each.id == backup_id), None)
        if copy is None:
            raise OffsiteError("copy_not_found", backup_id=backup_id[:80])
        return fetch_copy(
            self._backups,
            place,
            self.settings().site,
            copy,
            [each.identity for each in self._keys.read()],
            by=by,
            on_progress=on_progress,
            operation_id=operation_id,
        )

    def next_tested(self, site: SiteSettings) -> FarCopy | None:
        """Return the copy that the next restore test takes, None where there is none to take.

        Raises:
            StoreUnavailableError: the backup folder cannot be read.
        """
        return next_tested(self.status(site))

    def restore_test(
        self, far: FarCopy, *, by: str, on_progress: OnProgress | None = None
    ) -> RestorePlan:
        """Download a copy and restore it to a temporary copy. Asks the service in this process.

        Raises:
            RemoteError, OffsiteError, BackupError: see `restore_test.restore_test`.
        """
        return restore_test(
            far,
            files=self._files,
            backups=self._backups,
            identities=tuple(each.identity for each in self._keys.read()),
            site=self.settings().site,
            by=by,
            clock=self._clock,
            on_progress=on_progress,
        )

    # --- keys ----------------------------------------------------------------------------

    def kit(self, *, site_name: str) -> Kit:
        """Return the recovery kit of the newest own key.

        Raises:
            OffsiteError: `no_key`: there is none, or its secret key is not in the data directory.
                `key_unreadable`.
        """
        entered = self.settings()
        newest = newest_own(entered)
        keys = self._keys.read()
        own = next((each for each in keys if newest and each.public_key == newest.public_key), None)
        if newest is None or own is None:
            raise OffsiteError("no_key")
        return make_kit(
            [own, *(each for each in keys if each is not own)],
            entered.destinations,
            site_name=site_name,
            created_at=own.created_at or newest.added_at or self._clock(),
        )

    def confirm_kit(self, characters: str, *, by: str) -> None:
        """Record that someone has the kit, by the last four characters of its secret key.

        Raises:
            OffsiteError: `wrong_characters`, `no_key`, `key_unreadable`.
        """

        def change(entered: Destinations) -> Destinations:
            newest = newest_own(entered)
            known = {each.public_key: each for each in self._keys.read()}
            if newest is None or newest.public_key not in known:
                raise OffsiteError("no_key")
            if not known[newest.public_key].ends_with(characters):
                raise OffsiteError("wrong_characters")
            return replace(
                entered,
                kit_confirmed_key=newest.public_key,
                kit_confirmed_at=self._clock(),
                kit_confirmed_by=readable(by),
            )

        self._entered.change(change)

    def new_key(self, *, by: str) -> str:
        """Make a new key; copies from now on are for it and the other recipients, not the old.

        The old secret key stays in `recovery_key`, for the copies that need it. Returns the new
        public key.
        """
        del by  # the door records who
        made: list[str] = []

        def change(entered: Destinations) -> Destinations:
            with_new = self._with_new_key(entered)
            made.append(with_new.recipients[0].public_key)
            return with_new

        self._entered.change(change)
        return made[0]

    def add_recipient(self, public_key: str, label: str, *, by: str) -> None:
        """Encrypt new copies for this public key as well.

        Raises:
            OffsiteError: `invalid_key`, `name_taken` (there already).
        """
        del by  # the door records who
        key = read_public_key(public_key)

        def change(entered: Destinations) -> Destinations:
            if any(each.public_key == key for each in entered.recipients):
                raise OffsiteError("name_taken", name=key)
            new = Recipient(key, clean_note(label)[:MAX_NAME], added_at=self._clock())
            return replace(entered, recipients=(*entered.recipients, new))

        self._entered.change(change)

    def remove_recipient(self, public_key: str, *, by: str) -> None:
        """Encrypt new copies no longer for this key.

        Raises:
            OffsiteError: `invalid_key`: it is none of them. `last_recipient`: it is the last one,
                or the one of the kit, which a new key replaces.
        """
        del by  # the door records who

        def change(entered: Destinations) -> Destinations:
            going = [each for each in entered.recipients if each.public_key == public_key.strip()]
            if not going:
                raise OffsiteError("invalid_key")
            if going[0].is_own or len(entered.recipients) == 1:
                raise OffsiteError("last_recipient")
            rest = tuple(each for each in entered.recipients if each is not going[0])
            return replace(entered, recipients=rest)

        self._entered.change(change)

    def _with_key(self, entered: Destinations) -> Destinations:
        """Return the settings with an own key where something is encrypted and there is none."""
        needs_one = any(each.encrypt for each in entered.destinations)
        return self._with_new_key(entered) if needs_one and not newest_own(entered) else entered

    def _with_new_key(self, entered: Destinations) -> Destinations:
        now = self._clock()
        key = self._keys.add(now=now)
        others = tuple(each for each in entered.recipients if not each.is_own)
        return replace(
            entered, recipients=(Recipient(key.public_key, is_own=True, added_at=now), *others)
        )

    # --- rules ---------------------------------------------------------------------------

    def change_rules(self, *, read_within_days: int, read_bytes_a_day: int, by: str) -> None:
        """Set how often each copy is read in full, and how much a day.

        Raises:
            OffsiteError: `invalid_option` (fact `option`).
        """
        del by  # the door records who
        if not 1 <= read_within_days <= 3650:
            raise OffsiteError("invalid_option", option="read_within_days")
        if not 0 <= read_bytes_a_day <= 1 << 50:
            raise OffsiteError("invalid_option", option="read_bytes_a_day")
        self._entered.change(
            lambda entered: replace(
                entered, read_within_days=read_within_days, read_bytes_a_day=read_bytes_a_day
            )
        )

    def accept_one_disk(self, reason: str, *, until: datetime | None, by: str) -> None:
        """Record that all copies on one disk are accepted.

        Raises:
            OffsiteError: `invalid_option` (fact `option`: "reason"): there is none.
        """
        text = clean_note(reason)
        if not text:
            raise OffsiteError("invalid_option", option="reason")
        accepted = OneDisk(self._clock(), readable(by), text, until)
        self._entered.change(lambda entered: replace(entered, one_disk=accepted))

    def withdraw_one_disk(self, *, by: str) -> None:
        """Take that back."""
        del by  # the door records who
        self._entered.change(lambda entered: replace(entered, one_disk=None))

    def kit_state(self) -> KitState:
        """Return how the recovery kit stands. Cheaper than all of `status`."""
        with contextlib.suppress(OffsiteError):
            return kit_state(self.settings(), self._keys)
        return KitState.NONE


def _find(entered: Destinations, destination_id: str) -> Destination:
    for each in entered.destinations:
        if each.id == destination_id:
            return each
    raise OffsiteError("destination_not_found", destination=destination_id[:80])


def _access(destination: Destination) -> tuple[object, ...]:
    return destination.service, destination.options, destination.secrets


def _with(entered: Destinations, changed: Destination) -> Destinations:
    found = tuple(changed if each.id == changed.id else each for each in entered.destinations)
    return replace(entered, destinations=found)


def _checked(destination: Destination, entered: Destinations) -> Destination:
    """Return a destination with what every service needs of it in order."""
    name = " ".join(readable(destination.name).split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise OffsiteError("invalid_option", option="name")
    for other in entered.destinations:
        if other.id != destination.id and other.name.casefold() == name.casefold():
            raise OffsiteError("name_taken", name=name)
    for option in ("limit_bytes_s", "stale_after_h"):
        if getattr(destination, option) < 0:
            raise OffsiteError("invalid_option", option=option)
    if destination.service is Service.RCLONE:
        try:
            check_rclone(destination.options, destination.secrets)
        except RemoteError as error:
            raise OffsiteError("invalid_option", option=str(error.facts["option"])) from error
    return replace(destination, name=name)


def _free_id(destination: Destination, taken: set[str]) -> str:
    """Return an id made of the name: "Käse-Box 2" → `kase-box-2`, and unique."""
    plain = unicodedata.normalize("NFKD", destination.name).encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:_MAX_ID].strip("-")
    base = base or str(destination.service)
    found, count = base, 1
    while found in taken:
        count += 1
        found = f"{base}-{count}"
    return found
