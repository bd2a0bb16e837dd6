"""A part of a file as the body of a request: counted and limited while it is sent, not before."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Callable
from typing import Any, BinaryIO

from launcher.offsite.limits import Limiter

_PIECE_BYTES = 1 << 16

ReadAt = Callable[[int, int], bytes]
"""Returns at most so many bytes (the second) from a place (the first)."""


class Body:
    """What boto reads: to sign a request, and again to send it, perhaps twice.

    Attributes:
        is_sent: what is read now is sent.
        stopped_by: what `on_sent` raised; boto would only report that something failed.
        beat: called whenever some of it is read, so that no deadline counts while it goes on.
    """

    def __init__(
        self,
        read_at: ReadAt,
        start: int,
        size_bytes: int,
        limiter: Limiter,
        on_sent: Callable[[int], None],
    ) -> None:
        """
        Args:
            read_at: reads the file, which other threads read as well.
            start: where the part begins in it.
            size_bytes: how long the part is.
            limiter: of the speed.
            on_sent: called with how many bytes of the part are sent.
        """
        self._read_at = read_at
        self._start = start
        self._size_bytes = size_bytes
        self._limiter = limiter
        self._on_sent = on_sent
        self._at = 0
        self.is_sent = False
        self.stopped_by: Exception | None = None
        self.beat: Callable[[], None] = lambda: None

    @classmethod
    def of_bytes(cls, data: bytes, limiter: Limiter) -> Body:
        """Return a body of bytes in memory."""
        return cls(
            lambda at, most: data[at : at + most], 0, len(data), limiter, lambda _count: None
        )

    def md5(self) -> bytes:
        """Return the MD5 of the part, against errors of the line and not against people."""
        digest = hashlib.md5(usedforsecurity=False)
        self._at = 0
        while piece := self._piece(1 << 20):
            digest.update(piece)
        self._at = 0
        return digest.digest()

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes; fewer than asked for while they are sent."""
        if self.stopped_by is not None:
            raise self.stopped_by
        self.beat()
        most = self._size_bytes if size is None or size < 0 else size
        if not self.is_sent:
            return self._piece(most)
        piece = self._piece(self._limiter.piece_bytes(min(most, _PIECE_BYTES)))
        try:
            self._limiter.take(len(piece))
            self._on_sent(self._at)
        except Exception as error:
            self.stopped_by = error
            raise
        return piece

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move within the part."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size_bytes}[whence]
        self._at = origin + offset
        return self._at

    def tell(self) -> int:
        """Return where the next byte is read."""
        return self._at

    def _piece(self, most: int) -> bytes:
        piece = self._read_at(self._start + self._at, min(most, self._size_bytes - self._at))
        self._at += len(piece)
        return piece


def reader_of(file: BinaryIO) -> ReadAt:
    """Return what reads an open file at any place, from any thread."""
    return lambda at, most: os.pread(file.fileno(), most, at)


def is_same(answer: Any, md5: bytes) -> bool:
    """Whether what the service says it has is what was sent; True where it does not say."""
    tag = str(answer.get("ETag", "")).strip('"').lower()
    is_md5 = re.fullmatch(r"[0-9a-f]{32}", tag) is not None
    encrypted_there = "SSECustomerAlgorithm" in answer or "kms" in str(
        answer.get("ServerSideEncryption", "")
    )
    return not is_md5 or encrypted_there or tag == md5.hex()
