"""The words about a restore, or an undo, whose process was stopped: by what became of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

    from launcher.backup.records.operation import JournalEntry


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The `title` and `text` of its page, its toast, and its line in the history of a backup."""

    title: LazyString
    text: LazyString
    toast: LazyString
    line: LazyString


_RETURNED = "returned"

_RESTORE = {
    "restored": Interrupted(
        _("The restore was interrupted after the data was replaced"),
        _("Your data was restored completely. Only the final check was skipped."),
        _("The restore was interrupted after the data was replaced. The restored data is in use."),
        _("A restore was interrupted after the data was replaced"),
    ),
    "unchanged": Interrupted(
        _("The restore was interrupted. Nothing was changed"),
        _("The restore stopped before your data was replaced. No one was signed out."),
        _("The restore was interrupted. Your data is unchanged."),
        _("A restore was interrupted"),
    ),
    _RETURNED: Interrupted(
        _("The restore was interrupted. Your data is back"),
        _("Your data is exactly as it was before."),
        _("The restore was interrupted. Your data is back."),
        _("A restore was interrupted. The previous data was returned"),
    ),
    "unreadable": Interrupted(
        _("The restore was interrupted, and the database cannot be read"),
        _("The restore did not change your backups."),
        _("The restore was interrupted, and the data cannot be read."),
        _("A restore was interrupted"),
    ),
}

_UNDO = {
    "restored": Interrupted(
        _("The undo was interrupted after the data was replaced"),
        _("Your data was restored completely. Only the final check was skipped."),
        _("The undo was interrupted after the data was replaced. The restored data is in use."),
        _("The undo of a restore was interrupted after the data was replaced"),
    ),
    "unchanged": Interrupted(
        _("The undo was interrupted. Nothing was changed"),
        _("The undo stopped before your data was replaced. No one was signed out."),
        _("The undo was interrupted. Your data is unchanged."),
        _("The undo of a restore was interrupted"),
    ),
    _RETURNED: Interrupted(
        _("The undo was interrupted. Your data is back"),
        _("Your data is exactly as it was before."),
        _("The undo was interrupted. Your data is back."),
        _("The undo of a restore was interrupted. The previous data was returned"),
    ),
    "unreadable": Interrupted(
        _("The undo was interrupted, and the database cannot be read"),
        _("The undo did not change your backups."),
        _("The undo was interrupted, and the data cannot be read."),
        _("The undo of a restore was interrupted"),
    ),
}


def interrupted_words(entry: JournalEntry) -> Interrupted:
    """Return the words of an interrupted restore; data that is not known counts as unreadable."""
    words = _UNDO if entry.is_undo else _RESTORE
    data = str(entry.facts.get("data"))
    if data == "unchanged" and entry.visible_s is not None:
        data = _RETURNED
    return words.get(data, words["unreadable"])
