"""What a deletion would delete, and what would remain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.backup.ports import utc_now
from launcher.backup.records.backup import Backup, good_ones
from launcher.current import current_backups


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What a deletion would do now, newest first.

    The `protected` stay, `gone` are ids without a backup, `remaining` the good ones left.
    """

    going: Sequence[Backup]
    protected: Sequence[Backup]
    gone: Sequence[str]
    remaining: Sequence[Backup]

    @property
    def is_destructive(self) -> bool:
        """Whether the last good backup would go."""
        return not self.remaining and any(backup.is_good for backup in self.going)

    @property
    def size_bytes(self) -> int:
        """How much space it would free, as far as known."""
        return sum(backup.file.size_bytes for backup in self.going if backup.file)

    @property
    def nearest(self) -> Sequence[Backup]:
        """The remaining good ones nearest in time: the older one, then the newer."""
        if len(self.going) != 1:
            return self.remaining[:1]
        at = self.going[0].created_at
        older = [backup for backup in self.remaining if backup.created_at <= at][:1]
        newer = [backup for backup in self.remaining if backup.created_at > at][-1:]
        return [*older, *newer]


def plan_deletion(backup_ids: Sequence[str]) -> DeletionPlan:
    """Return what deleting these backups would do now.

    Raises:
        StoreUnavailableError: the folder cannot be read.
    """
    backups = current_backups().list()
    asked = set(backup_ids)
    found = [backup for backup in backups if backup.id in asked]
    known = {backup.id for backup in found}
    going = [backup for backup in found if not backup.protected]
    leaving = {backup.id for backup in going}
    return DeletionPlan(
        going=going,
        protected=[backup for backup in found if backup.protected],
        gone=[each for each in backup_ids if each not in known],
        remaining=[each for each in good_ones(backups, now=utc_now()) if each.id not in leaving],
    )
