"""What is at a destination, compared with the ledger: the destination is right.

Only manifests that are new, or have changed since they were read, are read: a listing of 10,000
copies needs no more calls than the listing itself. Bytes of the data are not read here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from launcher.backup.codec import encode
from launcher.backup.records.backup import Backup
from launcher.backup.records.ids import BackupId
from launcher.backup.records.text import readable
from launcher.backup.store.names import id_of_manifest
from launcher.offsite.copy_manifest import (
    MAX_BYTES,
    CopyManifest,
    copy_of,
    describes,
    is_test_object,
    open_copy_manifest,
    read_copy_manifest,
)
from launcher.offsite.errors import OffsiteError
from launcher.offsite.records import CopyState, Ledger, StoredCopy
from launcher.offsite.remote import Remote, RemoteObject
from launcher.offsite.troubles import RemoteError, Trouble
from launcher.offsite.whose import Whose

_SHOWN_FOR = timedelta(days=30)
"""For how long a copy that is gone is shown as missing, and one that was replaced as such."""

_STRANGE_SHOWN = 20
_NAME_SHOWN = 200
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was found.

    Attributes:
        ledger: as it is there.
        is_cloned: another data directory writes under the name of this one.
    """

    ledger: Ledger
    is_cloned: bool = False


def reconcile(
    remote: Remote,
    ledger: Ledger | None,
    whose: Whose,
    *,
    now: datetime,
    may_go_on: Callable[[], object] = lambda: None,
) -> Reconciled:
    """List a destination and return the ledger as it should be. Nothing there is changed.

    A copy whose manifest is damaged, swapped, or older than the one that was written is `DAMAGED`,
    and so is one whose data has another size, or that holds another backup than the ledger or this
    machine has under its id, whoever wrote it. One without its manifest or its data is `MISSING`.
    What this site did not write is named as strange, and so is a copy that no key here proves: it
    counts for nothing, and is never removed. See `Whose.wrote`.

    Args:
        remote: opened for this site.
        ledger: as it was; None where it was lost, or nothing was ever listed.
        whose: which copies are ours.
        now: the moment.
        may_go_on: called before each manifest is read; what it raises ends the listing.

    Raises:
        RemoteError
    """
    found = {each.name: each for each in remote.list()}
    return _Reconciling(remote, ledger, whose, now, may_go_on, found).run()


