"""Telling whether a file or folder changed since it was looked at, without reading it again."""

from __future__ import annotations

import os
import time

Fingerprint = tuple[int, int, int, int]
"""Inode, size in bytes, time of the content and time of the last change, in nanoseconds."""


def fingerprint_of(facts: os.stat_result) -> Fingerprint:
    """Return the stamp of what `facts` describe, taken before it is read."""
    return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


def is_settled(fingerprint: Fingerprint) -> bool:
    """Whether every later change will have another stamp.

    A file system counts time in steps, and two changes within one look the same. So a stamp
    counts only once its step is over: steps are some milliseconds long, and up to two seconds
    where no fractions are kept. A time from the future is never over.
    """
    changed_ns = fingerprint[3]
    step_ns = 50_000_000 if changed_ns % 1_000_000_000 else 2_500_000_000
    return time.time_ns() - changed_ns > step_ns
