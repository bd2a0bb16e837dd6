"""The checks of all apps: on or off, how often, their pause, and maintenance for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request, url_for

from launcher.catalogue import check_pauses
from launcher.catalogue.check_pauses import PauseRefusedError, WindowRefusedError
from launcher.db.settings import change_settings, site_settings
from launcher.i18n.locale import gettext as _
from launcher.web.admin.setting_fields import read_fields
from launcher.web.apps.returning import next_path
from launcher.web.check_form import pausing
from launcher.web.check_form.blueprint import blueprint
from launcher.web.htmx import redirect_to, render
from launcher.web.roles import acting_user, admin_required
from launcher.web.toasts import make_toast, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

_PATH = "/admin/health/settings"


@blueprint.get(_PATH)
@admin_required
def settings() -> ResponseReturnValue:
    """Show what holds for the checks of all apps."""
    return _page()


@blueprint.post(_PATH)
@admin_required
def save_settings() -> ResponseReturnValue:
    """Save whether and how often apps are checked."""
    form = request.form
    typed = {"checks_enabled": "on" if form.get("checks_enabled") == "on" else "off"}
    if "check_interval_s" in form:
        typed["check_interval_s"] = form["check_interval_s"]
    values, errors = read_fields(typed)
    if errors:
        return _page(typed=typed, errors=errors), 422
    is_changed = bool(change_settings(values, actor=acting_user()))
    show(make_toast(_("Settings saved.") if is_changed else _("No setting was changed.")))
    return _back()


@blueprint.post(f"{_PATH}/pause")
@admin_required
def pause_all() -> ResponseReturnValue:
    """Pause the checks of all apps."""
    try:
        until = pausing.read_pause()
    except PauseRefusedError:
        return _page(pause_error=pausing.pause_error()), 422
    check_pauses.pause_all(until, actor=acting_user())
    when = pausing.day_and_time_ahead(until)
    show(make_toast(_("Checks of all apps paused until %(when)s.", when=when)))
    return _back()


@blueprint.post(f"{_PATH}/resume")
@admin_required
def resume_all() -> ResponseReturnValue:
    """End the pause of all checks; a check that is paused itself stays so."""
    check_pauses.pause_all(None, actor=acting_user())
    show(make_toast(_("Checks of all apps resumed.")))
    return _back()


@blueprint.post(f"{_PATH}/windows")
@admin_required
def add_window_for_all() -> ResponseReturnValue:
    """Add a maintenance window in which no app is checked."""
    try:
        pausing.create_window(None)
    except WindowRefusedError as error:
        return _page(window_errors=pausing.window_errors(error)), 422
    show(make_toast(_("Maintenance added.")))
    return _back()


@blueprint.post(f"{_PATH}/windows/delete")
@admin_required
def delete_window_for_all() -> ResponseReturnValue:
    """Delete a maintenance window of all apps."""
    pausing.say_deleted(is_deleted=pausing.remove_window(None))
    return _back()


def _back() -> ResponseReturnValue:
    return redirect_to(next_path() or url_for("app_check.settings"))


def _page(
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    pause_error: str = "",
    window_errors: Mapping[str, str] | None = None,
) -> str:
    now = site_settings()
    saved = {
        "checks_enabled": "on" if now.checks_enabled else "off",
        "check_interval_s": str(now.check_interval_s),
    }
    facts = pausing.pause_facts(None)
    if window_errors:
        facts["window_errors"] = window_errors
    return render(
        "checks/settings.html",
        part="checks/settings.html",
        entered=saved | dict(typed or {}),
        errors=errors or {},
        pause_error=pause_error,
        app=None,
        **facts,
    )
