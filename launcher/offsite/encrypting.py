"""Encrypt the stored file of a backup into a file on its way to a destination."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from launcher.backup.files import CHUNK_BYTES, create_new, discard, disk_errors, require_space
from launcher.backup.records.backup import StoredFile
from launcher.offsite.age import encrypt
from launcher.offsite.remote import OnBytes

SPARE_BYTES = 64 << 20
"""What stays free on the disk of the data, which may need it meanwhile."""


def encrypt_file(
    source: BinaryIO,
    target: Path,
    recipients: Collection[str],
    file: StoredFile,
    *,
    on_bytes: OnBytes,
) -> tuple[int, str] | None:
    """Write `source` to the new file `target`, encrypted.

    One pass over the bytes, in bounded memory: both checksums are made on the way. The file is not
    flushed to the disk: after a crash of the machine its checksum says whether it is whole.

    Returns:
        Size and SHA-256 of `target`; None where `source` is not the file that it should be.

    Raises:
        InsufficientSpaceError: the disk would be too full; on this and any failure there is no
            such file.
        StoreUnavailableError
        OffsiteError: `invalid_key`.
    """
    try:
        with disk_errors("encrypt a backup"):
            needed = file.size_bytes + file.size_bytes // 1000 + SPARE_BYTES
            require_space(target.parent, needed, what="encrypting a backup")
            with create_new(target) as encrypted:
                reading = _Reading(source, file.size_bytes, on_bytes)
                writing = _Writing(encrypted)
                encrypt(reading, writing, recipients)
    except BaseException:
        discard(target)
        raise
    is_whole = (reading.done, reading.sha256) == (file.size_bytes, file.sha256)
    return (writing.done, writing.sha256) if is_whole else None


class _Hashed:
    """What has gone by, counted and hashed."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.done = 0

    def pass_by(self, data: bytes) -> None:
        self._digest.update(data)
        self.done += len(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class _Reading(_Hashed):
    """A file that is read in large parts, and handed on in the small ones that are asked for."""

    def __init__(self, file: BinaryIO, total: int, on_bytes: OnBytes) -> None:
        super().__init__()
        self._file, self._total, self._on_bytes = file, total, on_bytes
        self._part = memoryview(b"")

    def read(self, size: int) -> bytes:
        if not self._part:
            data = self._file.read(CHUNK_BYTES)
            self.pass_by(data)
            self._on_bytes(self.done, self._total)
            self._part = memoryview(data)
        taken = self._part[:size]
        self._part = self._part[len(taken) :]
        return bytes(taken)


class _Writing(_Hashed):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def write(self, data: bytes) -> int:
        self.pass_by(data)
        return self._file.write(data)
