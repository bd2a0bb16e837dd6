"""Whether a file or folder has changed since it was read, without reading it again."""

from __future__ import annotations

import os
import time
from pathlib import Path

Fingerprint = tuple[int, int, int, int]
"""Inode, size in bytes, mtime and ctime in nanoseconds."""


def fingerprint_of(facts: os.stat_result) -> Fingerprint:
    """Return the fingerprint in `facts`, which are taken before the file is read."""
    return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def fingerprint_at(path: Path) -> Fingerprint | None:
    """Return the fingerprint of the file at `path`, None where there is none."""
    try:
        return fingerprint_of(path.stat())
    except OSError:
        return None


def is_settled(fingerprint: Fingerprint) -> bool:
    """Whether every later change will give another fingerprint.

    A file system counts time in steps, and two changes within one cannot be distinguished. So a
    fingerprint counts only once its step is over: steps are some milliseconds long, and up to two
    seconds where no fractions are kept. A time in the future is never over.
    """
    changed_ns = fingerprint[3]
    step_ns = 50_000_000 if changed_ns % 1_000_000_000 else 2_500_000_000
    return time.time_ns() - changed_ns > step_ns
