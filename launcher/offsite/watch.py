"""What the process of a destination shows of its work, and when it has to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from launcher.backup.ports import Clock
from launcher.offsite.errors import OffsiteError
from launcher.offsite.files import OffsiteFiles, SettingsFile
from launcher.offsite.ledger import ProgressFile
from launcher.offsite.records import Destination, Destinations
from launcher.offsite.status import CopyProgress, Work

_LOOK_EVERY_S = 1.0
_SHOW_EVERY_S = 0.5


class StoppedError(Exception):
    """An admin has paused, removed or changed the destination: work ends, and nothing is wrong."""


class Watch:
    """Shows the progress of one destination, and ends its work once an admin changed it."""

    def __init__(
        self,
        files: OffsiteFiles,
        entered: SettingsFile,
        destination: Destination,
        *,
        clock: Clock,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = ProgressFile(files, destination.id)
        self._entered = entered
        self._destination = destination
        self._clock = clock
        self._steady_s = steady_s
        self._looked_at_s = self._shown_at_s = float("-inf")
        self._progress: CopyProgress | None = None

    @property
    def backup_id(self) -> str:
        """What the progress is about, "" for nothing."""
        return self._progress.backup_id if self._progress else ""

    @property
    def total(self) -> int:
        """How many bytes the work has that is shown, 0 where that is not known."""
        return self._progress.total if self._progress else 0

    def begin(self, work: Work, *, backup_id: str = "", total: int = 0) -> None:
        """Show that some work begins.

        Raises:
            StoppedError
        """
        self.look()
        self._progress = CopyProgress(work, self._clock(), backup_id, 0, total)
        self._show()

    def on_bytes(self, done: int, total: int) -> None:
        """Show how far it is; called for each part.

        Raises:
            StoppedError
        """
        self.may_go_on()
        if self._progress is not None:
            self._progress = replace(self._progress, done=done, total=total)
        if self._steady_s() - self._shown_at_s >= _SHOW_EVERY_S or done == total:
            self._show()

    def may_go_on(self) -> None:
        """Look once a second whether the destination is still what it was.

        Raises:
            StoppedError
        """
        if self._steady_s() - self._looked_at_s >= _LOOK_EVERY_S:
            self.look()

    def look(self) -> Destinations:
        """Return what is entered by now.

        Raises:
            StoppedError: the destination was paused, removed or changed, or that cannot be read.
        """
        self._looked_at_s = self._steady_s()
        try:
            entered = self._entered.read()
        except OffsiteError as error:
            raise StoppedError from error
        now = next((each for each in entered.destinations if each.id == self._destination.id), None)
        if now is None or now.paused or _plain(now) != _plain(self._destination):
            raise StoppedError
        return entered

    def clear(self) -> None:
        """Show nothing any more."""
        self._file.clear()

    def _show(self) -> None:
        self._shown_at_s = self._steady_s()
        if self._progress is not None:
            self._file.write(self._progress)


def _plain(destination: Destination) -> Destination:
    """Return a destination without what a test or a run finds out about it."""
    return replace(destination, may_delete=None, tested_at=None)
