"""What a destination can do, whatever service it is: the promise that every adapter keeps.

Names are relative to the folder of the destination, have "/" between folders, and only ASCII
letters, digits, "-" and "." in each part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

OnBytes = Callable[[int, int], None]
"""Called with (done, total) in bytes; what it raises ends the call."""


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """One object as the service lists it."""

    name: str
    size_bytes: int
    modified_at: datetime | None = None


class Remote(Protocol):
    """One destination, open for calls.

    Every method raises `RemoteError` and nothing else for what the service or the network does.
    Each call ends: connecting within 10 s, and without a byte for 30 s it is broken off, as is one
    that goes on with a few bytes at a time. Memory is
    bounded (16 MB), whatever the size. Nothing is retried more than once inside of a call: the
    caller waits and tries again.
    """

    def put(
        self,
        name: str,
        source: Path,
        *,
        on_bytes: OnBytes,
        resume: str = "",
        on_resume: Callable[[str], None] | None = None,
    ) -> None:
        """Make the object `name` hold the bytes of the file `source`; it replaces one of the name.

        Afterwards the object is whole, and the service has confirmed its size, and its checksum
        where it can. On failure there is no object of the name, or the one from before: never a
        part. `on_resume` gets what a later call with the same bytes needs as `resume` to go on
        from where this one ended; a `resume` that is no longer known starts at the beginning.
        """

    def has_confirmed(self) -> bool:
        """Whether more than the size of the last `put` is known to be right there.

        By a checksum, by reading it back, or by a disk of this machine that was flushed.
        """

    def put_bytes(self, name: str, data: bytes) -> None:
        """Make the object `name` hold `data`, at most 1 MB, with the same promise."""

    def list(self, folder: str = "") -> Iterator[RemoteObject]:
        """Yield every object under `folder` ("" for all), in no order; none where there is none."""

    def list_sites(self) -> Iterator[str]:
        """Yield the sites that have a folder here, whatever site this was opened for."""

    def get(self, name: str, target: Path, *, on_bytes: OnBytes) -> None:
        """Write the object into the new file `target`; on failure there is no such file.

        Raises:
            RemoteError: `NOT_THERE` where there is no object, `CUT_SHORT` where bytes are missing.
            OSError: `target` cannot be written.
        """

    def get_bytes(self, name: str, *, limit: int) -> bytes:
        """Return at most `limit` bytes of the object, from its start."""

    def delete(self, name: str) -> None:
        """Make the object not be there; it is no error where there is none.

        Raises:
            RemoteError: `DENIED` where this access may not delete.
        """

    def free_bytes(self) -> int | None:
        """Return how much more it takes, None where the service does not say."""

    def clock_apart_s(self) -> float | None:
        """Return by how much its clock is ahead of ours, in seconds, None where it is unknown."""

    def found_options(self) -> Mapping[str, str]:
        """Return options that were left empty and found by now, to be saved with the others."""

    def close(self) -> None:
        """End its connections and programs."""
