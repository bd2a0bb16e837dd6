"""The page of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import Blueprint, flash, render_template, request, url_for

from launcher.db.settings import change_settings, current_settings, site_settings
from launcher.extensions import db
from launcher.i18n.actors import actor_in_sentence
from launcher.i18n.formats import day_and_time
from launcher.i18n.locale import LOCALES
from launcher.i18n.locale import gettext as _
from launcher.i18n.zones import time_there, zone_groups, zone_words
from launcher.models import AuditEvent, Board, Visibility
from launcher.models.types import utc_now
from launcher.settings.kinds import known_zone
from launcher.settings.table import weakening
from launcher.web.admin.audit.words import FIELD_WORDS, value_words
from launcher.web.admin.site.form import EXACT, SHOWN, SWATCHES, CheckedDraft, Draft, check
from launcher.web.admin.site.words import SWATCH_WORDS
from launcher.web.home_network import visit_with
from launcher.web.htmx import is_htmx, redirect_to, render
from launcher.web.reauthentication import question_before_change
from launcher.web.roles import acting_user, admin_required

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("site", __name__, url_prefix="/admin/settings")

_RECENT_CHANGES = 20
_HOME = ("home_networks", "home_hosts")


@dataclass(frozen=True, slots=True)
class Conflict:
    """One setting that two admins changed: the entry of this one, and what is saved."""

    name: str
    label: str
    mine: str
    saved: str
    saved_by: str


@blueprint.get("")
@admin_required
def show() -> ResponseReturnValue:
    """Show the settings as they are saved."""
    return _form(_checked(Draft.of(site_settings())))


@blueprint.post("/changes")
@admin_required
def changes() -> ResponseReturnValue:
    """Show which fields of the form are edited. Nothing is saved.

    Not by GET: some fields have more lines than fit into an address.
    """
    checked = _checked(Draft.read(request.form, site_settings()))
    if is_htmx():
        return render_template("admin/_settings_changes.html", **_context(checked))
    return _form(checked)


@blueprint.post("")
@admin_required
def save() -> ResponseReturnValue:
    """Save the edited settings, all or none; what another admin changed meanwhile is asked."""
    settings = current_settings()  # in one transaction with the change below
    checked = check(Draft.read(request.form, settings), settings)
    if checked.conflicts:
        return _conflict(checked), 409
    if checked.errors:
        return _form(checked), 422
    if weakening(settings, checked.values) and (question := question_before_change()):
        return question
    if change_settings(checked.values, actor=acting_user()):
        flash(_("Settings saved."))
    else:
        flash(_("No setting was changed."))
    return redirect_to(url_for("site.show"))


def _checked(draft: Draft) -> CheckedDraft:
    return check(draft, site_settings())


def _form(checked: CheckedDraft) -> str:
    return render(
        "admin/settings.html",
        part="admin/_settings.html",
        **_context(checked),
        kinds={each.name: each.kind for each in SHOWN},
        locales=LOCALES,
        zones=zone_groups(utc_now(), chosen=checked.draft.typed["time_zone"]),
        swatches=tuple(zip(SWATCHES, SWATCH_WORDS, strict=True)),
        exact=EXACT,
        shared_boards=_shared_boards(),
    )


def _context(checked: CheckedDraft) -> dict[str, object]:
    typed = checked.draft.typed
    zone, now = known_zone(typed["time_zone"]), utc_now()
    saved = asdict(site_settings())
    home = [(saved if name in checked.errors else typed)[name] for name in _HOME]
    return {
        "draft": checked.draft,
        "errors": checked.errors,
        "labels": FIELD_WORDS,
        "edited": [str(FIELD_WORDS[name]) for name in checked.edited],
        "zone": zone_words(zone, now),
        "time_there": time_there(zone, now),
        "visit": visit_with(*home),
    }


def _conflict(checked: CheckedDraft) -> str:
    conflicts = list(_conflicts(checked))
    asked = {each.name for each in conflicts}
    typed = checked.draft.typed
    return render(
        "admin/settings_conflict.html",
        part="admin/_settings_conflict.html",
        conflicts=conflicts,
        typed={name: typed[name] for name in checked.edited},
        was={name: checked.draft.was[name] for name in checked.edited},
        others=[
            (str(FIELD_WORDS[name]), value_words(name, checked.values.get(name, typed[name])))
            for name in checked.edited
            if name not in asked
        ],
    )


def _conflicts(checked: CheckedDraft) -> Iterator[Conflict]:
    saved_by = _saved_by()
    settings = site_settings()
    for name in checked.edited:
        if name in checked.conflicts:
            yield Conflict(
                name=name,
                label=str(FIELD_WORDS[name]),
                mine=value_words(name, checked.values.get(name, checked.draft.typed[name])),
                saved=value_words(name, getattr(settings, name)),
                saved_by=saved_by.get(name, _("Saved in the meantime")),
            )


def _saved_by() -> dict[str, str]:
    """Return who last saved each setting, and when, as far as the newest changes say."""
    found: dict[str, str] = {}
    for event in db.session.scalars(
        sa.select(AuditEvent)
        .where(AuditEvent.action == "settings.update")
        .order_by(AuditEvent.id.desc())
        .limit(_RECENT_CHANGES)
    ):
        words = _(
            "Saved by %(name)s, %(when)s",
            name=actor_in_sentence(event.actor_name),
            when=day_and_time(event.at),
        )
        for name in event.changes if isinstance(event.changes, dict) else ():
            found.setdefault(name, words)
    return found


def _shared_boards() -> list[Board]:
    query = sa.select(Board).where(Board.visibility == Visibility.PUBLIC)
    return list(db.session.scalars(query.order_by(Board.position, Board.id)))
