"""What was read at one moment of the backup folder, its disk, the journal and the schedule.

`take_snapshot` first records the operations that were killed. Then it reads once and returns plain
data; conclusions from it read nothing again. Of the
live database it only checks that it opens.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import ClassVar

from launcher.backup.errors import BackupError
from launcher.backup.files import is_readable_by_all
from launcher.backup.reasons import Fault, Reason
from launcher.backup.records.backup import MADE_HERE, OWN_KINDS, Backup, Listing, latest_of
from launcher.backup.records.operation import JournalEntry, Outcome, Progress, Verb
from launcher.backup.service import BackupService
from launcher.backup.verdicts import unjudged
from launcher.offsite.status import OffsiteStatus
from launcher.schedule.cron import next_runs
from launcher.schedule.leader import Leader
from launcher.settings.table import FALLBACK, SiteSettings

PATIENCE_S = 5.0

ReadOffsite = Callable[[Listing], OffsiteStatus]
"""Returns how the copies in other places stand, beside these backups here."""

_JOURNAL_DAYS = 40
_TIME_TO_SUCCEED = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Space:
    """The disk that the backups lie on.

    Attributes:
        needed_bytes: what the next backup takes for a moment, judged by the newest one; 0 while
            there is none.
        kept_bytes: what it will then keep.
    """

    total_bytes: int
    free_bytes: int
    stored_bytes: int
    needed_bytes: int
    kept_bytes: int = 0

    @property
    def is_full(self) -> bool:
        """Whether the next backup would not fit."""
        return self.needed_bytes > self.free_bytes

    @property
    def is_short(self) -> bool:
        """Whether it fits, and soon one will not."""
        return not self.is_full and self.needed_bytes * 4 > self.free_bytes

    @property
    def foreign_share(self) -> float:
        """How much of the disk others take, from 0 to 1."""
        return max(0.0, 1 - self.own_share - self.free_bytes / self.total_bytes)

    @property
    def own_share(self) -> float:
        """How much of the disk the backups take, from 0 to 1."""
        return min(1.0, self.stored_bytes / self.total_bytes)

    @property
    def more_fit(self) -> int:
        """How many more backups like the newest fit."""
        if self.is_full or not self.kept_bytes:
            return 0
        return (self.free_bytes - self.needed_bytes) // self.kept_bytes + 1


@dataclass(frozen=True, slots=True)
class FailingRecipient:
    """A recipient whose last delivery or test failed; `reason` is a `sender.Undelivered`."""

    name: str
    since: datetime
    reason: str


@dataclass(frozen=True)  # without slots: what follows from it is kept
class Snapshot:
    """Everything at one moment.

    Attributes:
        settings: of the site; `knows_settings` is False where they are neither read nor remembered.
        listing: the backups, None when the store cannot be read; `problem` then says why.
        is_writable: whether a backup could be put there.
        is_open_to_others: whether every user of the machine can read the newest backup. Launcher
            forbids that, but not every file system keeps modes.
        is_on_data_disk: whether the backups are on the disk of the live data, which takes both
            when it fails. That is so by default, and no problem to notify anyone of.
        space: None where it cannot be read.
        entries: what happened in the last weeks, newest first.
        data_free_bytes: what is free on the disk of the live data, None where that is not known.
        last_restore: the last restore, however long ago; None when there was none.
        has_history: whether a backup was ever made or restored; asked only where none of our own
            is there.
        next_run_at: None while the schedule is off.
        leader: the process that runs the scheduled work, None where there is none.
        is_scheduler_wanted: whether this deployment runs that work itself.
        failing_recipients: those whose last delivery failed.
        failed_tests: those of which only a test failed, since the last message that arrived.
        has_recipients: whether any recipient receives failures.
        offsite: how the copies in other places stand, None where that could not be read.
    """

    now: datetime
    settings: SiteSettings
    folder: Path
    listing: Listing | None
    problem: Fault | None
    is_writable: bool
    space: Space | None
    entries: Sequence[JournalEntry]
    has_history: bool
    running: Progress | None
    next_run_at: datetime | None
    knows_settings: bool = True
    is_open_to_others: bool = False
    is_on_data_disk: bool = False
    data_free_bytes: int | None = None
    last_restore: JournalEntry | None = None
    live_problem: Fault | None = None
    leader: Leader | None = None
    is_scheduler_wanted: bool = False
    failing_recipients: Sequence[FailingRecipient] = ()
    failed_tests: Sequence[FailingRecipient] = ()
    has_recipients: bool = True
    offsite: OffsiteStatus | None = field(default_factory=OffsiteStatus)

    @cached_property
    def latest(self) -> Backup | None:
        """The backup that `latest` names, which a restore would take."""
        return latest_of(self.listing.backups, now=self.now) if self.listing else None

    @cached_property
    def unjudged(self) -> Sequence[Backup]:
        """The backups that a verification may find good."""
        return unjudged(self.listing.backups, self.entries) if self.listing else ()

    @cached_property
    def last_good(self) -> Backup | None:
        """The last success: what `latest` names, None where that was brought from elsewhere."""
        latest = self.latest
        return latest if latest and latest.kind in OWN_KINDS else None

    @cached_property
    def newest(self) -> Backup | None:
        """The newest backup of ours that is not from the future, whatever its status."""
        backups = self.listing.ours if self.listing else ()
        return next((each for each in backups if not each.is_from_future(self.now)), None)

    @cached_property
    def from_future(self) -> Sequence[Backup]:
        """The backups of ours with a time that no right clock has shown yet."""
        backups = self.listing.ours if self.listing else ()
        return list(takewhile(lambda backup: backup.is_from_future(self.now), backups))

    @property
    def last_attempt(self) -> JournalEntry | None:
        """The newest attempt at a backup, however it ended."""
        return next((entry for entry in self.entries if entry.verb is Verb.CREATE), None)

    @cached_property
    def is_stale(self) -> bool:
        """Whether too much time passed since a good backup, or those there were are good no more.

        Without a schedule no good backup is too old.
        """
        if self.listing is None:
            return False
        last = self.last_good
        # Where all backups are from the future, a clock that was hours ahead is no alarm. Of one
        # that was further ahead, the age of its backups is unknown.
        latest = self.now + self.settings.stale_after
        newest = last.created_at if last and last.created_at <= latest else None
        if not self.settings.backup_enabled:
            return self.last_good is None and self.had_backups
        if newest is None:
            return self.has_ever_begun
        return self.now - newest > patience(self.settings, newest)

    @property
    def had_backups(self) -> bool:
        """Whether a backup of this site was ever made, good or not, there or not."""
        counts = self.listing.counts_by_kind if self.listing else {}
        return self.has_history or any(counts[kind] for kind in MADE_HERE if kind in counts)

    @property
    def has_ever_begun(self) -> bool:
        """Whether a first scheduled backup should be there by now: a new site is not late."""
        if self.had_backups:
            return True
        began = self.entries[-1].started_at if self.entries else self.now
        return self.now - began > patience(self.settings, began)


def patience(settings: SiteSettings, since: datetime) -> timedelta:
    """Return for how long a success of the moment `since` is enough.

    That is as long as the settings say, and never less than the schedule itself leaves between
    two backups: the run after that moment has a while to succeed.
    """
    following = runs_ahead(settings, since, count=1)
    pause = following[0] - since if following else timedelta()
    return max(settings.stale_after, pause + min(pause / 4, _TIME_TO_SUCCEED))


def take_snapshot(
    service: BackupService,
    *,
    settings: SiteSettings | None,
    now: datetime,
    leader: Leader | None = None,
    is_scheduler_wanted: bool = False,
    failing_recipients: Sequence[FailingRecipient] = (),
    failed_tests: Sequence[FailingRecipient] = (),
    has_recipients: bool = True,
    read_offsite: ReadOffsite | None = None,
    patience_s: float = PATIENCE_S,
) -> Snapshot:
    """Return a snapshot. A backup folder that is away, or does not answer in time, is no error.

    Operations that were killed are in the journal first, so that each is seen with its own time.

    Args:
        read_offsite: how the copies in other places stand, None where there can be none.
        patience_s: how long to wait for the backup folder: on a network disk that hangs, every
            read hangs. A caller that waits for less than `PATIENCE_S` gets the last answer
            instead, until the folder has been silent for that long.

    Raises:
        TimeoutError: `patience_s` is less than `PATIENCE_S`, and there is no last answer.
    """
    store = _ask_store(service, read_offsite, patience_s)
    return Snapshot(
        now=now,
        settings=settings or FALLBACK,
        knows_settings=settings is not None,
        folder=service.store_path,
        listing=store.listing,
        problem=store.problem,
        is_writable=store.is_writable,
        is_open_to_others=store.is_open_to_others,
        is_on_data_disk=store.is_on_data_disk,
        space=store.space,
        entries=service.journal(limit=None, since=now - timedelta(days=_JOURNAL_DAYS)),
        has_history=_has_history(service, store.listing),
        running=service.progress(),
        next_run_at=next(iter(runs_ahead(settings, now, count=1)), None),
        data_free_bytes=service.data_free_bytes(),
        last_restore=next(iter(service.journal(limit=1, verbs={Verb.RESTORE})), None),
        live_problem=service.live_problem(),
        leader=leader,
        is_scheduler_wanted=is_scheduler_wanted,
        failing_recipients=failing_recipients,
        failed_tests=failed_tests,
        has_recipients=has_recipients,
        offsite=store.offsite,
    )


@dataclass(frozen=True, slots=True)
class _Store:
    """What was read of the backup folder."""

    listing: Listing | None = None
    problem: Fault | None = None
    is_writable: bool = False
    is_open_to_others: bool = False
    is_on_data_disk: bool = False
    space: Space | None = None
    offsite: OffsiteStatus | None = None


class _Probe(threading.Thread):
    """One read of a backup folder. The last answer of each folder is remembered."""

    running: ClassVar[dict[Path, _Probe]] = {}
    answers: ClassVar[dict[Path, _Store]] = {}
    _lock = threading.Lock()

    def __init__(self, service: BackupService, read_offsite: ReadOffsite | None = None) -> None:
        # A daemon: a disk that hangs must not keep a process from ending.
        super().__init__(name="store", daemon=True)
        self._service = service
        self._read_offsite = read_offsite
        self.began_at = time.monotonic()
        self.answer: _Store | None = None

    @property
    def is_late(self) -> bool:
        """Whether the folder has been silent for so long that it counts as away."""
        return time.monotonic() - self.began_at >= PATIENCE_S

    def run(self) -> None:
        # Here, since it also removes what was left in the folder, which may hang.
        self._service.record_interrupted()
        self.answer = self.answers[self._service.store_path] = self._read()

    def _read(self) -> _Store:
        store = _store_of(self._service)
        if self._read_offsite is None:
            return replace(store, offsite=OffsiteStatus())
        here = store.listing or Listing.of(())  # copies elsewhere count most when it is away
        with suppress(BackupError, OSError):
            return replace(store, offsite=self._read_offsite(here))
        return store

    def first(self) -> _Probe:
        """Start this probe, or return one that serves as well.

        That is the one at work, since a hung folder is to block one thread, and one that began
        after this one was made.
        """
        with self._lock:
            before = self.running.get(self._service.store_path)
            if before and (before.is_alive() or before.began_at >= self.began_at):
                return before
            self.running[self._service.store_path] = self
            self.began_at = time.monotonic()
            self.start()
            return self


def _ask_store(
    service: BackupService, read_offsite: ReadOffsite | None, patience_s: float
) -> _Store:
    own = _Probe(service, read_offsite)
    asked_at = own.began_at
    deadline = asked_at + patience_s
    while True:
        probe = own.first()
        probe.join(max(0.0, deadline - time.monotonic()))
        # What another caller began to read after this one asked is as good as a read of its own.
        is_recent = probe.began_at >= asked_at
        if is_recent or probe.is_alive():
            break
    if is_recent and probe.answer is not None:
        return probe.answer
    if patience_s >= PATIENCE_S or probe.is_late:
        return _Store(problem=_unreadable("it does not answer"))
    if (last := _Probe.answers.get(service.store_path)) is None:
        raise TimeoutError
    return last


def _store_of(service: BackupService) -> _Store:
    try:
        listing = service.listing()
        return _Store(
            listing=listing,
            is_writable=is_writable(service.store_path),
            is_open_to_others=is_open_to_others(service.store_path, listing),
            is_on_data_disk=service.is_on_data_disk(),
            space=space_of(service.store_path, listing),
        )
    except BackupError as error:
        return _Store(problem=error.fault)
    except OSError as error:
        return _Store(problem=_unreadable(str(error)))


def _unreadable(detail: str) -> Fault:
    return Fault(Reason.DISK_REFUSED, {"doing": "read the backup folder", "detail": detail})


def is_writable(folder: Path) -> bool:
    """Whether a file can be created in the folder, or the folder itself."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def is_open_to_others(folder: Path, listing: Listing) -> bool:
    """Whether the modes let every user of the machine read the newest backup."""
    newest = next((b.file for b in listing.backups if b.file and b.kind in OWN_KINDS), None)
    return newest is not None and is_readable_by_all(folder / newest.name)


