"""An outcome as its page shows it, and what every such page is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import g, url_for

from launcher.i18n.locale import gettext as _
from launcher.web.frame import current_viewer
from launcher.web.operations.stages import StageRow

if TYPE_CHECKING:
    from markupsafe import Markup

    from launcher.models import User


@dataclass(frozen=True, slots=True)
class WayOn:
    """One button of an outcome; the first is the primary one."""

    address: str
    words: str
    icon: str = ""


@dataclass(frozen=True, slots=True)
class OutcomePage:
    """What happened, what still holds, what to do now.

    Attributes:
        tone: "ok", "warn" (nothing was lost) or "bad".
        problem: the sentence of the core, in English, where no stage tells it.
        facts: terms and what is to say of each.
        advice: what to do; `command` is what to run on the server for it.
        fine: one more line beneath the buttons.
        code, operation_id: what to look for in the journal, where something went wrong.
    """

    severity: str
    title: str
    text: str = ""
    problem: str = ""
    stages: Sequence[StageRow] = ()
    facts: Mapping[str, str | Markup] = field(default_factory=dict)
    advice: str = ""
    command: str = ""
    ways_on: Sequence[WayOn] = ()
    fine: str = ""
    code: str = ""
    operation_id: str = ""


def viewer_now() -> User | None:
    """Return who is signed in; nobody, where the database cannot be asked."""
    return None if g.get("is_without_database") else current_viewer()


def to_the_backups() -> WayOn:
    """Return the way to the list, by way of signing in where nobody is."""
    backups = url_for("backups.show")
    if viewer_now():
        return WayOn(backups, _("To the backups"))
    return WayOn(url_for("auth.sign_in", next=backups), _("Sign in"))
