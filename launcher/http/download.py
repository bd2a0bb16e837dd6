"""The file of a backup as a response, verified while it is sent, with one piece in memory.

The plain database is unpacked on the way. Its last piece is held back until every checksum matches.
Damage ends the connection before the announced length, so the browser reports a failed download.
"""

from __future__ import annotations

import base64
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO
from urllib.parse import quote

from flask import Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import Range
from werkzeug.http import dump_options_header, quote_etag

from launcher import audit
from launcher.audit import Actor, Target
from launcher.backup.compression import unpack_known
from launcher.backup.errors import ManifestError, VerificationError
from launcher.backup.reasons import Reason
from launcher.backup.records.backup import Backup, Encoding
from launcher.backup.records.text import readable
from launcher.current import current_backups
from launcher.db.session import DataBeingReplacedError, release, resume
from launcher.extensions import db
from launcher.http.places import take_place_to_transfer

OnDamage = Callable[[VerificationError], None]

_DATABASE, _OCTETS = "application/vnd.sqlite3", "application/octet-stream"
_PIECE_BYTES = 1 << 18
_LAST_NONE = re.compile(r"bytes[ \t]*=[ \t]*-0+[ \t]*", re.IGNORECASE)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """The open file of a backup, and its name in the store; it holds a place to transfer."""

    name: str
    file: BinaryIO
    close: Callable[[], None]
    """Closes the file and gives the place back; a second call does nothing."""


def open_stored(backup: Backup) -> Stored:
    """Open the file of a backup, to send it; the caller closes it when that raises.

    Raises:
        TooManyTransfersError: too many files are being received and sent.
        BackupNotFoundError, StoreUnavailableError
    """
    with ExitStack() as stack:
        stack.callback(take_place_to_transfer())
        name, file = current_backups().open_file(backup)
        stack.callback(file.close)
        return Stored(name, file, stack.pop_all().close)


def send_plain(backup: Backup, stored: Stored, *, on_damage: OnDamage) -> Response:
    """Send the database of a backup that has a manifest; `stored` is closed at the end.

    Args:
        on_damage: called with the damage that is found, also while the response is sent.

    Raises:
        VerificationError: the damage shows before the first piece is sent.
    """
    assert backup.file is not None  # noqa: S101 (the caller asked)
    assert backup.database is not None  # noqa: S101
    name = f"launcher-{backup.id}.db"
    if backup.file.encoding is Encoding.IDENTITY and (part := _part(backup.file.sha256, stored)):
        # A browser resumes a download that broke off. It must not get a damaged rest that way,
        # so the whole file is verified for a part too.
        for _piece in _verified(backup, stored.file, on_damage):
            pass
        return _send_part(part, stored, name, backup.file.sha256, mimetype=_DATABASE)
    pieces = _verified(backup, stored.file, on_damage)
    # Read here, so that damage found at once is shown by a page.
    first = next(pieces)
    response = Response(chain((first,), pieces), mimetype=_DATABASE)
    _describe(response, stored, name=name, size_bytes=backup.database.size_bytes)
    _add_digest(response, backup.database.sha256)
    # Chromium accepts a download that is too short, unless it has a strong ETag.
    _make_resumable(response, backup.database.sha256)
    if backup.file.encoding is Encoding.ZSTD:
        response.headers["Accept-Ranges"] = "none"
    return response


def send_stored(backup: Backup, stored: Stored) -> Response:
    """Send the file of a backup as it is kept; `stored` is closed at the end."""
    name = readable(stored.name)
    sha256 = backup.file.sha256 if backup.file else ""
    if sha256 and (part := _part(sha256, stored)):
        return _send_part(part, stored, name, sha256, mimetype=_OCTETS)
    size_bytes = _size(stored)
    response = Response(_slice(stored.file, 0, size_bytes), mimetype=_OCTETS)
    _describe(response, stored, name=name, size_bytes=size_bytes)
    if sha256:
        _add_digest(response, sha256)
        _make_resumable(response, sha256)
    return response


