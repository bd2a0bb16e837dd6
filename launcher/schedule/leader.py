"""Who runs the scheduled work at this moment: whoever holds the kernel's lock `scheduler`.

Asked of the kernel, so never out of date. The election itself is in `launcher.jobs.election`.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.locks import try_lock


@dataclass(frozen=True, slots=True)
class Leader:
    """The process that runs the jobs, as it signed the lock.

    Attributes:
        pid, host: 0 and "" where a full disk took no signature.
        since: when it took that over.
    """

    pid: int
    host: str
    since: datetime


def lock_path(lock_dir: Path) -> Path:
    """Return the file whose lock makes a process the leader."""
    return lock_dir / "scheduler"


def leader(lock_dir: Path) -> Leader | None:
    """Return who runs the jobs, None when nobody does."""
    path = lock_path(lock_dir)
    try:
        # Asking must leave no file behind that nobody signed.
        descriptor = try_lock(path, exclusive=False) if path.exists() else None
        if descriptor is not None:
            os.close(descriptor)
        return _signed(path) if descriptor is None and path.exists() else None
    except OSError:
        return None


def sign(descriptor: int, *, since: datetime) -> None:
    """Write into the lock that was taken who holds it."""
    facts = encode(Leader(os.getpid(), socket.gethostname(), since))
    os.ftruncate(descriptor, 0)
    # What it says is for people; on a full disk it leads all the same.
    with suppress(OSError):
        os.pwrite(descriptor, json.dumps(facts).encode(), 0)


def _signed(path: Path) -> Leader:
    try:
        return decode(Leader, parse(path.read_bytes()))
    except DecodeError:
        return Leader(0, "", datetime.fromtimestamp(path.stat().st_mtime, UTC))
