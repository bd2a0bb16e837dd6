"""Whether a folder is another place than the data: not below it, and on a device of its own."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

_TABLE = Path("/etc/fstab")
_MOUNTS = Path("/proc/self/mountinfo")
_IN_MEMORY = {"tmpfs", "ramfs", "devtmpfs"}


def looks_not_mounted(path: Path, *, table: Path = _TABLE) -> bool:
    """Whether what is written to a folder would go to the disk below the place of a mount.

    Args:
        path: the folder, or one that is to be made.
        table: what is to be mounted where, as `fstab(5)` has it.
    """
    resolved = Path(os.path.realpath(path))
    return any(
        place in {resolved, *resolved.parents} and not os.path.ismount(place)
        for place in _mount_points(table)
    )


def is_on_device_of(path: Path, other: Path) -> bool:
    """Whether both are on one device; of a folder that is not there, its nearest parent counts."""
    device = device_of(path)
    return device is not None and device == device_of(other)


def device_of(path: Path) -> int | None:
    """Return the device that holds a folder, or its nearest parent; None where unknown."""
    path = Path(os.path.realpath(path))
    try:
        while not path.exists() and path != path.parent:
            path = path.parent
        return path.stat().st_dev
    except OSError:
        return None


def is_in_memory(path: Path) -> bool:
    """Whether a folder is lost at a restart, as `/dev/shm` is; False where that is unknown."""
    if (device := device_of(path)) is None:
        return False
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with contextlib.suppress(OSError, ValueError):
        for line in _MOUNTS.read_text("utf-8").splitlines():
            mounted, _, about = line.partition(" - ")
            if mounted.split()[2:3] == [wanted]:
                return about.split(" ")[0] in _IN_MEMORY
    return False


def overlapped(path: Path, others: Iterable[Path]) -> Path | None:
    """Return the first of other folders that is this one, is inside it or contains it."""
    resolved = Path(os.path.realpath(path))
    for each in others:
        other = Path(os.path.realpath(each))
        if resolved.is_relative_to(other) or other.is_relative_to(resolved):
            return each
    return None


def _mount_points(table: Path) -> list[Path]:
    with contextlib.suppress(OSError, ValueError):
        lines = [line.split() for line in table.read_text("utf-8").splitlines()]
        return [
            Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), words[1]))
            for words in lines
            if len(words) > 1
            and words[0][0] != "#"
            and words[1].startswith("/")
            and words[1] != "/"
        ]
    return []
