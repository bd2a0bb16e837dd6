"""A small file in a form with other fields, none of which is lost when the file is too large."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast

from flask import request

from launcher.db.session import release
from launcher.extensions import csrf
from launcher.web.receiving import ReceivingRequest, drain

if TYPE_CHECKING:
    from collections.abc import Callable

_ACCEPTED_BYTES = 64 << 20
_MAX_PARTS = 100


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A file that arrived; of one that is too large, `content` is a byte more than the limit."""

    name: str
    content: bytes


def read_form_with_file(field: str, *, limit_bytes: int) -> SmallFile | None:
    """Read the form of this request; return the file in `field`, None where there is none.

    The view is marked by `receives_file` and has checked the rights without reading the form. The
    gate is released: `resume` comes before the next query. Of larger files all but the beginning is
    dropped while it arrives, up to 64 MB.

    Raises:
        CSRFError: the form has no valid token.
        RequestEntityTooLarge: it has more than 64 MB.
    """
    release()
    incoming = cast("ReceivingRequest", request)
    incoming.max_content_length = _ACCEPTED_BYTES
    incoming.max_form_parts = _MAX_PARTS
    incoming.file_maker = _maker(limit_bytes + 1)
    try:
        csrf.protect()
    except ValueError:
        # A form that is no form: what draws the page may ask for it again.
        incoming.file_maker = None
        drain(_ACCEPTED_BYTES)
        return None
    file = request.files.get(field)
    if file is None or not file.filename:
        return None
    return SmallFile(file.filename, file.stream.read())


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
