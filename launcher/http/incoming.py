"""A backup file that comes in: what was received, and the rest of a body that is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from flask import request

from launcher.backup.errors import InsufficientSpaceError, StoreUnavailableError
from launcher.backup.files import disk_errors, require_space
from launcher.current import current_config

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
    deadline = time.monotonic() + _DRAIN_S
    while most_bytes > 0 and time.monotonic() < deadline:
        chunk = stream.read(_CHUNK_BYTES)
        if not chunk:
            return
        most_bytes -= len(chunk)
