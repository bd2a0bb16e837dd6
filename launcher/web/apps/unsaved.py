"""Entries of an app that cannot be saved, and are not lost: not allowed any more, app deleted."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

import sqlalchemy as sa
from flask import Response, abort, make_response, request
from itsdangerous import BadData, URLSafeSerializer

from launcher.catalogue.access import find_app, may_edit, may_edit_app
from launcher.catalogue.entries import AppEntries
from launcher.catalogue.errors import Since
from launcher.current import current_config
from launcher.extensions import db
from launcher.i18n.formats import clock_time, isolated
from launcher.i18n.locale import gettext as _
from launcher.models import App, AuditEvent
from launcher.web.apps.conflict import words_of
from launcher.web.apps.entries import LABELS, NAMES, read_entries
from launcher.web.frame import current_viewer
from launcher.web.htmx import render
from launcher.web.roles import redirect_to_sign_in, signed_in_user

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

P = ParamSpec("P")


def keeps_entries(
    view: Callable[P, ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Let a view that saves entries run for editors; for others, keep what was typed.

    A guest is led to sign-in and from there back to the form; a user whose role was taken away gets
    403 and the entries to copy.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        viewer = current_viewer()
        if viewer is None:
            return redirect_to_sign_in()
        if not may_edit(viewer):
            return show_withdrawn()
        return view(*args, **kwargs)

    return guarded


def app_to_edit(app_id: int) -> App:
    """Return an app that the user may change; one that they only see is refused."""
    app = find_app(app_id, signed_in_user()) or abort(404)
    if not may_edit_app(signed_in_user(), app):
        abort(403)
    return app


def show_withdrawn() -> Response:
    """Answer that the user may not change the app, with the entries of the form to copy."""
    return show_unsaved(403, _("Changes not saved"), _withdrawn_words())


def _withdrawn_words() -> str:
    if name := request.form.get("seen_name"):
        return _(
            "You can no longer edit %(app)s. Your entries are still here to copy.",
            app=isolated(name),
        )
    return _("You can no longer add apps. Your entries are still here to copy.")


def show_gone(app_id: int) -> Response:
    """Answer that the app was deleted meanwhile, and offer to add the entries as a new app.

    Who did it is named only to whom the form had shown the app, which its field `proof` says.
    """
    name = request.form.get("seen_name", "")
    since = _deletion(app_id) if _had_shown(app_id) else Since()
    if since.at is None:
        text = _("%(app)s was deleted, or is no longer shared with you.", app=isolated(name))
    else:
        facts = {"who": isolated(since.by), "app": isolated(name), "time": clock_time(since.at)}
        text = _("%(who)s deleted %(app)s at %(time)s.", **facts)
    return show_unsaved(404, _("App not saved"), text, can_add=True)


def show_unsaved(status: int, title: str, text: str, *, can_add: bool = False) -> Response:
    """Answer with the entries of the form to copy, and with a form that adds them as a new app."""
    entries = read_entries(request.form, AppEntries())
    page = render(
        "app_unsaved.html",
        part="_app_unsaved.html",
        title=title,
        text=text,
        can_add=can_add,
        entries=entries,
        names=NAMES,
        rows=[
            (label, words_of(name, entries))
            for name, label in LABELS.items()
            if name in NAMES and getattr(entries, name)
        ],
    )
    return make_response(page, status)


def proof_of(app: App) -> str:
    """Return what proves that a form has shown this app to this user: a guess cannot be signed."""
    return _signer().dumps([signed_in_user().id, app.id])


def _had_shown(app_id: int) -> bool:
    try:
        proved = _signer().loads(request.form.get("proof", ""))
    except BadData:
        return False
    return bool(proved == [signed_in_user().id, app_id])


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_config().secret_key, salt="the form of an app")


def _deletion(app_id: int) -> Since:
    query = (
        sa.select(AuditEvent.actor_name, AuditEvent.at)
        .where(
            AuditEvent.action == "app.delete",
            AuditEvent.target_kind == "app",
            AuditEvent.target_id == str(app_id),
        )
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
    row = db.session.execute(query).one_or_none()
    return Since(*row) if row else Since()
