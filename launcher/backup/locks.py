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

    `flock` has no timeout, so this polls.
    """
    while (descriptor := try_lock(path, exclusive=exclusive)) is None:
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_S)
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

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def leave(self) -> None:
        """Leave the gate; calling it again does nothing."""
        descriptor, self._descriptor = self._descriptor, None
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


class Gate:
    """Lets requests in together, or a restore alone.

    It uses two lock files. A request takes `turn` shared, then `gate` shared, and releases `turn`
    at once. A restore takes `turn` exclusive, so new requests queue, then `gate` exclusive, so
    running ones finish. With one file, overlapping requests would delay a restore for ever
    (`docs/restore.md`).

    A connection to the database may be open only between `enter` and `leave`: then no
    connection is open while the gate is closed, and the file can be replaced.
    """

    def __init__(
        self, lock_dir: Path, *, drain_timeout_s: float = 30.0, patience_s: float = 3.0
    ) -> None:
        self._turn_path = lock_dir / "turn"
        self._gate_path = lock_dir / "gate"
        self._drain_timeout_s = drain_timeout_s
        self._patience_s = patience_s

    def enter(self, *, timeout_s: float = 8.0) -> GatePass:
        """Wait until the gate is open and hold it open.

        Raises:
            TimeoutError: it stayed closed for `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        turn = lock_within(self._turn_path, exclusive=False, deadline=deadline)
        if turn is None:
            raise TimeoutError("the data is being replaced")
        try:
            gate = lock_within(self._gate_path, exclusive=False, deadline=deadline)
        finally:
            os.close(turn)
        if gate is None:
            raise TimeoutError("the data is being replaced")
        return GatePass(gate)

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Keep every request waiting for the length of the block, once running ones have finished.

        New requests wait for `patience_s` at a time: when a slow request is still running by
        then, all are let through once before the next try, so that one long download cannot
        stop the site.

        Raises:
            TimeoutError: requests were still inside after `drain_timeout_s`; all are let in.
        """
        deadline = time.monotonic() + self._drain_timeout_s
        while (descriptors := self._try_close(deadline)) is None:
            if time.monotonic() >= deadline:
                raise TimeoutError(
                    f"requests were still running after {self._drain_timeout_s:.0f} seconds"
                )
            time.sleep(min(0.25, self._patience_s))
        try:
            yield
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _try_close(self, deadline: float) -> tuple[int, int] | None:
        turn = lock_within(self._turn_path, exclusive=True, deadline=deadline)
        if turn is None:
            return None
        try:
            patience = min(deadline, time.monotonic() + self._patience_s)
            gate = lock_within(self._gate_path, exclusive=True, deadline=patience)
        except BaseException:
            os.close(turn)
            raise
        if gate is None:
            os.close(turn)
            return None
        return gate, turn
