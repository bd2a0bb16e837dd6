"""A store with a fallback folder in the data directory, for when it cannot be written.

A disk that is mounted read-only, or gone, must not stop a restore. Backups are then unpacked in the
fallback, and the backup that is made before a restore or an upgrade is kept there. All others are
for the store alone: on the disk of the data they would only seem safe.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Hashable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from launcher.backup.errors import BackupNotFoundError, StoreUnavailableError
from launcher.backup.files import create_new, discard, disk_errors
from launcher.backup.ports import Store
from launcher.backup.records.backup import BEFORE_KINDS, Backup
from launcher.backup.store.local import LocalStore

_BY_TIME = attrgetter("created_at", "id")


class StoreWithFallback:
    """The backups of both, as one store. `ensure` decides in which of them an operation works."""

    def __init__(self, main: Store, fallback: LocalStore) -> None:
        self._main = main
        self._fallback = fallback
        self._at_work: Store = main

    @property
    def path(self) -> Path:
        return self._main.path

    @property
    def staging(self) -> Path:
        return self._at_work.staging

    @property
    def stagings(self) -> Sequence[Path]:
        """The folders for work in progress of both."""
        return self._main.staging, self._fallback.staging

    def ensure(self) -> None:
        try:
            self.require_writable()
            self._at_work = self._main
        except StoreUnavailableError:
            self._fallback.ensure()
            self._at_work = self._fallback

    def require_writable(self) -> None:
        """Refuse what only the main store may take.

        Raises:
            StoreUnavailableError: it cannot be written.
        """
        self._main.ensure()
        # Only a try is certain: the server of a network disk has rights of its own.
        probe = self._main.staging / f".{secrets.token_hex(4)}.tmp"
        try:
            with disk_errors("write to the backup folder"):
                create_new(probe).close()
        finally:
            discard(probe)

    def list(self) -> Sequence[Backup]:
        found = self._main.list()
        if kept := self._fallback.list():
            return sorted([*found, *kept], key=_BY_TIME, reverse=True)
        return found

    def examine(self, backup: Backup) -> Backup | None:
        return self._main.examine(backup) or self._fallback.examine(backup)

    def version(self) -> Hashable | None:
        main, fallback = self._main.version(), self._fallback.version()
        return None if main is None or fallback is None else (main, fallback)

    def get(self, reference: str) -> Backup:
        try:
            return self._main.get(reference)
        except (BackupNotFoundError, StoreUnavailableError):
            with contextlib.suppress(BackupNotFoundError):
                return self._fallback.get(reference)
            raise

    def open(self, backup: Backup) -> BinaryIO:
        return self._place_of(backup).open(backup)

    def file_name(self, backup: Backup) -> str:
        return self._place_of(backup).file_name(backup)

    def file_path(self, backup: Backup) -> Path:
        return self._place_of(backup).file_path(backup)

    def publish(self, backup: Backup, staged: Path) -> None:
        goes_beside = staged.is_relative_to(self._fallback.path) and backup.kind in BEFORE_KINDS
        (self._fallback if goes_beside else self._main).publish(backup, staged)

    def update(self, backup: Backup) -> None:
        self._place_of(backup).update(backup)

    def remove(self, backup: Backup) -> None:
        self._place_of(backup).remove(backup)

    def sweep(self) -> None:
        self._main.sweep()
        self._fallback.sweep()

    def is_in_fallback(self, backup: Backup) -> bool:
        """Whether a backup is kept in the fallback."""
        return any(kept.id == backup.id for kept in self._fallback.list())

    def _place_of(self, backup: Backup) -> Store:
        return self._fallback if self.is_in_fallback(backup) else self._main
