"""What is said where another changed meanwhile what a change was about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import request

from launcher.catalogue.errors import ChangedMeanwhileError
from launcher.i18n.formats import clock_time, isolated
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _

if TYPE_CHECKING:
    from flask_babel.speaklater import LazyString

_MOVE = (_("Move not saved."), _("Move the app again if needed."))
_MOVE_SECTION = (_("Move not saved."), _("Move the section again if needed."))
_OTHER = (_("Change not saved."), _("Save your change again if needed."))

_WORDS: Mapping[str, tuple[LazyString, LazyString]] = {
    "editing.move_app": _MOVE,
    "editing.move_app_to": _MOVE,
    "editing.remove": (_("App not removed."), _("Remove the app again if needed.")),
    "editing.rename": (_("Section not renamed."), _("Rename the section again if needed.")),
    "editing.move": _MOVE_SECTION,
    "editing.move_to": _MOVE_SECTION,
    "editing.delete": (_("Section not deleted."), _("Delete the section again if needed.")),
}


def changed_words(error: ChangedMeanwhileError) -> str:
    """Return that the change of this request was not saved, who changed what, and what to do."""
    refused, advice = _WORDS.get(request.endpoint or "", _OTHER)
    since, name = error.since, isolated(error.name)
    if since.at is None:
        what = gettext("%(item)s was changed in the meantime.", item=name)
    else:
        what = gettext(
            "%(name)s changed %(item)s at %(time)s.",
            name=isolated(since.by), item=name, time=clock_time(since.at),
        )  # fmt: skip
    shown = gettext("The board now shows that change.")
    return f"{refused} {what} {shown} {advice}"
