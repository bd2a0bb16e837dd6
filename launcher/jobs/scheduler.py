"""The leader's tasks: follow the schedule in the settings, and start what is due.

Flask-APScheduler wakes it in the second in which a job comes due. That alone would not do: a clock
that is set back would leave it asleep, a slot that came due without a leader would be forgotten,
and an operation in the way would cost a backup. So every half minute each job is checked for
a due slot, which is cheap, and checking twice starts nothing twice.

It starts the processes that copy backups to other places, when something is due there.

It also detects problems and sends notifications, once a minute and when an operation has ended.
That may take as long as the slowest recipient, so it has a thread. The health checks of apps have
threads too, from its first tick to its end.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from flask import Flask

from launcher.background.uploads import KEEP_PREVIEW_S, remove_older
from launcher.backup.errors import BackupError
from launcher.backup.fingerprints import Fingerprint, fingerprint_at
from launcher.backup.ports import utc_now
from launcher.backup.slots import RETRY_AFTER
from launcher.config import Config
from launcher.current import current_backups, current_config, current_gate, current_offsite
from launcher.db.settings_reader import SettingsReader
from launcher.jobs.history import Book
from launcher.jobs.offsite import CopyStarter
from launcher.jobs.process import Answered, start_due
from launcher.jobs.registry import JOBS, Job
from launcher.jobs.trigger import CronExpressionTrigger
from launcher.jobs.work import owed, watch_schedule
from launcher.notifications.dispatch import send_notifications
from launcher.notifications.heartbeat import ping_start
from launcher.offsite.process import start_copying
from launcher.settings.table import SiteSettings

if TYPE_CHECKING:
    from flask_apscheduler import APScheduler

ASK_EVERY_S = 30.0
CLOCK_JUMP_S = 10.0
NOTIFY_EVERY_S = 60.0
MISFIRE_GRACE_S = 3600

Start = Callable[["Config", str], Answered]
Dispatch = Callable[["Flask"], object]
Copy = Callable[["Config", str], object]


class Checks(Protocol):
    """The health checks of apps; see `launcher.checks.service`."""

    def close(self) -> None:
        """Stop them."""


_log = logging.getLogger(__name__)


def start_checks(app: Flask) -> Checks:
    """Check apps until `close`."""
    from launcher.checks.service import HealthChecks  # noqa: PLC0415 (only the leader needs it)

    return HealthChecks(current_config(app), current_gate(app))


class JobScheduler:
    """The leader's tasks: `tick` every two seconds, `close` at the end.

    Args:
        clock, steady_s: the wall clock, and seconds that no one can set.
        start: starts a job's process if it is due.
        dispatch: sends the notifications that are due.
        check: starts the health checks; None for none.
        copy: starts the process of a destination of copies.
        is_woken: whether APScheduler wakes it as well.
    """

    def __init__(
        self,
        app: Flask,
        *,
        clock: Callable[[], datetime] = utc_now,
        steady_s: Callable[[], float] = time.monotonic,
        start: Start = start_due,
        dispatch: Dispatch = send_notifications,
        check: Callable[[Flask], Checks] | None = start_checks,
        copy: Copy = start_copying,
        is_woken: bool = True,
    ) -> None:
        self._app = app
        self._config = current_config(app)
        self._service = current_backups(app)
        self._reader = SettingsReader(self._config.database_path, current_gate(app))
        self._book = Book(self._config.data_dir)
        self._clock = clock
        self._steady_s = steady_s
        self._start = start
        self._dispatch = dispatch
        self._check = check
        self._checks: Checks | None = None
        self._copies = CopyStarter(
            self._config.data_dir,
            current_offsite(app),
            partial(copy, self._config),
            steady_s=steady_s,
        )
        self._notifying: threading.Thread | None = None
        self._notified_at_s = float("-inf")
        self._journal_seen: Fingerprint | None = None
        self._settings: SiteSettings | None = None
        self._scheduled: dict[str, tuple[str, str]] = {}
        self._asked_at_s = float("-inf")
        self._offset = self._clock_offset()
        self._not_before_s: dict[tuple[str, datetime], float] = {}
        self._starting = threading.Lock()
        self._apscheduler = _bind(app)
        self._apscheduler.start(paused=not is_woken)

    def tick(self) -> None:
        """Follow the settings and the clock; every half minute, start what is due."""
        is_first = self._settings is None
        if self._checks is None and self._check is not None:
            self._checks = self._check(self._app)
        self._notify_if_due()
        self._follow_clock()
        if not self._follow_settings(is_watched=not is_first):
            return
        self._copy_if_due()
        if is_first or self._steady_s() - self._asked_at_s >= ASK_EVERY_S:
            self._asked_at_s = self._steady_s()
            remove_older(self._config.importing_dir, age_s=KEEP_PREVIEW_S)
            remove_older(self._config.recovering_dir, age_s=KEEP_PREVIEW_S)
            for job_id in JOBS:
                self.start_if_owed(job_id)

    def close(self) -> None:
        """Start nothing more. Jobs that were started go on, in processes of their own."""
        if self._checks is not None:
            self._checks.close()
        if self._apscheduler.running:
            self._apscheduler.shutdown(wait=False)

    def start_if_owed(self, job_id: str) -> None:
        """Start a job if its newest slot is unclaimed and no operation runs.

        A running operation postpones it: it is tried again until the next slot is due.
        """
        with self._starting:
            settings, job = self._settings, JOBS[job_id]
            if settings is None:
                return
            slot = owed(self._service, self._book.record(job_id), job, settings, now=self._clock())
            if slot is None or self._steady_s() < self._not_before_s.get((job_id, slot), 0.0):
                return
            if self._service.progress() is not None:
                return
            self._not_before_s = {(job_id, slot): self._start_one(job)} | {
                key: until for key, until in self._not_before_s.items() if key[0] != job_id
            }

    def _notify_if_due(self) -> None:
        """Send notifications once a minute, and as soon as the journal has a new line."""
        if self._notifying is not None and self._notifying.is_alive():
            return
        journal = fingerprint_at(self._config.data_dir / "journal.jsonl")
        is_news = journal != self._journal_seen
        if not is_news and self._steady_s() - self._notified_at_s < NOTIFY_EVERY_S:
            return
        self._journal_seen, self._notified_at_s = journal, self._steady_s()
        # A daemon: a recipient that does not answer must not keep a worker running.
        self._notifying = threading.Thread(
            target=self._dispatch, args=[self._app], name="notify", daemon=True
        )
        self._notifying.start()

    def _copy_if_due(self) -> None:
        """Start the process of each destination of copies at which something is due."""
        if self._settings is not None:
            self._copies.tick(self._settings)

    def _start_one(self, job: Job) -> float:
        """Start a job; return the steady time in seconds before which its slot is not tried."""
        try:
            answered = self._start(self._config, job.id)
        except (BackupError, RuntimeError, OSError) as error:
            _log.warning("the job %s could not be started: %s", job.id, error)
            return self._steady_s() + RETRY_AFTER.total_seconds()
        if answered is Answered.BEGUN and job.id == "backup":
            ping_start(self._app)
        if answered is Answered.BUSY:
            return self._steady_s() + ASK_EVERY_S / 2
        # A job that fails before it claims its slot is not tried at every tick.
        return self._steady_s() + RETRY_AFTER.total_seconds()

    def _follow_settings(self, *, is_watched: bool) -> bool:
        """Read the settings and reschedule what changed; return whether they could be read."""
        try:
            settings = self._reader.read()
        except BackupError as error:
            _log.debug("the schedule is unchanged: %s", error)
            return False
        if settings != self._settings:
            with self._starting:
                self._settings = settings
                for job in JOBS.values():
                    watch_schedule(
                        self._book, job, settings, now=self._clock(), is_watched=is_watched
                    )
                    self._schedule(job, settings)
        return True

    def _schedule(self, job: Job, settings: SiteSettings) -> None:
        expression = job.cron(settings)
        if expression is None or not job.next_runs(settings, after=self._clock()):
            if self._scheduled.pop(job.id, None):
                self._apscheduler.remove_job(job.id)
            if expression is not None:
                _log.error("%r is no schedule that ever comes due", expression)
            return
        wanted = (expression, settings.zone.key)
        if self._scheduled.get(job.id) != wanted:
            trigger = CronExpressionTrigger(expression, settings.zone)
            self._apscheduler.add_job(
                job.id, self.start_if_owed, args=(job.id,), trigger=trigger, replace_existing=True
            )
            self._scheduled[job.id] = wanted

    def _follow_clock(self) -> None:
        """Wake APScheduler when the clock was set: it sleeps until a moment that moved."""
        offset = self._clock_offset()
        if abs(offset - self._offset) < timedelta(seconds=CLOCK_JUMP_S):
            return
        self._offset = offset
        self._asked_at_s = float("-inf")
        if self._settings is not None:
            self._scheduled.clear()
            for job in JOBS.values():
                watch_schedule(self._book, job, self._settings, now=self._clock())
                self._schedule(job, self._settings)

    def _clock_offset(self) -> timedelta:
        return (
            self._clock() - datetime.min.replace(tzinfo=UTC) - timedelta(seconds=self._steady_s())
        )


def _bind(app: Flask) -> APScheduler:
    """Return Flask-APScheduler for `app`, not yet started."""
    from apscheduler.executors.pool import ThreadPoolExecutor  # noqa: PLC0415
    from apscheduler.schedulers.background import BackgroundScheduler  # noqa: PLC0415
    from flask_apscheduler import APScheduler  # noqa: PLC0415

    app.config.update(
        SCHEDULER_TIMEZONE=UTC,
        SCHEDULER_EXECUTORS={"default": ThreadPoolExecutor(2)},
        SCHEDULER_JOB_DEFAULTS={
            "coalesce": True,
            "max_instances": 1,
            "misfire_grace_time": MISFIRE_GRACE_S,
        },
    )
    return APScheduler(BackgroundScheduler(), app)
