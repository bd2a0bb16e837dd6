"""The verbs of copies elsewhere, for pages, commands and jobs alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from launcher.backup.ports import Clock, OnProgress, utc_now
from launcher.backup.records.backup import Backup
from launcher.backup.service import BackupService
from launcher.offsite.records import Destination, Destinations
from launcher.offsite.status import OffsiteStatus
from launcher.offsite.trial import Trial, TrialStep
from launcher.settings.table import SiteSettings


class OffsiteError(Exception):
    """Something that was asked of destinations, keys or copies cannot be done.

    Attributes:
        code: `destination_not_found`, `name_taken`, `copy_not_found`, `wrong_characters`,
            `no_key`, `invalid_key`, `last_recipient`, `invalid_option`, `file_unreadable`.
        facts: what its words need.
    """

    def __init__(self, code: str, **facts: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Kit:
    """The recovery kit: what a person needs on a bare machine, without any password of a service.

    `text` is the file `kit.txt`: comments, and the secret key in the form that `age -i` reads.
    """

    site_name: str
    public_key: str
    secret_key: str
    created_at: datetime
    destinations: Sequence[Destination]
    commands: Sequence[str]
    text: str


class OffsiteService:
    """Destinations, copies and keys of one installation. Built once, beside `BackupService`.

    It starts no thread and opens no connection: what talks to a service runs in a process of its
    own. Every method is cheap but `try_out` and `fetch`.
    """

    def __init__(self, data_dir: Path, backups: BackupService, *, clock: Clock = utc_now) -> None:
        self._data_dir = data_dir
        self._backups = backups
        self._clock = clock

    def settings(self) -> Destinations:
        """Return what is entered; an unreadable file raises `OffsiteError("file_unreadable")`."""
        raise NotImplementedError

    def find(self, destination_id: str) -> Destination:
        """Return one destination, or raise `OffsiteError("destination_not_found")`."""
        raise NotImplementedError

    def status(self, site: SiteSettings) -> OffsiteStatus:
        """Return how all of it stands, without asking any service."""
        raise NotImplementedError

    def try_out(
        self,
        destination: Destination,
        *,
        deadline_s: float = 60.0,
        on_step: Callable[[TrialStep], None] | None = None,
    ) -> Trial:
        """Write, list, read back and delete a small file there, in a process of its own."""
        raise NotImplementedError

    def add(self, destination: Destination, *, by: str) -> Destination:
        """Add a destination; its id is made of its name. The first one makes the key."""
        raise NotImplementedError

    def change(self, destination: Destination, *, by: str) -> Destination:
        """Replace the destination of this id; empty secrets keep the ones from before."""
        raise NotImplementedError

    def remove(self, destination_id: str, *, by: str) -> Destination:
        """Forget a destination and what is known of it; its copies stay where they are."""
        raise NotImplementedError

    def copy_now(self, destination_id: str) -> None:
        """Make the leader try at once, whatever the pause after a failure."""
        raise NotImplementedError

    def fetch(
        self,
        destination_id: str,
        backup_id: str,
        *,
        by: str,
        on_progress: OnProgress | None = None,
        operation_id: str = "",
    ) -> Backup:
        """Download a copy, verify it, and list it here as the backup that it was."""
        raise NotImplementedError

    def kit(self, *, site_name: str) -> Kit:
        """Return the recovery kit of the newest own key, or raise `OffsiteError("no_key")`."""
        raise NotImplementedError

    def confirm_kit(self, characters: str, *, by: str) -> None:
        """Record that someone has the kit, by the last four characters of its secret key."""
        raise NotImplementedError

    def new_key(self, *, by: str) -> str:
        """Make a new key; copies from now on are for it and the other recipients, not the old."""
        raise NotImplementedError

    def add_recipient(self, public_key: str, label: str, *, by: str) -> None:
        """Encrypt new copies for this public key as well."""
        raise NotImplementedError

    def remove_recipient(self, public_key: str, *, by: str) -> None:
        """Encrypt new copies no longer for this key."""
        raise NotImplementedError

    def change_rules(self, *, read_within_days: int, read_bytes_a_day: int, by: str) -> None:
        """Set how often each copy is read in full, and how much a day."""
        raise NotImplementedError

    def accept_one_disk(self, reason: str, *, until: datetime | None, by: str) -> None:
        """Record that all copies on one disk are accepted."""
        raise NotImplementedError

    def withdraw_one_disk(self, *, by: str) -> None:
        """Take that back."""
        raise NotImplementedError
