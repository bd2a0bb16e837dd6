"""What was read of a file, between its preview and the import: a file of this server.

Never the file itself, which may hold passwords. It belongs to one user, and is there for an hour
at most, or until that user has uploaded three others. The address of the preview has a random text;
what it stands for is in `data/importing/`.
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

MOST = 3
"""So many are kept for one user, the newest ones."""


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
    """Keep what was read, at most `MOST` of its user; return the text by which they get it.

    Raises:
        InsufficientSpaceError, StoreUnavailableError: nothing is kept.
    """
    token = secrets.token_urlsafe(24)
    path = _path(token, kept.user_id)
    remove_older(path.parent, age_s=KEEP_PREVIEW_S)
    with disk_errors("store the upload"):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_atomic(path, json.dumps(encode(kept)).encode())
    _remove_all_but_newest(kept.user_id)
    return token


def find(token: str, user_id: int) -> Kept | None:
    """Return what was kept; None for what is another's, too old, imported already or unknown."""
    path = _path(token, user_id)
    try:
        is_old = time.time() - path.stat().st_mtime > KEEP_PREVIEW_S
        kept = decode(Kept, parse(path.read_bytes()))
    except (OSError, DecodeError):
        return None
    return None if is_old or kept.user_id != user_id else kept


def forget(token: str, user_id: int) -> None:
    """Remove what was kept."""
    with contextlib.suppress(OSError):
        _path(token, user_id).unlink()


def _path(token: str, user_id: int) -> Path:
    # Nothing of a request becomes a path.
    name = hashlib.sha256(token.encode()).hexdigest()
    return current_config().importing_dir / f"{user_id}-{name}.json"


def _remove_all_but_newest(user_id: int) -> None:
    times: list[tuple[int, Path]] = []
    for path in current_config().importing_dir.glob(f"{user_id}-*.json"):
        with contextlib.suppress(OSError):  # another request may have removed it
            times.append((path.stat().st_mtime_ns, path))
    for _time, path in sorted(times, reverse=True)[MOST:]:
        with contextlib.suppress(OSError):
            path.unlink()
