"""What is said after an undo, and where one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from launcher.catalogue.actions import Action
from launcher.catalogue.errors import (
    CatalogueError,
    NotAllowedError,
    Since,
    UndoTooLateError,
)
from launcher.i18n.formats import clock_time
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

_ADDITION = (_("Addition undone."), _("Launcher could not undo the addition."))
_EDIT = (_("Changes undone."), _("Launcher could not undo the changes."))
_MOVE = (_("Move undone."), _("Launcher could not undo the move."))
_COPY = (_("Duplication undone."), _("Launcher could not undo the duplication."))
_REMOVAL = (_("Removal undone."), _("Launcher could not undo the removal."))
_ARCHIVING = (_("Archiving undone."), _("Launcher could not undo the archiving."))
_RESTORATION = (
    _("Restoring from the archive undone."),
    _("Launcher could not undo restoring from the archive."),
)
_RENAMING = (_("Renaming undone."), _("Launcher could not undo the renaming."))
_DELETION = (_("Deletion undone."), _("Launcher could not undo the deletion."))
_TAGGING = (_("Tagging undone."), _("Launcher could not undo the tagging."))

_WORDS: Mapping[str, tuple[LazyString, LazyString]] = {
    Action.APP_CREATE: _ADDITION,
    Action.APP_UPDATE: _EDIT,
    Action.APP_ARCHIVE: _ARCHIVING,
    Action.APP_UNARCHIVE: _RESTORATION,
    Action.BOARD_CREATE: _ADDITION,
    Action.BOARD_UPDATE: _EDIT,
    Action.BOARD_MOVE: _MOVE,
    Action.BOARD_SET_HOME: _EDIT,
    Action.BOARD_DELETE: _DELETION,
    Action.SECTION_ADD: _ADDITION,
    Action.SECTION_RENAME: _RENAMING,
    Action.SECTION_MOVE: _MOVE,
    Action.SECTION_DELETE: _DELETION,
    Action.PLACE_ADD: _ADDITION,
    Action.PLACE_MOVE: _MOVE,
    Action.PLACE_REMOVE: _REMOVAL,
    Action.TAG_UPDATE: _RENAMING,
    Action.TAG_DELETE: _DELETION,
    Action.APP_DUPLICATE: _COPY,
    Action.APPS_TAG: _TAGGING,
    Action.APPS_MOVE: _MOVE,
    Action.SAMPLES_ADD: _ADDITION,
    Action.SAMPLES_REMOVE: _REMOVAL,
}

_OF_SECTION = {
    Action.SECTION_RENAME, Action.SECTION_DELETE, Action.PLACE_MOVE, Action.PLACE_ADD,
    Action.PLACE_REMOVE, Action.SECTION_ADD,
}  # fmt: skip


def undone_words(action: str) -> str:
    """Return that a step of this action was undone."""
    done, _refused = _WORDS.get(action, _EDIT)
    return str(done)


def undo_refused_words(error: CatalogueError) -> str:
    """Return that a step was not undone, why, and who changed what it left."""
    if isinstance(error, UndoTooLateError):
        _done, refused = _WORDS.get(error.action, _EDIT)
        return f"{refused} {_since_words(error.action, error.since)}"
    if isinstance(error, NotAllowedError):
        return gettext("Launcher could not undo this step. You can no longer edit what it changed.")
    return gettext("There is no step to undo. Steps can be undone for one day.")


def _since_words(action: str, since: Since) -> str:
    kind = "section" if action in _OF_SECTION else action.partition(".")[0]
    if since.at is None:
        return {
            "section": gettext("This section was changed since."),
            "board": gettext("This board was changed since."),
            "tag": gettext("This tag was changed since."),
        }.get(kind, gettext("This app was changed since."))
    facts = {"name": since.by, "time": clock_time(since.at)}
    return {
        "section": gettext("%(name)s changed this section at %(time)s.", **facts),
        "board": gettext("%(name)s changed this board at %(time)s.", **facts),
        "tag": gettext("%(name)s changed this tag at %(time)s.", **facts),
    }.get(kind, gettext("%(name)s changed this app at %(time)s.", **facts))