def record_download(backup: Backup, encoding: str, *, actor: Actor) -> None:
    """Write an audit entry; the download goes on if the database refuses it.

    It belongs into the data as it is after a restore, whose end is waited for outside of the gate:
    what this request has read before is forgotten.
    """
    target = Target("backup", backup.id, backup.id)
    release()
    try:
        resume(writes=True)
        changes = {"encoding": encoding}
        audit.record("backup.download", actor=actor, target=target, changes=changes)
        db.session.commit()
    except (SQLAlchemyError, DataBeingReplacedError) as error:
        why = getattr(error, "orig", error)
        _log.error("audit entry of a download not kept: %s by %s: %s", backup.id, actor.name, why)


@dataclass(frozen=True, slots=True)
class _Part:
    """The requested part of a file; `stop` is 0 for one outside of it."""

    start: int
    stop: int
    size_bytes: int


def _part(sha256: str, stored: Stored) -> _Part | None:
    """Return the part that is requested, None for the whole."""
    if request.method != "GET":
        return None
    if request.headers.get("If-Range", quote_etag(sha256)) != quote_etag(sha256):
        return None
    size_bytes = _size(stored)
    if _LAST_NONE.fullmatch(request.headers.get("Range", "")):  # werkzeug ignores it
        return _Part(0, 0, size_bytes)
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    if (
        asked.ranges[0][0] < -size_bytes
    ):  # the last bytes, more than there are: all of them (RFC 9110, 14.1.2)
        asked = Range("bytes", [(0, None)])
    start, stop = asked.range_for_length(size_bytes) or (0, 0)
    return _Part(start, stop, size_bytes)


def _send_part(part: _Part, stored: Stored, name: str, sha256: str, *, mimetype: str) -> Response:
    if not part.stop:
        stored.close()
        return Response(status=416, headers={"Content-Range": f"bytes */{part.size_bytes}"})
    pieces = _slice(stored.file, part.start, part.stop)
    response = Response(pieces, 206, mimetype=mimetype)
    _describe(response, stored, name=name, size_bytes=part.stop - part.start)
    _add_digest(response, sha256)
    _make_resumable(response, sha256)
    whole = part.size_bytes
    response.headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{whole}"
    return response


def _describe(response: Response, stored: Stored, *, name: str, size_bytes: int) -> None:
    response.content_length = size_bytes
    response.headers["Content-Disposition"] = _disposition(name)
    response.headers["Cache-Control"] = "no-store, no-transform"
    # Also when the body is never read.
    response.call_on_close(stored.close)


def _add_digest(response: Response, sha256: str) -> None:
    """Name the SHA-256 of the whole, also for a part of it (RFC 9530)."""
    digest = base64.b64encode(bytes.fromhex(sha256)).decode()
    response.headers["Repr-Digest"] = f"sha-256=:{digest}:"


def _make_resumable(response: Response, sha256: str) -> None:
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = quote_etag(sha256)


def _disposition(name: str) -> str:
    """Return the header with the file name; a name may have line breaks, a header may not."""
    name = "".join(each if each.isprintable() else "_" for each in name)
    if name.isascii():
        return dump_options_header("attachment", {"filename": name})
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    options = {"filename": plain, "filename*": f"UTF-8''{quote(name, safe='')}"}
    return dump_options_header("attachment", options)


def _size(stored: Stored) -> int:
    return os.fstat(stored.file.fileno()).st_size


def _slice(file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
    file.seek(start)
    left = stop - start
    while left > 0 and (piece := file.read(min(_PIECE_BYTES, left))):
        left -= len(piece)
        yield piece
    if left:  # it was cut while it was sent; the browser notices the missing length
        _log.error("a download ended %d bytes early: the file has become shorter", left)
        raise ManifestError(Reason.FILE_SHORTENED)


def _verified(backup: Backup, file: BinaryIO, on_damage: OnDamage) -> Iterator[bytes]:
    assert backup.file is not None  # noqa: S101
    assert backup.database is not None  # noqa: S101
    held_back = b""
    try:
        pieces = unpack_known(
            file, file=backup.file, database=backup.database, on_bytes=lambda _done, _total: None
        )
        for piece in pieces:
            if held_back:
                yield held_back
            held_back = piece
    except VerificationError as error:
        _log.error("the download of backup %s was broken off: %s", backup.id, error)
        on_damage(error)
        raise
    except OSError as error:
        _log.error("the download of backup %s was broken off: %s", backup.id, error)
        raise VerificationError(
            Reason.FILE_UNREADABLE, backup_id=backup.id, detail=error
        ) from error
    yield held_back
