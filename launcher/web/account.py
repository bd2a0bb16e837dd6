"""One's own account: language, appearance, start page, password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import refresh

from launcher.accounts import sign_in, users
from launcher.accounts.errors import (
    PASSWORD_MIN_LENGTH,
    PasswordUnfitError,
    SignInRefusedError,
    SignInThrottledError,
)
from launcher.audit import Actor
from launcher.catalogue import launches
from launcher.catalogue.access import visible_boards
from launcher.catalogue.personal import set_start_page
from launcher.extensions import db
from launcher.i18n.labels import ACCOUNT_WORDS
from launcher.i18n.locale import LOCALE_COOKIE, LOCALES
from launcher.i18n.locale import gettext as _
from launcher.models import Theme
from launcher.web.auth import pause_words, safe_path
from launcher.web.cookies import remember_choice
from launcher.web.frame import THEME_COOKIE, current_viewer
from launcher.web.roles import acting_user, signed_in_user, user_required
from launcher.web.sessions import begin_session, current_session_id, end_session_everywhere

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from werkzeug.wrappers import Response

blueprint = Blueprint("account", __name__)


@blueprint.get("/account")
@user_required
def show() -> str:
    """Show one's own account."""
    return _page({})


@blueprint.post("/account/appearance")
def change_appearance() -> Response:
    """Set language and appearance, for a user on their row, for a guest in two cookies."""
    locale, theme = request.form.get("locale", ""), request.form.get("theme", "")
    locale = locale if locale in LOCALES else ""
    chosen = Theme(theme) if theme in set(Theme) else Theme.SYSTEM
    viewer = current_viewer()
    if viewer is None:
        return _remember_in_browser(locale, chosen)
    viewer.locale, viewer.theme = locale, chosen
    db.session.commit()
    refresh()
    flash(_("Language and appearance saved."))
    return redirect(url_for("account.show"), 303)


@blueprint.post("/account/start-page")
@user_required
def change_start_page() -> ResponseReturnValue:
    """Set one's own home board, one of those that one sees, and where apps open."""
    wanted = request.form.get("home_board", "")
    boards = {str(each.id): each for each in visible_boards(signed_in_user())}
    if wanted and wanted not in boards:
        return _page({"home_board": _("Choose one of these boards.")}), 422
    set_start_page(
        signed_in_user(),
        home=boards.get(wanted),
        opens_new_tab="open_new_tab" in request.form,
        actor=acting_user(),
    )
    flash(_("Start page saved."))
    return redirect(url_for("account.show"), 303)


@blueprint.post("/account/launches")
@user_required
def switch_launches() -> Response:
    """Switch the counting of one's launches on or off; off also clears the counts."""
    is_on = "counts_launches" in request.form
    launches.set_counting(signed_in_user(), is_on=is_on, actor=acting_user())
    flash(_("Find settings saved.") if is_on else _("Find settings saved. Counts cleared."))
    return redirect(url_for("account.show"), 303)


@blueprint.post("/account/launches/clear")
@user_required
def clear_launches() -> Response:
    """Delete the counts of one's launches."""
    launches.clear(signed_in_user())
    flash(_("Counts cleared."))
    return redirect(url_for("account.show"), 303)


@blueprint.post("/account/password")
@user_required
def change_password() -> ResponseReturnValue:
    """Set a new password, which ends every other session of this user."""
    user, address = signed_in_user(), request.remote_addr or ""
    try:
        # Throttled like a sign-in: a stolen session must not guess faster.
        sign_in.confirm_password(
            user,
            request.form.get("current_password", ""),
            address=address,
            session_id=current_session_id(),
        )
        users.set_password(
            user, request.form.get("new_password", ""), actor=Actor.of(user, address=address)
        )
    except SignInThrottledError as error:
        return _page({"current_password": pause_words(error.retry_after_s)}), 429
    except SignInRefusedError:
        return _page({"current_password": _("The password is not correct.")}), 422
    except PasswordUnfitError as error:
        return _page({"new_password": str(ACCOUNT_WORDS[error.code])}), 422
    begin_session(user)
    flash(_("Password changed. You are signed out everywhere else."))
    return redirect(url_for("account.show"), 303)


@blueprint.post("/account/sign-out-everywhere")
@user_required
def sign_out_everywhere() -> ResponseReturnValue:
    """End every session of this user, on this browser too."""
    end_session_everywhere(acting_user())
    flash(_("You are signed out on every device."))
    return redirect(url_for("auth.sign_in"), 303)


def _page(errors: Mapping[str, str]) -> str:
    return render_template(
        "account.html",
        errors={"current_password": "", "new_password": "", "home_board": ""} | dict(errors),
        home_boards=visible_boards(signed_in_user()),
        launches=sum(launches.usage(signed_in_user()).values()),
        password_min_length=PASSWORD_MIN_LENGTH,
    )


def _remember_in_browser(locale: str, theme: Theme) -> Response:
    response = redirect(safe_path(request.form.get("next", "")), 303)
    remember_choice(response, LOCALE_COOKIE, locale)
    remember_choice(response, THEME_COOKIE, theme.value)
    return response
