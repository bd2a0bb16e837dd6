"""The checks of all apps: on or off, how often, their pause, and maintenance for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import request, url_for

from launcher.catalogue import check_pauses
from launcher.catalogue.check_limits import apps_with_longer_limit
from launcher.catalogue.check_pauses import PauseRefusedError, WindowRefusedError
from launcher.db.settings import change_settings, current_settings, site_settings
from launcher.i18n.formats import isolated, listing, number
from launcher.i18n.locale import gettext as _
from launcher.settings.table import SiteSettings
from launcher.web.admin.setting_fields import read_fields
from launcher.web.apps.returning import next_path
from launcher.web.check_form import pausing
from launcher.web.check_form.blueprint import blueprint
from launcher.web.htmx import redirect_to, render
from launcher.web.roles import acting_user, admin_required
from launcher.web.toasts import make_toast, show

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    form, now = request.form, _texts(current_settings())
    typed = {"checks_enabled": "on" if form.get("checks_enabled") == "on" else "off"}
    if "check_interval_s" in form:
        typed["check_interval_s"] = form["check_interval_s"].strip()
    seen = {name: form.get(f"seen_{name}", text) for name, text in now.items()}
    edited = {name: text for name, text in typed.items() if text not in {seen[name], now[name]}}
    values, errors = read_fields(edited)
    shown = now | edited
    if theirs := [name for name in edited if seen[name] != now[name]]:
        return _page(typed=shown, conflicts=theirs), 409
    interval_s = values.get("check_interval_s")
    if interval_s is not None and (names := apps_with_longer_limit(int(interval_s))):
        errors["check_interval_s"] = _(
            "Time limit of %(limit)s seconds or more: %(apps)s. Shorten the time limits first.",
            limit=number(int(interval_s)),
            apps=listing([isolated(each) for each in names], most=5),
        )
    if errors:
        return _page(typed=shown, errors=errors), 422
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


def _words(text: str) -> str:
    return {"on": _("On"), "off": _("Off")}.get(text, text)


def _back() -> ResponseReturnValue:
    return redirect_to(next_path() or url_for("app_check.settings"))


def _texts(settings: SiteSettings) -> dict[str, str]:
    return {
        "checks_enabled": "on" if settings.checks_enabled else "off",
        "check_interval_s": str(settings.check_interval_s),
    }


def _page(
    *,
    typed: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    conflicts: Sequence[str] = (),
    pause_error: str = "",
    window_errors: Mapping[str, str] | None = None,
) -> str:
    saved = _texts(site_settings())
    entered = saved | dict(typed or {})
    facts = pausing.pause_facts(None)
    if window_errors:
        facts["window_errors"] = window_errors
    return render(
        "checks/settings.html",
        part="checks/settings.html",
        entered=entered,
        seen=saved,
        conflicts=[(name, _words(saved[name]), _words(entered[name])) for name in conflicts],
        errors=errors or {},
        pause_error=pause_error,
        app=None,
        **facts,
    )
