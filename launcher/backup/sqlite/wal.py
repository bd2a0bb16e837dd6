"""The write-ahead log beside a database (https://www.sqlite.org/walformat.html)."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_MAGIC = 0x377F0682  # the lowest bit says in which order bytes are summed
_PAGE_SIZES = frozenset(1 << power for power in range(9, 17))
_SALTS = slice(16, 24)


def is_whole(log: Path, *, last_frame: int) -> bool:
    """Whether SQLite, which reads a log up to its last valid commit, has left no commit out.

    A commit after `last_frame` that bears the marks of this log was written and is not read: a
    frame before it is damaged. Frames of a log that was here earlier bear other marks.

    Raises:
        OSError: the log cannot be read.
    """
    with log.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        if not _is_valid(header):
            return False
        page_size = int.from_bytes(header[8:12])
        if page_size not in _PAGE_SIZES:
            return False
        frame_bytes = _FRAME_HEADER_BYTES + page_size
        return not _has_commit(file, last_frame, frame_bytes=frame_bytes, salts=header[_SALTS])


def _has_commit(file: BinaryIO, frame: int, *, frame_bytes: int, salts: bytes) -> bool:
    size_bytes = file.seek(0, os.SEEK_END)
    start = _HEADER_BYTES + frame * frame_bytes
    for place in range(start, size_bytes - frame_bytes + 1, frame_bytes):
        file.seek(place)
        head = file.read(_FRAME_HEADER_BYTES)
        pages_after_commit = int.from_bytes(head[4:8])
        if pages_after_commit and head[8:16] == salts:
            return True
    return False


def _is_valid(header: bytes) -> bool:
    """Whether the checksum of the header is right."""
    if len(header) < _HEADER_BYTES or int.from_bytes(header[:4]) & ~1 != _MAGIC:
        return False
    words = struct.unpack(">6I" if header[3] & 1 else "<6I", header[:24])
    first = second = 0
    for word, next_word in zip(words[::2], words[1::2], strict=True):
        first = (first + word + second) & 0xFFFFFFFF
        second = (second + next_word + first) & 0xFFFFFFFF
    return header[24:32] == first.to_bytes(4) + second.to_bytes(4)
