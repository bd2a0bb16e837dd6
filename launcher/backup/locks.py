"""Locks between processes, held by the kernel: a killed holder leaves none behind.

`flock` belongs to an open file description, so two threads of one process exclude each other as
two processes do, and a lock ends with its last descriptor. Descriptors are close-on-exec; work
that outlives its process starts as a new program, never by fork, or the child would keep the lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

_POLL_S = 0.002
_POLL_MAX_S = 0.02


def try_lock(path: Path, *, exclusive: bool) -> int | None:
    """Take the lock at `path` at once and return its descriptor, or None when it is held."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def lock_within(path: Path, *, exclusive: bool, deadline: float) -> int | None:
    """Take a lock by trying until `deadline` (monotonic seconds), or return None.

    `flock` has no timeout, so this polls: for a shared lock, which many may wait for, less often
    the longer it takes.
    """
    began = time.monotonic()
    while (descriptor := try_lock(path, exclusive=exclusive)) is None:
        if (now := time.monotonic()) >= deadline:
            return None
        time.sleep(_POLL_S if exclusive else min(_POLL_MAX_S, max(_POLL_S, (now - began) / 4)))
    return descriptor


@contextlib.contextmanager
def locked(path: Path, *, timeout_s: float = 0.0) -> Iterator[bool]:
    """Hold the lock at `path` for the block; yields False when it cannot be had in time."""
    descriptor = lock_within(path, exclusive=True, deadline=time.monotonic() + timeout_s)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


class GatePass:
    """The right of one request to touch the database, until `leave` or the end of the block."""

    def __init__(self, descriptor: int, writers: _Turnstile, *, writer: int | None = None) -> None:
        self._descriptor: int | None = descriptor
        self._writers = writers
        self._writer = writer

    @property
    def writes(self) -> bool:
        """Whether the holder may write: no restore holds the write lock of the database."""
        return self._writer is not None

    @contextlib.contextmanager
    def writing(self) -> Iterator[bool]:
        """Let the holder write within the block; yields False, at once, where a restore writes.

        One that waited here would hold open the gate that the restore waits for.
        """
        if self.writes or self._descriptor is None:
            yield self.writes
            return
        self._writer = self._writers.pass_by(time.monotonic())
        try:
            yield self.writes
        finally:
            descriptor, self._writer = self._writer, None
            if descriptor is not None:
                os.close(descriptor)

    def leave(self) -> None:
        """Leave the gate; calling it again does nothing."""
        descriptors = self._descriptor, self._writer
        self._descriptor = self._writer = None
        for descriptor in descriptors:
            if descriptor is not None:
                os.close(descriptor)

    def __enter__(self) -> GatePass:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()


