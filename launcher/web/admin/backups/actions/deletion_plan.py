"""What a deletion would take and what would remain, told before anything is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from launcher.backup.records.backup import Backup
from launcher.current import current_backups


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion as it would be now.

    Attributes:
        going: what would be deleted, newest first.
        protected: what was asked for and stays, for it is protected.
        gone: ids that name no backup, any more or ever.
        remaining: the good ones that would be left, newest first.
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
        """How much room it would make, as far as that is known."""
        return sum(backup.file.size_bytes for backup in self.going if backup.file)

    @property
    def nearest(self) -> Sequence[Backup]:
        """The good ones next in time that would be left: the older one first, then the newer."""
        if len(self.going) != 1:
            return self.remaining[:1]
        at = self.going[0].created_at
        older = [backup for backup in self.remaining if backup.created_at <= at][:1]
        newer = [backup for backup in self.remaining if backup.created_at > at][-1:]
        return [*older, *newer]


def plan_deletion(backup_ids: Sequence[str]) -> Deletion:
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
    return Deletion(
        going=going,
        protected=[backup for backup in found if backup.protected],
        gone=[each for each in backup_ids if each not in known],
        remaining=[each for each in backups if each.is_good and each.id not in leaving],
    )
