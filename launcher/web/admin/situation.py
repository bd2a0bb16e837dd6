"""What the panel is drawn from: the store, the journal, the disk and the rules, at one moment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from launcher.backup.errors import BackupError
from launcher.backup.records import (
    OWN_KINDS,
    Backup,
    JournalEntry,
    Listing,
    Outcome,
    Progress,
    RetentionPolicy,
    Verb,
)
from launcher.cron import next_runs

if TYPE_CHECKING:
    from launcher.backup.service import BackupService
    from launcher.models import SystemSettings

_JOURNAL_DAYS = 40


@dataclass(frozen=True, slots=True)
class Rules:
    """What the site's settings say about backups, as plain values."""

    is_scheduled: bool
    cron_expression: str
    stale_after: timedelta
    policy: RetentionPolicy
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Space:
    """The disk that the backups lie on.

    Attributes:
        needed_bytes: what the next backup takes for a moment, judged by the newest one; 0 while
            there is none.
    """

    total_bytes: int
    free_bytes: int
    stored_bytes: int
    needed_bytes: int

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


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything at one moment.

    Attributes:
        listing: the backups, None when the store cannot be read; `problem` then says why.
        space: None when the disk does not tell.
        entries: what happened in the last weeks, newest first.
        has_history: whether a backup was ever made; asked only where there is none now.
        next_run_at: None when no schedule is on.
    """

    now: datetime
    rules: Rules
    folder: Path
    listing: Listing | None
    problem: str
    is_writable: bool
    space: Space | None
    entries: Sequence[JournalEntry]
    has_history: bool
    running: Progress | None
    next_run_at: datetime | None

    @property
    def last_good(self) -> Backup | None:
        """The newest backup that holds this site's data and is whole."""
        return self.listing.own_good[0] if self.listing and self.listing.own_good else None

    @property
    def is_stale(self) -> bool:
        """Whether the schedule has let too much time pass since a good backup."""
        if not self.rules.is_scheduled or self.listing is None:
            return False
        # A backup from the future was made by a wrong clock, and says nothing of today.
        ages = (self.now - backup.created_at for backup in self.listing.own_good)
        newest = next((age for age in ages if age >= -self.rules.stale_after), None)
        return newest is None or newest > self.rules.stale_after


def rules_of(site: SystemSettings) -> Rules:
    """Return what the settings say, free of the database."""
    return Rules(
        is_scheduled=site.backup_enabled,
        cron_expression=site.backup_cron_expression,
        stale_after=timedelta(hours=site.backup_stale_after_h),
        policy=RetentionPolicy(
            keep_count=site.backup_max_count,
            keep_daily=site.backup_keep_daily,
            keep_weekly=site.backup_keep_weekly,
            keep_monthly=site.backup_keep_monthly,
        ),
        zone=ZoneInfo(site.time_zone),
    )


def look(service: BackupService, rules: Rules, *, now: datetime) -> Situation:
    """Return the situation. Asks the disk, never the database; a store that is away is no error."""
    listing, problem = None, ""
    try:
        listing = service.listing()
    except BackupError as error:
        problem = str(error)
    return Situation(
        now=now,
        rules=rules,
        folder=service.store_path,
        listing=listing,
        problem=problem,
        is_writable=is_writable(service.store_path),
        space=_space(service.store_path, listing) if listing else None,
        entries=service.journal(limit=None, since=now - timedelta(days=_JOURNAL_DAYS)),
        has_history=_has_history(service) if listing and not listing.backups else False,
        running=service.progress(),
        next_run_at=_next_run_at(rules, now),
    )


def is_writable(folder: Path) -> bool:
    """Whether something can be put into the folder, or the folder be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def _has_history(service: BackupService) -> bool:
    made = service.journal(limit=None, verbs={Verb.CREATE})
    return any(entry.outcome is Outcome.SUCCEEDED for entry in made)


def _next_run_at(rules: Rules, now: datetime) -> datetime | None:
    if not rules.is_scheduled:
        return None
    return next(iter(next_runs(rules.cron_expression, after=now, zone=rules.zone)), None)


def _space(folder: Path, listing: Listing) -> Space | None:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    newest = next((b for b in listing.backups if b.database and b.kind in OWN_KINDS), None)
    return Space(
        total_bytes=max(1, disk.f_blocks * disk.f_frsize),
        free_bytes=disk.f_bavail * disk.f_frsize,
        stored_bytes=listing.stored_bytes,
        # The raw copy and what it is packed into lie there side by side.
        needed_bytes=newest.database.size_bytes * 3 // 2 if newest and newest.database else 0,
    )
