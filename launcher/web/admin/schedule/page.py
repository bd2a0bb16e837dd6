"""The page of the schedule and of retention, with previews of both."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import partial
from typing import TYPE_CHECKING

from flask import Blueprint, flash, redirect, render_template, request, url_for

from launcher.backup.errors import BackupError
from launcher.current import current_backups
from launcher.db.settings import change_settings, current_settings, site_settings
from launcher.i18n.locale import gettext as _
from launcher.i18n.locale import ngettext
from launcher.i18n.zones import zone_words
from launcher.models.types import utc_now
from launcher.schedule import cron
from launcher.settings.schedule import SHOWN, version_of
from launcher.settings.table import weakening
from launcher.web.admin.schedule.cron_words import cron_words, weekday_name
from launcher.web.admin.schedule.form import (
    DAYS,
    LAST_DAY,
    WEEKDAYS,
    CheckedDraft,
    Draft,
    check,
)
from launcher.web.admin.schedule.retention_preview import preview_removals
from launcher.web.htmx import is_htmx
from launcher.web.reauthentication import question_before_change
from launcher.web.roles import acting_user, admin_required

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

blueprint = Blueprint("schedules", __name__, url_prefix="/admin/backups/schedule")

_RUNS = 5


@blueprint.get("")
@admin_required
def show() -> ResponseReturnValue:
    """Show the schedule as it is set."""
    return _page(check(Draft.of(site_settings())))


@blueprint.get("/preview")
@admin_required
def preview() -> ResponseReturnValue:
    """Show what the fields of the form would do. Nothing is saved."""
    checked = check(Draft.read(request.args, site_settings()))
    if is_htmx():
        return render_template("admin/_schedule_preview.html", **_context(checked), is_part=True)
    return _page(checked)


@blueprint.post("")
@admin_required
def save() -> ResponseReturnValue:
    """Save the schedule, all or nothing; a form from an outdated page is refused."""
    settings = current_settings()  # in one transaction with the change below
    checked = check(Draft.read(request.form, settings))
    if "show" in request.form:
        return _page(checked)
    if request.form.get("seen") != version_of(settings):
        return _page(check(Draft.of(settings)), is_outdated=True), 409
    if checked.errors:
        return _page(checked), 422
    if weakening(settings, checked.values) and (question := question_before_change()):
        return question
    actor = acting_user()
    if change_settings(checked.values, actor=actor):
        flash(_("Schedule saved. It takes effect within seconds."))
    else:
        flash(_("No changes to save."))
    return redirect(url_for("schedules.show"), 303)


def _page(checked: CheckedDraft, *, is_outdated: bool = False) -> str:
    return render_template(
        "admin/schedule.html",
        **_context(checked),
        is_part=False,
        is_outdated=is_outdated,
        first_error=next(iter(checked.errors), ""),
        weekdays={each: weekday_name(int(each)) for each in WEEKDAYS},
        days={each: _("The last day") if each == LAST_DAY else each for each in DAYS},
        kinds={each.name: each.kind for each in SHOWN},
        restore_tests={
            each: cron_words(expression) if expression else _("Never")
            for each, expression in cron.RESTORE_TEST_CRONS.items()
        },
        seen=version_of(site_settings()),
    )


def _context(checked: CheckedDraft) -> dict[str, object]:
    settings, now = site_settings(), utc_now()
    zone = settings.zone
    runs = cron.next_runs(checked.cron, after=now, zone=zone, count=_RUNS) if checked.cron else ()
    is_unreadable, preview = _preview_removals(checked, zone, runs[0] if runs else None, now)
    return {
        "draft": checked.draft,
        "errors": checked.errors,
        "cron": checked.cron,
        "words": cron_words(checked.cron) if checked.cron else "",
        "runs": runs,
        "now": now,
        "ahead": partial(_ahead, now=now),
        "zone": zone_words(zone, now),
        "preview": preview,
        "is_unreadable": is_unreadable,
        "changes": checked.changes(settings),
    }


def _preview_removals(
    checked: CheckedDraft, zone: tzinfo, next_run_at: datetime | None, now: datetime
) -> tuple[bool, dict[str, object] | None]:
    """Return whether the store is unreadable, and what retention would remove."""
    policy = checked.policy
    if policy is None:
        return False, None
    try:
        decisions = current_backups().preview_retention(policy, zone=zone, next_run_at=next_run_at)
    except BackupError:
        return True, None
    return False, preview_removals(decisions, policy, zone=zone, now=now)


def _ahead(run: datetime, *, now: datetime) -> str:
    """Return the time until a run, in the unit that distinguishes it from the next."""
    minutes = max(1, round((run - now).total_seconds() / 60))
    if minutes < 60:
        return ngettext("in %(num)s minute", "in %(num)s minutes", minutes)
    if minutes < 36 * 60:
        return ngettext("in %(num)s hour", "in %(num)s hours", round(minutes / 60))
    return ngettext("in %(num)s day", "in %(num)s days", round(minutes / 1440))
