"""The pages of the user accounts, and the forms that change them.

Every change needs a recent password. Forms carry the values that they showed, so that the second
of two admins does not undo what the first did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import (
    Blueprint,
    Response,
    abort,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)

from launcher.accounts import passwords, users
from launcher.accounts.errors import (
    DISPLAY_NAME_MAX_LENGTH,
    PASSWORD_MIN_LENGTH,
    AccountChangedError,
    AccountError,
    DisplayNameUnfitError,
    LastAdminError,
    PasswordUnfitError,
    TokenNotRevokedError,
)
from launcher.accounts.tokens import all_tokens
from launcher.accounts.users import Standing
from launcher.extensions import db
from launcher.i18n.labels import ACCOUNT_WORDS, RIGHTS_WORDS, ROLE_WORDS
from launcher.i18n.locale import gettext as _
from launcher.models import Role, User
from launcher.web import htmx
from launcher.web.reauthentication import recent_password_required
from launcher.web.roles import acting_user, admin_required, signed_in_user
from launcher.web.sessions import end_session

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from flask_babel.speaklater import LazyString

# The largest id that a row can have; SQLite takes no larger number.
_USER = "/users/<id:user_id>"

blueprint = Blueprint("users", __name__, url_prefix="/admin")


# Pages


@blueprint.get("/users")
@admin_required
def index() -> ResponseReturnValue:
    """Show every account."""
    tokens = _tokens_by_user()
    accounts = [
        {"user": user, "role": ROLE_WORDS[user.role], "tokens": tokens.get(user.id, 0)}
        for user in users.all_users()
    ]
    return render_template("admin/users.html", accounts=accounts)


@blueprint.get(_USER)
@admin_required
@recent_password_required
def show(user_id: int) -> ResponseReturnValue:
    """Show one account with the forms that change it."""
    return _page(_user_or_404(user_id))


# A new account


@blueprint.get("/users/new")
@admin_required
@recent_password_required
def new() -> ResponseReturnValue:
    """Show the form for a new account."""
    return _form({"role": Role.VIEWER}, {})


@blueprint.post("/users")
@admin_required
@recent_password_required
def create() -> ResponseReturnValue:
    """Create an account; an empty password is generated and shown once."""
    values = {
        name: request.form.get(name, "").strip() for name in ("username", "display_name", "role")
    }
    if values["role"] not in set(Role):
        return _form(values, {"role": _("Choose one of these roles.")}), 422
    actor = acting_user()
    db.session.rollback()  # hold no lock while hashing
    typed = request.form.get("password", "")
    password = typed or passwords.random_password()
    try:
        user = users.create_user(
            values["username"],
            password,
            role=Role(values["role"]),
            display_name=values["display_name"],
            actor=actor,
        )
    except AccountError as error:
        return _form(values, {_field_of(error): str(ACCOUNT_WORDS[error.code])}), 422
    done = _("Account %(name)s added.", name=user.username)
    if not typed:
        return _show_once(user, password, title=done)
    flash(done)
    return redirect(url_for("users.index"), 303)


# Changes


@blueprint.post(f"{_USER}/name")
@admin_required
@recent_password_required
def change_name(user_id: int) -> ResponseReturnValue:
    """Change the display name."""
    user = _user_or_404(user_id)
    wanted = request.form.get("display_name", "")
    try:
        users.set_display_name(user, wanted, actor=acting_user())
    except DisplayNameUnfitError as error:
        return _page(user, {"display_name": str(ACCOUNT_WORDS[error.code])}, wanted), 422
    flash(_("Display name changed to %(name)s.", name=user.name))
    return _back_to(user)


@blueprint.post(f"{_USER}/role")
@admin_required
@recent_password_required
def change_role(user_id: int) -> ResponseReturnValue:
    """Change the role, unless another admin has changed it or no admin would be left."""
    user = _user_or_404(user_id)
    wanted = request.form.get("role", "")
    if wanted not in set(Role):
        return _page(user, {"role": _("Choose one of these roles.")}), 422
    users.set_role(user, Role(wanted), actor=acting_user(), seen=_seen(user))
    role = ROLE_WORDS[user.role]
    if _is_viewer(user) and not user.is_admin:
        flash(_("You are no longer an admin. Your role: %(role)s.", role=role))
        return redirect(url_for("start.home"), 303)
    flash(_("Role of %(name)s changed to %(role)s.", name=user.name, role=role))
    return _back_to(user)


@blueprint.post(f"{_USER}/access")
@admin_required
@recent_password_required
def change_access(user_id: int) -> ResponseReturnValue:
    """Deactivate or reactivate an account."""
    user = _user_or_404(user_id)
    active = request.form.get("active") == "1"
    users.set_active(user, active, actor=acting_user(), seen=_seen(user))
    if active:
        flash(_("%(name)s can sign in again.", name=user.name))
        return _back_to(user)
    if _is_viewer(user):
        return _leave(_("Your account is deactivated, and you are signed out."))
    flash(_("%(name)s is deactivated and signed out.", name=user.name))
    return _back_to(user)


@blueprint.post(f"{_USER}/password")
@admin_required
@recent_password_required
def change_password(user_id: int) -> ResponseReturnValue:
    """Generate a new password, shown once; one's own is changed on the account page."""
    user = _user_or_404(user_id)
    if _is_viewer(user):
        return redirect(url_for("account.show"), 303)
    password = passwords.random_password()
    users.set_password(user, password, actor=acting_user())
    return _show_once(user, password, title=_("%(name)s has a new password.", name=user.name))


