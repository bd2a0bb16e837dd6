"""The way back from a restore: its undo, or what helps where the safety backup is damaged."""

from __future__ import annotations

from functools import cached_property

from flask import url_for

from launcher.backup.catalogue import good_before
from launcher.backup.errors import BackupError
from launcher.backup.records.backup import Backup
from launcher.backup.records.operation import JournalEntry
from launcher.current import current_backups
from launcher.i18n.formats import day_and_time
from launcher.i18n.locale import gettext as _
from launcher.web.errors import NextStep
from launcher.web.operations.stages import backup_of
from launcher.web.operations.undoing import can_be_restored, undo_id


class WayBack:
    """The way back from one restore. After another restore there is none."""

    def __init__(self, restore: JournalEntry) -> None:
        self._restore = restore

    @cached_property
    def _safety(self) -> Backup | None:
        """The safety backup, None when it is gone or another restore came later.

        None, too, where it has no admin: before the setup of a new server there was none.
        """
        id_ = undo_id()
        is_last = id_ and id_ == self._restore.facts.get("safety_id")
        safety = backup_of(id_) if is_last else None
        return safety if safety and safety.has_admin else None

    @property
    def safety_id(self) -> str:
        """The id of the safety backup, "" when that is gone or damaged."""
        safety = backup_of(str(self._restore.facts.get("safety_id", "")))
        return safety.id if safety and can_be_restored(safety) else ""

    @property
    def is_lost(self) -> bool:
        """Whether the undo would refuse, because its safety backup is damaged."""
        return self._safety is not None and not can_be_restored(self._safety)

    def steps(self) -> tuple[NextStep, ...]:
        """Return the step to the plan of the undo, or of the backup that helps instead."""
        found = self._instead if self.is_lost else self._safety
        if found is None:
            return ()
        address = url_for("restores.show_plan", backup_id=found.id)
        if self.is_lost:
            return self.steps_instead()
        return (NextStep(address, undo_words(self._restore), "undo-2"),)

    def steps_instead(self) -> tuple[NextStep, ...]:
        """Return the step to the plan of the backup that helps instead of an undo."""
        if self._instead is None:
            return ()
        address = url_for("restores.show_plan", backup_id=self._instead.id)
        return (NextStep(address, _("Restore an older backup…"), "rotate-ccw"),)

    @property
    def fine(self) -> str:
        """What the undo would do, "" without one."""
        if self._safety is None or self.is_lost:
            return ""
        return _(
            "Undo will restore the data from %(moment)s. You can undo that too.",
            moment=day_and_time(self._safety.created_at),
        )

    @property
    def loss(self) -> str:
        """That there is no undo, and what to do instead; "" with an undo."""
        return self.words_of_loss() if self.is_lost else ""

    def words_of_loss(self) -> str:
        """Return that the safety backup is damaged, and what to do instead."""
        no_undo = _("The safety backup is damaged, so you cannot undo this restore.")
        instead = self._instead
        what_else = (
            _("Instead, you can restore the last good backup from before it, of %(moment)s.",
              moment=day_and_time(instead.created_at))
            if instead
            else _("No good backup from before it is left. An undamaged copy can be uploaded.")
        )  # fmt: skip
        return f"{no_undo} {what_else}"

    @cached_property
    def _instead(self) -> Backup | None:
        """The newest good backup of this site from before the restore."""
        try:
            listed = current_backups().list()
        except BackupError:
            return None
        return next(filter(can_be_restored, good_before(listed, self._restore)), None)


def undo_words(restore: JournalEntry) -> str:
    """Return the button that leads to the plan of the undo."""
    return _("Undo this undo…") if restore.is_undo else _("Undo this restore…")
