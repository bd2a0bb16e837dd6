"""A process of its own for one request that may hang, crash or exhaust memory.

It is a new interpreter, never a fork of a process with threads. Request and answer are lines on its
standard input and output. It is killed at its deadline, together with what it started, and is gone
when its `started` block ends; when the process that asked is killed, the kernel ends it as well.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from launcher.config import ROOT

_ANSWER_BYTES = 1 << 20
_PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What a child wrote, and how it ended.

    Attributes:
        output: at most a megabyte; a child that writes more is killed.
        code: its exit code, negative for the signal that ended it.
        is_late: whether it was killed at the deadline.
    """

    output: str
    code: int
    is_late: bool


class Child:
    """A running child that waits for its one request."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, request: str, *, timeout_s: float) -> Answer:
        """Send one line; return what the child wrote until it ended or had to be killed."""
        deadline = time.monotonic() + timeout_s
        assert self._process.stdin is not None  # noqa: S101 (both are pipes)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(request.encode() + b"\n")
            self._process.stdin.flush()
        output, is_late = self._read(deadline)
        if not is_late:
            try:
                self._process.wait(max(1.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                is_late = True
        self.end()
        return Answer(output.decode(errors="replace"), self._process.returncode, is_late)

    def _read(self, deadline: float) -> tuple[bytes, bool]:
        """Return the output, and whether the deadline came first."""
        assert self._process.stdout is not None  # noqa: S101
        stream = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(stream, select.POLLIN)
        output = b""
        while len(output) <= _ANSWER_BYTES:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                return output, True
            piece = os.read(stream, _PIECE_BYTES)
            if not piece:
                break
            output += piece
        else:
            self.end()
        return output[:_ANSWER_BYTES], False

    def end(self) -> None:
        """Kill the child and what it started, unless it has ended, and reap it."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@contextlib.contextmanager
def started(module: str, *, environment: Mapping[str, str]) -> Iterator[Child]:
    """Start a module as a child, which has ended when the block ends.

    Raises:
        OSError: no process can be started.
    """
    # Its error output may quote a secret or a file from outside, so it is discarded.
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", module],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    child = Child(process)
    try:
        yield child
    finally:
        child.end()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


# --- in the other process ----------------------------------------------------------------


@contextlib.contextmanager
def answering() -> Iterator[tuple[str, IO[str]]]:
    """Yield the request, "" when the parent ended before it, and the stream for the answer.

    Whatever else writes to standard output is silenced.
    """
    request = sys.stdin.readline()
    _end_with_parent()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stream:
        os.set_inheritable(stream.fileno(), False)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.close(silence)
        # The parent may be gone.
        with contextlib.suppress(OSError):
            yield request, stream
            stream.flush()


def _end_with_parent() -> None:
    """Let the kernel end this process when its standard input does: the parent holds it open.

    Unlike a thread that watches, the signal needs nothing of a process that is busy.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([0], [], [], 0)[0]:  # it was gone before that
        raise SystemExit(1)


def limit(
    *, memory_bytes: int, alive_s: float, processor_s: int = 0, file_bytes: int | None = None
) -> None:
    """Limit this process for good.

    Args:
        memory_bytes: address space.
        alive_s: after this many seconds the kernel ends it, whatever became of its parent.
        processor_s: seconds of processor time, 0 for any.
        file_bytes: how large a file it may write, None for any.
    """
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, 256)
    if processor_s:
        _limit(resource.RLIMIT_CPU, processor_s, spare=5)
    if file_bytes is not None:
        _limit(resource.RLIMIT_FSIZE, file_bytes)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, alive_s)


def _limit(kind: int, value: int, *, spare: int = 0) -> None:
    """Lower a limit; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
        spare = min(spare, hard - value)
    resource.setrlimit(kind, (value, value + spare))
