"""An object that is received into a new file, whatever service it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from launcher.backup.files import create_new, discard
from launcher.offsite.remote import OnBytes
from launcher.offsite.troubles import RemoteError, Trouble

Begin = Callable[[], tuple[int, Iterable[bytes]]]
"""Asks for an object: returns how many bytes are announced, and the bytes."""


def receive(name: str, target: Path, begin: Begin, *, on_bytes: OnBytes) -> None:
    """Write an object into the new file `target`; on failure there is no such file.

    It is not flushed to the disk: most of what is received is read once and removed.

    Raises:
        RemoteError: `CUT_SHORT` where bytes are missing, and what `begin` raises.
        OSError: `target` cannot be written.
    """
    with create_new(target) as file:
        try:
            total, pieces = begin()
            done = 0
            for piece in pieces:
                file.write(piece)
                done += len(piece)
                on_bytes(done, total)
            if done != total:
                raise RemoteError(Trouble.CUT_SHORT, name=name)
        except BaseException:
            discard(target)
            raise
