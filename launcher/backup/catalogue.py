"""Which backups exist, and which of them retention would remove.

Nothing here takes a lock or changes anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, tzinfo
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from launcher.backup.errors import BackupNotFoundError
from launcher.backup.journal import Journal
from launcher.backup.ports import Clock, Store
from launcher.backup.reasons import Fact, Fault, Reason
from launcher.backup.records.backup import (
    Backup,
    Kind,
    Listing,
    State,
    Verification,
    latest_of,
)
from launcher.backup.records.ids import LATEST, BackupId
from launcher.backup.retention import KeepDecision, RetentionPolicy, decide
from launcher.backup.verdicts import unjudged, with_verdicts


class Catalogue:
    """Lists what is in a store."""

    def __init__(self, store: Store, *, journal: Journal, clock: Clock) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self._listing = Listing.of(())
        self._listed: tuple[Hashable | None, Sequence[Backup]] = None, ()

    @property
    def store_path(self) -> Path:
        """The backup folder."""
        return self._store.path

    def list(self) -> Sequence[Backup]:
        """Return every backup, newest first."""
        return with_verdicts(self._store.list(), self._journal.entries())

    def listing(self) -> Listing:
        """Return every backup, with the sums that pages need.

        The folder is read each time; the sums are made again where it has changed.
        """
        backups = self.list()
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
            with contextlib.suppress(BackupNotFoundError):
                found = [self._store.get(backup.id) for backup in page]
                return with_verdicts(found, self._journal.entries())
        return [*islice(filter(wanted, self.list()), limit)]

    def _known(self) -> Sequence[Backup]:
        """Return what was listed last, when each backup of it has its manifest still."""
        version = self._store.version()
        if version is None or version != self._listed[0]:
            self._listed = version, self._store.list()
        return self._listed[1]

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