class Hold:
    """How long a turnstile has kept newcomers waiting.

    Attributes:
        longest_s: the longest that one of them can have waited, in seconds, once that is over.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._since = 0.0

    def begin(self) -> None:
        """Count from now."""
        self._since = time.monotonic()

    def end(self) -> None:
        """All have been let in."""
        self.longest_s = max(self.longest_s, time.monotonic() - self._since)


class _Turnstile:
    """Two lock files: many pass by together, or one holds it alone.

    Those who pass take `turn` shared, then `inside` shared, and release `turn` at once. The one
    takes `turn` exclusive, so newcomers queue, then `inside` exclusive, so that those inside
    finish. With one file, overlapping requests would delay a restore for ever (`docs/restore.md`).
    """

    def __init__(
        self, turn: Path, inside: Path, *, drain_timeout_s: float, patience_s: float
    ) -> None:
        self._turn_path = turn
        self._inside_path = inside
        self._drain_timeout_s = drain_timeout_s
        self._patience_s = patience_s

    def pass_by(self, deadline: float) -> int | None:
        """Wait until it is open and hold it open; None when it is not open by `deadline`."""
        turn = lock_within(self._turn_path, exclusive=False, deadline=deadline)
        if turn is None:
            return None
        try:
            return lock_within(self._inside_path, exclusive=False, deadline=deadline)
        finally:
            os.close(turn)

    def is_held(self) -> bool:
        """Whether newcomers wait now."""
        turn = try_lock(self._turn_path, exclusive=False)
        if turn is None:
            return True
        os.close(turn)
        return False

    @contextlib.contextmanager
    def held(self) -> Iterator[Hold]:
        """Let no one pass for the length of the block, once those inside have finished.

        Newcomers wait for `patience_s` at a time: when one inside is still there by then, all are
        let through once before the next try, so that one long download cannot stop the site.

        Raises:
            TimeoutError: some were still inside after `drain_timeout_s`; all are let in.
        """
        deadline = time.monotonic() + self._drain_timeout_s
        hold = Hold()
        while (descriptors := self._try_hold(deadline, hold)) is None:
            if time.monotonic() >= deadline:
                raise TimeoutError(
                    f"requests were still running after {self._drain_timeout_s:.0f} seconds"
                )
            time.sleep(min(0.25, self._patience_s))
        try:
            yield hold
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
            hold.end()

    def _try_hold(self, deadline: float, hold: Hold) -> tuple[int, int] | None:
        turn = lock_within(self._turn_path, exclusive=True, deadline=deadline)
        if turn is None:
            return None
        hold.begin()
        try:
            patience = min(deadline, time.monotonic() + self._patience_s)
            inside = lock_within(self._inside_path, exclusive=True, deadline=patience)
        except BaseException:
            os.close(turn)
            raise
        if inside is None:
            os.close(turn)
            hold.end()
            return None
        return inside, turn


class Gate:
    """Lets requests in together, or a restore alone; and before that, those who write.

    It is two turnstiles, one behind the other. A request that will write passes the one of writers
    first, then the gate. All others pass the gate alone. A restore holds the writers while it
    holds the write lock of the database: they wait outside of the gate, and readers pass. It
    closes the gate for its last step.

    So no one waits inside the gate for a write lock that a restore holds, which itself waits until
    the gate is empty. Two rules keep it so: who entered without `writes` never writes, unless
    `GatePass.writing` lets them, and a restore takes the writers first, then the gate.

    A connection to the database may be open only between `enter` and `leave`: then no
    connection is open while the gate is closed, and the file can be replaced.
    """

    def __init__(
        self, lock_dir: Path, *, drain_timeout_s: float = 30.0, patience_s: float = 3.0
    ) -> None:
        self._lock_dir = lock_dir
        self._all = self._turnstile("turn", "gate", drain_timeout_s, patience_s)
        self._writers = self._turnstile("writers-turn", "writers", drain_timeout_s, patience_s)

    def _turnstile(
        self, turn: str, inside: str, drain_timeout_s: float, patience_s: float
    ) -> _Turnstile:
        return _Turnstile(
            self._lock_dir / turn,
            self._lock_dir / inside,
            drain_timeout_s=drain_timeout_s,
            patience_s=patience_s,
        )

    def enter(self, *, writes: bool = False, timeout_s: float = 8.0) -> GatePass:
        """Wait until the gate is open and hold it open.

        Args:
            writes: whether the holder will write. It then waits for the end of a restore, outside
                of the gate, and with `timeout_s` for both.

        Raises:
            TimeoutError: it could not be had in `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        writer = self._writers.pass_by(deadline) if writes else None
        try:
            if writes and writer is None:
                raise TimeoutError("the data is being replaced")
            descriptor = self._all.pass_by(deadline)
            if descriptor is None:
                raise TimeoutError("the data is being replaced")
        except BaseException:
            if writer is not None:
                os.close(writer)
            raise
        return GatePass(descriptor, self._writers, writer=writer)

    def holds_writers(self) -> bool:
        """Whether one who would write waits now; answered at once.

        Raises:
            OSError: the lock file cannot be opened.
        """
        return self._writers.is_held()

    @contextlib.contextmanager
    def writers_held(self) -> Iterator[Hold]:
        """Keep those who write waiting for the length of the block, once running ones have ended.

        It yields how long they waited. Those who read are not held. Within the block the caller may
        take the write lock of the database and then close the gate: no one inside waits for that
        lock.

        Raises:
            TimeoutError: writers were still inside after `drain_timeout_s`; all are let in.
        """
        with self._writers.held() as hold:
            yield hold

    @contextlib.contextmanager
    def closed(self) -> Iterator[Hold]:
        """Keep every request waiting for the length of the block, once running ones have finished.

        It yields how long they waited. New requests wait for `patience_s` at a time: when a slow
        request is still running by then, all are let through once before the next try, so that one
        long download cannot stop the site.

        Raises:
            TimeoutError: requests were still inside after `drain_timeout_s`; all are let in.
        """
        with self._all.held() as hold:
            yield hold
