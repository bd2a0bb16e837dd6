"""The locks that SQLite takes on a database file (https://www.sqlite.org/lockingv3.html)."""

from __future__ import annotations

import fcntl
import os
import struct
from typing import BinaryIO

# Every reader has a shared lock on these bytes, and who writes into the file an exclusive one
# (https://www.sqlite.org/src/file/src/os.h).
_SHARED_FIRST, _SHARED_BYTES = 0x4000_0002, 510
_FLOCK = "hhqqi0q"  # `struct flock` of Linux: type, whence, start, length, process


def is_being_written(file: BinaryIO) -> bool:
    """Whether another process may be writing a transaction into a database file just now.

    Asking takes no lock. A program in WAL mode writes into its log, without this lock. False where
    the file system has no locks.
    """
    shared = (fcntl.F_RDLCK, os.SEEK_SET, _SHARED_FIRST, _SHARED_BYTES, 0)
    try:
        answer = fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(_FLOCK, *shared))
    except OSError:
        return False
    in_the_way: int = struct.unpack(_FLOCK, answer)[0]
    return in_the_way != fcntl.F_UNLCK
