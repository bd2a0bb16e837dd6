"""The story of copying: list, compare, copy what is owed, read for proof, remove what may go.

One process works at a destination at a time. It asks what is owed instead of being told, so an
outage, a kill, a full disk and a new destination are all caught up in the same way, newest first.
The operation lock is never taken: backups here do not wait for a copy.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path

from launcher.backup.errors import BackupError, InsufficientSpaceError
from launcher.backup.files import discard, free_bytes
from launcher.backup.ports import Clock, utc_now
from launcher.backup.records.backup import Backup
from launcher.backup.service import BackupService
from launcher.offsite.age import Identity
from launcher.offsite.entering import with_delete_denied, with_found_options
from launcher.offsite.errors import OffsiteError
from launcher.offsite.files import OffsiteFiles, SettingsFile, Writer
from launcher.offsite.keys import KeyFile, OwnKey
from launcher.offsite.ledger import LedgerFile
from launcher.offsite.opening import open_remote
from launcher.offsite.owed import Rules, owed, removable
from launcher.offsite.pauses import after_failure
from launcher.offsite.proof import read_some
from launcher.offsite.pruning import DeleteDeniedError, remove_copies
from launcher.offsite.reconcile import newest_first, reconcile
from launcher.offsite.records import (
    CopyState,
    Destination,
    Destinations,
    Ledger,
    Replaced,
    StoredCopy,
    Unfinished,
    folders_of,
    place_of,
)
from launcher.offsite.remote import Remote
from launcher.offsite.sending import GoneError, Sender, manifest_maker, recipients_of
from launcher.offsite.standing import newest_own
from launcher.offsite.status import Work
from launcher.offsite.troubles import RemoteError, Trouble
from launcher.offsite.watch import StoppedError, Watch
from launcher.offsite.whose import Whose
from launcher.settings.table import SiteSettings

_LEAST_ROOM_BYTES = 1 << 20
_MOST_REPLACED = 200

Open = Callable[..., Remote]
_log = logging.getLogger(__name__)


def run_destination(
    backups: BackupService,
    data_dir: Path,
    destination_id: str,
    *,
    site: Callable[[], SiteSettings],
    open_: Open = open_remote,
    clock: Clock = utc_now,
    on_begun: Callable[[], None] = lambda: None,
) -> bool:
    """Do all that is due at one destination; return False where another process works there.

    How it went is in the ledger: a failure of the service, and when to try again, or that all is
    well. A destination that is paused, removed or changed meanwhile ends it within seconds.

    Args:
        backups: the backups here.
        data_dir: with the files of `OffsiteFiles`.
        destination_id: which one.
        site: reads the settings, whenever they are needed.
        open_: opens the destination.
        clock: gives the moment.
        on_begun: called once the destination is this process's own.

    Raises:
        StoreUnavailableError, InsufficientSpaceError: the data directory cannot be written.
    """
    files = OffsiteFiles(data_dir)
    files.ensure_folder()
    with files.held(destination_id) as is_ours:
        if not is_ours:
            return False
        on_begun()
        discard(files.wanted(destination_id))
        entered = SettingsFile(files)
        with suppress(OffsiteError):
            settings = entered.read()
            found = [each for each in settings.destinations if each.id == destination_id]
            for destination in found:
                if not destination.paused:
                    watch = Watch(files, entered, destination, clock=clock)
                    run = _Run(files, entered, backups, destination, settings, site, watch, clock)
                    run.run(open_)
            if not any(each.id == destination_id for each in entered.read().destinations):
                files.forget(destination_id)  # removed meanwhile, or it was never there
    return True


@dataclass
class _Run:
    """One run at one destination."""

    files: OffsiteFiles
    entered: SettingsFile
    backups: BackupService
    destination: Destination
    settings: Destinations
    site: Callable[[], SiteSettings]
    watch: Watch
    clock: Clock
    skipped: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.file = LedgerFile(self.files, self.destination.id)
        self.writer = Writer(self.files)
        where = place_of(self.destination)
        found = self.file.find() or Ledger()
        if found.where not in {"", where}:
            found = Ledger()  # what is known of another place says nothing of this one
        self.ledger = replace(found, where=where)

    def _opened(self, open_: Open) -> Remote:
        # Of two that share a folder, the first one keeps it.
        others = self.settings.destinations
        first = takewhile(lambda each: each.id != self.destination.id, others)
        seen_at = self.ledger.listed_at if self.ledger.copies else None
        return open_(
            replace(self.destination, tested_at=self.destination.tested_at or seen_at),
            site=self.settings.site,
            data_dir=self.files.data_dir,
            apart=(self.backups.store_path, *folders_of(first)),
        )

    def run(self, open_: Open) -> None:
        """Do all that is due, and keep in the ledger how it went."""
        try:
            remote = self._opened(open_)
            try:
                self._work(remote)
                self._keep_found(remote.found_options())
            finally:
                remote.close()
            if self.ledger.trouble is not None:
                self._keep(replace(self.ledger, trouble=None))
        except StoppedError:
            _log.info("copying to %s ends: an admin changed it", self.destination.id)
        except RemoteError as error:
            self._fail(error)
        except InsufficientSpaceError as error:
            self._discard_staged()
            self._fail(self._no_room(error))
        except BackupError as error:  # of the backup folder, which has an alarm of its own
            _log.warning("copying to %s ends: %s", self.destination.id, error)
        except Exception as error:  # noqa: BLE001  (whatever it is, an admin sees it)
            _log.exception("copying to %s failed", self.destination.id)
            detail = error.strerror if isinstance(error, OSError) else type(error).__name__
            self._fail(RemoteError(Trouble.NO_ANSWER_KNOWN, detail=str(detail)))
        finally:
            self._discard_staged()
            self.watch.clear()

    def _work(self, remote: Remote) -> None:
        self._list(remote)
        while (backup := self._next()) is not None:
            try:
                self._copy(remote, backup)
            except GoneError:
                self.skipped.add(backup.id)
                self._give_up(remote)
        self._read(remote)  # first: what could not be proved displaces nothing
        self._remove(remote)

    def _keep_found(self, found: Mapping[str, str]) -> None:
        """Enter options that were left empty: an SSH server is known from then on."""
        if found:
            mine = self.destination.id
            self.entered.change(lambda entered: with_found_options(entered, mine, found))

    # --- list ----------------------------------------------------------------------------

    def _list(self, remote: Remote) -> None:
        """Compare the ledger with what is there, and clear what a killed process left."""
        self.watch.begin(Work.LIST)
        backups = self.backups.listing().backups
        whose = Whose(self.settings.site, self.writer.name(), self._keys(), backups)
        result = reconcile(
            remote,
            self.ledger if self.ledger.listed_at else None,
            whose,
            now=self.clock(),
            may_go_on=self.watch.may_go_on,
        )
        if result.is_cloned:
            _log.warning("%s: another machine writes under our name", self.destination.id)
            self.writer.renew()
        before = self.ledger
        ledger = replace(result.ledger, where=before.where, trouble=before.trouble)
        with suppress(RemoteError):
            ledger = replace(ledger, free_bytes=remote.free_bytes())
        self._keep(ledger)
        next_one = self._next()
        unfinished = self.ledger.unfinished
        if unfinished and (next_one is None or next_one.id != unfinished.backup_id):
            self._give_up(remote)
        self._discard_staged()

    def _keys(self) -> tuple[OwnKey, ...]:
        try:
            return KeyFile(self.files).read()
        except OffsiteError:
            return ()

    def _proving(self) -> Identity | None:
        """Return the key of the kit, with which copies prove where they come from."""
        newest = newest_own(self.settings)
        keys = {each.public_key: each.identity for each in self._keys()}
        return keys.get(newest.public_key) if newest else None

    # --- copy ----------------------------------------------------------------------------

    def _next(self) -> Backup | None:
        """Return the newest backup that is owed."""
        self.settings = self.watch.look()
        backups = self.backups.listing().backups
        found = owed(backups, self.ledger.copies, self.destination, self._rules())
        return next((each for each in found if each.id not in self.skipped), None)

    def _rules(self) -> Rules:
        site = self.site()
        return Rules(site.policy, site.zone, self.clock())

    def _copy(self, remote: Remote, backup: Backup) -> None:
        """Copy one backup, and write it down."""
        began_s = time.monotonic()
        sender = Sender(
            remote=remote,
            backups=self.backups,
            watch=self.watch,
            clock=self.clock,
            staged=lambda name: self.files.staged(self.destination.id, name),
            remember=self._remember,
        )
        public_keys = frozenset(each.public_key for each in self.settings.recipients)
        identity = self._proving()
        sent = sender.send(
            backup,
            recipients_of(public_keys, encrypt=self.destination.encrypt),
            before=self.ledger.unfinished,
            manifest_of=manifest_maker(
                site=self.settings.site,
                site_name=self.site().site_name,
                writer=self.writer.name(),
                identity=identity,
            ),
        )
        copy = replace(sent, proved_by=identity.public_key if identity else "")
        self._note_replaced(copy)
        before = next((each for each in self.ledger.copies if each.id == copy.id), None)
        others = (each for each in self.ledger.copies if each is not before)
        self._keep(
            replace(
                self.ledger,
                copies=newest_first((*others, copy)),
                unfinished=None,
                copied_at=copy.copied_at,
                copied_s=round(time.monotonic() - began_s, 3),
                trouble=None,
            )
        )
        self._discard_staged()
        self._remove_replaced(remote, before, copy)

    def _note_replaced(self, copy: StoredCopy) -> None:
        """Remember that a copy was bad: the next listing would show nothing of it."""
        for before in self.ledger.copies:
            if before.id == copy.id and before.state is not CopyState.GOOD:
                noted = Replaced(copy.id, before.state, before.bad_since, copy.copied_at)
                others = (each for each in self.ledger.replaced if each.id != copy.id)
                newest = sorted((noted, *others), key=lambda each: each.id, reverse=True)
                self.ledger = replace(self.ledger, replaced=tuple(newest[:_MOST_REPLACED]))

    def _remember(self, unfinished: Unfinished) -> None:
        if unfinished != self.ledger.unfinished:
            self._keep(replace(self.ledger, unfinished=unfinished))

    def _remove_replaced(self, remote: Remote, before: StoredCopy | None, copy: StoredCopy) -> None:
        """Remove the data of a bad copy that had another name: it was not encrypted, say."""
        is_left = before is not None and before.is_ours and before.name != copy.name
        if before is not None and is_left and self.destination.may_delete is not False:
            with suppress(RemoteError):
                remote.delete(before.name)

    def _give_up(self, remote: Remote) -> None:
        """Forget an upload that was interrupted: what is of it, there and here."""
        if (unfinished := self.ledger.unfinished) is None:
            return
        is_copy = any(each.name == unfinished.name for each in self.ledger.copies)
        if not is_copy and self.destination.may_delete is not False:
            with suppress(RemoteError):
                remote.delete(unfinished.name)
        self._keep(replace(self.ledger, unfinished=None))
        self._discard_staged()

    def _discard_staged(self) -> None:
        """Remove files on their way, but the one that goes on."""
        name = self.ledger.unfinished.name if self.ledger.unfinished else ""
        going_on = self.files.staged(self.destination.id, name)
        discard(*(set(self.files.all_staged(self.destination.id)) - {going_on}))

    # --- remove --------------------------------------------------------------------------

    def _remove(self, remote: Remote) -> None:
        """Remove what retention there no longer keeps."""
        if self.destination.may_delete is False:
            return
        backups = self.backups.listing().backups
        going = removable(backups, self.ledger.copies, self.destination, self._rules())
        if not going:
            return
        self.watch.begin(Work.REMOVE)
        try:
            remove_copies(
                remote, self.ledger, going, keep=self._keep, may_go_on=self.watch.may_go_on
            )
        except DeleteDeniedError:
            self._remember_denied()

    def _remember_denied(self) -> None:
        """Try to delete nothing there until a test finds that it may."""
        mine = self.destination.id
        self.entered.change(lambda entered: with_delete_denied(entered, mine))

    # --- read for proof ------------------------------------------------------------------

    def _read(self, remote: Remote) -> None:
        """Read the copies whose turn it is, until something is owed."""
        read_some(
            remote,
            self.ledger,
            rules=self.settings,
            identities=tuple(each.identity for each in self._keys()),
            staged=self.files.staged(self.destination.id, "launcher-proof"),
            clock=self.clock,
            keep=self._keep,
            on_bytes=self._show_reading,
            may_go_on=lambda: self._next() is None,
        )

    def _show_reading(self, copy: StoredCopy, done: int, total: int) -> None:
        if not done or self.watch.backup_id != copy.id:
            self.watch.begin(Work.READ, backup_id=copy.id, total=total)
        self.watch.on_bytes(done, total)

    # --- the ledger ----------------------------------------------------------------------

    def _keep(self, ledger: Ledger) -> None:
        self.file.write(ledger)
        self.ledger = ledger

    def _fail(self, error: RemoteError) -> None:
        _log.warning("copying to %s failed: %s", self.destination.id, error)
        with suppress(BackupError):
            self._keep(after_failure(self.ledger, error, now=self.clock()))

    def _no_room(self, error: InsufficientSpaceError) -> RemoteError:
        """Return that the disk of the data has no room for a file on its way."""
        needed = error.facts.get("required_bytes", 0) or self.watch.total or _LEAST_ROOM_BYTES
        free = 0
        with suppress(OSError):
            free = free_bytes(self.files.folder)
        return RemoteError(Trouble.NO_ROOM, needed_bytes=needed, free_bytes=free)
