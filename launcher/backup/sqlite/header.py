"""The first hundred bytes of a database file
(https://www.sqlite.org/fileformat.html#the_database_header).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from launcher.backup.errors import IncompatibleBackupError, UploadRejectedError
from launcher.backup.reasons import Reason

HEADER_BYTES = 100

_MAGIC = b"SQLite format 3\x00"
_UTF8 = 1
_VERSIONS_AT = 18
_LEGACY, _WAL = 1, 2
_APPLICATION_ID_AT = 68


@dataclass(frozen=True, slots=True)
class Header:
    """What the first hundred bytes of a database file announce
    (https://www.sqlite.org/fileformat.html#the_database_header)."""

    page_size: int
    page_count: int
    application_id: int
    is_utf8: bool
    is_settled: bool
    is_wal: bool
    is_writable: bool

    @property
    def is_unmarked(self) -> bool:
        """Whether it names no application, as a copy made by way of `.dump` does not."""
        return self.application_id == 0

    @property
    def size_bytes(self) -> int:
        """The size that the whole file must have."""
        return self.page_size * self.page_count


def is_database(start: bytes) -> bool:
    """Whether a file that begins with `start` is a SQLite database, whole or not."""
    return start.startswith(_MAGIC)


def parse_header(data: bytes) -> Header:
    """Read a database header from the first bytes of a file.

    Raises:
        UploadRejectedError: there is no SQLite database here.
    """
    if not data:
        raise UploadRejectedError(Reason.EMPTY)
    if len(data) < HEADER_BYTES or not data.startswith(_MAGIC):
        raise UploadRejectedError(Reason.NOT_SQLITE)
    raw_page_size = int.from_bytes(data[16:18])
    return Header(
        page_size=65536 if raw_page_size == 1 else raw_page_size,
        page_count=int.from_bytes(data[28:32]),
        application_id=int.from_bytes(data[_APPLICATION_ID_AT : _APPLICATION_ID_AT + 4]),
        is_utf8=int.from_bytes(data[56:60]) == _UTF8,
        # The page count is only to be believed when both counters agree.
        is_settled=data[24:28] == data[92:96],
        # SQLite opens what has a later version for reading only.
        is_writable=data[_VERSIONS_AT] <= _WAL,
        is_wal=_WAL in data[_VERSIONS_AT : _VERSIONS_AT + 2],
    )


def check_size(header: Header, *, size_bytes: int) -> None:
    """Refuse a file whose header does not describe it.

    Raises:
        UploadRejectedError: cut off, padded, or with an impossible header.
    """
    if header.page_size < 512 or header.page_size & (header.page_size - 1):
        raise UploadRejectedError(Reason.PAGE_SIZE)
    if not header.is_settled:
        raise UploadRejectedError(Reason.COUNTERS)
    if header.size_bytes != size_bytes:
        raise UploadRejectedError(
            Reason.CUT_OFF if header.size_bytes > size_bytes else Reason.PADDED,
            size_bytes=size_bytes,
            announced_bytes=header.size_bytes,
        )


def check_header(header: Header, *, size_bytes: int, application_id: int) -> None:
    """Refuse a file whose header does not describe it, or which is another application's.

    Of a file that names no application, only its schema shows.

    Raises:
        UploadRejectedError: as `check_size`.
        IncompatibleBackupError: another application's, in UTF-16, or of a format that SQLite only
            reads.
    """
    check_size(header, size_bytes=size_bytes)
    if not header.is_unmarked and header.application_id != application_id:
        raise IncompatibleBackupError(Reason.OTHER_APPLICATION)
    if not header.is_utf8:
        raise IncompatibleBackupError(Reason.UTF16)
    if not header.is_writable:
        raise IncompatibleBackupError(Reason.READ_ONLY_FORMAT)


def leave_wal_mode(path: Path) -> None:
    """Write into the header of a database in staging that it has no log.

    Raises:
        OSError: a disk error, for the caller to name.
    """
    with path.open("r+b") as file:
        file.seek(_VERSIONS_AT)
        file.write(bytes((_LEGACY, _LEGACY)))


def mark_as_ours(path: Path, *, application_id: int) -> None:
    """Write the application id into the header of a checked file in staging, unless it is there.

    Raises:
        OSError: a disk error, for the caller to name.
    """
    with path.open("r+b") as file:
        if parse_header(file.read(HEADER_BYTES)).is_unmarked:
            file.seek(_APPLICATION_ID_AT)
            file.write(application_id.to_bytes(4))
