"""How the C library keeps memory for the threads of a process."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# malloc.h of glibc; see mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE_BYTES = 128 << 10


def keep_little_memory() -> None:
    """Let all threads use one pool of memory, and return what is free of it to the system.

    glibc begins with a pool for each thread, and raises the limit from which it returns memory each
    time something large is freed: each pool then keeps the most that it ever held. Python has one
    lock for all threads anyway. It holds for this process and for those that are forked from it.
    Does nothing where there is another C library.
    """
    with suppress(OSError, AttributeError, MemoryError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_ARENA_MAX, 1)
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, _LARGE_BYTES)
