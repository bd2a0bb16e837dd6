"""Whether a folder is where something should be mounted and is not."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

_TABLE = Path("/etc/fstab")


def looks_not_mounted(path: Path, *, data_dir: Path | None, table: Path = _TABLE) -> bool:
    """Whether what is written to a folder would go to the disk below the place of a mount.

    Args:
        path: the folder, or one that is to be made.
        data_dir: where the data is; None for a folder that may be on the same device.
        table: what is to be mounted where, as `fstab(5)` has it.
    """
    resolved = Path(os.path.realpath(path))
    if any(
        place in {resolved, *resolved.parents} and not os.path.ismount(place)
        for place in _mount_points(table)
    ):
        return True
    there = resolved if resolved.is_dir() else resolved.parent
    return data_dir is not None and there.is_dir() and _is_bare(there, data_dir)


def _is_bare(folder: Path, data_dir: Path) -> bool:
    """Whether a folder is empty and on the device of the data."""
    with os.scandir(folder) as entries:
        return next(entries, None) is None and folder.stat().st_dev == data_dir.stat().st_dev


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
