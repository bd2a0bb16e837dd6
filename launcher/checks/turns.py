"""Whose turn it is to test a check: of each user the newest test, in whichever process it runs.

A file a user in the folder of the locks, which all processes share and no restore replaces.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_FOLDER = "check-trials"


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn of one test."""

    owner: int
    _path: Path
    _token: str

    @classmethod
    def take(cls, lock_dir: Path, owner: int) -> Turn:
        """Take the turn from the test of the same owner before, if that still runs.

        Where the disk is full, that one runs on.
        """
        turn = cls(owner, lock_dir / _FOLDER / str(owner), secrets.token_hex(8))
        with suppress(OSError):
            turn._path.parent.mkdir(mode=0o700, exist_ok=True)
            turn._path.write_text(turn._token)
        return turn

    def is_over(self) -> bool:
        """Whether a newer test of the same owner has it."""
        try:
            return self._path.read_text() not in {self._token, ""}
        except OSError:
            return False

    def end(self) -> None:
        """Forget the turn, unless a newer test has it."""
        with suppress(OSError):
            if not self.is_over():
                self._path.unlink()
