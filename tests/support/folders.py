"""Where the files of tests lie."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
_ROOM_BYTES = 1 << 30


def memory_folder() -> Path | None:
    """Return a folder whose files lie in memory, or None where there is none with room.

    Tests that wait for a real disk prove nothing more: only a power cut loses what the kernel
    already has.
    """
    is_usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    return MEMORY if is_usable and shutil.disk_usage(MEMORY).free > _ROOM_BYTES else None


def refuse_modes_and_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the file system be one that keeps no modes, has no hard links, flushes no folders.

    As a share of Windows, a stick with FAT and some programs in user space do; the kernel of a
    test machine seldom has one.
    """
    flush = os.fsync

    def refuse(path: object, *_rest: object, **_more: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(path))

    def flush_files_alone(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        flush(descriptor)

    for name in ("chmod", "fchmod", "link"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(os, "fsync", flush_files_alone)
