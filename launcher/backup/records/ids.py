"""Ids of backups and operations: they sort by time or are random, and are never paths."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import NewType

from launcher.backup.errors import BackupNotFoundError
from launcher.backup.reasons import Reason

BackupId = NewType("BackupId", str)

LATEST = "latest"
_ID_PATTERN = re.compile(r"\d{8}T\d{6}Z-[a-z0-9]{6}", re.ASCII)
_TAIL_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no letters that are misread for digits


def new_backup_id(moment: datetime) -> BackupId:
    """Return a new id for `moment` (aware): sorts by time, is safe in a file name and a URL."""
    tail = "".join(secrets.choice(_TAIL_ALPHABET) for _ in range(6))
    return BackupId(f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}-{tail}")


def parse_backup_id(text: str) -> BackupId:
    """Return `text` as an id, or raise `BackupNotFoundError` when it is no id."""
    if not _ID_PATTERN.fullmatch(text):
        raise BackupNotFoundError(Reason.NO_SUCH_BACKUP, reference=text[:80])
    return BackupId(text)


def moment_of(backup_id: str) -> datetime | None:
    """Return the moment that an id begins with (UTC), None where it is no id or no such day."""
    if not _ID_PATTERN.fullmatch(backup_id):
        return None
    try:
        return datetime.strptime(backup_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


_OPERATION_ID_PATTERN = re.compile(r"[0-9a-f]{16}", re.ASCII)


def new_operation_id() -> str:
    """Return a new id for an operation: sixteen hexadecimal digits."""
    return secrets.token_hex(8)


def parse_operation_id(text: str) -> str:
    """Return `text` as the id of an operation, which becomes part of file names.

    Raises:
        ValueError: it is none.
    """
    if not _OPERATION_ID_PATTERN.fullmatch(text):
        raise ValueError(f"not the id of an operation: {text[:80]!r}")
    return text
