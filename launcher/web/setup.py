"""The first start: the one-time link creates the first admin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from launcher.accounts import setup, users
from launcher.accounts.errors import (
    PASSWORD_MIN_LENGTH,
    AccountError,
    PasswordUnfitError,
    SetupRefusedError,
)
from launcher.audit import Actor
from launcher.backup.errors import BackupError
from launcher.backup.records.backup import Backup
from launcher.catalogue.boards import add_first_board
from launcher.current import current_backups, current_config
from launcher.db.settings import change_settings
from launcher.i18n.labels import ACCOUNT_WORDS, KIND_WORDS, STATE_WORDS, setting_words
from launcher.i18n.locale import gettext as _
from launcher.settings import table
from launcher.settings.kinds import SettingError
from launcher.web.admin.backups.words import in_shared_minutes
from launcher.web.devices import remember_device
from launcher.web.errors import show_refusal
from launcher.web.server_commands import public_command
from launcher.web.sessions import begin_session

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

MOST_BACKUPS = 5

blueprint = Blueprint("setup", __name__)


@blueprint.get("/setup")
def show() -> ResponseReturnValue:
    """Show the form, for a valid link."""
    token = request.args.get("token", "")
    if not setup.is_setup_token(current_config().setup_token_path, token):
        return refuse_setup()
    return _form(token, {}, {})


@blueprint.post("/setup")
def create_first_admin() -> ResponseReturnValue:
    """Create the first admin, name the site and sign in; show the form again on errors."""
    values = {name: request.form.get(name, "") for name in ("username", "site_name")}
    token = request.form.get("token", "")
    if not setup.is_setup_token(current_config().setup_token_path, token):
        return refuse_setup()
    try:
        site_name = table.read("site_name", values["site_name"])
        user = setup.claim_setup(
            current_config().setup_token_path,
            token,
            username=values["username"].strip(),
            password=request.form.get("password", ""),
            site_name=str(site_name),
            address=request.remote_addr or "",
        )
    except SetupRefusedError:
        return refuse_setup()
    except SettingError as error:
        return _form(token, values, {"site_name": setting_words(error)}), 422
    except AccountError as error:
        return _form(token, values, _errors_of(error)), 422
    setup.end_setup(current_config())
    change_settings({"site_name": site_name}, actor=Actor.of(user))
    add_first_board(_("Home"), owner=user, actor=Actor.of(user))
    begin_session(user)
    flash(_("Welcome, %(name)s. You are the first admin.", name=user.name))
    response = redirect(url_for("start.home"), 303)
    remember_device(response, user)
    return response


def is_awaiting_first_admin() -> bool:
    """Whether the setup link has not been used yet."""
    return current_config().setup_token_path.exists() and not users.has_admin()


def _errors_of(error: AccountError) -> Mapping[str, str]:
    field = "password" if isinstance(error, PasswordUnfitError) else "username"
    return {field: str(ACCOUNT_WORDS[error.code])}


def _form(token: str, values: Mapping[str, str], errors: Mapping[str, str]) -> str:
    backups = _backups()
    return render_template(
        "setup.html",
        token=token,
        values={"username": "", "site_name": "Launcher"} | dict(values),
        errors={"username": "", "password": "", "site_name": ""} | dict(errors),
        password_min_length=PASSWORD_MIN_LENGTH,
        backups=backups,
        close=in_shared_minutes(backups),
        most_backups=MOST_BACKUPS,
        kind_words=KIND_WORDS,
        state_words=STATE_WORDS,
    )


def _backups() -> Sequence[Backup]:
    """Return every backup of the folder, newest first; the damaged ones are only named."""
    try:
        return current_backups().list()
    except BackupError:
        return ()


def refuse_setup() -> Response:
    """Answer that the setup link is not valid, and how to get one."""
    return show_refusal(
        403,
        ACCOUNT_WORDS["setup_refused"],
        _("While there is no admin, this command on the server prints the link:"),
        command=public_command("database upgrade"),
    )
