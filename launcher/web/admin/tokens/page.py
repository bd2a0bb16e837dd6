"""The API tokens of all admins: listed, created for oneself, revoked.

The text of a new token is in the answer to its form alone: it has no address of its own.
"""

from __future__ import annotations

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

from launcher.accounts import tokens
from launcher.accounts.errors import (
    TOKEN_NAME_MAX_LENGTH,
    AccountError,
    TokenExpiryUnfitError,
    TokenNotRevokedError,
)
from launcher.extensions import db
from launcher.i18n.formats import isolated
from launcher.i18n.labels import ACCOUNT_WORDS
from launcher.i18n.locale import format_zone
from launcher.i18n.locale import gettext as _
from launcher.models import ApiToken, TokenScope
from launcher.models.types import utc_now
from launcher.web import htmx
from launcher.web.admin.tokens.form import EXPIRIES, Draft
from launcher.web.admin.tokens.words import SCOPE_WORDS, expiry_words, owner_problem
from launcher.web.reauthentication import confirm_in_form, has_recent_password
from launcher.web.roles import acting_user, admin_required, signed_in_user

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("tokens", __name__, url_prefix="/admin")

_REVOKE = "/tokens/<id:token_id>/revoke"


@blueprint.get("/tokens")
@admin_required
def index() -> ResponseReturnValue:
    """Show every token, and the form for a new one."""
    return _page()


@blueprint.post("/tokens")
@admin_required
def create() -> ResponseReturnValue:
    """Create a token of the viewer, and show its text once."""
    draft = Draft.of(request.form)
    newest = _newest_of_viewer()
    if newest and newest.name == draft.name and newest.prefix != request.form.get("newest"):
        return redirect(url_for("tokens.index"), 303)  # the answer was loaded again
    errors: dict[str, str] = {}
    expires_at = None
    try:
        expires_at = draft.expires_at(utc_now(), format_zone())
    except (ValueError, OverflowError):
        errors["expires"] = str(ACCOUNT_WORDS[TokenExpiryUnfitError.code])
    for error in tokens.faults_of(draft.name, draft.chosen_scopes(), expires_at):
        errors[_FIELDS[error.code]] = str(ACCOUNT_WORDS[error.code])
    if not errors and (problem := confirm_in_form()):
        errors["password"] = problem
    if errors:
        return _page(draft, errors), 422
    try:
        token, secret = tokens.create_token(
            signed_in_user(), draft.name, draft.chosen_scopes(), expires_at=expires_at,
            actor=acting_user(),
        )  # fmt: skip
    except AccountError as error:
        return _page(draft, {_FIELDS[error.code]: str(ACCOUNT_WORDS[error.code])}), 422
    return _show_once(token, secret)


@blueprint.get(_REVOKE)
@admin_required
def ask_to_revoke(token_id: int) -> ResponseReturnValue:
    """Ask before a token is revoked."""
    return htmx.render(
        "admin/token_revoke.html",
        part="admin/_token_revoke.html",
        token=_token_or_404(token_id),
    )


@blueprint.post(_REVOKE)
@admin_required
def revoke(token_id: int) -> ResponseReturnValue:
    """Revoke a token."""
    token = _token_or_404(token_id)
    name = token.name
    try:
        tokens.revoke([token], actor=acting_user())
    except TokenNotRevokedError as error:
        return _page(problem=str(ACCOUNT_WORDS[error.code])), 507
    db.session.commit()
    flash(_("Token %(name)s revoked.", name=isolated(name)))
    return redirect(url_for("tokens.index"), 303)


_FIELDS = {
    "token_name_unfit": "name",
    "token_scopes_missing": "scope",
    "token_expiry_unfit": "expires",
    "token_owner_unfit": "scope",
}
"""The field of each refusal, by its code."""


def _page(
    draft: Draft | None = None,
    errors: Mapping[str, str] | None = None,
    *,
    problem: str = "",
    token: ApiToken | None = None,
    secret: str = "",
) -> str:
    newest = _newest_of_viewer()
    return render_template(
        "admin/tokens.html",
        rows=[(each, expiry_words(each), owner_problem(each)) for each in tokens.all_tokens()],
        draft=draft or Draft(),
        errors={"name": "", "scope": "", "expires": "", "password": ""} | dict(errors or {}),
        first_error=next(iter(errors or {}), ""),
        problem=problem,
        created=token,
        secret=secret,
        example=_example(token),
        newest=newest.prefix if newest else "",
        scope_words=SCOPE_WORDS,
        expiries=EXPIRIES,
        asks_password=not has_recent_password(),
        name_max_length=TOKEN_NAME_MAX_LENGTH,
    )


def _show_once(token: ApiToken, secret: str) -> Response:
    response = make_response(_page(token=token, secret=secret))
    # A compressed page can reveal the token; see launcher.web.compression.
    response.headers["Cache-Control"] = "no-store, no-transform"
    return response


def _example(token: ApiToken | None) -> str:
    """Return the address of a call that the token may do, "" where none is short."""
    if token is None:
        return ""
    if TokenScope.STATUS in token.scopes:
        return url_for("api.dispatch", rest="status", _external=True)
    if TokenScope.BACKUPS_READ in token.scopes:
        return url_for("api.dispatch", rest="backups", _external=True)
    return url_for("metrics.show", _external=True) if TokenScope.METRICS in token.scopes else ""


def _newest_of_viewer() -> ApiToken | None:
    return next(iter(tokens.tokens_of(signed_in_user())), None)


def _token_or_404(token_id: int) -> ApiToken:
    return tokens.find_token(token_id) or abort(404)
