"""Waiting for what runs in a process of its own."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path

from launcher.backup.records.operation import JournalEntry
from launcher.backup.service import BackupService


def ended(service: BackupService, operation_id: str) -> JournalEntry:
    """Wait until an operation is over, for up to a minute."""
    deadline = time.monotonic() + 120
    while not isinstance(found := service.operation(operation_id), JournalEntry):
        assert found is not None, "it never began"
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def await_idle(service: BackupService) -> None:
    """Wait until nothing runs, for up to a minute."""
    deadline = time.monotonic() + 120
    while (found := service.progress()) is not None:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


@contextmanager
def paused(data_dir: Path, *, at: str = "compress") -> Iterator[Callable[[], int]]:
    """Stop the operation that begins in this block once it has come to the stage `at`.

    It goes on at the end of the block. The server is of `tests.support.pausable:app`.

    Yields:
        A function that waits until it has stopped, and returns the id of its process.
    """
    wanted, stopped = pause_path(data_dir), stopped_path(data_dir)
    reached = cache(partial(_stopped, stopped, at))
    wanted.write_text(at)
    try:
        yield reached
        reached()
    finally:
        try:
            wanted.unlink()
        except FileNotFoundError:  # so it stops, or has stopped
            with suppress(ProcessLookupError):
                os.kill(reached(), signal.SIGCONT)
            stopped.unlink()


def pause_path(data_dir: Path) -> Path:
    """Where a test writes the stage that the next operation is to stop at."""
    return data_dir.with_name(f"{data_dir.name}-pause")


def stopped_path(data_dir: Path) -> Path:
    """Where the operation that stops writes the id of its process."""
    return data_dir.with_name(f"{data_dir.name}-stopped")


def _stopped(path: Path, stage: str) -> int:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(FileNotFoundError):
            if (text := path.read_text()).endswith("\n"):
                status = Path(f"/proc/{int(text)}/stat").read_text()
                if status.rpartition(")")[2].split()[0] == "T":
                    return int(text)
        time.sleep(0.01)
    raise AssertionError(f"nothing came to the stage {stage}")
