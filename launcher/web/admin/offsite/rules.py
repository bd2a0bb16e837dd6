"""The rules for all destinations: how often each copy is read in full, and how much a day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for

from launcher.current import current_offsite
from launcher.extensions import db
from launcher.i18n.locale import gettext as _
from launcher.offsite import audit
from launcher.web.admin.offsite.blueprint import blueprint
from launcher.web.htmx import render
from launcher.web.reauthentication import question_before_change
from launcher.web.roles import acting_user, admin_required

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_BYTES_OF_MB = 1_000_000
_MOST = {"days": 3650, "budget": 1_000_000}
_LEAST = {"days": 1, "budget": 0}


@blueprint.get("/rules")
@admin_required
def rules() -> ResponseReturnValue:
    """Show the rules for all destinations."""
    return _page(_texts())


@blueprint.post("/rules")
@admin_required
def change_rules() -> ResponseReturnValue:
    """Save the rules for all destinations."""
    typed = {name: request.form.get(name, "").strip() for name in _MOST}
    errors = {name: words for name, text in typed.items() if (words := _problem(name, text))}
    if errors:
        return _page(typed, errors), 422
    if question := question_before_change():
        return question
    service, actor = current_offsite(), acting_user()
    before = service.settings()
    days, budget = int(typed["days"]), int(typed["budget"] or 0) * _BYTES_OF_MB
    service.change_rules(read_within_days=days, read_bytes_a_day=budget, by=actor.name)
    changes = {
        name: [getattr(before, name), now]
        for name, now in (("read_within_days", days), ("read_bytes_a_day", budget))
        if getattr(before, name) != now
    }
    if changes:
        audit.record_rules(changes, actor=actor)
        db.session.commit()
    flash(_("Rules saved") if changes else _("No changes to save."))
    return redirect(url_for("offsite.index"), 303)


def _problem(name: str, text: str) -> str:
    """Return what is wrong with a number, "" for nothing; no budget is an empty one."""
    if name == "budget" and not text:
        return ""
    is_number = text.isascii() and text.isdigit() and len(text) <= 7
    if is_number and _LEAST[name] <= int(text) <= _MOST[name]:
        return ""
    return _("Enter a number from %(least)s to %(most)s.", least=_LEAST[name], most=_MOST[name])


def _texts() -> Mapping[str, str]:
    entered = current_offsite().settings()
    budget = entered.read_bytes_a_day // _BYTES_OF_MB
    return {"days": str(entered.read_within_days), "budget": str(budget or "")}


def _page(typed: Mapping[str, str], errors: Mapping[str, str] | None = None) -> str:
    return render(
        "admin/copy_rules.html", part="admin/copy_rules.html", typed=typed, errors=errors or {}
    )
