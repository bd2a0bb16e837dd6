"""A form that outlived its session: sign in, and go on with all that was typed.

The entries go back to the person alone who had the form on this site while signed in: the token of
the form says who, and is signed. Nothing is saved by signing in.
"""

from __future__ import annotations

from flask import Response, make_response, render_template, request, url_for
from flask_wtf.csrf import generate_csrf

from launcher.i18n.locale import lazy_gettext as _
from launcher.models import User
from launcher.web.frame import current_viewer
from launcher.web.htmx import is_htmx
from launcher.web.sessions import ended_by_restore
from launcher.web.unsaved.again import has_entries, show_again, show_to_copy, typed_entries
from launcher.web.unsaved.entries import Entries, mark_of, owner_of_form, seal, unseal

_TITLE = _("Not saved yet")
_TEXT = _("You were signed out before this was saved.")

FIELD = "unsaved"
"""The field of the sign-in form that carries the entries."""


def ask_to_sign_in() -> Response | None:
    """Answer a form whose session has ended, None for what was no such form.

    A script keeps the form as it is and gets a notice; without one, the sign-in page carries the
    entries on.
    """
    if request.method != "POST" or current_viewer() is not None:
        return None
    if not has_entries() or not (owner := owner_of_form()):
        return None
    entries = typed_entries()
    if is_htmx():
        page = render_template("_signed_out.html", restored=ended_by_restore())
        headers = {"HX-Retarget": "#problem", "HX-Reswap": "innerHTML show:top"}
        return make_response(page, 401, headers)
    page = render_template(
        "login.html",
        next_path=url_for("start.home"),
        username="",
        error="",
        is_new=False,
        unsaved=seal(entries, owner),
        restored=ended_by_restore(),
    )
    return make_response(page, 401, {"Cache-Control": "no-store, no-transform"})


def show_after_sign_in(user: User) -> Response | None:
    """Return the form whose entries the sign-in form of this request carried, if they are theirs.

    The session of `user` has begun.
    """
    entries = unseal(request.form.get(FIELD, ""), user)
    if entries is None:
        return None
    return _show(entries, 200)


def answer_old_form() -> Response | None:
    """Answer a form whose token is of another session, None where no user had it.

    Who has signed in again gets the form back; a script gets the token that counts now.
    """
    viewer = current_viewer()
    if viewer is None:
        return ask_to_sign_in()
    if entries := unseal(request.form.get(FIELD, ""), viewer):
        return _show(entries, 200)  # they signed in in another tab meanwhile
    if not has_entries() or owner_of_form() != mark_of(viewer):
        return None
    if is_htmx():
        return make_response("", 400, {"Launcher-Token": generate_csrf(), "HX-Reswap": "none"})
    return _show(typed_entries(), 400)


def _show(entries: Entries, status: int) -> Response:
    """Return the form with its entries; where it is gone, the entries to copy."""
    shown = show_again(entries, status=status, title=_TITLE, text=_TEXT)
    return shown or show_to_copy(entries, status=404, title=_TITLE, text=_TEXT)
