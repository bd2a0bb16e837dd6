"""The verbs of copies elsewhere, for pages, commands and jobs alike."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from launcher.backup.errors import VerificationError
from launcher.backup.files import discard, disk_errors, write_atomic
from launcher.backup.fingerprints import Fingerprint
from launcher.backup.ports import Clock, OnProgress, utc_now
from launcher.backup.records.backup import Backup, Listing
from launcher.backup.records.plan import RestorePlan
from launcher.backup.records.text import clean_note, readable
from launcher.backup.service import BackupService
from launcher.offsite.due import is_due
from launcher.offsite.entering import (
    find,
    is_same_access,
    require_valid,
    with_changed,
    with_new,
    with_replaced,
    with_site,
    without,
)
from launcher.offsite.errors import OffsiteError
from launcher.offsite.files import OffsiteFiles, SettingsFile
from launcher.offsite.findings import keep_damage, proves_damage
from launcher.offsite.keys import KeyFile
from launcher.offsite.kit import Kit
from launcher.offsite.records import (
    Destination,
    Destinations,
    Ledger,
    OneDisk,
    folders_of,
)
from launcher.offsite.recovery_keys import RecoveryKeys
from launcher.offsite.restore_test import FarCopy, next_tested, restore_test
from launcher.offsite.standing import StandingReader
from launcher.offsite.status import OffsiteStatus
from launcher.offsite.trial import Trial, TrialStep, as_tested
from launcher.offsite.trial_run import as_tried, run_trial
from launcher.settings.table import SiteSettings

__all__ = ["Kit", "OffsiteError", "OffsiteService"]


class OffsiteService:
    """Destinations, copies and keys of one installation. Built once, beside `BackupService`.

    It starts no thread and opens no connection: what talks to a service runs in a process of its
    own. Every method is cheap but `try_out` and `fetch`. One that changes something raises
    `OffsiteError("file_unreadable")` where `destinations.json` is damaged, and leaves it as it is,
    and `InsufficientSpaceError` or `StoreUnavailableError` where it cannot be written.

    Attributes:
        keys: the keys that copies are encrypted for, and the recovery kit.
    """

    def __init__(self, data_dir: Path, backups: BackupService, *, clock: Clock = utc_now) -> None:
        self._files = OffsiteFiles(data_dir)
        self._backups = backups
        self._clock = clock
        self._entered = SettingsFile(self._files)
        self._secret_keys = KeyFile(self._files)
        self.keys = RecoveryKeys(self._entered, self._secret_keys, clock=clock)
        self._standing = StandingReader(self._files, backups)

    # --- what is there -------------------------------------------------------------------

    def settings(self) -> Destinations:
        """Return what is entered; an unreadable file raises `OffsiteError("file_unreadable")`."""
        return self._entered.read()

    def find(self, destination_id: str) -> Destination:
        """Return one destination, or raise `OffsiteError("destination_not_found")`."""
        return find(self.settings(), destination_id)

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
        user_id: int | None = None,
        cleared: Collection[str] = (),
    ) -> Trial:
        """Write, list, read back and delete a small file there, in a process of its own.

        Empty secrets are those that are kept for the destination of this id, while the server is
        the same. `Trial.found` is to be saved with its options.

        Args:
            destination: as it was entered.
            deadline_s: after so many seconds it is given up.
            on_step: called after each step.
            user_id: who waits for it in a page: one test each, and few at once. None in a shell.
            cleared: names of stored secrets that are not used.

        Raises:
            OffsiteError: `file_unreadable`, `secrets_needed`, `test_running`.
        """
        entered = self._entered.change(with_site)
        before = next((each for each in entered.destinations if each.id == destination.id), None)
        others = (each for each in entered.destinations if each.id != destination.id)
        turn = nullcontext(True) if user_id is None else self._files.test_turn(user_id)
        with turn as is_free:
            if not is_free:
                raise OffsiteError("test_running")
            return run_trial(
                as_tried(destination, before, cleared=cleared),
                site=entered.site,
                data_dir=self._files.data_dir,
                apart=(self._backups.store_path, *folders_of(others)),
                deadline_s=deadline_s,
                on_step=on_step,
            )

    # --- destinations --------------------------------------------------------------------

    def require_valid(self, destination: Destination) -> None:
        """Refuse what `add` or `change` would, and a folder that overlaps; cheap, asks no service.

        Raises:
            OffsiteError: `name_taken`, `invalid_option` (fact `option`), `file_unreadable`.
            RemoteError: `OVERLAPS`.
        """
        apart = (self._files.data_dir, self._backups.store_path)
        require_valid(self.settings(), destination, apart)

    def add(self, destination: Destination, *, by: str) -> Destination:
        """Add a destination; its id is made of its name. The first encrypted one makes the key.

        Raises:
            OffsiteError: `key_unreadable`, and as `entering.with_new`.
        """
        added: list[Destination] = []

        def change(entered: Destinations) -> Destinations:
            grown, new = with_new(entered, destination, by=by, at=self._clock())
            self._files.forget(new.id)  # of one with this id that was removed
            added.append(new)
            return self.keys.with_needed_key(grown)

        self._entered.change(change)
        return added[0]

    def change(
        self,
        destination: Destination,
        *,
        by: str,
        seen: Destination | None = None,
        cleared: Collection[str] = (),
    ) -> Destination:
        """Replace the destination of this id; empty secrets keep the ones from before.

        They do so only while the server is the same, and not for the names in `cleared`.

        When and by whom it was added stays. It is tried again at once. With `seen` it has to be as
        it was seen.

        Raises:
            OffsiteError: `destination_not_found`, `secrets_needed`, `outdated`, and as `add`.
        """
        del by  # the door records who
        changed: list[Destination] = []

        def change(entered: Destinations) -> Destinations:
            grown, new = with_changed(entered, destination, seen=seen, cleared=cleared)
            changed.append(new)
            return self.keys.with_needed_key(grown)

        self._entered.change(change)
        self._want(changed[0])
        return changed[0]

    def set_paused(self, destination_id: str, *, is_paused: bool) -> None:
        """Pause or resume a destination, and change nothing else of it.

        Raises:
            OffsiteError: `destination_not_found`.
        """

        def change(entered: Destinations) -> Destinations:
            before = find(entered, destination_id)
            return with_replaced(entered, replace(before, paused=is_paused))

        self._want(find(self._entered.change(change), destination_id))

    def keep_test(self, tested: Destination, trial: Trial) -> None:
        """Keep what a passed test found, where the access is still the one that was tested.

        Raises:
            OffsiteError: `destination_not_found`.
        """

        def change(entered: Destinations) -> Destinations:
            now = find(entered, tested.id)
            if not is_same_access(now, tested):
                return entered
            return with_replaced(entered, as_tested(now, trial, at=self._clock()))

        self._want(find(self._entered.change(change), tested.id))

    def remove(self, destination_id: str, *, by: str) -> Destination:
        """Forget a destination and what is known of it; its copies stay where they are.

        A process that works there stops within seconds.

        Raises:
            OffsiteError: `destination_not_found`.
        """
        del by  # the door records who
        removed: list[Destination] = []

        def change(entered: Destinations) -> Destinations:
            removed.append(find(entered, destination_id))
            return without(entered, removed[0])

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

        A copy that this proves damaged is so in the ledger, unless another process works at the
        destination at that moment.

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
        try:
            return fetch_copy(
                self._backups,
                place,
                self.settings().site,
                copy,
                [each.identity for each in self._secret_keys.read()],
                by=by,
                on_progress=on_progress,
                operation_id=operation_id,
            )
        except VerificationError as error:
            if proves_damage(error):
                keep_damage(self._files, place.id, copy, self._clock())
            raise

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
            identities=tuple(each.identity for each in self._secret_keys.read()),
            site=self.settings().site,
            by=by,
            clock=self._clock,
            on_progress=on_progress,
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
