"""*Check now*: a page or a command asks, and the process that leads checks within two seconds.

A file an app in the folder of the locks, which all processes share and no restore replaces. It can
be asked while the database is busy, and while no process leads: the next one that does will check.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_FOLDER = "check-now"
_MAX = 1000


def ask_for_check(lock_dir: Path, app_id: int) -> None:
    """Have an app checked at once, unless it is paused or not checked; asking twice is the same.

    Raises:
        OSError: the disk is full, or the data directory is away.
    """
    folder = lock_dir / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    os.close(os.open(folder / str(app_id), os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def take_asked(lock_dir: Path) -> list[int]:
    """Return the apps that were asked for, and forget them."""
    asked = []
    try:
        names = os.listdir(lock_dir / _FOLDER)[:_MAX]
    except OSError:
        return []
    for name in names:
        with suppress(OSError, ValueError):
            (lock_dir / _FOLDER / name).unlink()
            asked.append(int(name))
    return asked
