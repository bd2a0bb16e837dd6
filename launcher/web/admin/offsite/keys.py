"""The keys that new copies are encrypted for: a new one for the kit, and those of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, request, url_for

from launcher.current import current_offsite
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.i18n.locale import gettext as _
from launcher.i18n.offsite import short_key
from launcher.offsite import audit
from launcher.offsite.openers import closed_to
from launcher.offsite.service import OffsiteError
from launcher.web.admin.offsite.blueprint import blueprint, error_words
from launcher.web.htmx import render
from launcher.web.reauthentication import question_before_change
from launcher.web.roles import acting_user, admin_required

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

_MAX_LABEL = 60


@blueprint.get("/keys")
@admin_required
def keys() -> ResponseReturnValue:
    """Show the keys that new copies are encrypted for."""
    return _page()


@blueprint.post("/keys/new")
@admin_required
def new_key() -> ResponseReturnValue:
    """Make a new key for the kit; copies from now on are for it, and no longer for the old one."""
    if question := question_before_change():
        return question
    service, actor = current_offsite(), acting_user()
    before = next((each.public_key for each in service.settings().recipients if each.is_own), "")
    after = service.keys.new_key(by=actor.name)
    audit.record_new_key(before, after, actor=actor)
    db.session.commit()
    flash(_("New key created. Print or save its recovery kit."))
    return redirect(url_for("offsite.kit"), 303)


@blueprint.post("/keys")
@admin_required
def add_recipient() -> ResponseReturnValue:
    """Encrypt new copies for another public key as well."""
    if question := question_before_change():
        return question
    public_key = request.form.get("public_key", "").strip()
    label = request.form.get("label", "").strip()[:_MAX_LABEL]
    actor = acting_user()
    try:
        current_offsite().keys.add_recipient(public_key, label, by=actor.name)
    except OffsiteError as error:
        words = _("This key is in the list already.") if error.code == "name_taken" else ""
        return _page(public_key, label, words or error_words(error)), 422
    audit.record_recipient(public_key, label, is_added=True, actor=actor)
    db.session.commit()
    flash(_("Key %(key)s added. It opens copies from now on.", key=short_key(public_key)))
    return redirect(url_for("offsite.keys"), 303)


@blueprint.post("/keys/remove")
@admin_required
def remove_recipient() -> ResponseReturnValue:
    """Encrypt new copies no longer for a key."""
    if question := question_before_change():
        return question
    public_key, actor, service = request.form.get("key", ""), acting_user(), current_offsite()
    known = [each for each in service.settings().recipients if each.public_key == public_key]
    service.keys.remove_recipient(public_key, by=actor.name)
    audit.record_recipient(public_key, known[0].label, is_added=False, actor=actor)
    db.session.commit()
    flash(_("Key %(key)s removed. It still opens older copies.", key=short_key(public_key)))
    return redirect(url_for("offsite.keys"), 303)


def _page(public_key: str = "", label: str = "", error: str = "") -> str:
    status = current_offsite().status(site_settings())
    recipients = status.settings.recipients
    kit = current_offsite().keys.keys_of_kit()
    return render(
        "admin/copy_keys.html",
        part="admin/copy_keys.html",
        own=next((each for each in recipients if each.is_own), None),
        others=[each for each in recipients if not each.is_own],
        old_copies=sum(closed_to(each.ledger.copies, kit) for each in status.destinations),
        typed_key=public_key,
        typed_label=label,
        error=error,
        short_key=short_key,
        label_maximum=_MAX_LABEL,
    )