def space_of(folder: Path, listing: Listing) -> Space | None:
    """Return the space on the disk of the folder, None where it cannot be read."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    newest = next((b for b in listing.backups if b.database and b.kind in OWN_KINDS), None)
    raw_bytes = newest.database.size_bytes if newest and newest.database else 0
    kept_bytes = newest.file.size_bytes if newest and newest.file else 0
    return Space(
        total_bytes=max(1, disk.f_blocks * disk.f_frsize),
        free_bytes=disk.f_bavail * disk.f_frsize,
        stored_bytes=listing.stored_bytes,
        # The raw copy and what it is packed into lie there side by side.
        needed_bytes=raw_bytes * 3 // 2,
        kept_bytes=kept_bytes,
    )


def _has_history(service: BackupService, listing: Listing | None) -> bool:
    if listing is None or any(listing.counts_by_kind[kind] for kind in MADE_HERE):
        return False
    entries = service.journal(limit=None, verbs={Verb.CREATE, Verb.RESTORE})
    return any(each.outcome is Outcome.SUCCEEDED or each.has_replaced_data for each in entries)


def runs_ahead(settings: SiteSettings | None, now: datetime, *, count: int) -> Sequence[datetime]:
    """Return the next runs of the schedule, none where it is off or never comes due."""
    if settings is None or not settings.backup_enabled:
        return ()
    return next_runs(settings.backup_cron_expression, after=now, zone=settings.zone, count=count)
