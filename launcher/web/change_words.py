"""The toast about a change of boards or apps, with its undo.

Doors call `show_change` after each change. A whole sentence for each case, so that translators see
whole sentences; the facts are those of `Change`. What an undo says is in `undo_words`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import url_for

from launcher.catalogue.actions import Action
from launcher.catalogue.undo import Change
from launcher.i18n.formats import isolated
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.web.frame import current_viewer
from launcher.web.toasts import Toast, make_toast, show
from launcher.web.undo_words import imported_words, redone_words, undone_words

Facts = Mapping[str, Any]

_NEEDS_A_STEP = {Action.PLACE_MOVE, Action.SECTION_MOVE, Action.BOARD_MOVE, Action.SECTION_RENAME}
"""Changes that say nothing where all is as it was."""


def show_change(change: Change, *, details: Sequence[str] = ()) -> None:
    """Show the toast about a change on the next page, or in the part that is being sent.

    Nothing is shown about a move to the same place.
    """
    if change.step_id is not None or change.action not in _NEEDS_A_STEP:
        toast = toast_of(change)
        toast["details"] += details
        show(toast)


def toast_of(change: Change) -> Toast:
    """Return the toast about a change, with *Undo* where the change has a step."""
    if change.step_id is None:
        return make_toast(words_of(change))
    return make_toast(
        words_of(change),
        undo_path=url_for("editing.undo"),
        undo_field="undo",
        undo_ids=[str(change.step_id)],
        is_undo=change.action is Action.UNDO,
        undo_words=_("Undo import") if change.action is Action.IMPORT else "",
    )


def words_of(change: Change) -> str:
    """Return the sentence about a change: past tense, and the name of what was changed."""
    facts = {
        name: isolated(fact) if isinstance(fact, str) and name != "action" else fact
        for name, fact in change.facts.items()
    }
    return _WORDS[change.action](facts)


def _added(facts: Facts) -> str:
    if "section" in facts:
        return _("%(app)s added to %(section)s.", app=facts["app"], section=facts["section"])
    return _("%(app)s added.", app=facts["app"])


def _moved(facts: Facts) -> str:
    names = {"app": facts["app"], "section": facts["section"]}
    if facts.get("from_board", facts["board"]) != facts["board"]:
        return _("%(app)s moved to %(section)s on %(board)s.", **names, board=facts["board"])
    if facts.get("from_section") != facts["section"]:
        return _("%(app)s moved to %(section)s.", **names)
    return _(
        "%(app)s moved to position %(position)s of %(count)s in %(section)s.",
        **names,
        position=facts["position"],
        count=facts["count"],
    )


def _section_moved(facts: Facts) -> str:
    if facts.get("from_board", facts["board"]) != facts["board"]:
        return _("%(section)s moved to %(board)s.", section=facts["section"], board=facts["board"])
    return _moved_to_position(facts["section"], facts)


def _moved_to_position(name: str, facts: Facts) -> str:
    return _(
        "%(name)s moved to position %(position)s of %(count)s.",
        name=name,
        position=facts["position"],
        count=facts["count"],
    )


def _removed(facts: Facts) -> str:
    names = {"app": facts["app"], "board": facts["board"]}
    if not _has_apps_page():
        return _("%(app)s removed from %(board)s.", **names)
    return _("%(app)s removed from %(board)s. It is still in Apps.", **names)


def _has_apps_page() -> bool:
    """Whether who made the change can open the page of all apps."""
    viewer = current_viewer()
    return viewer is None or viewer.may_edit


def _section_deleted(facts: Facts) -> str:
    if not facts["apps"] or not _has_apps_page():
        return _("Section %(section)s deleted.", section=facts["section"])
    return ngettext(
        "Section %(section)s deleted. Its %(num)s app is still in Apps.",
        "Section %(section)s deleted. Its %(num)s apps are still in Apps.",
        facts["apps"],
        section=facts["section"],
    )


def _archived(facts: Facts) -> str:
    if facts.get("is_unchanged"):
        if facts["count"] != 1:
            return _("The selected apps were archived already.")
        return _("%(app)s was archived already.", app=facts["app"])
    if facts["count"] != 1:
        return ngettext("%(num)s app archived.", "%(num)s apps archived.", facts["count"])
    if not facts.get("boards"):
        return _("%(app)s archived.", app=facts["app"])
    return ngettext(
        "%(app)s archived. It is hidden on %(num)s board.",
        "%(app)s archived. It is hidden on %(num)s boards.",
        facts["boards"],
        app=facts["app"],
    )


def _unarchived(facts: Facts) -> str:
    if facts.get("is_unchanged"):
        if facts["count"] != 1:
            return _("The selected apps are not in the archive.")
        return _("%(app)s is not in the archive.", app=facts["app"])
    if facts["count"] != 1:
        return ngettext(
            "%(num)s app unarchived.",
            "%(num)s apps unarchived.",
            facts["count"],
        )
    if not facts.get("boards"):
        return _("%(app)s unarchived.", app=facts["app"])
    return ngettext(
        "%(app)s unarchived. It is shown on %(num)s board.",
        "%(app)s unarchived. It is shown on %(num)s boards.",
        facts["boards"],
        app=facts["app"],
    )


def _deleted(facts: Facts) -> str:
    if facts["count"] != 1:
        return ngettext("%(num)s app deleted.", "%(num)s apps deleted.", facts["count"])
    return _("%(app)s deleted.", app=facts["app"])


def _samples_removed(facts: Facts) -> str:
    removed = ngettext(
        "%(num)s sample app removed.", "%(num)s sample apps removed.", facts["count"]
    )
    if not facts.get("kept"):
        return removed
    kept = ngettext(
        "%(num)s app is kept because it was edited.",
        "%(num)s apps are kept because they were edited.",
        facts["kept"],
    )
    return f"{removed} {kept}"


_WORDS: Mapping[Action, Callable[[Facts], str]] = {
    Action.APP_CREATE: _added,
    Action.APP_UPDATE: lambda facts: _("%(app)s saved.", app=facts["app"]),
    Action.APP_ARCHIVE: _archived,
    Action.APP_UNARCHIVE: _unarchived,
    Action.APP_DELETE: _deleted,
    Action.BOARD_CREATE: lambda facts: _("Board %(board)s added.", board=facts["board"]),
    Action.BOARD_UPDATE: lambda facts: _("Board %(board)s saved.", board=facts["board"]),
    Action.BOARD_MOVE: lambda facts: _moved_to_position(facts["board"], facts),
    Action.BOARD_SET_HOME: lambda _facts: _("Home board saved."),
    Action.BOARD_DELETE: lambda facts: _(
        "Board %(board)s deleted. Its apps are still in Apps.", board=facts["board"]
    ),
    Action.SECTION_ADD: lambda facts: _("Section %(section)s added.", section=facts["section"]),
    Action.SECTION_RENAME: lambda facts: _(
        "Section renamed to %(section)s.", section=facts["section"]
    ),
    Action.SECTION_MOVE: _section_moved,
    Action.SECTION_DELETE: _section_deleted,
    Action.PLACE_ADD: _added,
    Action.PLACE_MOVE: _moved,
    Action.PLACE_REMOVE: _removed,
    Action.TAG_UPDATE: lambda facts: _("Tag renamed to %(tag)s.", tag=facts["tag"]),
    Action.TAG_DELETE: lambda facts: _("Tag %(tag)s deleted.", tag=facts["tag"]),
    Action.APP_DUPLICATE: lambda facts: _(
        "%(app)s duplicated.", app=facts.get("original", facts["app"])
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
    Action.TAG_MERGE: lambda facts: _(
        "Tag %(before)s merged into %(tag)s.", before=facts["before"], tag=facts["tag"]
    ),
    Action.SAMPLES_ADD: lambda facts: ngettext(
        "%(num)s sample app added.", "%(num)s sample apps added.", facts["count"]
    ),
    Action.SAMPLES_REMOVE: _samples_removed,
    Action.IMPORT: imported_words,
    **dict.fromkeys(
        (Action.UNDO, Action.APP_UNDO, Action.BOARD_UNDO, Action.TAG_UNDO), undone_words
    ),
    **dict.fromkeys(
        (Action.REDO, Action.APP_REDO, Action.BOARD_REDO, Action.TAG_REDO), redone_words
    ),
}
