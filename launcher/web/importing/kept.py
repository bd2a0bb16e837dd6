"""What was read of a file, between its preview and the import: a file of this server.

Never the file itself, which may hold passwords. It belongs to one user, and is there for an hour
at most. The address of the preview has a random text; what it stands for is in `data/importing/`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from launcher.background.uploads import KEEP_PREVIEW_S, remove_older
from launcher.backup.codec import DecodeError, decode, encode, parse
from launcher.backup.files import disk_errors, write_atomic
from launcher.catalogue.import_draft import CheckedDraft
from launcher.current import current_config


@dataclass(frozen=True, slots=True)
class Kept:
    """What was read of a file called `filename`, and whose it is."""

    user_id: int
    filename: str
    draft: CheckedDraft


def init_app(app: Flask) -> None:
    """Remove what is left from before the start."""
    remove_older(current_config(app).importing_dir, age_s=KEEP_PREVIEW_S)


def keep(kept: Kept) -> str:
    """Keep what was read; return the text by which its user gets it.

    Raises:
        InsufficientSpaceError, StoreUnavailableError: nothing is kept.
    """
    token = secrets.token_urlsafe(24)
    path = _path(token)
    remove_older(path.parent, age_s=KEEP_PREVIEW_S)
    with disk_errors("store the upload"):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_atomic(path, json.dumps(encode(kept)).encode())
    return token


def find(token: str, user_id: int) -> Kept | None:
    """Return what was kept; None for what is another's, too old, imported already or unknown."""
    path = _path(token)
    try:
        is_old = time.time() - path.stat().st_mtime > KEEP_PREVIEW_S
        kept = decode(Kept, parse(path.read_bytes()))
    except (OSError, DecodeError):
        return None
    return None if is_old or kept.user_id != user_id else kept


def forget(token: str) -> None:
    """Remove what was kept."""
    with contextlib.suppress(OSError):
        _path(token).unlink()


def _path(token: str) -> Path:
    # Nothing of a request becomes a path.
    return current_config().importing_dir / f"{hashlib.sha256(token.encode()).hexdigest()}.json"
