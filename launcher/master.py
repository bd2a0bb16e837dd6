"""gunicorn's master, which stays small: a loader loads the application and forks the workers.

A master that loads it for its workers keeps a copy that nobody uses. Here a child of the master
loads, forks all workers that are to start, and ends. They share what it loaded, and the kernel
makes them children of the master, which knows each before it looks for workers that have ended.

It is built on `gunicorn.arbiter` of gunicorn 27.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gunicorn.arbiter import Arbiter

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_POLL_S = 0.005


def adopts_orphans() -> bool:
    """Make this process the parent of what its children leave behind; False where none can be."""
    try:
        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):  # not Linux
        return False


class Master(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """An arbiter whose workers share what `load` imports, if several start together.

    A single one, as after the end of another, has nobody to share with, and loads for itself. A
    process that adopts orphans becomes one by `become`. Signals wait while a loader runs, about a
    second; those that end the server end the loader too.
    """

    _load: Callable[[], None]
    _loader = 0
    _made: list[Any]
    _reports = -1
    _forked_ahead = 0
    _ended_by = 0

    @classmethod
    def become(cls, arbiter: Any, load: Callable[[], None]) -> None:
        """Let gunicorn's arbiter be one of these, before it has workers."""
        arbiter.__class__ = cls
        arbiter._load = load  # noqa: SLF001 (it is of this class now)
        arbiter._made = []  # noqa: SLF001 (as above)

    def signal(self, sig: int, frame: Any) -> None:
        """Queue a signal, and do not wait for a loader when it ends the server."""
        super().signal(sig, frame)
        if self._loader and sig in _ENDING:
            self._ended_by = sig
            with suppress(ProcessLookupError):
                os.kill(self._loader, signal.SIGTERM)

    def fork_ahead(self) -> None:
        """Fork all workers of a reload; each `spawn_worker` that follows stands for one of them."""
        if self.num_workers > 1:
            self._forked_ahead = self._fork_together(self.num_workers)

    def spawn_workers(self) -> None:
        """Fork the workers that are missing."""
        missing = self.num_workers - len(self.WORKERS)
        if missing > 1:
            self._fork_together(missing)
        else:
            super().spawn_workers()

    def spawn_worker(self) -> Any:
        """Fork a worker, or do nothing for one that was forked ahead."""
        if self._forked_ahead:
            self._forked_ahead -= 1
            return None
        return super().spawn_worker()

    def report(self, worker: Any) -> None:
        """In a worker: tell the master of it, and go on once the master is its parent."""
        if self._reports < 0:
            return
        os.write(self._reports, f"{worker.age} {worker.pid}\n".encode())
        os.close(self._reports)
        for other in self._made:
            if other is not worker:
                other.tmp.close()
        while os.getppid() == self._loader:
            time.sleep(_POLL_S)

    def _fork_together(self, count: int) -> int:
        """Let a loader fork workers; return how many it did, fewer when it was killed."""
        made = [self._new_worker() for _ in range(count)]
        reading, writing = os.pipe()
        loader = os.fork()
        if not loader:
            os.close(reading)
            self._made, self._reports, self._loader = made, writing, os.getpid()
            self._load_and_fork()
        self._loader = loader
        os.close(writing)
        # Read to its end, that is until the loader and each worker has reported or has ended.
        with os.fdopen(reading) as reports:
            pids: dict[str, int] = {age: int(pid) for age, pid in map(str.split, reports)}
        _, status = os.waitpid(loader, 0)
        self._loader = 0
        if status and not self._ended_by:
            self.log.error("The loader of the workers ended with status %s.", status)
        for worker in made:
            if pid := pids.get(str(worker.age)):
                worker.pid = pid
                self.WORKERS[pid] = worker
                self._stats["workers_spawned"] += 1
            else:
                worker.tmp.close()
        if self._ended_by:  # gunicorn's loop ends with what this raises
            getattr(self, f"handle_{self.SIG_NAMES[self._ended_by]}")()
        return len(pids)

    def _new_worker(self) -> Any:
        self.worker_age += 1
        return self.worker_class(  # type: ignore[no-untyped-call]  # as above
            self.worker_age, self.pid, self.LISTENERS, self.app,
            self.timeout / 2.0, self.cfg, self.log,
        )  # fmt: skip

    def _load_and_fork(self) -> None:
        """In the loader: load and fork, and end. Only its workers return, by `SystemExit`."""
        try:
            for number in _ENDING:  # the master alone handles its signals
                signal.signal(number, signal.SIG_DFL)
            # What cannot be imported ends the workers, which meet it too, as gunicorn has it.
            with suppress(Exception):
                self._load()
            for worker in self._made:
                self.worker_class = lambda *_of_gunicorn, worker=worker: worker
                super().spawn_worker()
            os._exit(0)
        finally:
            if os.getpid() == self._loader:
                os._exit(1)
