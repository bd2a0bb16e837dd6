"""Files in forms that are no backups: a small one among other fields, or a large one alone.

The view is marked by `receives_file` and has checked the rights without reading the form. The gate
is released then: `resume` comes before the next query.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, cast

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from launcher.background.uploads import IncomingFile, sweep
from launcher.backup.errors import UploadRejectedError
from launcher.backup.files import disk_errors, require_space
from launcher.current import current_config
from launcher.db.session import release
from launcher.extensions import csrf
from launcher.http.incoming import drain, drained, place_for_form
from launcher.web.receiving import ReceivingRequest

_ACCEPTED_BYTES = 64 << 20
_MAX_PARTS = 100
_FORM_BYTES = 1 << 16
_SPARE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A file that arrived; of one that is too large, `content` is a byte more than the limit."""

    name: str
    content: bytes


def read_form_with_file(field: str, *, limit_bytes: int) -> SmallFile | None:
    """Read the form of this request; return the file in `field`, None where there is none.

    Of a larger file all but the beginning is dropped while it arrives, up to 64 MB, so that the
    other fields are not lost.

    Raises:
        CSRFError: the form has no valid token.
        RequestEntityTooLarge: it has more than 64 MB.
        TooManyTransfersError: it is large, and so are too many others.
    """
    with place_for_form():
        return _read_form(field, limit_bytes)


def _read_form(field: str, limit_bytes: int) -> SmallFile | None:
    release()
    incoming = cast("ReceivingRequest", request)
    incoming.max_content_length = _ACCEPTED_BYTES
    incoming.max_form_parts = _MAX_PARTS
    incoming.file_maker = _maker(limit_bytes + 1)
    try:
        csrf.protect()
    except RequestEntityTooLarge:
        incoming.file_maker = None
        drain(_ACCEPTED_BYTES)
        raise
    except ValueError:
        # A form that is no form: what draws the page may ask for it again.
        incoming.file_maker = None
        drain(_ACCEPTED_BYTES)
        return None
    file = request.files.get(field)
    if file is None or not file.filename:
        return None
    return SmallFile(file.filename, file.stream.read())


class FileTooLargeError(Exception):
    """A file was larger than allowed; nothing of it is left."""


@contextmanager
def large_file(field: str, *, limit_bytes: int) -> Iterator[IncomingFile | None]:
    """Receive the file in `field` on disk, None where there is none; it is gone after the block.

    Raises:
        CSRFError: the form has no valid token.
        FileTooLargeError
        TooManyTransfersError, InsufficientSpaceError, StoreUnavailableError
    """
    with place_for_form(), _large_file(field, limit_bytes) as file:
        yield file


@contextmanager
def _large_file(field: str, limit_bytes: int) -> Iterator[IncomingFile | None]:
    config = current_config()
    release()
    announced = request.content_length or 0
    if announced > limit_bytes + _FORM_BYTES:
        drain(2 * limit_bytes)
        raise FileTooLargeError
    sweep(config.incoming_dir)
    with drained(2 * limit_bytes), ExitStack() as stack:
        with disk_errors("store the upload"):
            require_space(config.data_dir, announced + _SPARE_BYTES, what="the upload")
        yield _received(field, limit_bytes, stack)


def incoming_file(*, limit_bytes: int) -> IncomingFile:
    """Return a new file beside those that arrive, which is gone after its `with` block."""
    return IncomingFile(current_config().incoming_dir, limit_bytes=limit_bytes)


def _received(field: str, limit_bytes: int, stack: ExitStack) -> IncomingFile | None:
    made: list[IncomingFile] = []

    def make(name: str) -> IO[bytes]:
        if not name or made:
            return _Beginning(0)  # an empty field, or one file too many
        file = IncomingFile(current_config().incoming_dir, limit_bytes=limit_bytes)
        made.append(stack.enter_context(file))
        return cast("IO[bytes]", file)

    incoming = cast("ReceivingRequest", request)
    incoming.max_content_length = limit_bytes + _FORM_BYTES
    incoming.max_form_parts = _MAX_PARTS
    incoming.file_maker = make
    try:
        csrf.protect()
    except (RequestEntityTooLarge, UploadRejectedError) as error:
        incoming.file_maker = None
        drain(2 * limit_bytes)
        raise FileTooLargeError from error
    except ValueError:
        incoming.file_maker = None
        drain(limit_bytes)
        return None
    sent = request.files.get(field)
    if sent is None or not sent.filename or not made:
        return None
    made[0].seek(0)  # writes what is in its buffer, too
    return made[0]


def _maker(limit_bytes: int) -> Callable[[str], IO[bytes]]:
    return lambda _name: _Beginning(limit_bytes)


class _Beginning(io.BytesIO):
    """A file in memory that keeps its first bytes alone."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__()
        self._limit_bytes = limit_bytes

    def write(self, data: object) -> int:
        piece = cast("bytes", data)
        super().write(piece[: max(0, self._limit_bytes - self.tell())])
        return len(piece)
