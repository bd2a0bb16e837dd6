"""The words for those who act without being a user: the command line, the schedule, the start."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel.speaklater import LazyString

from launcher.accounts import refusals
from launcher.audit import COMMAND_LINE
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _

ACTOR_WORDS: Mapping[str, LazyString] = {
    COMMAND_LINE.name: _("Command line"),
    "schedule": _("The schedule"),
    refusals.UNKNOWN_NAME.name: _("Unknown user name"),
    "start": _("The start of the server"),
    "setup": _("The setup of this site"),
}
_IN_A_SENTENCE: Mapping[str, LazyString] = {
    COMMAND_LINE.name: _("the command line"),
    "schedule": _("the schedule"),
    "start": _("the start of the server"),
    "setup": _("the setup of this site"),
}
_AT_A_SHELL = f" ({COMMAND_LINE.name})"


def actor_words(name: str) -> str:
    """Return who acted, a user by name, anything else in words."""
    if name in ACTOR_WORDS:
        return str(ACTOR_WORDS[name])
    if name.endswith(_AT_A_SHELL):
        return gettext("%(name)s (command line)", name=name.removesuffix(_AT_A_SHELL))
    return name


def actor_in_sentence(name: str) -> str:
    """Return who acted, for a sentence that does not begin with it: started by the schedule."""
    return str(_IN_A_SENTENCE[name]) if name in _IN_A_SENTENCE else actor_words(name)
