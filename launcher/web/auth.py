"""The pages to sign in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.datastructures import Headers

from launcher.accounts.errors import SignInRefusedError, SignInThrottledError
from launcher.accounts.sign_in import attempts_left, authenticate
from launcher.accounts.users import has_admin
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.web.devices import known_device, remember_device
from launcher.web.frame import current_viewer
from launcher.web.htmx import split_address
from launcher.web.sessions import begin_session, end_session, ended_by_restore
from launcher.web.setup import is_awaiting_first_admin
from launcher.web.unsaved.ended import show_after_sign_in

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("auth", __name__)


@blueprint.get("/login")
def sign_in() -> ResponseReturnValue:
    """Show the form; who is signed in is redirected to `next`."""
    next_path = safe_path(request.args.get("next", ""))
    if current_viewer():
        return redirect(next_path)
    return _form(next_path)


@blueprint.post("/login")
def create_session() -> ResponseReturnValue:
    """Sign in and redirect to `next`; on refusal show the form with the reason."""
    next_path = safe_path(request.form.get("next", ""))
    username = request.form.get("username", "").strip()
    address, device = request.remote_addr or "", known_device(username)
    password = request.form.get("password", "")
    try:
        user = authenticate(username, password, address=address, device=device)
    except SignInThrottledError as error:
        page = _form(next_path, username=username, error=pause_words(error.retry_after_s))
        return page, 429, {"Retry-After": str(error.retry_after_s)}
    except SignInRefusedError:
        left = attempts_left(username, address=address, device=device)
        return _form(next_path, username=username, error=_refusal(left)), 422
    begin_session(user)
    response = redirect(next_path, 303)
    remember_device(response, user)
    # Last, as it ends the transaction in which the user was read.
    if shown := show_after_sign_in(user):
        shown.headers.extend(Headers({"Set-Cookie": response.headers.getlist("Set-Cookie")}))
        return shown
    return response


@blueprint.post("/logout")
def sign_out() -> ResponseReturnValue:
    """End this browser's session."""
    end_session()
    return redirect(url_for("auth.sign_in"), 303)


def safe_path(wanted: str) -> str:
    r"""Return `wanted` if it is a path on this site, else the start page.

    Browsers read `//host` and `/\host` as other hosts, and skip tabs and line ends.
    """
    parts = split_address(wanted)
    is_path = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    if is_path and wanted.isprintable() and not parts.scheme and not parts.netloc:
        return wanted
    return url_for("start.home")


def _form(next_path: str, *, username: str = "", error: str = "") -> str:
    return render_template(
        "login.html",
        next_path=next_path,
        username=username,
        error=error,
        is_new=is_awaiting_first_admin(),
        has_admin=has_admin(),
        unsaved=request.form.get("unsaved", ""),
        restored=ended_by_restore(),
    )


def _refusal(attempts_left: int) -> str:
    first = _("The user name or password is not correct.")
    if attempts_left < 1:
        return f"{first} {pause_words(60)}"
    rest = ngettext(
        "%(num)s more try, then a pause of one minute.",
        "%(num)s more tries, then a pause of one minute.",
        attempts_left,
    )
    return f"{first} {rest}"


def pause_words(retry_after_s: int) -> str:
    """Return how long to wait before the next attempt."""
    return ngettext(
        "Too many tries. Wait %(num)s second, then try again.",
        "Too many tries. Wait %(num)s seconds, then try again.",
        retry_after_s,
    )
