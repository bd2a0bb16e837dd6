"""Waiting for what runs in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from launcher.backup.records.operation import JournalEntry
from launcher.backup.service import BackupService


def ended(service: BackupService, operation_id: str) -> JournalEntry:
    """Wait until an operation is over, for up to a minute."""
    deadline = time.monotonic() + 60
    while not isinstance(found := service.operation(operation_id), JournalEntry):
        assert found is not None, "it never began"
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def await_idle(service: BackupService) -> None:
    """Wait until nothing runs, for up to a minute."""
    deadline = time.monotonic() + 60
    while (found := service.progress()) is not None:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


@contextmanager
def paused(data_dir: Path, *, at: str = "compress") -> Iterator[int]:
    """Stop the process of the operation that begins now, once it has come to the stage `at`.

    It goes on at the end of the block.

    Yields:
        The id of its process.
    """
    process_id = _caught(data_dir / "operation.json", at)
    try:
        yield process_id
    finally:
        with suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGCONT)


def _caught(state_path: Path, stage: str) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError, ValueError):
            state = json.loads(state_path.read_bytes())
            if state["stage"] == stage:
                process_id: int = state["pid"]
                os.kill(process_id, signal.SIGSTOP)
                return process_id
        time.sleep(0.001)
    raise AssertionError(f"nothing came to the stage {stage}")
