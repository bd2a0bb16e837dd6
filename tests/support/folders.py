"""Where the files of tests lie."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MEMORY = Path("/dev/shm")
_ROOM_BYTES = 1 << 30


def memory_folder() -> Path | None:
    """Return a folder whose files lie in memory, or None where there is none with room.

    Tests that wait for a real disk prove nothing more: only a power cut loses what the kernel
    already has.
    """
    is_usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    return MEMORY if is_usable and shutil.disk_usage(MEMORY).free > _ROOM_BYTES else None
