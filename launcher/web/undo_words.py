"""What is said after an undo, and where one is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from launcher.catalogue.actions import Action
from launcher.catalogue.errors import (
    CatalogueError,
    NotAllowedError,
    Since,
    UndoTooLateError,
)
from launcher.i18n.formats import clock_time, isolated, number
from launcher.i18n.locale import gettext, ngettext
from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

Facts = Mapping[str, Any]

_ADDITION = _("Launcher could not undo the addition.")
_EDIT = _("Launcher could not undo the changes.")
_MOVE = _("Launcher could not undo the move.")
_COPY = _("Launcher could not undo the duplication.")
_REMOVAL = _("Launcher could not undo the removal.")
_ARCHIVING = _("Launcher could not undo the archiving.")
_RESTORATION = _("Launcher could not undo the unarchiving.")
_RENAMING = _("Launcher could not undo the renaming.")
_DELETION = _("Launcher could not undo the deletion.")
_IMPORT = _("Launcher could not undo the import.")
_TAGGING = _("Launcher could not undo the tagging.")

_REFUSED: Mapping[str, LazyString] = {
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
    Action.IMPORT: _IMPORT,
}


def _archived(facts: Facts) -> str:
    if facts["count"] == 1:
        return gettext("%(app)s archived.", app=facts["app"])
    return ngettext("%(num)s app archived.", "%(num)s apps archived.", facts["count"])


def _unarchived(facts: Facts) -> str:
    if facts["count"] == 1:
        return gettext("%(app)s unarchived.", app=facts["app"])
    return ngettext(
        "%(num)s app unarchived.",
        "%(num)s apps unarchived.",
        facts["count"],
    )


def imported_words(facts: Facts) -> str:
    """Return that apps were imported, and to which board."""
    return ngettext(
        "%(count)s app imported to %(board)s.",
        "%(count)s apps imported to %(board)s.",
        facts["count"],
        count=number(facts["count"]),
        board=facts["board"],
    )


def _import_undone(facts: Facts) -> str:
    apps = ngettext("%(count)s app", "%(count)s apps", facts["count"], count=number(facts["count"]))
    if facts["sections"]:
        sections = ngettext(
            "%(count)s section",
            "%(count)s sections",
            facts["sections"],
            count=number(facts["sections"]),
        )
        words = gettext(
            "Import undone. %(apps)s and %(sections)s removed.", apps=apps, sections=sections
        )
    else:
        words = gettext("Import undone. %(apps)s removed.", apps=apps)
    if not facts.get("kept"):
        return words
    kept = ngettext(
        "%(num)s app is kept because it was changed since.",
        "%(num)s apps are kept because they were changed since.",
        facts["kept"],
    )
    return f"{words} {kept}"


_SHORT: Mapping[str, Callable[[Facts], str]] = {
    Action.APP_CREATE: lambda facts: gettext("%(app)s added.", app=facts["app"]),
    Action.APP_UPDATE: lambda facts: gettext("%(app)s saved.", app=facts["app"]),
    Action.APP_ARCHIVE: _archived,
    Action.APP_UNARCHIVE: _unarchived,
    Action.APP_DUPLICATE: lambda facts: gettext(
        "%(app)s duplicated.", app=facts.get("original", facts["app"])
    ),
    Action.BOARD_CREATE: lambda facts: gettext("Board %(board)s added.", board=facts["board"]),
    Action.BOARD_UPDATE: lambda facts: gettext("Board %(board)s saved.", board=facts["board"]),
    Action.BOARD_MOVE: lambda facts: gettext("Board %(board)s moved.", board=facts["board"]),
    Action.BOARD_SET_HOME: lambda _facts: gettext("Home board saved."),
    Action.BOARD_DELETE: lambda facts: gettext("Board %(board)s deleted.", board=facts["board"]),
    Action.SECTION_ADD: lambda facts: gettext(
        "Section %(section)s added.", section=facts["section"]
    ),
    Action.SECTION_RENAME: lambda facts: gettext(
        "Section renamed to %(section)s.", section=facts["section"]
    ),
    Action.SECTION_MOVE: lambda facts: gettext(
        "Section %(section)s moved.", section=facts["section"]
    ),
    Action.SECTION_DELETE: lambda facts: gettext(
        "Section %(section)s deleted.", section=facts["section"]
    ),
    Action.PLACE_ADD: lambda facts: gettext("%(app)s added.", app=facts["app"]),
    Action.PLACE_MOVE: lambda facts: gettext("%(app)s moved.", app=facts["app"]),
    Action.PLACE_REMOVE: lambda facts: gettext(
        "%(app)s removed from %(board)s.", app=facts["app"], board=facts["board"]
    ),
    Action.TAG_UPDATE: lambda facts: gettext("Tag renamed to %(tag)s.", tag=facts["tag"]),
    Action.TAG_DELETE: lambda facts: gettext("Tag %(tag)s deleted.", tag=facts["tag"]),
    Action.TAG_MERGE: lambda facts: gettext(
        "Tag %(before)s merged into %(tag)s.", before=facts["before"], tag=facts["tag"]
    ),
    Action.APPS_TAG: lambda facts: ngettext(
        "%(num)s app tagged “%(tags)s”.",
        "%(num)s apps tagged “%(tags)s”.",
        facts["count"],
        tags=facts["tags"],
    ),
    Action.APPS_MOVE: lambda facts: ngettext(
        "%(num)s app moved to %(section)s.",
        "%(num)s apps moved to %(section)s.",
        facts["count"],
        section=facts["section"],
    ),
    Action.SAMPLES_ADD: lambda facts: ngettext(
        "%(num)s sample app added.", "%(num)s sample apps added.", facts["count"]
    ),
    Action.SAMPLES_REMOVE: lambda facts: ngettext(
        "%(num)s sample app removed.", "%(num)s sample apps removed.", facts["count"]
    ),
    Action.IMPORT: imported_words,
}
"""What a step did, in one short sentence that says nothing of how things are now."""

_OF_SECTION = {
    Action.SECTION_RENAME, Action.SECTION_DELETE, Action.PLACE_MOVE, Action.PLACE_ADD,
    Action.PLACE_REMOVE, Action.SECTION_ADD,
}  # fmt: skip


def undone_words(facts: Facts) -> str:
    """Return that a step was undone: the one whose facts and `action` these are."""
    if facts["action"] == Action.IMPORT:
        return _import_undone(facts)
    return gettext("Undone: %(step)s", step=_SHORT[facts["action"]](facts))


def redone_words(facts: Facts) -> str:
    """Return that a step was done again after its undo."""
    return gettext("Redone: %(step)s", step=_SHORT[facts["action"]](facts))


def undo_refused_words(error: CatalogueError) -> str:
    """Return that a step was not undone, why, and who changed what it left."""
    if isinstance(error, UndoTooLateError):
        refused = str(_REFUSED.get(error.action, _EDIT))
        if error.is_redo:
            refused = gettext("Launcher could not redo this step.")
        return f"{refused} {_since_words(error.action, error.since)}"
    if isinstance(error, NotAllowedError):
        return gettext("Launcher could not undo this step. You can no longer edit what it changed.")
    return gettext("This step was undone already or is too old.")


def _since_words(action: str, since: Since) -> str:
    kind = "section" if action in _OF_SECTION else action.partition(".")[0]
    if since.at is None:
        return {
            "section": gettext("This section was changed since."),
            "board": gettext("This board was changed since."),
            "tag": gettext("This tag was changed since."),
        }.get(kind, gettext("This app was changed since."))
    facts = {"name": isolated(since.by), "time": clock_time(since.at)}
    if since.deleted:
        return gettext(
            "%(name)s deleted %(item)s at %(time)s.", item=isolated(since.deleted), **facts
        )
    return {
        "section": gettext("%(name)s changed this section at %(time)s.", **facts),
        "board": gettext("%(name)s changed this board at %(time)s.", **facts),
        "tag": gettext("%(name)s changed this tag at %(time)s.", **facts),
    }.get(kind, gettext("%(name)s changed this app at %(time)s.", **facts))
