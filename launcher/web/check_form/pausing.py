"""The small forms about when an app is not checked: its pause, and its maintenance windows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from babel.dates import get_day_names
from flask import request

from launcher.catalogue import check_pauses
from launcher.catalogue.check_pauses import (
    PauseChoice,
    PauseRefusedError,
    WindowRefusedError,
    pause_end,
    windows_of,
)
from launcher.db.settings import site_settings
from launcher.extensions import db
from launcher.i18n.formats import clock_time, day_and_time, isolated
from launcher.i18n.locale import format_locale
from launcher.i18n.locale import gettext as _
from launcher.i18n.windows import window_words
from launcher.models import App, ChecksRun
from launcher.models.types import utc_now
from launcher.settings.kinds import known_zone
from launcher.web.apps.returning import next_path
from launcher.web.apps.unsaved import app_to_edit
from launcher.web.check_form.blueprint import CHECK, back_to, blueprint
from launcher.web.editing.rights import editing_required
from launcher.web.htmx import redirect_to, render
from launcher.web.numbers import read_number
from launcher.web.roles import acting_user
from launcher.web.toasts import make_toast, show

if TYPE_CHECKING:
    from datetime import datetime

    from flask.typing import ResponseReturnValue


@dataclass(frozen=True, slots=True)
class ShownWindow:
    """A maintenance window in words: `Sunday, 03:00 to 04:00`."""

    id: int
    words: str


@blueprint.get(f"{CHECK}/pause")
@editing_required
def ask_to_pause(app_id: int) -> ResponseReturnValue:
    """Ask until when to pause the check of an app."""
    return _pause_page(app_to_edit(app_id))


@blueprint.post(f"{CHECK}/pause")
@editing_required
def pause(app_id: int) -> ResponseReturnValue:
    """Pause the check of an app."""
    app = app_to_edit(app_id)
    try:
        until = read_pause()
    except PauseRefusedError:
        return _pause_page(app, error=pause_error()), 422
    check_pauses.pause_check(app, until, actor=acting_user())
    facts = {"app": isolated(app.name), "when": day_and_time_ahead(until)}
    show(make_toast(_("Checks of %(app)s paused until %(when)s.", **facts)))
    return redirect_to(back_to(app))


@blueprint.post(f"{CHECK}/resume")
@editing_required
def resume_checks(app_id: int) -> ResponseReturnValue:
    """End the pause of the check of an app."""
    app = app_to_edit(app_id)
    check_pauses.pause_check(app, None, actor=acting_user())
    show(make_toast(_("Checks of %(app)s resumed.", app=isolated(app.name))))
    return redirect_to(back_to(app))


@blueprint.post(f"{CHECK}/windows")
@editing_required
def add_window(app_id: int) -> ResponseReturnValue:
    """Add a maintenance window to an app."""
    app = app_to_edit(app_id)
    try:
        create_window(app)
    except WindowRefusedError as error:
        facts = pause_facts(app) | {"window_errors": window_errors(error)}
        return render("checks/window.html", part="checks/window.html", app=app, **facts), 422
    show(make_toast(_("Maintenance added.")))
    return redirect_to(back_to(app))


@blueprint.post(f"{CHECK}/windows/delete")
@editing_required
def delete_window(app_id: int) -> ResponseReturnValue:
    """Delete a maintenance window of an app."""
    app = app_to_edit(app_id)
    say_deleted(is_deleted=remove_window(app))
    return redirect_to(back_to(app))


# What the page about all apps shares


def read_pause() -> datetime:
    """Return until when the form of this request pauses.

    Raises:
        PauseRefusedError
    """
    form, zone = request.form, known_zone(site_settings().time_zone)
    choice = form.get("until", "")
    return pause_end(choice, form.get("until_date", ""), now=utc_now(), zone=zone)


def pause_error() -> str:
    """Return why no pause begins."""
    return _("Enter a date within the next year.")


def create_window(app: App | None) -> None:
    """Add the window of the form of this request.

    Raises:
        WindowRefusedError
    """
    form = request.form
    check_pauses.add_window(
        app,
        form.getlist("days"),
        form.get("starts_at", ""),
        form.get("minutes", ""),
        actor=acting_user(),
    )


def remove_window(app: App | None) -> bool:
    """Delete the window that the form of this request names; False where it is gone."""
    window_id = read_number(request.form.get("window", ""))
    if window_id is None:
        return False
    return check_pauses.delete_window(app, window_id, actor=acting_user())


def say_deleted(*, is_deleted: bool) -> None:
    """Say on the next page that a window was deleted."""
    show(make_toast(_("Maintenance deleted.") if is_deleted else _("It was deleted already.")))


def window_errors(error: WindowRefusedError) -> dict[str, str]:
    """Return the words beside each field of a window that was refused."""
    said = {
        "days": _("Choose at least one day."),
        "starts_at": _("Enter a time, for example 03:00."),
        "minutes": _("Enter a number from %(minimum)s to %(maximum)s.", minimum=1, maximum=1440),
        "many": _("Delete another maintenance first. There can be 20."),
    }
    return {name: said[name] for name in error.fields}


def day_and_time_ahead(at: datetime) -> str:
    """Return a moment to come: `today, 15:07`, `tomorrow, 08:00`, or a day and a time."""
    zone = known_zone(site_settings().time_zone)
    days = (at.astimezone(zone).date() - utc_now().astimezone(zone).date()).days
    if days == 1:
        return _("tomorrow, %(time)s", time=clock_time(at))
    return day_and_time(at)


def pause_facts(app: App | None) -> dict[str, Any]:
    """Return what the small forms of an app show, for None those of all apps."""
    now, zone = utc_now(), known_zone(site_settings().time_zone)
    row = (app.check if app else db.session.get(ChecksRun, 1)) or None
    until = row.paused_until if row and row.paused_until and row.paused_until > now else None
    names = get_day_names("abbreviated", "stand-alone", locale=format_locale())
    form = request.form
    return {
        "paused_until": day_and_time_ahead(until) if until else "",
        "paused_by": isolated(row.paused_by) if row and until else "",
        "pause_choices": {
            PauseChoice.HOUR: _("For 1 hour"),
            PauseChoice.TOMORROW: _("Until tomorrow, %(time)s", time="08:00"),
            PauseChoice.DATE: _("Until a date, %(time)s", time="08:00"),
        },
        "first_day": (now.astimezone(zone).date() + timedelta(days=1)).isoformat(),
        "windows": [ShownWindow(each.id, window_words(each)) for each in windows_of(app)],
        "days": [(str(number), names[number]) for number in range(7)],
        "typed": {
            "days": form.getlist("days") if "starts_at" in form else ["6"],
            "starts_at": form.get("starts_at", "03:00"),
            "minutes": form.get("minutes", "60"),
            "until": form.get("until", PauseChoice.HOUR),
            "until_date": form.get("until_date", ""),
        },
        "window_errors": {},
        "zone": site_settings().time_zone,
        "next_path": next_path(),
    }


def _pause_page(app: App, *, error: str = "") -> str:
    return render(
        "checks/pause.html",
        part="checks/_pause_dialog.html",
        app=app,
        pause_error=error,
        back=back_to(app),
        **pause_facts(app),
    )
