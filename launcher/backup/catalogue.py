"""Which backups exist, and which of them retention would remove.

Nothing here takes a lock or changes anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from launcher.backup.errors import BackupNotFoundError
from launcher.backup.journal import Journal
from launcher.backup.ports import Clock, Store
from launcher.backup.reasons import Fact, Fault, Reason
from launcher.backup.records.backup import (
    OWN_KINDS,
    Backup,
    Kind,
    Listing,
    State,
    Verification,
    latest_of,
)
from launcher.backup.records.ids import LATEST, BackupId
from launcher.backup.records.operation import JournalEntry
from launcher.backup.retention import KeepDecision, RetentionPolicy, decide
from launcher.backup.verdicts import unjudged, with_verdicts

_EXAMINED_EACH_TIME = 200
_KNOWN_FOR_S = 30.0


@dataclass(frozen=True, slots=True)
class _Listed:
    """What was listed last: when by the monotonic clock, and the version before."""

    version: Hashable | None = None
    at: float = 0.0
    backups: Sequence[Backup] = ()


class Catalogue:
    """Lists what is in a store."""

    def __init__(self, store: Store, *, journal: Journal, clock: Clock) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self._listing = Listing.of(())
        self._listed = _Listed()

    @property
    def store_path(self) -> Path:
        """The backup folder."""
        return self._store.path

    def list(self) -> Sequence[Backup]:
        """Return every backup, newest first."""
        return with_verdicts(self._store.list(), self._journal.entries())

    def listing(self) -> Listing:
        """Return every backup, with the sums that pages need.

        Which backups there are, and what their manifests say, is as of now. So is whether their
        files are there and whole, for all or for the newest `_EXAMINED_EACH_TIME`; a file of the
        others that was changed in its place shows within `_KNOWN_FOR_S`. The sums are made again
        where something has changed.
        """
        backups = with_verdicts(self._examined(), self._journal.entries())
        listing = self._listing
        if backups != listing.backups:  # fast: a manifest that has not changed is the same object
            listing = self._listing = Listing.of(backups)
        return listing

    def page(self, wanted: Callable[[Backup], bool], *, limit: int) -> Sequence[Backup]:
        """Return the newest `limit` backups that are `wanted`, newest first.

        Only their files are examined while no other backup comes or goes, so with 10,000 backups
        this takes a tenth of the time of `list`. `wanted` must not ask for the verification.
        """
        page = [*islice(filter(wanted, self._known()), limit)]
        # A file without a manifest has no id of its own to ask for.
        if all(backup.file for backup in page):
            found = [now for backup in page if (now := self._store.examine(backup))]
            if len(found) == len(page):
                return with_verdicts(found, self._journal.entries())
        return [*islice(filter(wanted, self.list()), limit)]

    def _examined(self) -> Sequence[Backup]:
        """Return every backup, without its verdict in the history, as `listing` promises."""
        before = self._listed
        known = self._known()
        if self._listed is not before:
            return known
        if len(known) <= _EXAMINED_EACH_TIME:
            return self._store.list()
        newest = known[:_EXAMINED_EACH_TIME]
        found = [self._store.examine(backup) if backup.file else backup for backup in newest]
        there = [backup for backup in found if backup]
        if len(there) < len(newest):  # removed a moment ago
            return self._store.list()
        return [*there, *known[_EXAMINED_EACH_TIME:]]

    def _known(self) -> Sequence[Backup]:
        """Return what was listed last, when each backup of it has its manifest still.

        Not every file system changes the version with each change, so it is trusted for a while.
        """
        version, now = self._store.version(), time.monotonic()
        last = self._listed
        if version is None or version != last.version or now - last.at >= _KNOWN_FOR_S:
            last = self._listed = _Listed(version, now, self._store.list())
        return last.backups

    def get(self, reference: str) -> Backup:
        """Return one backup by id, or the one that `latest_of` names for `latest`.

        Raises:
            BackupNotFoundError: there is none.
        """
        if reference != LATEST:
            found = self._store.get(reference)
            return with_verdicts([found], self._journal.entries())[0]
        if (latest := latest_of(self.list(), now=self._clock())) is None:
            raise BackupNotFoundError(Reason.NO_GOOD_BACKUP)
        return latest

    def unjudged(self) -> Sequence[Backup]:
        """Return the backups that a verification may find good, newest first."""
        return unjudged(self.list(), self._journal.entries())

    def open_file(self, backup: Backup) -> tuple[str, BinaryIO]:
        """Open the stored file of a backup for a download; return its name and the file.

        The file stays readable when the backup is deleted meanwhile.

        Raises:
            ManifestError: the file is missing or is no regular file.
        """
        return self._store.file_name(backup), self._store.open(backup)

    def file_path(self, backup: Backup) -> Path:
        """Return where the stored file of a backup is, for a program that only reads it.

        Raises:
            ManifestError: the file is missing.
        """
        return self._store.file_path(backup)

    def plan_prune(self, policy: RetentionPolicy, *, zone: tzinfo = UTC) -> Sequence[KeepDecision]:
        """Return what `prune` would do, newest first, with the reasons to keep the others."""
        return decide(self.list(), policy, zone=zone, now=self._clock())

    def preview_retention(
        self, policy: RetentionPolicy, *, zone: tzinfo = UTC, next_run_at: datetime | None = None
    ) -> Sequence[KeepDecision]:
        """Return what `prune` would do after one more good scheduled backup, newest first.

        That backup is among them, without an id.

        Args:
            next_run_at: when it is created; now, when there is no schedule.
        """
        at = max(next_run_at or self._clock(), self._clock())
        expected = Backup(
            id=BackupId(""),
            kind=Kind.SCHEDULED,
            created_at=at,
            verification=Verification(State.VERIFIED, at),
        )
        return decide([expected, *self.list()], policy, zone=zone, now=at)


def doubt_of_latest(backup: Backup) -> Fault | None:
    """Return what to know of a backup that `latest` took for want of one made by this site."""
    facts: dict[str, Fact] = {"name": backup.note or backup.id}
    match backup.kind:
        case Kind.UPLOAD:
            return Fault(Reason.LATEST_UPLOAD, facts)
        case Kind.EXTERNAL:
            return Fault(Reason.LATEST_EXTERNAL, facts)
        case Kind.SAFETY:
            return Fault(Reason.LATEST_SAFETY, facts)
    return None


def good_before(backups: Sequence[Backup], restore: JournalEntry) -> Iterator[Backup]:
    """Yield the good backups of this site from before a restore, the newest first.

    Without those of the data that it restored: they are what is there now.
    """
    restored = {each.database for each in backups if each.id == restore.backup_id}
    for each in backups:
        is_older = each.created_at < restore.started_at and each.id != restore.backup_id
        if is_older and each.is_good and each.kind in OWN_KINDS and each.database not in restored:
            yield each
