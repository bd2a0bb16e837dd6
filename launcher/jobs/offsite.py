"""The leader starts the process of each destination at which something is due."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from launcher.backup.errors import BackupError
from launcher.backup.fingerprints import Fingerprint, fingerprint_at
from launcher.offsite.service import OffsiteService
from launcher.settings.table import SiteSettings

_LOOK_EVERY_S = 30.0
_PAUSE_S = 60.0
_LONGEST_PAUSE_S = 3600.0
_PAUSE_WHEN_ASKED_S = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Started:
    """When a process was started last, and how long to wait for the next where nothing changed."""

    at_s: float
    pause_s: float


class CopyStarter:
    """Asks what is due when a backup or a destination has changed, and every half minute.

    A process that ends without getting on is started again after a pause that doubles.

    Args:
        data_dir: with the journal, which grows with each backup.
        offsite: says what is due.
        start: starts the process of a destination.
        steady_s: seconds that no one can set.
    """

    def __init__(
        self,
        data_dir: Path,
        offsite: OffsiteService,
        start: Callable[[str], object],
        *,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = data_dir / "journal.jsonl"
        self._offsite = offsite
        self._start = start
        self._steady_s = steady_s
        self._seen: tuple[Fingerprint | None, ...] = ()
        self._looked_at_s = float("-inf")
        self._started: dict[str, _Started] = {}

    def tick(self, site: SiteSettings) -> None:
        """Start what is due. Without destinations this takes one look at one file."""
        if (version := self._offsite.entered_version()) is None:
            return
        seen = (version, fingerprint_at(self._journal))
        is_news = seen != self._seen
        if is_news:
            self._started.clear()
        elif (
            self._steady_s() - self._looked_at_s < _LOOK_EVERY_S
            and not self._offsite.is_any_wanted()
        ):
            return
        self._seen, self._looked_at_s = seen, self._steady_s()
        try:
            due = self._offsite.due(site)
        except BackupError as error:  # of the backup folder, which has an alarm of its own
            _log.debug("nothing is copied: %s", error)
            return
        for destination_id in due:
            self._start_one(destination_id)

    def _pause_s(self, destination_id: str, before: _Started) -> float:
        is_asked = self._offsite.is_wanted(destination_id)
        return min(before.pause_s, _PAUSE_WHEN_ASKED_S) if is_asked else before.pause_s

    def _start_one(self, destination_id: str) -> None:
        before = self._started.get(destination_id)
        now_s = self._steady_s()
        if before and now_s - before.at_s < self._pause_s(destination_id, before):
            return
        pause_s = min(before.pause_s * 2, _LONGEST_PAUSE_S) if before else _PAUSE_S
        self._started[destination_id] = _Started(now_s, pause_s)
        try:
            self._start(destination_id)
        except OSError as error:
            _log.warning("copying to %s could not be started: %s", destination_id, error)
