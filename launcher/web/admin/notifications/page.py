"""The page of notifications, and every change on it.

A URL is never shown again after it was saved: its field stays empty, and an empty field keeps the
URL. Every change requires reauthentication, since it could silence all messages. The page itself
and a test, which goes to a saved URL, do not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from flask import Blueprint, flash, redirect, request, url_for
from sqlalchemy.exc import SQLAlchemyError

from launcher.audit import Actor
from launcher.backup.records.operation import Outcome
from launcher.current import current_application, current_config
from launcher.db.session import DataBeingReplacedError, release, resume
from launcher.extensions import db
from launcher.i18n.locale import gettext as _
from launcher.models.types import utc_now
from launcher.notifications import audit, dispatch, recipients
from launcher.notifications.messages import REASON_ADVICE, delivery_words
from launcher.notifications.recipients import NotificationSettings, Recipient, RecipientError
from launcher.web import toasts
from launcher.web.admin.notifications import forms as pages
from launcher.web.admin.notifications.delivery import Overview, overview
from launcher.web.admin.notifications.forms import RecipientDraft, Refusal, version_of
from launcher.web.frame import do_without_database
from launcher.web.reauthentication import recent_password_required
from launcher.web.roles import acting_user, admin_required

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from launcher.config import Config

P = ParamSpec("P")
R = TypeVar("R")

blueprint = Blueprint("notifications", __name__, url_prefix="/admin/notifications")
_log = logging.getLogger(__name__)


# Showing


@blueprint.get("")
@admin_required
def index() -> ResponseReturnValue:
    """Show all recipients, and whether messages arrive."""
    return pages.index()


@blueprint.app_template_global("notification_overview")
def notification_overview() -> Overview:
    """Return whether messages arrive, for other pages."""
    return overview(current_config(), now=utc_now())


# Adding


@blueprint.get("/new")
@admin_required
@recent_password_required
def new() -> ResponseReturnValue:
    """Show the form of a new recipient."""
    return pages.new(RecipientDraft.empty())


@blueprint.post("")
@admin_required
@recent_password_required
def create() -> ResponseReturnValue:
    """Add a recipient."""
    draft, actor = RecipientDraft.read(), acting_user()
    try:
        made = _apart(
            recipients.add_recipient,
            name=draft.name,
            url=_typed_url(),
            events=draft.events,
            language=draft.language,
        )
    except (RecipientError, OSError) as error:
        return pages.new(draft, Refusal.of(error))
    with _recording(actor):
        audit.record_created(made, actor=actor)
    _say(
        _("Recipient %(name)s added", name=made.name),
        _("Send a test message to check that it arrives."),
    )
    return _back()


# Changing


@blueprint.get("/<recipient_id>")
@admin_required
@recent_password_required
def show(recipient_id: str) -> ResponseReturnValue:
    """Show a recipient with its forms."""
    return pages.recipient(_find(recipient_id))


@blueprint.post("/<recipient_id>")
@admin_required
@recent_password_required
def change(recipient_id: str) -> ResponseReturnValue:
    """Change the name, the events, the language or the URL."""
    draft, actor = RecipientDraft.read(), acting_user()
    known = _find(recipient_id)
    if request.form.get("seen") != version_of(known):
        return pages.recipient(known, refusal=Refusal.outdated())
    try:
        changed = _apart(
            recipients.change_recipient,
            known.id,
            name=draft.name,
            events=draft.events,
            url=_typed_url(),
            language=draft.language,
            seen=known,
        )
    except (RecipientError, OSError) as error:
        return pages.recipient(known, draft, Refusal.of(error))
    if changed == known:
        flash(_("No changes to save."))
        return _back()
    with _recording(actor):
        audit.record_changed(known, changed, actor=actor)
    _say(
        _("Recipient %(name)s saved", name=changed.name),
        "" if changed.url == known.url else _("Send a test message to check that it arrives."),
    )
    return _back()


@blueprint.get("/<recipient_id>/remove")
@admin_required
@recent_password_required
def ask_to_remove(recipient_id: str) -> ResponseReturnValue:
    """Ask before a recipient is removed."""
    return pages.removal(_find(recipient_id))


@blueprint.post("/<recipient_id>/remove")
@admin_required
@recent_password_required
def remove(recipient_id: str) -> ResponseReturnValue:
    """Remove a recipient."""
    actor = acting_user()
    known = _find(recipient_id)
    if request.form.get("seen") != version_of(known):
        return pages.recipient(known, refusal=Refusal.outdated())
    try:
        _apart(recipients.remove_recipient, known.id, seen=known)
    except OSError as error:
        return pages.index(Refusal.of(error))
    with _recording(actor):
        audit.record_removed(known, actor=actor)
    flash(_("Recipient %(name)s removed", name=known.name))
    return _back()


# Testing


@blueprint.post("/<recipient_id>/test")
@admin_required
def test(recipient_id: str) -> ResponseReturnValue:
    """Send a test message, and wait for its result as long as any message may take."""
    actor = acting_user()
    known = _find(recipient_id)
    release()
    delivery = dispatch.send_test(current_application(), known.id)
    outcome = Outcome.SUCCEEDED if delivery.is_done else Outcome.FAILED
    with _recording(actor):
        audit.record_test(known, outcome, actor=actor)
    if delivery.reason is None:
        _say(_("Test message sent to %(name)s", name=known.name))
        return _back()
    text = _("The test message to %(name)s failed", name=known.name)
    details = [delivery_words(delivery), str(REASON_ADVICE[delivery.reason])]
    toasts.show(toasts.make_toast(text, severity="bad", details=details))
    return _back()


# The heartbeat, and the public URL


@blueprint.get("/heartbeat")
@admin_required
@recent_password_required
def show_heartbeat() -> ResponseReturnValue:
    """Show the form of the heartbeat."""
    return pages.heartbeat(recipients.read_notification_settings(current_config()))


@blueprint.post("/heartbeat")
@admin_required
@recent_password_required
def set_heartbeat() -> ResponseReturnValue:
    """Set the heartbeat."""
    actor, seen = acting_user(), recipients.read_notification_settings(current_config())
    if request.form.get("seen") != version_of(seen.heartbeat):
        return pages.heartbeat(seen, refusal=Refusal.outdated())
    url, pings_start = _typed_url().strip(), "pings_start" in request.form
    kept = url or (seen.heartbeat.url if seen.heartbeat else "")
    try:
        if not kept:
            raise RecipientError("web_address", "there is no address")
        _apart(recipients.set_heartbeat, kept, pings_start=pings_start, seen=seen)
    except (RecipientError, OSError) as error:
        return pages.heartbeat(seen, pings_start=pings_start, refusal=Refusal.of(error))
    _record_heartbeat(actor, seen)
    flash(_("Heartbeat saved. It is pinged with the next scheduled backup."))
    return _back()


@blueprint.post("/heartbeat/ping")
@admin_required
def ping_heartbeat() -> ResponseReturnValue:
    """Ping the heartbeat now, and wait for its answer."""
    actor = acting_user()
    if recipients.read_notification_settings(current_config()).heartbeat is None:
        return pages.index(Refusal.gone())
    release()
    delivery = dispatch.ping_heartbeat(current_application())
    outcome = Outcome.SUCCEEDED if delivery.is_done else Outcome.FAILED
    with _recording(actor):
        audit.record_ping(outcome, actor=actor)
    if delivery.reason is None:
        _say(_("The heartbeat URL answered"))
        return _back()
    details = [delivery_words(delivery), str(REASON_ADVICE[delivery.reason])]
    text = _("The heartbeat URL did not answer")
    toasts.show(toasts.make_toast(text, severity="bad", details=details))
    return _back()


@blueprint.get("/heartbeat/remove")
@admin_required
@recent_password_required
def ask_to_remove_heartbeat() -> ResponseReturnValue:
    """Ask before the heartbeat is removed."""
    seen = recipients.read_notification_settings(current_config())
    return pages.removal(None, seen) if seen.heartbeat else pages.index(Refusal.gone())


@blueprint.post("/heartbeat/remove")
@admin_required
@recent_password_required
def remove_heartbeat() -> ResponseReturnValue:
    """Remove the heartbeat."""
    actor, seen = acting_user(), recipients.read_notification_settings(current_config())
    if seen.heartbeat is None:
        return pages.index(Refusal.gone())
    if request.form.get("seen") != version_of(seen.heartbeat):
        return pages.heartbeat(seen, refusal=Refusal.outdated())
    try:
        _apart(recipients.set_heartbeat, "", seen=seen)
    except OSError as error:
        return pages.index(Refusal.of(error))
    _record_heartbeat(actor, seen)
    flash(_("Heartbeat removed"))
    return _back()


@blueprint.get("/site")
@admin_required
@recent_password_required
def show_site() -> ResponseReturnValue:
    """Show the form of the public URL."""
    return pages.site(recipients.read_notification_settings(current_config()))


@blueprint.post("/site")
@admin_required
@recent_password_required
def set_site() -> ResponseReturnValue:
    """Set the public URL; an empty one removes it."""
    actor, seen = acting_user(), recipients.read_notification_settings(current_config())
    if request.form.get("seen") != version_of(seen.public_url):
        return pages.site(seen, refusal=Refusal.outdated())
    typed = request.form.get("public_url", "")
    try:
        _apart(recipients.set_public_url, typed, seen=seen)
    except (RecipientError, OSError) as error:
        return pages.site(seen, typed, Refusal.of(error))
    set_to = typed.strip().rstrip("/")
    if set_to == seen.public_url:
        flash(_("No changes to save."))
        return _back()
    with _recording(actor):
        audit.record_public_url(seen.public_url, set_to, actor=actor)
    flash(
        _("Public URL saved: %(address)s", address=set_to)
        if set_to
        else _("Public URL removed. Messages have no link.")
    )
    return _back()


# What they share


@blueprint.errorhandler(RecipientError)
def _refuse(error: RecipientError) -> ResponseReturnValue:
    """Answer with the page as it is now, and the reason."""
    resume(writes=False)
    return pages.index(Refusal.of(error))


def _find(recipient_id: str) -> Recipient:
    return recipients.read_notification_settings(current_config()).find(recipient_id)


def _typed_url() -> str:
    return request.form.get("url", "")


def _apart(change: Callable[Concatenate[Config, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Change the file without holding the gate: the check of a URL can take a while.

    The gate stays released unless the change is refused.
    """
    release()
    try:
        return change(current_config(), *args, **kwargs)
    except (RecipientError, OSError):
        resume(writes=False)
        raise


@contextmanager
def _recording(actor: Actor) -> Iterator[None]:
    """Keep the audit entries of the block; the change itself stands, even if that fails."""
    try:
        resume()
    except DataBeingReplacedError:
        do_without_database()
        _log.warning("audit entry not kept while the data is replaced: %s", actor.name)
        yield
        db.session.rollback()
        return
    try:
        yield
        db.session.commit()
    except SQLAlchemyError:
        db.session.rollback()
        _log.exception("audit entry not kept: %s", actor.name)


def _record_heartbeat(actor: Actor, seen: NotificationSettings) -> None:
    """Record the heartbeat as it was and as it is."""
    after = recipients.read_notification_settings(current_config()).heartbeat
    with _recording(actor):
        audit.record_heartbeat(seen.heartbeat, after, actor=actor)


def _say(text: str, *details: str) -> None:
    toasts.show(toasts.make_toast(text, details=[each for each in details if each]))


def _back() -> ResponseReturnValue:
    return redirect(url_for("notifications.index"), 303)
