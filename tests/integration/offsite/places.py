"""A destination of a test, and what a test may do there behind the back of its adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from launcher.offsite.opening import open_remote
from launcher.offsite.records import Destination
from launcher.offsite.remote import OnBytes, Remote
from launcher.offsite.troubles import RemoteError, Trouble

SITE = "site0001"


def no_one(_done: int, _total: int) -> None:
    """Hear of progress and do nothing."""


@dataclass
class FarPlace:
    """A destination that a test has for itself.

    Attributes:
        destination: as an admin enters it.
        many: how many objects can be put there in a second or so.
        can_resume: an upload can continue where it was interrupted.
    """

    destination: Destination
    many: int = 30
    can_resume: bool = False
    opened: list[Remote] = field(default_factory=list)

    def open(self, site: str = SITE, **changes: object) -> Remote:
        remote = open_remote(replace(self.destination, **changes), site=site)  # type: ignore[arg-type]
        self.opened.append(remote)
        return remote

    def close(self) -> None:
        for remote in self.opened:
            remote.close()


def names(remote: Remote, folder: str = "") -> set[str]:
    return {each.name for each in remote.list(folder)}


def file_of(folder: Path, content: bytes, name: str = "source") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def read(remote: Remote, name: str, folder: Path, on_bytes: OnBytes = no_one) -> bytes:
    target = folder / "target"
    target.unlink(missing_ok=True)
    remote.get(name, target, on_bytes=on_bytes)
    return target.read_bytes()


@contextmanager
def failing(trouble: Trouble) -> Iterator[list[RemoteError]]:
    """Expect a call to fail for one reason; yields a list that gets the error."""
    errors: list[RemoteError] = []
    with pytest.raises(RemoteError) as caught:
        yield errors
    errors.append(caught.value)
    assert caught.value.trouble is trouble, (caught.value, caught.value.answer)


MakePlace = Callable[[], FarPlace]
