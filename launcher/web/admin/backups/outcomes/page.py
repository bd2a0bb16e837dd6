"""An outcome as its page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import g, url_for

from launcher.i18n.locale import gettext as _
from launcher.web.errors import NextStep
from launcher.web.frame import current_viewer
from launcher.web.operations.stages import StageRow

if TYPE_CHECKING:
    from markupsafe import Markup

    from launcher.models import User


@dataclass(frozen=True, slots=True)
class OutcomePage:
    """What happened, what still holds, what to do now.

    Attributes:
        severity: "ok", "warn" (nothing was lost) or "bad".
        problem: the sentence of the core, in English, where no stage has it.
        facts: values by their terms.
        advice: what to do; `command` is to be run on the server for it.
        next_steps: the buttons; the first is the primary one.
        fine: one more line below the buttons.
        code, operation_id: what to look for in the journal after a failure.
    """

    severity: str
    title: str
    text: str = ""
    problem: str = ""
    stages: Sequence[StageRow] = ()
    facts: Mapping[str, str | Markup] = field(default_factory=dict)
    advice: str = ""
    command: str = ""
    next_steps: Sequence[NextStep] = ()
    fine: str = ""
    code: str = ""
    operation_id: str = ""

    def in_brief(self) -> OutcomePage:
        """Return the result without details, for a browser that has only the address."""
        sign_in = NextStep(url_for("auth.sign_in"), _("Sign in"))
        return OutcomePage(self.severity, self.title, next_steps=(sign_in,))


def viewer_now() -> User | None:
    """Return who is signed in, None while the database cannot be queried."""
    return None if g.get("is_without_database") else current_viewer()


def to_the_backups() -> NextStep:
    """Return the step to the list; a guest signs in first."""
    backups = url_for("backups.show")
    if viewer_now():
        return NextStep(backups, _("Go to backups"))
    return NextStep(url_for("auth.sign_in", next=backups), _("Sign in"))
