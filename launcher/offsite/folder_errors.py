"""What the kernel reports of a folder, as a trouble."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from launcher.offsite.troubles import RemoteError, Trouble

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM}
_AWAY = {errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EIO}


def translated(
    error: OSError, *, action: str, name: str, folder: Path, needed_bytes: int,
    free_bytes: Callable[[], int | None],
) -> RemoteError:  # fmt: skip
    """Return an error of the kernel as one of ours, with the facts that its words need.

    Args:
        error: of a call for the folder or what is in it.
        action: "write", "list", "read" or "delete".
        name: of the object.
        folder: of the destination.
        needed_bytes: how much was to be written, 0 where that is unknown.
        free_bytes: asked where the folder is full.
    """
    path = str(folder)
    facts: dict[str, str | int] = {}
    match error.errno:
        case code if code in _FULL:
            trouble, facts = Trouble.FULL, _space(needed_bytes, free_bytes())
        case errno.EROFS:
            trouble, facts = Trouble.READ_ONLY, {"path": path}
        case code if code in _REFUSED and action == "write":
            trouble, facts = Trouble.NOT_WRITABLE, {"path": path}
        case code if code in _REFUSED:
            trouble, facts = Trouble.DENIED, {"action": action}
        case errno.ENOENT | errno.ENOTDIR:
            missing = name if folder.is_dir() and action != "write" else str(_missing(folder))
            trouble, facts = Trouble.NOT_THERE, {"name": missing}
        case errno.ETIMEDOUT:
            trouble = Trouble.TIMED_OUT
        case code if code in _AWAY:
            trouble, facts = Trouble.UNREACHABLE, {"host": path}
        case _:
            trouble, facts = Trouble.NO_ANSWER_KNOWN, {"detail": error.strerror or ""}
    return RemoteError(trouble, answer=error.strerror or "", **facts)


def _space(needed_bytes: int, free_bytes: int | None) -> dict[str, str | int]:
    needed = {"needed_bytes": needed_bytes} if needed_bytes else {}
    free = {"free_bytes": free_bytes} if free_bytes is not None else {}
    return {**needed, **free}


def _missing(folder: Path) -> Path:
    """Return the first folder on the way to this one that is not there."""
    return next((each for each in reversed(folder.parents) if not each.exists()), folder)
