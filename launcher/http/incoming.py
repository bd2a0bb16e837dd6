"""A backup file that comes in: what was received, and the rest of a body that is refused."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from flask import request
from werkzeug.exceptions import ClientDisconnected

from launcher.background.uploads import IncomingFile, sweep
from launcher.backup.errors import (
    InsufficientSpaceError,
    StoreUnavailableError,
    UploadRejectedError,
)
from launcher.backup.files import disk_errors, require_space
from launcher.backup.reasons import Reason
from launcher.config import FORM_LIMIT_BYTES
from launcher.current import current_config
from launcher.http.digests import SentDigests
from launcher.http.places import place_to_transfer

_SPARE_BYTES = 16 << 20
_DRAIN_S = 30.0
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Received:
    """A complete file; `name` is that of the sender, safe to show but not to use in a path."""

    path: Path
    name: str


def require_room() -> None:
    """Refuse a body of this request's length for which the disk has no room.

    Raises:
        InsufficientSpaceError, StoreUnavailableError
    """
    with disk_errors("store the upload"):
        needed = (request.content_length or 0) + _SPARE_BYTES
        require_space(current_config().data_dir, needed, what="the upload")


@dataclass(frozen=True, slots=True)
class ReceivedBody:
    """A complete body in a file."""

    path: Path
    sha256: str


class IncompleteBodyError(Exception):
    """The body ended before its announced length."""

    def __init__(self, announced_bytes: int) -> None:
        super().__init__(announced_bytes)
        self.announced_bytes = announced_bytes


@contextmanager
def received_body() -> Iterator[ReceivedBody]:
    """Receive the body of this request, which is one file, with one piece in memory.

    The caller has checked the rights and released the database. The file is deleted at the end of
    the block, unless an operation has taken it over.

    Raises:
        UploadRejectedError: it is empty, or exceeds the limit.
        DigestMalformedError, DigestMismatchError: of the digests that were sent with it.
        TooManyTransfersError, IncompleteBodyError, InsufficientSpaceError, StoreUnavailableError
    """
    with place_to_transfer(), _received_body() as received:
        yield received


@contextmanager
def _received_body() -> Iterator[ReceivedBody]:
    config, announced_bytes = current_config(), request.content_length or 0
    limit_bytes = config.upload_limit_bytes
    if announced_bytes > limit_bytes:
        drain(2 * limit_bytes)
        raise UploadRejectedError(Reason.TOO_LARGE, limit_bytes=limit_bytes)
    if not announced_bytes:
        raise UploadRejectedError(Reason.EMPTY)
    digests = SentDigests()
    sweep(config.incoming_dir)
    with drained(2 * limit_bytes):
        require_room()
        request.max_content_length = limit_bytes
        with IncomingFile(config.incoming_dir, limit_bytes=limit_bytes) as file:
            sha256 = _receive(file, announced_bytes, digests)
            yield ReceivedBody(file.path, sha256)


def _receive(file: IncomingFile, announced_bytes: int, digests: SentDigests) -> str:
    digest = hashlib.sha256()
    while file.size_bytes < announced_bytes:
        try:
            piece = request.stream.read(min(_CHUNK_BYTES, announced_bytes - file.size_bytes))
        except (OSError, ClientDisconnected):
            piece = b""
        if not piece:
            # How many arrived is unknown: of a read that fails, the server drops what it had.
            raise IncompleteBodyError(announced_bytes)
        digest.update(piece)
        digests.update(piece)
        file.write(piece)
    digests.check()
    file.seek(0)  # what the file buffers is written
    return digest.hexdigest()


@contextmanager
def place_for_form() -> Iterator[None]:
    """Hold a place while the form of this request is read, unless it has arrived already.

    Raises:
        TooManyTransfersError: all are taken.
    """
    # What the worker collects before a thread gets the request: `launcher.serving`.
    if 0 < (request.content_length or 0) <= FORM_LIMIT_BYTES:
        yield
        return
    with place_to_transfer():
        yield


@contextmanager
def drained(most_bytes: int) -> Iterator[None]:
    """Read the rest of the body where the disk has no room for it, then pass the error on."""
    try:
        yield
    except (InsufficientSpaceError, StoreUnavailableError):
        drain(most_bytes)
        raise


def drain(most_bytes: int) -> None:
    """Read what is still being sent, for 30 seconds at most.

    A client reads the response after it has sent the whole body. If the connection were closed
    before, it would report that instead of the response.
    """
    if not request.environ.get("wsgi.input_terminated"):
        return  # a server that does not say where the body ends
    stream: IO[bytes] = request.environ["wsgi.input"]
    if getattr(stream, "is_awaited", False):
        return  # it was not asked for, so it is not sent: `launcher.serving`
    deadline = time.monotonic() + _DRAIN_S
    while most_bytes > 0 and time.monotonic() < deadline:
        chunk = stream.read(_CHUNK_BYTES)
        if not chunk:
            return
        most_bytes -= len(chunk)
