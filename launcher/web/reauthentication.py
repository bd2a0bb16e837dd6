"""The password is asked for again before a destructive action, 15 minutes after the last time.

An open browser or a borrowed phone is not enough to download the data, to replace it, or to change
the accounts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

from flask import Blueprint, redirect, render_template, request, session, url_for

from launcher.accounts import sign_in
from launcher.accounts.errors import SignInRefusedError, SignInThrottledError
from launcher.i18n.locale import gettext as _
from launcher.models.types import utc_now
from launcher.web.auth import pause_words, safe_path
from launcher.web.htmx import is_htmx, own_address, redirect_script
from launcher.web.roles import signed_in_user, user_required
from launcher.web.sessions import current_session_id, note_password

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

P = ParamSpec("P")

RECENT = timedelta(minutes=15)

blueprint = Blueprint("recent", __name__)


def has_recent_password() -> bool:
    """Whether the password was entered in this session within the last 15 minutes."""
    try:
        given_at = datetime.fromisoformat(session.get("password_at", ""))
    except ValueError:
        return False
    return timedelta() <= utc_now() - given_at < RECENT


def confirm_in_form() -> str:
    """Check the field `password` of this request if it is needed.

    Returns:
        What is wrong with it in the reader's words, "" for nothing.
    """
    if has_recent_password():
        return ""
    password = request.form.get("password", "")
    if not password:
        return _("Your password is needed for this.")
    try:
        sign_in.confirm_password(
            signed_in_user(),
            password,
            address=request.remote_addr or "",
            session_id=current_session_id(),
        )
    except SignInThrottledError as error:
        return pause_words(error.retry_after_s)
    except SignInRefusedError:
        return _("This is not your password.")
    note_password()
    return ""


def recent_password_required(
    view: Callable[P, ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Let a view run only after a recent password; otherwise ask for it first.

    A GET continues afterwards. A form has to be sent again, from its page.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if has_recent_password():
            return view(*args, **kwargs)
        address = url_for("recent.ask", next=_way_back())
        return redirect_script(address, status=401) if is_htmx() else redirect(address, 303)

    return guarded


@blueprint.get("/account/confirm")
@user_required
def ask() -> ResponseReturnValue:
    """Ask for the password; redirect to `next` if it was entered recently."""
    next_path = safe_path(request.args.get("next", ""))
    if has_recent_password():
        return redirect(next_path)
    return _form(next_path, "")


@blueprint.post("/account/confirm")
@user_required
def confirm() -> ResponseReturnValue:
    """Check the password and redirect to `next`; show the form again when it is wrong."""
    next_path = safe_path(request.form.get("next", ""))
    if error := confirm_in_form():
        return _form(next_path, error), 422
    return redirect(next_path, 303)


def _form(next_path: str, error: str) -> str:
    return render_template("confirm.html", next_path=next_path, error=error)


def _way_back() -> str:
    if request.method in {"GET", "HEAD"}:
        return own_address()
    # A form is sent from its own page, or from the one before.
    referrer = request.referrer or ""
    return referrer.removeprefix(request.host_url.rstrip("/")) or "/"
