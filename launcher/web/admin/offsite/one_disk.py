"""All copies on one disk: an admin may accept that, with a reason and until a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for

from launcher.current import current_offsite
from launcher.extensions import db
from launcher.i18n.locale import gettext
from launcher.i18n.locale import lazy_gettext as _
from launcher.models.types import utc_now
from launcher.offsite import audit
from launcher.offsite.service import OffsiteError
from launcher.web.admin.offsite.blueprint import blueprint
from launcher.web.htmx import render
from launcher.web.reauthentication import question_before_change
from launcher.web.roles import acting_user, admin_required

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from flask_babel.speaklater import LazyString

MAX_REASON = 200
UNTIL: Mapping[str, tuple[LazyString, timedelta | None]] = {
    "half": (_("In 6 months"), timedelta(days=182)),
    "year": (_("In 1 year"), timedelta(days=365)),
    "never": (_("Never"), None),
}
"""When someone is reminded, with the words of the choice."""


@blueprint.get("/one-disk")
@admin_required
def ask_one_disk() -> ResponseReturnValue:
    """Ask why copies on one disk are accepted, and until when."""
    return _page()


@blueprint.post("/one-disk")
@admin_required
def accept_one_disk() -> ResponseReturnValue:
    """Accept that all copies are on one disk."""
    if question := question_before_change():
        return question
    reason, choice = request.form.get("reason", "").strip(), request.form.get("until", "half")
    _words, length = UNTIL.get(choice, UNTIL["half"])
    actor = acting_user()
    until = utc_now() + length if length else None
    try:
        current_offsite().accept_one_disk(reason[:MAX_REASON], until=until, by=actor.name)
    except OffsiteError as error:
        if error.code != "invalid_option":
            raise
        return _page(reason, choice, gettext("Enter a reason.")), 422
    audit.record_one_disk(
        reason[:MAX_REASON], until.isoformat() if until else "", is_accepted=True, actor=actor
    )
    db.session.commit()
    flash(gettext("One disk accepted"))
    return redirect(url_for("backups.show"), 303)


@blueprint.post("/one-disk/withdraw")
@admin_required
def withdraw_one_disk() -> ResponseReturnValue:
    """Warn of one disk again."""
    actor = acting_user()
    current_offsite().withdraw_one_disk(by=actor.name)
    audit.record_one_disk("", "", is_accepted=False, actor=actor)
    db.session.commit()
    flash(gettext("One disk is no longer accepted"))
    return redirect(url_for("backups.show"), 303)


def _page(reason: str = "", choice: str = "half", error: str = "") -> str:
    return render(
        "admin/one_disk.html",
        part="admin/_one_disk.html",
        reason=reason,
        chosen=choice,
        choices={value: words for value, (words, _length) in UNTIL.items()},
        error=error,
        maximum=MAX_REASON,
    )
