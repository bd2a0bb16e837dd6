"""A leader at its desk: the real scheduler, settings and backups, and two clocks in hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from launcher.audit import COMMAND_LINE
from launcher.backup import BackupService, Gate, LocalStore
from launcher.backup.errors import BackupError, OperationInProgressError
from launcher.backup.records.backup import Backup, Kind
from launcher.config import Config
from launcher.db.content import LauncherContent
from launcher.db.settings import change_settings
from launcher.db.settings_reader import read_settings
from launcher.jobs.history import Book, Run, runs
from launcher.jobs.process import Answered
from launcher.jobs.scheduler import JobScheduler
from launcher.jobs.work import perform
from launcher.settings.table import SiteSettings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Desk:
    """One data directory, and whoever leads on it at the moment.

    `started` holds when which job was started. Jobs run to their end before `start` returns.
    `looked` grows by one each time the watch looks around. `copied` has the destinations of copies
    whose process was started, and nothing is copied.
    """

    app: Flask
    now: datetime = NOON
    steady_s: float = 0.0
    started: list[tuple[str, datetime]] = field(default_factory=list)
    scheduler: JobScheduler | None = None
    looked: list[Flask] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.config: Config = self.app.extensions["launcher.config"]
        self.data_dir: Path = self.config.data_dir
        self.gate = Gate(self.config.lock_dir)
        self.store = LocalStore(self.config.backup_dir)
        self.service = BackupService(
            database_path=self.config.database_path,
            data_dir=self.data_dir,
            store=self.store,
            content=LauncherContent(),
            gate=self.gate,
            clock=lambda: self.now,
        )
        self.app.extensions["launcher.background.service"] = self.service

    # --- the leader ----------------------------------------------------------------------

    def elect(self) -> None:
        """Let a new worker take over, as after a start or a kill."""
        self.leave()
        self.scheduler = JobScheduler(
            self.app,
            clock=lambda: self.now,
            steady_s=lambda: self.steady_s,
            start=self._start,
            dispatch=self.looked.append,
            check=None,
            copy=lambda _config, destination_id: self.copied.append(destination_id),
            is_woken=False,
        )
        self.scheduler.tick()

    def leave(self) -> None:
        """End the leader, as a stop of the server does."""
        if self.scheduler is not None:
            self.scheduler.close()
        self.scheduler = None

    def pass_time(self, length: timedelta, *, step: timedelta = timedelta(minutes=1)) -> None:
        """Let time pass, and the leader tick in it."""
        end = self.now + length
        while self.now < end:
            self.wait(min(step, end - self.now))
            if self.scheduler is not None:
                self.scheduler.tick()

    def wait(self, length: timedelta) -> None:
        """Let time pass while nobody does anything."""
        self.now += length
        self.steady_s += length.total_seconds()

    def set_clock(self, now: datetime) -> None:
        """Set the clock on the wall; the steady one goes on."""
        self.now = now
        self.steady_s += 2
        if self.scheduler is not None:
            self.scheduler.tick()

    def _start(self, _config: Config, job_id: str) -> Answered:
        self.started.append((job_id, self.now))
        try:
            run = self.perform(job_id)
        except OperationInProgressError:
            return Answered.BUSY
        return Answered.BEGUN if run else Answered.NOTHING

    # --- what is there -------------------------------------------------------------------

    def perform(
        self, job_id: str, *, by: str = "", service: BackupService | None = None
    ) -> Run | None:
        """Do a job as its process does: if it is due, or because `by` asked."""
        return perform(
            job_id,
            service or self.service,
            Book(self.data_dir),
            self.site(),
            clock=lambda: self.now,
            by=by or "schedule",
            is_by_hand=bool(by),
        )

    def site(self) -> SiteSettings:
        """Return the settings of the schedule."""
        return read_settings(self.config.database_path, self.gate)

    def set(self, **values: object) -> None:
        """Change settings of the schedule, as a page does."""
        with self.app.app_context():
            change_settings(
                {f"backup_{name}": value for name, value in values.items()}, actor=COMMAND_LINE
            )

    def set_zone(self, name: str) -> None:
        """Change the time zone of the site."""
        with self.app.app_context():
            change_settings({"time_zone": name}, actor=COMMAND_LINE)

    def scheduled(self) -> list[Backup]:
        """Return the backups that the schedule made, oldest first."""
        return [b for b in reversed(self.store.list()) if b.kind is Kind.SCHEDULED]

    def made_at(self) -> list[str]:
        """Return when they were made, as short texts."""
        return [f"{backup.created_at:%d %H:%M}" for backup in self.scheduled()]

    def runs(self, job_id: str = "backup") -> tuple[Run, ...]:
        """Return the runs of a job, newest first."""
        return runs(self.data_dir)[job_id]

    @contextmanager
    def failing(self, error: BackupError) -> Iterator[None]:
        """Let every backup fail for the length of the block."""

        def fail(*_args: object, **_how: object) -> Backup:
            raise error

        self.service._create = fail  # type: ignore[method-assign]
        try:
            yield
        finally:
            del self.service._create  # type: ignore[method-assign]


def slots_count_since(data_dir: Path, moment: datetime) -> None:
    """Let the schedules of a data directory be as old as `moment`."""
    book = Book(data_dir)
    for job_id in ("backup", "scrub", "restore-test"):
        book.change(job_id, lambda last: replace(last, since=moment))
