"""A copy as the file that the backup was here: downloaded, compared, decrypted, compared again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast

from launcher.backup.files import CHUNK_BYTES, create_new, discard, disk_errors, require_space
from launcher.offsite.age import SUFFIX, Identity, decrypt
from launcher.offsite.errors import OffsiteError
from launcher.offsite.records import StoredCopy
from launcher.offsite.remote import OnBytes, Remote
from launcher.offsite.troubles import RemoteError, Trouble

SPARE_BYTES = 64 << 20
"""What a download leaves free on the disk, which the current data may need meanwhile."""


def needed_bytes(copy: StoredCopy) -> int:
    """Return how much room `download_copy` needs for a moment, without what it leaves free."""
    plain = copy.backup.file.size_bytes if copy.backup.file else 0
    return copy.size_bytes + (plain if copy.recipients else 0)


def download_copy(
    remote: Remote,
    copy: StoredCopy,
    target: Path,
    *,
    identities: Iterable[Identity],
    on_bytes: OnBytes,
) -> None:
    """Make the file `target` hold the backup as it was stored here, byte for byte.

    On failure there is no such file, and nothing beside it.

    Args:
        remote: opened for the site that wrote the copy.
        copy: as the ledger has it, or its manifest there.
        target: a file that this call alone writes; one from before is removed.
        identities: the secret keys that may open it.
        on_bytes: gets the progress of the download.

    Raises:
        RemoteError: of the service; `DIFFERENT` where these are not the bytes that were written.
        OffsiteError: `not_opened`: none of the keys opens it.
        InsufficientSpaceError: the disk would be too full; nothing was downloaded.
        StoreUnavailableError
    """
    received = target.with_name(f"{target.name}{SUFFIX}") if copy.recipients else target
    discard(target, received)  # of a process that was killed
    with disk_errors("download a copy"):
        require_space(target.parent, needed_bytes(copy) + SPARE_BYTES, what="downloading a copy")
    try:
        with disk_errors("download a copy"):
            remote.get(copy.name, received, on_bytes=_bounded(copy, on_bytes))
            _compare(received, copy)
        if received != target:
            _decrypt(received, target, copy, identities)
    except BaseException:
        discard(target)
        raise
    finally:
        if received != target:
            discard(received)


def _bounded(copy: StoredCopy, on_bytes: OnBytes) -> OnBytes:
    """Return what gets the progress, and ends the download of more bytes than were written."""

    def bounded(done: int, total: int) -> None:
        if max(done, total) > copy.size_bytes:
            raise RemoteError(Trouble.DIFFERENT, name=copy.name)
        on_bytes(done, total)

    return bounded


def _compare(received: Path, copy: StoredCopy) -> None:
    with received.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    if (received.stat().st_size, digest.hexdigest()) != (copy.size_bytes, copy.sha256):
        raise RemoteError(Trouble.DIFFERENT, name=copy.name)


def _decrypt(
    received: Path, target: Path, copy: StoredCopy, identities: Iterable[Identity]
) -> None:
    with (
        disk_errors("decrypt a copy"),
        received.open("rb", buffering=CHUNK_BYTES) as source,
        create_new(target) as plain,
    ):
        hashed = _Hashed(plain)
        try:
            decrypt(source, cast("BinaryIO", hashed), identities)
        except OffsiteError as error:
            if error.code != "copy_damaged":
                raise
            raise RemoteError(Trouble.DIFFERENT, name=copy.name) from error
    file = copy.backup.file
    if file is None or (hashed.size_bytes, hashed.sha256) != (file.size_bytes, file.sha256):
        raise RemoteError(Trouble.DIFFERENT, name=copy.name)


class _Hashed(RawIOBase):
    """A file that is written, and what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def write(self, data: Any) -> int:
        """Write on to the file."""
        self._digest.update(data)
        self.size_bytes += len(data)
        return self._file.write(data)

    @property
    def sha256(self) -> str:
        """The checksum of all of it."""
        return self._digest.hexdigest()