@dataclass
class _Reconciling:
    remote: Remote
    before: Ledger | None
    whose: Whose
    now: datetime
    may_go_on: Callable[[], object]
    objects: Mapping[str, RemoteObject]
    strange: list[str] = field(default_factory=list)
    is_cloned: bool = False

    def __post_init__(self) -> None:
        self.here = {each.id: each for each in self.whose.backups if each.is_scrubbed}

    def run(self) -> Reconciled:
        ledger = self.before or Ledger()
        known = {each.id: each for each in ledger.copies}
        manifests = {
            backup_id: each
            for each in self.objects.values()
            if (backup_id := id_of_manifest(each.name))
        }
        copies = {
            backup_id: copy
            for backup_id, manifest in manifests.items()
            if (copy := self._look(manifest, known.get(backup_id))) is not None
        }
        for backup_id, copy in known.items():
            if backup_id not in copies and self._is_missed(copy):
                copies[backup_id] = self._bad(copy, CopyState.MISSING)
        unfinished = ledger.unfinished.name if ledger.unfinished else ""
        self._name_the_rest(copies.values(), manifests.keys(), unfinished)
        return Reconciled(
            replace(
                ledger,
                copies=newest_first(copies.values()),
                listed_at=self.now,
                strange=tuple(_shown(name) for name in sorted(self.strange)[:_STRANGE_SHOWN]),
                strange_count=len(self.strange),
                replaced=tuple(each for each in ledger.replaced if self.now - each.at < _SHOWN_FOR),
            ),
            is_cloned=self.is_cloned,
        )

    def _look(self, manifest: RemoteObject, known: StoredCopy | None) -> StoredCopy | None:
        """Return the copy that has this manifest; None for one that is not of this site."""
        seen = _seen(manifest)
        if known is not None and known.seen == seen != "" and not self.whose.may_open(known):
            return self._with_data(self._as_here(known))
        self.may_go_on()
        read = self._read(manifest)
        if read is not None and self.whose.wrote(read, known):
            return replace(self._compared(read, known), seen=seen)
        if known is not None and known.is_ours:
            return replace(self._bad(known, CopyState.DAMAGED), seen=seen)
        self.strange.append(manifest.name)
        return None

    def _compared(self, read: CopyManifest, known: StoredCopy | None) -> StoredCopy:
        """Return the copy that a manifest describes, as far as ledger and backups here agree."""
        if known is not None and describes(read, known):
            if known.backup.file is None:  # perhaps a key that opens it is here by now
                known = replace(known, backup=self._new(read).backup)
            known = replace(known, proved_by=read.proved_by or known.proved_by)
            return self._with_data(self._as_here(known))
        if known is None:
            return self._with_data(self._as_here(self._new(read)))
        if known.is_ours and read.writer == self.whose.writer:
            return self._bad(known, CopyState.DAMAGED)
        # Another data directory's copy serves as well, if it holds the same: anyone who can write
        # there can say that he is one.
        new = self._new(read)
        is_proven = new.backup.file is not None and _holds_same(new.backup, known.backup)
        is_known = known.is_ours or known.backup.file is not None
        if new.state is CopyState.GOOD and is_known and not is_proven:
            _log.warning("the copy of %s was swapped for another", known.id)
            return self._bad(known, CopyState.DAMAGED)
        return self._with_data(self._as_here(new))

    def _as_here(self, copy: StoredCopy) -> StoredCopy:
        """Return the copy, damaged where it holds another backup than the one of its id here."""
        here = self.here.get(copy.id)
        if here is None or _holds_same(copy.backup, here):
            return copy
        _log.warning("the copy of %s is not of the backup that is here", copy.id)
        return self._bad(replace(copy, backup=here), CopyState.DAMAGED)

    def _read(self, manifest: RemoteObject) -> CopyManifest | None:
        try:
            data = self.remote.get_bytes(manifest.name, limit=MAX_BYTES)
            return read_copy_manifest(data, name=manifest.name, identities=self.whose.identities)
        except OffsiteError as error:
            # Not a warning: a stranger may add thousands. The page names them.
            _log.info("the manifest of a copy cannot be read: %s", error)
        except RemoteError as error:
            if error.trouble is not Trouble.NOT_THERE:
                raise
        return None

    def _new(self, manifest: CopyManifest) -> StoredCopy:
        """Return a copy that the ledger does not have."""
        try:
            backup, _ = open_copy_manifest(manifest, self.whose.identities)
        except OffsiteError as error:
            if error.code == "copy_damaged":
                return self._bad(copy_of(manifest), CopyState.DAMAGED)
            backup = None
        is_by_us = manifest.writer == self.whose.writer
        unfinished = self.before.unfinished if self.before else None
        is_finished = unfinished is not None and (
            (unfinished.backup_id, unfinished.sha256) == (manifest.id, manifest.stored.sha256)
        )
        if self.before is None or is_finished:
            return copy_of(manifest, backup, is_ours=is_by_us)
        # Under our name, and not by us: one of the two data directories is a copy of the other.
        self.is_cloned |= is_by_us and not any(
            each.id == manifest.id for each in self.before.copies
        )
        return copy_of(manifest, backup, is_ours=False)

    def _with_data(self, copy: StoredCopy) -> StoredCopy:
        """Return the copy as its data says: there, of its size, or not."""
        data = self.objects.get(copy.name)
        if data is None:
            return self._bad(copy, CopyState.MISSING)
        if data.size_bytes != copy.size_bytes:
            return self._bad(copy, CopyState.DAMAGED)
        if copy.state is CopyState.MISSING:  # it is back, as a disk that was away
            return replace(copy, state=CopyState.GOOD, bad_since=None)
        return copy

    def _bad(self, copy: StoredCopy, state: CopyState) -> StoredCopy:
        if copy.state is state and copy.bad_since is not None:
            return copy
        return replace(copy, state=state, bad_since=copy.bad_since or self.now)

    def _is_missed(self, copy: StoredCopy) -> bool:
        """Whether a copy that is gone stays in the ledger: others may remove their own."""
        since = copy.bad_since or self.now
        return copy.is_ours and self.now - since < _SHOWN_FOR

    def _name_the_rest(
        self, copies: Iterable[StoredCopy], manifests: Iterable[BackupId], unfinished: str
    ) -> None:
        ours = {each.name for each in copies} | {unfinished}
        described = set(manifests)
        for name in self.objects:
            if id_of_manifest(name) in described or is_test_object(name) or name in ours:
                continue
            self.strange.append(name)


def newest_first(copies: Iterable[StoredCopy]) -> tuple[StoredCopy, ...]:
    """Return copies in the order of a ledger."""
    return tuple(sorted(copies, key=lambda each: (each.backup.created_at, each.id), reverse=True))


def _seen(manifest: RemoteObject) -> str:
    """Return what differs once a manifest was written again; "" where that is not known."""
    if manifest.modified_at is None:
        return ""
    return f"{manifest.size_bytes} {encode(manifest.modified_at)}"


def _holds_same(backup: Backup, other: Backup) -> bool:
    """Whether two records of a backup are of the same bytes, as far as both are known."""
    if backup.file is None or other.file is None:
        return True
    is_same_data = (
        backup.database is None
        or other.database is None
        or (backup.database.sha256 == other.database.sha256)
    )
    return is_same_data and backup.file.sha256 == other.file.sha256


def _shown(name: str) -> str:
    return readable(name)[:_NAME_SHOWN]
