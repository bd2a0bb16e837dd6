"""A token to follow one operation with, since a restore may end the token that began it.

It opens that operation for a day, also while the database is replaced, and nothing else.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from launcher.background import follow_tokens
from launcher.current import current_config

START = "lcf_"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Opens:
    operation_id: str


def follow_token(operation_id: str) -> str:
    """Return a new token for this operation; "" where nothing can be written."""
    try:
        return follow_tokens.keep(current_config().following_dir, _Opens(operation_id), start=START)
    except OSError as error:
        _log.warning("an operation has no follow token: %s", error)
        return ""


def opens(token: str, operation_id: str) -> bool:
    """Whether `token` is a follow token of this operation."""
    if not token.startswith(START):
        return False
    kept = follow_tokens.read(current_config().following_dir, token, _Opens)
    return kept is not None and kept.operation_id == operation_id
