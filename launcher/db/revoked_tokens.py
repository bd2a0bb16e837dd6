"""The API tokens that were revoked, in a file outside of the database, which no restore rewinds.

It holds SHA-256 sums and only ever grows, by 66 bytes a token.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from launcher.backup.files import sync_directory

FILE_NAME = "revoked-tokens"
"""The name of the file in the data directory."""


def read_revoked(path: Path) -> frozenset[str]:
    """Return the SHA-256 of each revoked token, as all processes see it at this moment.

    Raises:
        OSError: the file is there and cannot be read.
    """
    try:
        stat = path.stat()
        return _read(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)
    except FileNotFoundError:
        return frozenset()


def add_revoked(path: Path, digests: Collection[str]) -> None:
    """Add tokens, durably. Processes that add at the same moment do not disturb each other.

    Raises:
        OSError: the disk is full or refuses; some of them may be there nevertheless.
    """
    # An empty line before each: where a full disk has cut one off, the next is not joined to it.
    data = "".join(f"\n{each}\n" for each in digests).encode("ascii")
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        if os.write(descriptor, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(path.parent)


@lru_cache(maxsize=4)
def _read(path: Path, _changed_ns: int, _size: int, _inode: int) -> frozenset[str]:
    return frozenset(path.read_text("ascii", "replace").split())
