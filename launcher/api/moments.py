"""How the API writes a moment: one shape in every answer, that of `--json` and of files."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from launcher.backup.codec import encode

Moment = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
        extra_json_schema={"format": "date-time"},
    ),
]
"""A moment of an answer (RFC 3339): in UTC, to the millisecond, like "2026-11-22T17:00:00.250Z"."""

GivenMoment = Annotated[datetime, Meta(tz=True)]
"""A moment of a request: RFC 3339 with any offset."""


def written(at: datetime) -> Moment:
    """Return an aware moment as each answer has it."""
    return str(encode(at))


def written_if(at: datetime | None) -> Moment | None:
    """Return a moment as each answer has it, None for none."""
    return written(at) if at else None
