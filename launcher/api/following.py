"""A token to follow one operation with, since a restore may end the token that began it.

It opens that operation for a day, also while the database is replaced, and nothing else.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from launcher.background import follow_tokens
from launcher.backup.errors import StoreUnavailableError
from launcher.backup.files import disk_errors, require_writable
from launcher.current import current_config

START = "lcf_"
_RECORD_BYTES = 32 << 10
"""Room for its state while it runs, and for its line in the journal, of some kilobytes each."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Opens:
    operation_id: str


@contextlib.contextmanager
def promised(operation_id: str) -> Iterator[str]:
    """Yield a follow token of the operation that begins in the block.

    Work of which nothing could be recorded would be lost to who asked for it, so it must not begin:
    neither its end could be read, nor could it be followed. The token is "" where something but a
    full disk is in its way, since the operation may be the restore that helps.

    Raises:
        InsufficientSpaceError, StoreUnavailableError: the disk of the data takes no record.
        whatever the block raises; the token is invalid then.
    """
    require_record()
    try:
        with disk_errors("keep the follow token"):
            token = _new_token(operation_id)
    except StoreUnavailableError as error:
        _log.warning("an operation has no follow token: %s", error)
        token = ""
    try:
        yield token
    except BaseException:
        follow_tokens.forget(current_config().following_dir, token)
        raise


def require_record() -> None:
    """Refuse work of which nothing could be recorded.

    Raises:
        InsufficientSpaceError, StoreUnavailableError
    """
    with disk_errors("record the operation"):
        require_writable(current_config().data_dir, _RECORD_BYTES)


def follow_token(operation_id: str) -> str:
    """Return another token for an operation that has begun; "" where nothing can be written."""
    try:
        return _new_token(operation_id)
    except OSError as error:
        _log.warning("an operation has no follow token: %s", error)
        return ""


def _new_token(operation_id: str) -> str:
    return follow_tokens.keep(current_config().following_dir, _Opens(operation_id), start=START)


def opens(token: str, operation_id: str) -> bool:
    """Whether `token` is a follow token of this operation."""
    if not token.startswith(START):
        return False
    kept = follow_tokens.read(current_config().following_dir, token, _Opens)
    return kept is not None and kept.operation_id == operation_id