@blueprint.get(f"{_USER}/delete")
@admin_required
@recent_password_required
def ask_to_delete(user_id: int) -> ResponseReturnValue:
    """Ask, naming what is deleted with the account and what stays."""
    user = _user_or_404(user_id)
    return htmx.render(
        "admin/user_delete.html",
        part="admin/_user_delete.html",
        user=user,
        seen=Standing.of(user),
        tokens=_tokens_by_user().get(user.id, 0),
        boards=users.boards_of(user),
        heir=users.heir_of(user, actor=acting_user()),
        is_last_admin=users.is_last_admin(user),
        is_viewer=_is_viewer(user),
        last_admin_words=ACCOUNT_WORDS[LastAdminError.code],
    )


@blueprint.post(f"{_USER}/delete")
@admin_required
@recent_password_required
def delete(user_id: int) -> ResponseReturnValue:
    """Delete an account."""
    user = _user_or_404(user_id)
    name, is_viewer = user.name, _is_viewer(user)
    users.delete_user(user, actor=acting_user(), seen=_seen(user))
    if is_viewer:
        return _leave(_("Your account is deleted, and you are signed out."))
    flash(_("Account %(name)s deleted.", name=name))
    return redirect(url_for("users.index"), 303)


# What the views share


def _user_or_404(user_id: int) -> User:
    return db.session.get(User, user_id) or abort(404)


def _seen(user: User) -> Standing:
    """Return what the form showed; without it the form counts as outdated."""
    role, active = request.form.get("seen_role", ""), request.form.get("seen_active", "")
    if role not in set(Role) or active not in {"0", "1"}:
        raise AccountChangedError(user.username)
    return Standing(Role(role), active == "1")


def _is_viewer(user: User) -> bool:
    return user.id == signed_in_user().id


def _tokens_by_user() -> Mapping[int, int]:
    return Counter(each.user_id for each in all_tokens())


def _field_of(error: AccountError) -> str:
    if isinstance(error, DisplayNameUnfitError):
        return "display_name"
    return "password" if isinstance(error, PasswordUnfitError) else "username"


def _form(values: Mapping[str, str], errors: Mapping[str, str]) -> str:
    return render_template(
        "admin/user_new.html",
        values={"username": "", "display_name": "", "role": ""} | dict(values),
        errors={"username": "", "display_name": "", "role": "", "password": ""} | dict(errors),
        password_min_length=PASSWORD_MIN_LENGTH,
        display_name_max_length=DISPLAY_NAME_MAX_LENGTH,
        **_role_words(),
    )


def _page(
    user: User, errors: Mapping[str, str] | None = None, display_name: str | None = None
) -> str:
    return render_template(
        "admin/user.html",
        user=user,
        seen=Standing.of(user),
        display_name=user.display_name if display_name is None else display_name,
        errors={"display_name": "", "role": ""} | dict(errors or {}),
        tokens=_tokens_by_user().get(user.id, 0),
        is_last_admin=users.is_last_admin(user),
        is_viewer=_is_viewer(user),
        problem=(errors or {}).get("problem", ""),
        last_admin_words=ACCOUNT_WORDS[LastAdminError.code],
        display_name_max_length=DISPLAY_NAME_MAX_LENGTH,
        **_role_words(),
    )


def _role_words() -> dict[str, Mapping[Role, LazyString]]:
    return {"role_words": ROLE_WORDS, "rights_words": RIGHTS_WORDS}


@blueprint.errorhandler(AccountChangedError)
@blueprint.errorhandler(LastAdminError)
@blueprint.errorhandler(TokenNotRevokedError)
def _refuse(error: AccountError) -> ResponseReturnValue:
    """Answer with the current account, and why nothing was changed."""
    user = _user_or_404((request.view_args or {})["user_id"])
    status = 507 if isinstance(error, TokenNotRevokedError) else 409
    return _page(user, {"problem": str(ACCOUNT_WORDS[error.code])}), status


def _back_to(user: User) -> ResponseReturnValue:
    return redirect(url_for("users.show", user_id=user.id), 303)


def _leave(words: str) -> ResponseReturnValue:
    end_session()
    flash(words)
    return redirect(url_for("auth.sign_in"), 303)


def _show_once(user: User, password: str, *, title: str) -> Response:
    title = title.removesuffix(".")  # a heading, where a message would have a full stop
    page = render_template("admin/user_password.html", user=user, password=password, title=title)
    response = make_response(page)
    # A compressed page can reveal the password; see launcher.web.compression.
    response.headers["Cache-Control"] = "no-store, no-transform"
    return response
