"""Leader election: the one process that holds the lock `scheduler` runs the jobs.

Every worker has a thread that tries to take the lock and keeps it until the process ends. The
kernel releases it however the process ends, so there is no stale lock. Nothing here forks, and
descriptors are closed in every program that is started, which would keep the lock and run no jobs.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from flask import Flask

from launcher.backup.locks import try_lock
from launcher.backup.ports import utc_now
from launcher.current import current_config
from launcher.schedule.leader import lock_path, sign

TRY_EVERY_S = 0.5

_AFTER_ERROR_S = 30.0
log = logging.getLogger(__name__)


class LeaderTasks(Protocol):
    """What the leader does; created each time a process becomes the leader."""

    def tick(self) -> None:
        """Do what is due; called every two seconds, from one thread."""

    def close(self) -> None:
        """Stop, at once and without waiting for what was started."""


class Election:
    """Compete for the lock, then run the leader's tasks."""

    def __init__(
        self,
        lock_dir: Path,
        *,
        on_elected: Callable[[], LeaderTasks],
        try_every_s: float = TRY_EVERY_S,
        tick_every_s: float = 2.0,
    ) -> None:
        self._path = lock_path(lock_dir)
        self._on_elected = on_elected
        self._try_every_s = try_every_s
        self._tick_every_s = tick_every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="election", daemon=True)

    def start(self) -> None:
        """Compete for the lock until `stop`."""
        self._thread.start()

    def stop(self, *, timeout_s: float = 5.0) -> None:
        """Release the lock if it is held, so that another worker takes over at once."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._end.is_set():
            descriptor = self._try()
            if descriptor is None:
                self._end.wait(self._try_every_s)
                continue
            try:
                self._lead(descriptor)
            finally:
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    def _try(self) -> int | None:
        try:
            descriptor = try_lock(self._path, exclusive=True)
            if descriptor is not None:
                sign(descriptor, since=utc_now())
        except OSError:
            return None  # the data directory is away, and may come back
        return descriptor

    def _lead(self, descriptor: int) -> None:
        tasks: LeaderTasks | None = None
        try:
            while not self._end.is_set() and self._is_ours(descriptor):
                pause_s = self._tick_every_s
                try:
                    tasks = tasks or self._on_elected()
                    tasks.tick()
                except Exception:
                    log.exception("the leader's tasks failed")
                    pause_s = _AFTER_ERROR_S
                self._end.wait(pause_s)
        finally:
            if tasks is not None:
                tasks.close()

    def _is_ours(self, descriptor: int) -> bool:
        """Whether others compete for the same file: it may have been removed."""
        try:
            held, named = os.fstat(descriptor), self._path.stat()
        except OSError:
            return False
        return (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino)


def start_election(app: Flask) -> Election | None:
    """Let this process run the jobs of `app` as soon as no other does; None where it may not.

    Called once in each worker, after it was forked.
    """
    config = current_config(app)
    if not config.scheduler:
        return None

    def on_elected() -> LeaderTasks:
        from launcher.jobs.scheduler import JobScheduler  # noqa: PLC0415  (all but one worker do without)

        return JobScheduler(app)

    election = Election(config.lock_dir, on_elected=on_elected)
    election.start()
    return election
