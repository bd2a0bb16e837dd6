"""Reauthentication: before a grave action, the password again, 15 minutes after the last time.

An open browser or a borrowed phone is not enough to download the data, to replace or delete it, to
weaken its protection, or to change the accounts. What was typed into a form is not lost: the
question repeats its fields and sends them on with the password.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)

from launcher.accounts import sign_in
from launcher.accounts.errors import SignInRefusedError, SignInThrottledError
from launcher.i18n.locale import gettext as _
from launcher.models.types import utc_now
from launcher.web.auth import pause_words, safe_path
from launcher.web.htmx import (
    current_page,
    is_htmx,
    own_address,
    redirect_script,
    render,
    split_address,
)
from launcher.web.roles import signed_in_user, user_required
from launcher.web.sessions import current_session_id, note_password

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

P = ParamSpec("P")

RECENT = timedelta(minutes=15)
_FIELD = "password_again"

blueprint = Blueprint("recent", __name__)


def has_recent_password() -> bool:
    """Whether the password was entered in this session within the last 15 minutes."""
    try:
        given_at = datetime.fromisoformat(session.get("password_at", ""))
    except ValueError:
        return False
    return timedelta() <= utc_now() - given_at < RECENT


def confirm_in_form(field: str = "password") -> str:
    """Check the password in a field of this request if it is needed.

    Returns:
        What is wrong with it in the reader's words, "" for nothing.
    """
    if has_recent_password():
        return ""
    password = request.form.get(field, "")
    if not password:
        return _("Enter your password for this action.")
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
        return _("The password is not correct.")
    note_password()
    return ""


def question_before_change() -> Response | None:
    """Return the question for the password, None when it was entered recently or is in the form.

    For a view that is about to change something. The question has every field of the form in it and
    sends them to the same address, with the password in a field of its own.
    """
    error = confirm_in_form(_FIELD)
    if not error:
        return None
    form = request.form
    fields = [
        (name, value)
        for name, value in form.items(multi=True)
        if name not in {_FIELD, "csrf_token"}
    ]
    if "next" not in form:
        fields.append(("next", _page_of_form()))
    page = render(
        "confirm.html",
        part="_confirm.html",
        heading="h2" if is_htmx() else "h1",
        action=own_address(),
        fields=fields,
        password_field=_FIELD,
        error=error if _FIELD in form else "",
        back=safe_path(dict(fields)["next"]),
    )
    # The form may hold a new password, which the length of a compressed page could reveal.
    headers = {"Cache-Control": "no-store, no-transform"}
    if is_htmx():
        headers |= {"HX-Retarget": "#dialog", "HX-Reswap": "innerHTML"}
    return make_response(page, 422, headers)


def recent_password_required(
    view: Callable[P, ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Let a view run only after a recent password; otherwise ask for it first, then go on."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if request.method not in {"GET", "HEAD"}:
            return question_before_change() or view(*args, **kwargs)
        if has_recent_password():
            return view(*args, **kwargs)
        address = url_for("recent.ask", next=own_address())
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
    return render_template(
        "confirm.html",
        heading="h1",
        action=url_for("recent.confirm"),
        fields=[("next", next_path)],
        password_field="password",  # noqa: S106 (the name of a field)
        error=error,
        back=url_for("start.home"),
    )


def _page_of_form() -> str:
    """Return the path of the page that the form of this request is on, "/" when unknown."""
    page = split_address(current_page() or request.referrer or "")
    return safe_path(page.path + (f"?{page.query}" if page.query else ""))
