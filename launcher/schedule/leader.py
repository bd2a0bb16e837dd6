"""Which process is the leader: the one that holds the kernel lock `scheduler`.

The kernel knows it, so it is never out of date. The election is in `launcher.jobs.election`.
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
    """The process that runs the jobs, as it wrote into the lock file.

    Attributes:
        pid, host: 0 and "" when the disk was too full to write them.
        since: when it was elected.
    """

    pid: int
    host: str
    since: datetime


def lock_path(lock_dir: Path) -> Path:
    """Return the file whose lock makes a process the leader."""
    return lock_dir / "scheduler"


def leader(lock_dir: Path) -> Leader | None:
    """Return the leader, None when there is none."""
    path = lock_path(lock_dir)
    try:
        # Trying the lock must not create a file without a signature.
        descriptor = try_lock(path, exclusive=False) if path.exists() else None
        if descriptor is not None:
            os.close(descriptor)
        return _signed(path) if descriptor is None and path.exists() else None
    except OSError:
        return None


def sign(descriptor: int, *, since: datetime) -> None:
    """Write this process into the lock file that it holds."""
    facts = encode(Leader(os.getpid(), socket.gethostname(), since))
    os.ftruncate(descriptor, 0)
    # People read this; the lock holds on a full disk too.
    with suppress(OSError):
        os.pwrite(descriptor, json.dumps(facts).encode(), 0)


def _signed(path: Path) -> Leader:
    try:
        return decode(Leader, parse(path.read_bytes()))
    except DecodeError:
        return Leader(0, "", datetime.fromtimestamp(path.stat().st_mtime, UTC))
