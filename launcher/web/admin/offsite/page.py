"""The page of all destinations, and what the buttons of a row do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import redirect, request, url_for

from launcher.current import current_application, current_offsite
from launcher.db.session import release, resume
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.i18n.actors import actor_in_sentence
from launcher.i18n.formats import isolated
from launcher.i18n.locale import gettext as _
from launcher.i18n.offsite import short_key, trouble_words
from launcher.models.types import utc_now
from launcher.notifications.assessment import assess
from launcher.offsite import audit
from launcher.offsite.openers import closed_to, opened_by
from launcher.offsite.status import DestinationStatus, KitState, OffsiteStatus, Standing
from launcher.web import toasts
from launcher.web.admin.backups.banner import set_current_problems
from launcher.web.admin.backups.table import names_of
from launcher.web.admin.offsite import (  # noqa: F401  (their views are of this blueprint)
    fetching,
    form_pages,
    keys,
    kit_page,
    one_disk,
    rules,
)
from launcher.web.admin.offsite.answer import answer
from launcher.web.admin.offsite.blueprint import blueprint, find_destination, version_of
from launcher.web.admin.offsite.cost import bytes_a_month
from launcher.web.admin.offsite.kit_page import not_in_kit_words
from launcher.web.admin.offsite.shown import shown_destination
from launcher.web.htmx import is_htmx, render
from launcher.web.reauthentication import question_before_change
from launcher.web.roles import acting_user, admin_required, signed_in_user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from launcher.offsite.records import StoredCopy

_POLLED = {Standing.COPYING: 1, Standing.WAITING: 5}


@blueprint.get("")
@admin_required
def index() -> ResponseReturnValue:
    """Show every destination, the recovery kit, and the rules for all of them."""
    settings = site_settings()
    seen = assess(current_application(), now=utc_now(), settings=settings)
    set_current_problems(seen)
    snapshot, now = seen.snapshot, seen.snapshot.now
    status = snapshot.offsite or current_offsite().status(settings)
    entered, backups = status.settings, snapshot.listing.backups if snapshot.listing else ()
    confirmed_by = entered.kit_confirmed_by
    keys_of_kit = current_offsite().keys.keys_of_kit()
    return render(
        "admin/destinations.html",
        part="admin/_destinations.html",
        is_part=is_htmx(),
        now=now,
        status=status,
        answer=answer(seen.findings, snapshot, status),
        rows=[
            (
                shown_destination(each, now=now),
                bytes_a_month(each.destination, backups, settings, now=now),
            )
            for each in status.destinations
        ],
        poll_s=_poll_s(status),
        own_key=next((each for each in entered.recipients if each.is_own), None),
        other_keys=[each for each in entered.recipients if not each.is_own],
        encrypted=opened_by(_copies(status), keys_of_kit),
        closed_to_kit=lambda copies: closed_to(copies, keys_of_kit),
        short_key=short_key,
        kit_states=KitState,
        not_in_kit=not_in_kit_words(),
        confirmed_by=names_of({confirmed_by}).get(confirmed_by) or actor_in_sentence(confirmed_by),
    )


@blueprint.post("/<destination_id>/test")
@admin_required
def test(destination_id: str) -> ResponseReturnValue:
    """Test a stored destination, and keep when it worked and whether it may delete."""
    known, actor, service = find_destination(destination_id), acting_user(), current_offsite()
    user_id = signed_in_user().id
    release()
    try:
        trial = service.try_out(known, user_id=user_id)
    finally:
        resume()
    if trial.is_passed:
        service.keep_test(known, trial)
    audit.record_test(known, is_passed=trial.is_passed, actor=actor)
    db.session.commit()
    name, failed = isolated(known.name), trial.failed
    if failed is None or failed.trouble is None:
        toasts.show(toasts.make_toast(_("The test of %(name)s passed", name=name)))
        return _back()
    text = _("The test of %(name)s failed", name=name)
    details = list(trouble_words(failed.trouble, failed.facts))
    toasts.show(toasts.make_toast(text, severity="bad", details=details))
    return _back()


@blueprint.post("/<destination_id>/copy-now")
@admin_required
def copy_now(destination_id: str) -> ResponseReturnValue:
    """Have what is owed copied at once."""
    known, actor = find_destination(destination_id), acting_user()
    current_offsite().copy_now(known.id)
    audit.record_copy_now(known, actor=actor)
    db.session.commit()
    text = _("Copying to %(name)s starts within seconds", name=isolated(known.name))
    toasts.show(toasts.make_toast(text))
    return _back()


@blueprint.post("/<destination_id>/pause")
@admin_required
def pause(destination_id: str) -> ResponseReturnValue:
    """Copy, read and remove nothing there until it is resumed."""
    return question_before_change() or _set_paused(destination_id, is_paused=True)


@blueprint.post("/<destination_id>/resume")
@admin_required
def resume_copying(destination_id: str) -> ResponseReturnValue:
    """Copy there again."""
    return _set_paused(destination_id, is_paused=False)


def _set_paused(destination_id: str, *, is_paused: bool) -> ResponseReturnValue:
    known, actor = find_destination(destination_id), acting_user()
    current_offsite().set_paused(known.id, is_paused=is_paused)
    audit.record_paused(known, is_paused=is_paused, actor=actor)
    db.session.commit()
    name = isolated(known.name)
    text = _("%(name)s paused", name=name) if is_paused else _("%(name)s resumed", name=name)
    toasts.show(toasts.make_toast(text))
    return _back()


@blueprint.get("/<destination_id>/remove")
@admin_required
def ask_to_remove(destination_id: str) -> ResponseReturnValue:
    """Ask before a destination is removed."""
    known = find_destination(destination_id)
    status = current_offsite().status(site_settings())
    found = status.find(known.id)
    return render(
        "admin/destination_remove.html",
        part="admin/_destination_remove.html",
        known=known,
        seen=version_of(known),
        count=len(found.ledger.copies) if found else 0,
        only=len(found.only_here) if found else 0,
        is_last_elsewhere=_is_last_elsewhere(found, status),
    )


@blueprint.post("/<destination_id>/remove")
@admin_required
def remove(destination_id: str) -> ResponseReturnValue:
    """Forget a destination; its copies stay where they are."""
    if question := question_before_change():
        return question
    known, actor = find_destination(destination_id), acting_user()
    if request.form.get("seen") != version_of(known):
        text = _("%(name)s was changed in the meantime. Nothing was removed.",
                 name=isolated(known.name))  # fmt: skip
        toasts.show(toasts.make_toast(text, severity="warn"))
        return _back()
    current_offsite().remove(known.id, by=actor.name)
    audit.record_removed(known, actor=actor)
    db.session.commit()
    text = _("Destination %(name)s removed. Its copies are still there.", name=isolated(known.name))
    toasts.show(toasts.make_toast(text))
    return _back()


def _back() -> ResponseReturnValue:
    return redirect(url_for("offsite.index"), 303)


def _poll_s(status: OffsiteStatus) -> int:
    """Return the seconds until the page asks again, 0 where nothing is copied."""
    waits = [
        1 if each.progress else _POLLED[each.standing]
        for each in status.destinations
        if each.progress or each.standing in _POLLED
    ]
    return min(waits, default=0)


def _copies(status: OffsiteStatus) -> Sequence[StoredCopy]:
    return [copy for each in status.destinations for copy in each.ledger.copies]


def _is_last_elsewhere(found: DestinationStatus | None, status: OffsiteStatus) -> bool:
    """Whether no other destination has a good copy."""
    others = [each for each in status.destinations if each is not found and each.newest_good]
    return found is not None and found.newest_good is not None and not others
